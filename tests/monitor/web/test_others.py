"""What other sensitivities would have done: answered at once, judged in the background, and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.settings import Settings
from monitor.backtest.course import Progress
from monitor.counterfactual import Alternative, counterfactual
from monitor.replay import replay
from monitor.web import others
from monitor.web.desk import Desk
from monitor.web.others import MOST_KEPT, Others
from storage import incidents
from storage.database import Database
from storage.records import Incident
from tests.monitor.web.desks import NOW, browser, desk
from tests.scenarios.days import SETTINGS, bad_day
from tests.storage.examples import incident

FOUND = [Alternative("relaxed")]
WAITING = "Judging stored history again"


class _Held:
    """Stands for judging that takes as long as one likes: half of it is done until `go_on` is set."""

    def __init__(self) -> None:
        self.begun: list[Incident] = []
        self.go_on = threading.Event()
        self.is_half_done = threading.Event()

    def judge(
        self, _database: Database, _settings: Settings, about: Incident, progress: Progress
    ) -> Sequence[Alternative]:
        self.begun.append(about)
        progress(NOW, 0.5)
        self.is_half_done.set()
        assert self.go_on.wait(30)
        progress(NOW, 1.0)
        return FOUND


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Held]:
    judging = _Held()
    monkeypatch.setattr(others, "counterfactual", judging.judge)
    yield judging
    judging.go_on.set()


@contextmanager
def told(about: Incident) -> Iterator[Desk]:
    with desk() as of:
        with of.database.write() as tx:
            incidents.insert(tx, about)
        yield of


def test_the_page_answers_while_it_is_judged_and_shows_how_far_it_is(held: _Held) -> None:
    about = incident()
    with told(about) as of:
        client = browser(of)
        first = client.get(f"/incidents/{about.id}/alternatives")
        assert held.is_half_done.wait(30)
        second = client.get(f"/incidents/{about.id}/alternatives?version={about.version}")
        held.go_on.set()
        assert of.others.of(about).is_over.wait(30)
        third = client.get(f"/incidents/{about.id}/alternatives?version={about.version}")
    assert WAITING in first.text
    assert f"/incidents/{about.id}/alternatives?version={about.version}" in first.text
    assert "50%" in second.text.replace("\u00a0", "").replace(" ", "")
    assert "not at relaxed" in third.text
    assert WAITING not in third.text
    assert held.begun == [about]


def test_it_says_what_judging_on_the_spot_says_and_hears_of_each_day() -> None:
    heard: list[float] = []
    with Database.open("sqlite://") as database:
        replay(bad_day(), SETTINGS, database=database)
        with database.read() as tx:
            about = incidents.recent(tx)[0]
        judging = Others(database, SETTINGS, lambda: NOW).of(about)
        assert judging.is_over.wait(60)
        on_the_spot = counterfactual(database, SETTINGS, about, lambda _, done: heard.append(done))
    assert judging.found == on_the_spot != []
    assert judging.done == heard[-1] <= 1
    assert heard == sorted(heard)


def test_who_waits_for_an_incident_that_goes_on_is_told_of_the_version_that_was_judged(held: _Held) -> None:
    with desk() as of:
        about = incident()
        first = of.others.of(about)
        later = replace(about, version=about.version + 1)
        assert of.others.of(later, about.version) is first
        assert of.others.of(later) is not first
        held.go_on.set()


def test_what_was_found_is_kept_for_some_minutes(held: _Held) -> None:
    held.go_on.set()
    now = [NOW]
    with desk() as of:
        kept = Others(of.database, of.settings, lambda: now[0])
        first = kept.of(incident())
        assert first.is_over.wait(30)
        assert kept.of(incident()) is first
        now[0] += timedelta(minutes=11)
        assert kept.of(incident()) is not first


def test_of_many_that_are_asked_for_the_first_gives_way(held: _Held) -> None:
    with desk() as of:
        asked = [of.others.of(replace(incident(), version=number)) for number in range(MOST_KEPT + 1)]
        held.go_on.set()
        for judging in asked:
            assert judging.is_over.wait(30)
    assert asked[0].failed == "Many others were asked for since; ask again."
    assert [judging.found for judging in asked[1:]] == [FOUND] * MOST_KEPT


def test_what_cannot_be_judged_is_said_and_tried_again_when_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Sequence[Alternative]:
        raise OSError("no disk")

    monkeypatch.setattr(others, "counterfactual", fail)
    about = incident()
    with told(about) as of:
        judging = of.others.of(about)
        assert judging.is_over.wait(30)
        answer = browser(of).get(f"/incidents/{about.id}/alternatives?version={about.version}")
        again = of.others.of(about)
        assert again.is_over.wait(30)
    assert again is not judging
    assert "the log says why" in answer.text
