"""A look that remembers earlier ones finds what one finds that starts from nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.app import assemble
from monitor.fold import Fold
from monitor.pipeline import Pipeline
from storage import incidents
from storage.database import Database
from storage.records import Alert, IncidentState
from tests.scenarios.days import END, SETTINGS, Event, bad_day, give, outcomes, when

FROM = END - timedelta(hours=1, minutes=40)
BEFORE = FROM - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many ticks were judged."""
    taken: Counter[str] = Counter()
    step = Fold.step

    def counting(self: Fold, tick: Any) -> Any:
        taken["now"] += 1
        return step(self, tick)

    monkeypatch.setattr(Fold, "step", counting)
    return taken


def looked(pipeline: Pipeline, given: Sequence[Event], now: datetime) -> list[tuple[object, ...]]:
    """What people are told of after events have come."""
    give(pipeline, given)
    return [told(alert) for alert in pipeline.advance(now, early=True)]


def told(alert: Alert) -> tuple[object, ...]:
    return alert.reason, alert.episode, alert.seq, alert.severity, alert.why


def as_they_arrive(events: Sequence[Event], draw: random.Random) -> list[tuple[datetime, Event]]:
    """The events with the moments at which they arrive: most within the minute, some up to twelve minutes late."""
    arrive = [(when(one) + draw.choice((1, 1, 1, 1, 6, 12)) * MINUTE * draw.random(), one) for one in events]
    return sorted(arrive, key=lambda pair: pair[0])


def test_it_says_the_same_at_every_look_for_less_work(steps: Counter[str]) -> None:
    draw = random.Random(1)
    with Database.open("sqlite://") as one, Database.open("sqlite://") as other:
        first, second = assemble(SETTINGS, one), assemble(SETTINGS, other)
        for pipeline in (first, second):
            looked(pipeline, [event for event in bad_day() if BEFORE <= when(event) < FROM], FROM)
        waiting = as_they_arrive([event for event in bad_day() if when(event) >= FROM], draw)
        now, said, work = FROM, 0, [0, 0]
        while waiting:
            now += draw.choice((1, 2, 4)) * MINUTE
            given = [event for at, event in waiting if at < now]
            waiting = waiting[len(given) :]
            steps.clear()
            here = looked(first, given, now)
            work[0] += steps.total()
            second._outlook.forget()
            steps.clear()
            assert looked(second, given, now) == here
            work[1] += steps.total()
            said += len(here)
        assert said > 0
        assert outcomes(one) == outcomes(other)
        assert work[0] < 0.8 * work[1]


def test_what_another_process_stored_in_ticks_that_were_judged_is_judged_with_them(steps: Counter[str]) -> None:
    with Database.open("sqlite://") as database:
        own, other = assemble(SETTINGS, database), assemble(SETTINGS, database)
        kept_back = [event for event in bad_day() if END - 9 * MINUTE <= when(event) < END - 7 * MINUTE]
        looked(own, [event for event in bad_day() if when(event) < END - MINUTE and event not in kept_back], END)
        steps.clear()
        looked(own, [event for event in bad_day() if when(event) >= END - MINUTE], END)
        assert steps.total() <= 1
        steps.clear()
        give(other, kept_back)
        own._arrivals += 1
        own.advance(END, early=True)
        assert steps.total() > 1


def test_people_who_take_an_incident_while_a_look_is_taken_are_heeded(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/look.db") as database:
        pipeline = assemble(SETTINGS, database)
        assert looked(pipeline, bad_day(), END)
        look, looks = pipeline._look, 0

        def interrupted(*arguments: Any) -> Any:
            nonlocal looks
            looks += 1
            seen = look(*arguments)
            if looks == 1:
                take_all(database, END)
            return seen

        pipeline._look = interrupted  # type: ignore[method-assign]
        pipeline.advance(END + 6 * MINUTE, early=True)
        assert looks == 2
        assert {one.state for one in outcomes(database)} == {"acknowledged"}


def take_all(database: Database, at: datetime) -> None:
    with database.write() as tx:
        for one in incidents.live(tx):
            taken = replace(one, state=IncidentState.ACKNOWLEDGED, acknowledged_at=at, acknowledged_by="Ada")
            assert incidents.update(tx, replace(taken, version=one.version + 1), one.version)
