"""A source that was not read for hours: what it had is judged again, and nobody is paged for the past."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from monitor.assembly import assemble
from monitor.demo.story import SCENE
from monitor.keeping import CHECKPOINT, DAYS_KEPT
from storage import incidents, state
from storage.database import Database
from storage.records import Alert
from tests.scenarios.days import BEGIN, END, SETTINGS, Event, Outcome, bad_day, give, live_through, outcomes, when

STEP = timedelta(hours=3)
DOWN = (SCENE + timedelta(hours=7), SCENE + timedelta(hours=9, minutes=30))
"""Nothing is read from before the story is noticed until it is at its height."""


def is_missed(event: Event) -> bool:
    return DOWN[0] <= when(event) < DOWN[1]


def lived_with_the_outage(database: Database, *, until: datetime) -> list[Alert]:
    """Live through the day without what was missed, then read that too and judge again; what is said then."""
    pipeline = assemble(SETTINGS, database)
    known = [event for event in bad_day() if not is_missed(event)]
    at = BEGIN
    while at < until:
        give(pipeline, [event for event in known if at <= when(event) < at + STEP])
        at += STEP
        pipeline.advance(min(at, until), early=True)
    give(pipeline, [event for event in bad_day() if is_missed(event)])
    pipeline.rewind(DOWN[0])
    return pipeline.advance(until, early=True)


@cache
def whole_day() -> list[Outcome]:
    with Database.open("sqlite://") as database:
        live_through(database, [bad_day()], set())
        return outcomes(database)


def test_what_was_missed_is_judged_as_if_it_had_been_read_in_time() -> None:
    with Database.open("sqlite://") as database:
        lived_with_the_outage(database, until=END)
        found, expected = outcomes(database), whole_day()
    assert {(one.fingerprint, one.began_at) for one in expected} <= {(one.fingerprint, one.began_at) for one in found}


def test_what_still_goes_on_when_the_source_is_back_is_told_once() -> None:
    with Database.open("sqlite://") as database:
        alerts = lived_with_the_outage(database, until=DOWN[1] + timedelta(minutes=15))
    told = [alert.incident_id for alert in alerts]
    assert told
    assert len(told) == len(set(told))


def test_nobody_is_paged_for_what_is_over_when_the_source_is_back() -> None:
    with Database.open("sqlite://") as database:
        alerts = lived_with_the_outage(database, until=END + timedelta(days=1))
        with database.read() as tx:
            assert incidents.live(tx) == []
            assert len(incidents.recent(tx)) >= 1
    assert alerts == []


def test_judging_again_begins_at_the_last_state_before_the_gap() -> None:
    with Database.open("sqlite://") as database:
        pipeline = live_through(database, [bad_day()], set())
        pipeline.rewind(DOWN[0])
        with database.read() as tx:
            kept = [at for number in range(DAYS_KEPT) if (at := state.seen_until(tx, f"{CHECKPOINT}:{number}"))]
            assert state.seen_until(tx, CHECKPOINT) is None
        assert DOWN[0] - timedelta(days=1) <= max(kept) <= DOWN[0]


def test_a_gap_before_all_that_was_kept_is_judged_from_the_first_post() -> None:
    with Database.open("sqlite://") as database:
        pipeline = live_through(database, [bad_day()], set())
        pipeline.rewind(BEGIN - timedelta(days=30))
        with database.read() as tx:
            assert [name for name, _ in state.every(tx)] == []
        pipeline.advance(END, settle=END)
        assert outcomes(database) == whole_day()
