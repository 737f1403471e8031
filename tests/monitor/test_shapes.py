"""Detection goes on while people work on incidents: what they made stays, and nothing else changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import pytest

from alerts.speak import Speaker
from config.settings import Settings
from monitor import shapes
from monitor.care import Action, Care
from monitor.casework import Asked
from monitor.casework_lines import Work
from monitor.caseworker import Caseworker
from monitor.detectors.contract import TICK, Tick
from monitor.fold import Fold
from monitor.incidents import Transition
from monitor.judge import Judge
from monitor.register import Register, Told, findings
from storage import casework as casework_store
from storage import incidents
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import Incident, IncidentState, Severity, Signal
from tests.monitor.test_care import page_of
from tests.storage.examples import NOON, mentioned, post, signal

CRITICAL, WARNING, WATCH = Severity.CRITICAL, Severity.WARNING, Severity.WATCH


def about(kind: str, severity: Severity = WARNING, **fields: Any) -> Signal:
    """A finding about one kind of harm, with two posts of its own."""
    evidence = tuple(("forum", f"{kind} {number}") for number in (1, 2))
    topic = fields.pop("topic", f"kind:{kind}")
    told = {"headline": f"people speak of {kind}", "terms": [kind], **fields.pop("facts", {})}
    return signal(
        kind=kind, topic=topic, severity=severity, evidence=evidence, sources=("forum",), facts=told, **fields
    )


@dataclass
class Script:
    """A judge that finds what it is told to find."""

    signals: Sequence[Signal] = ()

    def step(self, tick: Tick) -> list[Signal]:
        return [replace(one, at=tick.at) for one in self.signals]

    def dump(self) -> bytes:
        return b""

    def load(self, _: bytes) -> None:
        return


@dataclass
class House:
    """Detection and people over one database, at one tick after another."""

    database: Database
    restarts: bool = False
    said: list[tuple[str, str]] = field(default_factory=list)
    fold: Fold = field(init=False)
    at: datetime = NOON

    def __post_init__(self) -> None:
        self.fold = Fold(cast("Judge", Script()), at=NOON)
        self.speaker = Speaker.build(Settings())
        self.caseworker = Caseworker(Care(self.speaker, lambda _tx, of, at: page_of(of, at)))
        self.register = Register(lambda _tx, told: page_of(told.incident, told.at), self._announce)

    def _announce(self, _tx: Transaction, told: Told, _page: object) -> list[Any]:
        self.said.append((told.incident.id, told.change.value))
        return []

    def tick(self, *signals: Signal) -> list[tuple[str, str]]:
        """One tick with these findings; returns what is told."""
        if self.restarts:
            kept = self.fold.dump()
            self.fold = Fold(cast("Judge", Script()))
            self.fold.load(kept)
        cast("Script", self.fold.judge).signals = signals
        self.at += TICK
        self.said.clear()
        with self.database.write() as tx:
            self.fold.adopt(self.register.stored(tx, self.fold.known))
            changed: list[Transition] = self.fold.step(Tick(self.at, {}, ()))
            self.register.record(tx, findings(changed), self.at)
            self.register.withdraw(tx, self.fold.known, self.at, self.at)
        return list(self.said)

    def quiet(self, minutes: int) -> list[tuple[str, str]]:
        """Nothing is found for a while."""
        return [told for _ in range(minutes // 5) for told in self.tick()]

    def do(self, name: str, work: Work, **asked: Any) -> Incident:
        with self.database.write() as tx:
            other = incidents.get(tx, asked.pop("other")) if "other" in asked else None
            done = self.caseworker.do(tx, name, Asked(work, "Ada", self.at, other=other, **asked))
        return done.other if work is Work.SPLIT and done.other else done.incident

    def care(self, name: str, action: Action) -> None:
        with self.database.write() as tx:
            self.caseworker.care.do(tx, name, action, "Bo", self.at)

    def get(self, name: str) -> Incident:
        with self.database.read() as tx:
            return shapes.stored(tx, name)

    def id_of(self, kind: str) -> str:
        """The newest incident of a kind."""
        with self.database.read() as tx:
            return next(one.id for one in incidents.recent(tx) if one.kind == kind)


@pytest.fixture
def house(sqlite_database: Database) -> House:
    """A house whose detection is started anew before every tick."""
    return House(sqlite_database, restarts=True)


RECALL, LATE = about("recall"), about("late")


@pytest.fixture
def two(house: House) -> tuple[str, str]:
    """The names of two incidents that go on."""
    house.tick(RECALL)
    house.tick(RECALL, LATE)
    return house.id_of("recall"), house.id_of("late")


def test_what_was_corrected_stays_corrected_until_that_is_taken_back(house: House, two: tuple[str, str]) -> None:
    recall, _ = two
    house.do(recall, Work.CORRECT, severity=WATCH, headline="A rumour", kind="rumour")
    louder = about("recall", observed=400.0, surprise=9.0, facts={"headline": "it is everywhere"})
    assert (recall, "escalated") not in house.tick(louder, LATE)
    house.tick(louder, LATE)
    now = house.get(recall)
    assert (now.severity, now.headline, now.kind) == (WATCH, "A rumour", "rumour")
    now = house.do(recall, Work.UNDO)
    assert (now.severity, now.kind) == (WARNING, "recall")
    assert now.headline.startswith("Acme: ")


def test_a_lowered_severity_holds_until_detection_finds_more_than_was_known(house: House, two: tuple[str, str]) -> None:
    recall, _ = two
    house.do(recall, Work.CORRECT, severity=WATCH)
    assert (recall, "escalated") in house.tick(about("recall", CRITICAL), LATE)
    assert house.get(recall).severity is CRITICAL


def test_a_raised_severity_stays_raised(house: House, two: tuple[str, str]) -> None:
    recall, _ = two
    house.do(recall, Work.CORRECT, severity=CRITICAL)
    house.tick(about("recall", observed=400.0), LATE)
    assert house.get(recall).severity is CRITICAL


def test_a_merged_incident_is_never_told_again_and_what_it_brings_is_told_of_the_other(
    house: House, two: tuple[str, str]
) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    assert {name for name, _ in house.tick(about("recall", observed=90.0), LATE)} <= {late}
    assert (late, "escalated") in house.tick(about("recall", CRITICAL), LATE)
    assert house.get(recall).state is IncidentState.RESOLVED
    assert (house.get(late).severity, house.get(late).state) == (CRITICAL, IncidentState.OPEN)
    with house.database.read() as tx:
        assert {one.kind for one in shapes.signals(tx, late)} == {"recall", "late"}


def test_what_others_were_merged_into_is_over_when_all_of_it_is(house: House, two: tuple[str, str]) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    for _ in range(8):
        assert (late, "resolved") not in house.tick(RECALL)
    assert house.get(late).state is IncidentState.OPEN
    assert (late, "resolved") in house.quiet(40)
    assert house.get(late).state is IncidentState.RESOLVED


def test_people_end_all_of_a_merged_story_and_worse_brings_all_of_it_back(house: House, two: tuple[str, str]) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    house.care(late, Action.FALSE_ALARM)
    assert house.tick(RECALL, LATE) == []
    assert house.tick(about("recall", CRITICAL), LATE) == [(late, "reopened")]
    assert (house.get(late).state, house.get(late).episode) == (IncidentState.OPEN, 2)


def test_a_merge_that_is_taken_back_shows_what_detection_knows_by_then(house: House, two: tuple[str, str]) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    house.tick(about("recall", CRITICAL), LATE)
    back = house.do(recall, Work.UNDO)
    assert (back.state, back.severity) == (IncidentState.OPEN, CRITICAL)
    assert house.get(late).severity is WARNING
    for _ in range(8):
        house.tick(LATE)
    assert house.get(recall).state is IncidentState.RESOLVED
    assert house.get(late).state is IncidentState.OPEN


def test_who_took_the_incident_keeps_it_while_merged_stories_go_on(house: House, two: tuple[str, str]) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    house.care(late, Action.ACKNOWLEDGE)
    house.tick(about("recall", observed=90.0), LATE)
    assert (house.get(late).state, house.get(late).acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Bo")


@pytest.fixture
def mixed(house: House) -> tuple[str, str]:
    """An incident of two threads, and what was split off it with one of them."""
    posts = [mentioned(post(f"{kind} {number}", thread_id=kind)) for kind in ("recall", "late") for number in (1, 2)]
    with house.database.write() as tx:
        write(tx, Intake(mentions=posts))
    house.tick(about("recall", topic="thread:forum:recall"), about("late", topic="thread:forum:late"))
    first, second = sorted(house.fold.known)
    house.do(second, Work.MERGE, other=first)
    (whole,) = (one.id for one in _live(house))
    return whole, house.do(whole, Work.SPLIT, threads=("thread:forum:late",), headline="Acme: late").id


def _live(house: House) -> list[Incident]:
    with house.database.read() as tx:
        return incidents.live(tx)


def test_what_is_found_about_a_thread_goes_to_the_incident_that_was_split_off_with_it(
    house: House, mixed: tuple[str, str]
) -> None:
    whole, part = mixed
    worse = about("late", CRITICAL, topic="thread:forum:late")
    assert house.tick(about("recall", topic="thread:forum:recall"), worse) == [(part, "escalated")]
    assert (house.get(part).severity, house.get(whole).severity) == (CRITICAL, WARNING)
    with house.database.read() as tx:
        assert CRITICAL not in {one.severity for one in shapes.signals(tx, whole)}


def test_what_was_split_off_ends_with_the_story_that_it_came_from(house: House, mixed: tuple[str, str]) -> None:
    whole, part = mixed
    told = house.quiet(40)
    assert {(whole, "resolved"), (part, "resolved")} <= set(told)
    assert _live(house) == []


def test_what_was_split_off_goes_on_when_people_end_the_rest(house: House, mixed: tuple[str, str]) -> None:
    whole, part = mixed
    house.care(whole, Action.RESOLVE)
    assert house.tick(about("late", CRITICAL, topic="thread:forum:late")) == [(part, "escalated")]
    assert house.get(whole).state is IncidentState.RESOLVED


OTHERS = (about("outage"), about("prices", WATCH), about("outage", CRITICAL), about("prices", observed=99.0))


def _day(house: House, work: Callable[[House], None]) -> list[Incident]:
    """A day on which two stories are worked on, and what became of the two others."""
    seen: list[Signal] = []
    for one in (RECALL, LATE, *OTHERS[:2]):  # what begins at one tick is one story
        seen.append(one)
        house.tick(*seen)
    work(house)
    house.tick(about("recall", CRITICAL), LATE, OTHERS[2], OTHERS[1])
    house.quiet(40)
    house.tick(LATE, OTHERS[3])
    house.quiet(40)
    with house.database.read() as tx:
        return [one for one in incidents.recent(tx) if one.kind in ("outage", "prices")]


def _merge_and_correct(house: House) -> None:
    recall, late = house.id_of("recall"), house.id_of("late")
    house.do(recall, Work.CORRECT, severity=WATCH, headline="A rumour")
    house.do(recall, Work.MERGE, other=late)
    house.do(late, Work.SPLIT, posts=(("forum", "late 1"),))
    house.do(late, Work.ASSIGN, to="Bo")


def test_incidents_that_nobody_touched_are_the_same_as_without_any_casework(house: House) -> None:
    touched = _day(house, _merge_and_correct)
    with Database.open("sqlite://") as database:
        assert touched == _day(House(database), lambda _: None)


def test_a_corrected_incident_survives_being_judged_again_from_the_beginning(house: House) -> None:
    house.tick(RECALL)
    recall = house.id_of("recall")
    house.do(recall, Work.CORRECT, headline="A rumour", severity=WATCH)
    house.fold, house.at = Fold(cast("Judge", Script()), at=NOON), NOON
    assert house.tick(RECALL) == []
    assert (house.get(recall).headline, house.get(recall).severity) == ("A rumour", WATCH)


def test_a_merged_incident_survives_being_judged_again_from_the_beginning(house: House, two: tuple[str, str]) -> None:
    recall, late = two
    house.do(recall, Work.MERGE, other=late)
    house.fold, house.at = Fold(cast("Judge", Script()), at=NOON), NOON
    house.tick(RECALL)
    house.tick(RECALL, LATE)
    assert [one.id for one in _live(house)] == [late]
    with house.database.read() as tx:
        assert casework_store.of(tx, recall).merged_into == late
