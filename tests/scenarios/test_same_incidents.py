"""The same history ends in the same incidents: in any batching, any order within the lateness, after any restart."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import alerts.faults
from monitor.assembly import assemble
from storage.database import Database
from tests.scenarios.days import (
    BEGIN,
    END,
    LATENESS,
    SETTINGS,
    Event,
    Outcome,
    bad_day,
    give,
    live_through,
    outcomes,
    when,
)

few = examples(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@pytest.fixture(scope="module")
def expected() -> list[Outcome]:
    """The incidents of the day, lived through in one go."""
    with Database.open("sqlite://") as database:
        live_through(database, [bad_day()], set())
        return outcomes(database)


def test_the_bad_day_has_an_incident_that_interrupts_people(expected: list[Outcome]) -> None:
    assert any(outcome.severity in ("warning", "critical") for outcome in expected)


def cut(events: list[Event], pieces: int, draw: random.Random) -> list[list[Event]]:
    """The events in `pieces` batches of random sizes."""
    edges = sorted(draw.sample(range(1, len(events)), pieces - 1))
    return [events[start:end] for start, end in zip([0, *edges], [*edges, len(events)], strict=True)]


def shaken(events: tuple[Event, ...], draw: random.Random) -> list[Event]:
    """The events as they might arrive: each up to the lateness allowed behind its time."""
    late = (LATENESS - timedelta(minutes=5)).total_seconds()
    return sorted(events, key=lambda event: when(event) + timedelta(seconds=draw.uniform(0, late)))


@given(seed=st.integers(0, 10**6), pieces=st.integers(2, 40))
@few
def test_in_any_batching(seed: int, pieces: int, expected: list[Outcome]) -> None:
    with Database.open("sqlite://") as database:
        live_through(database, cut(list(bad_day()), pieces, random.Random(seed)), set())
        assert outcomes(database) == expected


@given(seed=st.integers(0, 10**6), pieces=st.integers(2, 40))
@few
def test_in_any_order_of_arrival_within_the_lateness(seed: int, pieces: int, expected: list[Outcome]) -> None:
    draw = random.Random(seed)
    with Database.open("sqlite://") as database:
        live_through(database, cut(shaken(bad_day(), draw), pieces, draw), set())
        assert outcomes(database) == expected


@given(seed=st.integers(0, 10**6), restarts=st.sets(st.integers(0, 19), min_size=1))
@few
def test_with_a_restart_after_any_batch(seed: int, restarts: set[int], expected: list[Outcome]) -> None:
    with Database.open("sqlite://") as database:
        live_through(database, cut(list(bad_day()), 20, random.Random(seed)), restarts)
        assert outcomes(database) == expected


@given(seed=st.integers(0, 10**6))
@few
def test_when_everything_is_given_twice(seed: int, expected: list[Outcome]) -> None:
    batches = cut(list(bad_day()), 10, random.Random(seed))
    with Database.open("sqlite://") as database:
        live_through(database, [batch for one in batches for batch in (one, one)], set())
        assert outcomes(database) == expected


class CrashError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> set[int]:
    """Numbers of the fault points, in the order in which they are passed, at which the process ends."""
    planned: set[int] = set()
    passed = iter(range(10**9))

    def fault_point(_name: str) -> None:
        if next(passed) in planned:
            raise CrashError

    monkeypatch.setattr(alerts.faults, "fault_point", fault_point)
    monkeypatch.setattr("monitor.pipeline.fault_point", fault_point)
    return planned


def test_with_a_crash_at_any_fault_point(crashes: set[int], tmp_path: Path, expected: list[Outcome]) -> None:
    batches = cut(list(bad_day()), 12, random.Random(3))
    crashes.update(range(2, 60, 3))
    url, at, met = f"sqlite:///{tmp_path}/crash.db", 0, 0
    while at < len(batches):
        with Database.open(url) as database:
            pipeline = assemble(SETTINGS, database)
            try:
                while at < len(batches):
                    give(pipeline, batches[at])
                    pipeline.advance(max(map(when, batches[at])))
                    at += 1
            except CrashError:
                met += 1
    with Database.open(url) as database:
        crashes.clear()
        assemble(SETTINGS, database).advance(END, settle=END)
        assert outcomes(database) == expected
    assert met >= 10


@pytest.mark.parametrize("at_once", [1, 25])
def test_when_little_is_read_at_once(at_once: int, expected: list[Outcome], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.large_ticks.PORTION", at_once)
    monkeypatch.setattr("monitor.lately.Lately.holds", lambda *_: False)  # as after a restart
    with Database.open("sqlite://") as database:
        live_through(database, [bad_day()], restart_after=set())
        assert outcomes(database) == expected


def test_people_who_are_told_early_are_told_of_the_same_incidents(expected: list[Outcome]) -> None:
    with Database.open("sqlite://") as database:
        pipeline = assemble(SETTINGS, database)
        arrived, at = list(bad_day()), BEGIN
        while arrived:
            at += timedelta(minutes=17)
            give(pipeline, [event for event in arrived if when(event) < at])
            arrived = [event for event in arrived if when(event) >= at]
            pipeline.advance(at, early=True)
        pipeline.advance(END + LATENESS + timedelta(minutes=5), settle=END, early=True)
        told = [(one.brand, one.fingerprint, one.severity) for one in outcomes(database)]
        assert told == [(one.brand, one.fingerprint, one.severity) for one in expected]
