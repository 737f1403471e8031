"""Several processes over one PostgreSQL share the sources, and what comes of it is what one alone makes of them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from config.settings import Settings
from monitor.app import App
from monitor.demo.story import SCENE
from monitor.judging_again import JUDGE_AGAIN
from monitor.sharing import HELD_FOR
from storage import cursors, gaps, incidents, runs, spending, state
from storage.database import Database
from storage.records import SYSTEM, CollectorRun, Gap, RunOutcome
from storage.schema import bin_, mention, post
from tests.scenarios import shelf
from tests.scenarios.days import SETTINGS, Event, Outcome, bad_day, outcomes, when
from tests.storage.fixtures import emptied

pytestmark = pytest.mark.postgresql
PLACES = ("hackernews", "reddit", "twitter")
STEP = timedelta(minutes=20)
BEGIN, END = SCENE + timedelta(hours=6), SCENE + timedelta(hours=10, minutes=40)


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it, and nothing is tidied up."""


@dataclass
class Office:
    """Instances of the program, which are given their turns one after another."""

    settings: Settings
    now: datetime = BEGIN
    apps: dict[str, App] = field(default_factory=dict)
    reading: str = ""
    """Who reads at this moment."""

    def begin(self, *names: str) -> None:
        for name in names:
            self.apps[name] = App(self.settings, lambda: self.now, name)
            self.apps[name].plan()

    def pass_by(self, span: timedelta = STEP) -> None:
        """Time passes, and everybody looks after its leases."""
        self.now += span
        for app in [*self.apps.values()] * 2:  # what one gives back another takes
            app.lead()
            app.share()

    def read(self) -> None:
        """Everybody reads what it holds; who is killed in it is gone, and others read what was its."""
        for name, app in list(self.apps.items()):
            self.reading = name
            try:
                for place in PLACES:
                    if app.sharing.holds(place):
                        app.jobs[place].run()
            except KilledError:
                self.apps.pop(name).database.close()
                self.pass_by(HELD_FOR)
                self.read()

    def held(self) -> dict[str, list[str]]:
        return {name: [place for place in PLACES if app.sharing.holds(place)] for name, app in self.apps.items()}

    def leader(self) -> str:
        (leader,) = (name for name, app in self.apps.items() if app.is_leader)
        return leader

    def end(self) -> None:
        for app in self.apps.values():
            app.stop()


@pytest.fixture
def office(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """One without anybody."""
    monkeypatch.setenv("TOCSIN_DATABASE", postgresql_url)
    sources = [{"type": "tests.scenarios.shelf", "name": place, "every": "20m"} for place in PLACES]
    settings = SETTINGS.model_dump() | {"database": {"url": {"env": "TOCSIN_DATABASE"}}, "sources": sources}
    made = Office(Settings.model_validate(settings))
    yield made
    made.end()


def live_through(office: Office, happens: dict[datetime, Callable[[], Any]]) -> tuple[list[Outcome], dict[str, Any]]:
    """Go through the day, with something happening before some of the steps; the incidents, and what is stored."""
    at = BEGIN
    while at < END:
        at += STEP
        happens.get(at, int)()
        office.pass_by(at - office.now)
        office.read()
        office.apps[office.leader()].judge()
    with Database.open(office.settings.database.resolved_url()) as database:
        return outcomes(database), stored(database)


def stored(database: Database) -> dict[str, Any]:
    """The posts, what they say about whom, and the counts; each once, or the comparison fails."""
    found: dict[str, Any] = {}
    with database.read() as tx:
        found["post"] = sorted(map(tuple, tx.execute(select(post.c.source, post.c.external_id, post.c.text))))
        names = {row.id: (row.source, row.external_id) for row in tx.execute(select(post))}
        told = select(mention.c.post_id, mention.c.brand, mention.c.compound)
        found["mention"] = sorted((names[number], *rest) for number, *rest in tx.execute(told))
        found["bin"] = sorted(map(tuple, tx.execute(select(bin_.c.brand, bin_.c.source, bin_.c.start, bin_.c.posts))))
    return found


def given_by(office: Office) -> list[Event]:
    return [event for event in bad_day() if event.source == "twitter" and when(event) <= office.now]


def killed_on(monkeypatch: pytest.MonkeyPatch, office: Office, chosen: Callable[[], str]) -> Callable[[], None]:
    """Lets an instance be killed with a page written and not committed."""

    def plan() -> None:
        victim = chosen()

        def fault_point(name: str) -> None:
            if name == "C2" and office.reading == victim:
                raise KilledError

        monkeypatch.setattr("monitor.pipeline.fault_point", fault_point)

    return plan


def test_three_instances_of_which_two_are_killed_come_to_the_incidents_of_one(
    office: Office, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.begin("one")
    alone = live_through(office, {})
    assert any(outcome.severity in ("warning", "critical") for outcome in alone[0])
    office.end()
    emptied(postgresql_url)

    together = Office(office.settings)
    together.begin("one", "two", "three")
    reads_most = lambda: max(together.held().items(), key=lambda item: ("twitter" in item[1], item[0]))[0]  # noqa: E731
    happens = {
        BEGIN + 7 * STEP: killed_on(monkeypatch, together, reads_most),
        BEGIN + 9 * STEP: killed_on(monkeypatch, together, together.leader),
        BEGIN + 10 * STEP: lambda: together.begin("four"),
    }
    office.apps = together.apps
    assert live_through(together, happens) == alone
    assert len(together.apps) == 2
    assert sorted(map(len, together.held().values())) == [1, 2]
    with next(iter(together.apps.values())).database.read() as tx:
        assert gaps.between(tx, BEGIN, END) == []


def test_sources_are_shared_evenly_and_handed_over(office: Office) -> None:
    office.begin("one")
    office.pass_by()
    assert office.held() == {"one": list(PLACES)}
    office.begin("two", "three")
    office.pass_by()
    assert sorted(itertools.chain(*office.held().values())) == sorted(PLACES)
    assert Counter(map(len, office.held().values())) == {1: 3}
    office.apps.pop("one").stop()
    office.pass_by(timedelta(seconds=3))
    assert sorted(itertools.chain(*office.held().values())) == sorted(PLACES), "what is given back is taken at once"


def test_a_source_is_given_away_when_it_is_not_read_any_more_or_takes_too_long(office: Office) -> None:
    office.begin("one")
    office.pass_by()
    busy = office.apps["one"]
    busy._reading.update(PLACES)
    office.begin("two")
    office.pass_by(timedelta(seconds=3))
    kept = office.held()["one"]
    assert (len(kept), office.held()["two"]) == (2, [])
    for _ in range(6):
        office.pass_by(HELD_FOR / 2)
    assert office.held()["two"] == []
    for _ in range(6):
        office.pass_by(HELD_FOR / 2)
    assert office.held() == {"one": kept, "two": [place for place in PLACES if place not in kept]}


def test_the_sources_of_one_who_died_are_taken_when_its_leases_end(office: Office) -> None:
    office.begin("one", "two")
    office.pass_by()
    lost = office.held()["one"]
    assert lost
    office.apps.pop("one").database.close()
    office.pass_by(HELD_FOR - timedelta(seconds=1))
    assert not set(lost) & set(office.held()["two"])
    office.pass_by(timedelta(seconds=1))
    assert office.held() == {"two": list(PLACES)}


def test_one_who_sleeps_past_its_leases_stores_nothing_and_pays_for_what_it_asked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.begin("one")
    office.pass_by(timedelta(hours=30))
    office.begin("two")
    asleep = office.apps["one"]
    stood: list[int] = []

    def on_page(_name: str, number: int) -> None:
        if number == 2 * shelf.PAGE and not stood:
            stood.append(number)
            office.apps.pop("one")
            office.pass_by(HELD_FOR)
            office.apps["two"].collect("twitter")

    monkeypatch.setattr(shelf, "on_page", on_page)
    asleep.collect("twitter")
    office.apps["one"] = asleep
    given = given_by(office)
    with asleep.database.read() as tx:
        position = cursors.get(tx, "twitter")
        assert position is not None
        assert position.position == {"given": len(given)}
        (run,) = runs.recent(tx, "twitter")
        requests = spending.on(tx, "twitter", office.now.date()).requests
    assert (run.outcome, run.posts) == (RunOutcome.COMPLETE, len(given) - 2 * shelf.PAGE)
    assert requests == run.requests + 3, "two pages that were stored, and one that was not"
    assert not asleep.sharing.holds("twitter")


def test_one_who_wakes_and_has_the_source_again_does_not_go_on_with_what_it_was_reading(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.begin("one")
    office.pass_by(timedelta(hours=4))
    (asleep,), stood = office.apps.values(), list[int]()
    before = asleep.jobs["twitter"].collector

    def on_page(_name: str, number: int) -> None:
        if number == 2 * shelf.PAGE and not stood:
            stood.append(number)
            office.now += HELD_FOR
            office.begin("two")
            office.apps["two"].share()
            office.apps["two"].collect("twitter")
            office.apps.pop("two").stop()
            asleep.lead()
            asleep.share()

    monkeypatch.setattr(shelf, "on_page", on_page)
    asleep.collect("twitter")
    assert stood
    assert asleep.sharing.holds("twitter")
    assert asleep.jobs["twitter"].collector is not before, "it remembers nothing of before"
    with asleep.database.read() as tx:
        assert [run.posts for run in runs.recent(tx, "twitter")] == [len(given_by(office)) - 2 * shelf.PAGE]


def test_what_one_instance_reads_is_judged_by_the_other_that_leads(office: Office) -> None:
    office.begin("one", "two")
    office.pass_by()
    leader = office.apps.pop(office.leader())
    (other,) = office.apps.values()
    before = leader.pipeline._looked_at
    leader.judge()
    office.now += timedelta(seconds=5)
    leader.judge()
    looked = leader.pipeline._looked_at
    other.collect(office.held()[other.owner][0])
    assert other.pipeline._looked_at is None
    leader.judge()
    assert leader.pipeline._looked_at not in (before, looked)
    office.apps[leader.owner] = leader


def test_a_refused_source_is_told_of_by_the_leader_whoever_reads_it(office: Office) -> None:
    office.begin("one", "two")
    office.pass_by()
    leader = office.apps[office.leader()]
    run = CollectorRun("reddit", office.now, office.now, RunOutcome.FAILED, error="no", is_refused=True)
    for app in office.apps.values():
        if app.sharing.holds("reddit"):
            with app.database.write() as tx:
                runs.add(tx, run)
    leader.health.look()
    with leader.database.read() as tx:
        assert runs.latest(tx, "reddit") == run
        assert [one.headline for one in incidents.live(tx, SYSTEM)] == ["reddit cannot be read until somebody mends it"]


def test_a_gap_that_one_instance_fills_is_judged_again_by_the_leader(office: Office) -> None:
    office.begin("one", "two")
    for _ in range(3):
        office.pass_by()
        office.read()
    office.now += timedelta(hours=3)
    office.pass_by()
    leader = office.apps[office.leader()]
    for app in office.apps.values():
        if app is not leader:
            for place in office.held()[app.owner]:
                app.collect(place)
    with leader.database.read() as tx:
        asked = state.seen_until(tx, JUDGE_AGAIN)
        filled: list[Gap] = [gap for gap in gaps.between(tx, BEGIN, office.now) if gap.filled_at]
    assert asked is not None
    assert asked == min(gap.starts_at for gap in filled)
    leader.judge()
    with leader.database.read() as tx:
        assert state.seen_until(tx, JUDGE_AGAIN) is None


def test_without_sharing_the_leader_reads_everything(office: Office) -> None:
    office.settings = office.settings.model_copy(
        update={"scale": office.settings.scale.model_copy(update={"share_sources": False})}
    )
    office.begin("one", "two")
    office.pass_by()
    leader = office.leader()
    assert office.held() == {name: list(PLACES) if name == leader else [] for name in ("one", "two")}
    office.apps.pop(leader).database.close()
    with suppress(ValueError):
        office.pass_by(HELD_FOR)
    assert list(office.held().values()) == [list(PLACES)]
