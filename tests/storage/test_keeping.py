"""What else is remembered: gaps, runs, schedule, leases, silences and states."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import coverage, gaps, leases, runs, schedule, silences, spending, state
from storage.database import Database
from storage.records import Brought, CollectorRun, Gap, GapCause, RunOutcome, Severity, Silence, Spent
from storage.schedule import Planned
from tests.storage.examples import NOON, after

HOUR = timedelta(hours=1)
TEN_SECONDS = timedelta(seconds=10)


def gap(begin: float, end: float, share: float = 1.0, source: str = "forum") -> Gap:
    """A gap between two hours after noon."""
    return Gap(source, after(hours=begin), after(hours=end), "no answer", share)


def outage(begin: float, end: float, cause: GapCause = GapCause.FAILURE) -> Gap:
    """A gap that reading on would fill."""
    return replace(gap(begin, end), cause=cause)


# -- Gaps and coverage


def test_a_source_without_gaps_is_covered_wholly(database: Database) -> None:
    with database.read() as tx:
        assert gaps.coverage(tx, ["forum"], NOON, after(hours=1)) == {"forum": 1.0}


def test_gaps_take_their_share_away_the_worst_counting_where_they_overlap(database: Database) -> None:
    with database.write() as tx:
        gaps.add(tx, [gap(-1, 1), gap(0.5, 2, 0.5), gap(3, 5, 0.5), gap(0, 4, 1.0, "news")])
    with database.read() as tx:
        covered = gaps.coverage(tx, ["forum", "news", "mail"], NOON, after(hours=4))
    assert covered == {"forum": pytest.approx(1 - (1 + 0.5 + 0.5) / 4), "news": 0.0, "mail": 1.0}


def test_a_gap_that_was_filled_takes_nothing_away(database: Database) -> None:
    with database.write() as tx:
        gaps.add(tx, [outage(0, 1), outage(1, 3)])
        assert gaps.fill(tx, "forum", NOON, after(hours=2), at=after(hours=9)) == [outage(0, 1)]
    with database.read() as tx:
        assert gaps.coverage(tx, ["forum"], NOON, after(hours=4)) == {"forum": 0.5}
        first, second = gaps.between(tx, NOON, after(hours=4))
        assert gaps.unfilled(tx) == [second]
    assert (first.filled_at, second.filled_at) == (after(hours=9), None)


def test_what_a_source_could_not_give_is_not_filled_by_reading_on(database: Database) -> None:
    with database.write() as tx:
        gaps.add(tx, [gap(0, 1)])
        assert gaps.fill(tx, "forum", NOON, after(hours=2), at=after(hours=2)) == []
        assert gaps.unfilled(tx, "forum") == [gap(0, 1)]


def test_an_outage_is_one_gap_however_often_it_was_asked_in_vain(database: Database) -> None:
    with database.write() as tx:
        for hour in range(4):
            gaps.extend(tx, outage(hour - 0.1, hour + 1))
        gaps.extend(tx, outage(9, 10))
        gaps.extend(tx, outage(3, 5, cause=GapCause.BUDGET))
        assert gaps.unfilled(tx, "forum") == [outage(9, 10), outage(3, 5, cause=GapCause.BUDGET), outage(-0.1, 4)]


def test_a_gap_that_closes_the_space_between_two_joins_them(database: Database) -> None:
    with database.write() as tx:
        for begin, end in ((0, 1), (2, 3), (1, 2)):
            whole = gaps.extend(tx, outage(begin, end))
        assert whole == outage(0, 3)
        assert gaps.unfilled(tx) == [whole]


def test_an_outage_that_was_over_is_not_prolonged_by_the_next(database: Database) -> None:
    with database.write() as tx:
        gaps.extend(tx, outage(0, 1))
        gaps.fill(tx, "forum", NOON, after(hours=1), at=after(hours=1))
        gaps.extend(tx, outage(1, 2))
        assert len(gaps.between(tx, NOON, after(hours=3))) == 2


def test_the_same_gap_is_recorded_once(database: Database) -> None:
    with database.write() as tx:
        gaps.add(tx, [gap(0, 1), gap(0, 1)])
        gaps.add(tx, [gap(0, 1, 0.5)])
    with database.read() as tx:
        assert gaps.between(tx, NOON, after(hours=1), "forum") == [gap(0, 1, 0.5)]


spans = st.tuples(st.integers(0, 20), st.integers(1, 10), st.sampled_from([0.25, 0.5, 1.0]))


@given(st.lists(spans, max_size=6))
def test_the_share_missing_is_what_counting_minute_by_minute_gives(given_spans: list[tuple[int, int, float]]) -> None:
    found = [
        Gap("forum", after(minutes=begin), after(minutes=begin + length), "no answer", share)
        for begin, length, share in given_spans
    ]
    since, until = after(minutes=5), after(minutes=25)
    by_minute = [
        max((each.share_missing for each in found if each.starts_at <= minute < each.ends_at), default=0.0)
        for minute in (after(minutes=passed) for passed in range(5, 25))
    ]
    assert gaps.share_missing(found, since, until) == pytest.approx(sum(by_minute) / 20)


def test_a_calendar_says_what_was_read_in_every_hour_and_why_not(database: Database) -> None:
    with database.write() as tx:
        gaps.add(tx, [gap(0.5, 2), outage(2.25, 2.5), gap(0, 5, 0.5, "news")])
        gaps.fill(tx, "forum", NOON, after(hours=9), at=after(hours=9))
        found = coverage.calendar(tx, ["forum", "news", "mail"], NOON, after(hours=3.5))
    assert [(each.start, each.share) for each in found["forum"]] == [
        (NOON, 0.5),
        (after(hours=1), 0.0),
        (after(hours=2), 1.0),
        (after(hours=3), 1.0),
    ]
    assert [each.reasons for each in found["forum"]] == [("no answer",), ("no answer",), (), ()]
    assert {each.share for each in found["news"]} == {0.5}
    assert {each.share for each in found["mail"]} == {1.0}


# -- Runs


def run(begin: datetime = NOON, outcome: RunOutcome = RunOutcome.COMPLETE, source: str = "forum") -> CollectorRun:
    """A run of ten seconds."""
    return CollectorRun(source, begin, begin + TEN_SECONDS, outcome, 3, 2, 1)


def test_runs_are_listed_newest_first(database: Database) -> None:
    with database.write() as tx:
        for each in (run(), run(after(hours=1)), run(after(hours=2), source="news")):
            runs.add(tx, each)
        runs.add(tx, run(outcome=RunOutcome.FAILED))
    with database.read() as tx:
        assert runs.recent(tx, "forum") == [run(after(hours=1)), run(outcome=RunOutcome.FAILED)]
        assert runs.recent(tx, since=after(minutes=1), limit=1) == [run(after(hours=2), source="news")]


def test_what_runs_brought_is_added_up(database: Database) -> None:
    with database.write() as tx:
        for hour, source in ((0, "forum"), (1, "forum"), (2, "forum"), (2, "news")):
            runs.add(tx, replace(run(after(hours=hour), source=source), posts=7, new_posts=3, odd=1))
        assert runs.brought(tx, "forum", since=after(hours=1)) == Brought(14, 6, 2)
        assert runs.brought(tx, since=after(hours=1)) == Brought(21, 9, 3)
        assert runs.brought(tx, "forum", since=after(hours=3)) == Brought()


def test_the_last_complete_run_is_found_behind_any_number_of_failures(database: Database) -> None:
    with database.write() as tx:
        runs.add(tx, run())
        for hour in range(1, 80):
            runs.add(tx, run(after(hours=hour), RunOutcome.FAILED))
        assert runs.last_complete(tx, "forum") == run()
        assert runs.last_complete(tx, "news") is None
        assert runs.latest(tx, "forum") == run(after(hours=79), RunOutcome.FAILED)


def test_old_runs_are_forgotten_but_for_the_last_complete_one(database: Database) -> None:
    with database.write() as tx:
        for hour, outcome in ((0, "complete"), (1, "complete"), (2, "failed"), (9, "failed")):
            runs.add(tx, run(after(hours=hour), RunOutcome(outcome)))
        assert runs.forget_before(tx, after(hours=5)) == 2
        assert [each.started_at for each in runs.recent(tx)] == [after(hours=9), after(hours=1)]


# -- What reading took


def test_what_was_spent_adds_up_by_day_and_source(database: Database) -> None:
    with database.write() as tx:
        for source, hour, requests in (("x", 0, 3), ("x", 5, 4), ("x", 13, 5), ("forum", 1, 6)):
            spending.add(tx, Spent(source, after(hours=hour).date(), requests, requests * 10, requests / 100))
        spending.add(tx, Spent("quiet", NOON.date()))
        today, tomorrow = NOON.date(), after(hours=13).date()
        assert spending.on(tx, "x", today) == Spent("x", today, 7, 70, pytest.approx(0.07))
        assert spending.on(tx, "x", tomorrow).requests == 5
        assert spending.on(tx, "news", today) == Spent("news", today)
        assert [(each.source, each.day) for each in spending.between(tx, today, tomorrow)] == [
            ("forum", today),
            ("x", today),
            ("x", tomorrow),
        ]


# -- Schedule


def test_a_source_is_due_at_its_turn(database: Database) -> None:
    with database.write() as tx:
        schedule.plan(tx, "news", HOUR, after(minutes=1))
        schedule.plan(tx, "forum", HOUR, NOON)
    with database.read() as tx:
        assert schedule.due(tx, after(seconds=-1)) == []
        assert schedule.due(tx, NOON) == [Planned("forum", HOUR, NOON)]
        assert [each.source for each in schedule.due(tx, after(minutes=1))] == ["forum", "news"]


def test_planning_again_keeps_the_turn_unless_it_would_come_later(database: Database) -> None:
    with database.write() as tx:
        schedule.plan(tx, "forum", HOUR, after(minutes=10))
        schedule.plan(tx, "forum", 2 * HOUR, after(minutes=30))
        assert schedule.every(tx) == [Planned("forum", 2 * HOUR, after(minutes=10))]
        schedule.plan(tx, "forum", HOUR, after(minutes=5))
        assert schedule.every(tx) == [Planned("forum", HOUR, after(minutes=5))]


def test_failures_in_a_row_are_counted_until_a_run_succeeds(database: Database) -> None:
    with database.write() as tx:
        schedule.plan(tx, "forum", HOUR, NOON)
        for outcome, failures in (("failed", 1), ("failed", 2), ("partial", 0), ("failed", 1), ("complete", 0)):
            schedule.finish(tx, "forum", run(outcome=RunOutcome(outcome)), after(hours=1))
            [planned] = schedule.every(tx)
            assert (planned.failures, planned.last_outcome) == (failures, RunOutcome(outcome))
        assert planned == Planned("forum", HOUR, after(hours=1), 0, RunOutcome.COMPLETE, NOON + TEN_SECONDS)
        assert runs.recent(tx, "forum") == [run()]


def test_sources_no_longer_configured_leave_the_schedule(database: Database) -> None:
    with database.write() as tx:
        schedule.plan(tx, "forum", HOUR, NOON)
        schedule.plan(tx, "news", HOUR, NOON)
        schedule.keep(tx, ["news"])
        assert [each.source for each in schedule.every(tx)] == ["news"]


# -- Leases


def test_a_lease_has_one_holder_until_it_expires(database: Database) -> None:
    with database.write() as tx:
        first = leases.acquire(tx, "leader", "one", NOON, TEN_SECONDS)
        assert leases.acquire(tx, "leader", "two", after(seconds=9), TEN_SECONDS) is None
        second = leases.acquire(tx, "leader", "two", after(seconds=10), TEN_SECONDS)
        assert first is not None
        assert second is not None
        assert second.fence > first.fence
        assert leases.renew(tx, first, after(seconds=11), TEN_SECONDS) is None
        assert not leases.release(tx, first, after(seconds=11))
        assert leases.get(tx, "leader") == second


def test_a_holder_prolongs_its_lease_under_the_same_fence(database: Database) -> None:
    with database.write() as tx:
        held = leases.acquire(tx, "leader", "one", NOON, TEN_SECONDS)
        assert held is not None
        renewed = leases.renew(tx, held, after(seconds=5), TEN_SECONDS)
        again = leases.acquire(tx, "leader", "one", after(seconds=6), TEN_SECONDS)
    assert renewed == leases.Lease("leader", "one", held.fence, after(seconds=15))
    assert again == leases.Lease("leader", "one", held.fence, after(seconds=16))


def test_a_lease_given_back_is_free_at_once(database: Database) -> None:
    with database.write() as tx:
        held = leases.acquire(tx, "leader", "one", NOON, TEN_SECONDS)
        assert held is not None
        assert leases.release(tx, held, after(seconds=1))
        assert not leases.release(tx, held, after(seconds=1))
        assert leases.renew(tx, held, after(seconds=1), TEN_SECONDS) is None
        taken = leases.acquire(tx, "leader", "two", after(seconds=1), TEN_SECONDS)
    assert taken is not None
    assert taken.fence > held.fence


def test_of_many_who_ask_at_once_one_gets_the_lease(database: Database) -> None:
    given_to: list[str] = []

    def ask(owner: str) -> None:
        with database.write() as tx:
            if leases.acquire(tx, "leader", owner, NOON, TEN_SECONDS):
                given_to.append(owner)

    threads = [threading.Thread(target=ask, args=(f"process {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given_to) == 1


# -- Silences and states


def test_silences_hold_from_their_begin_to_their_end(database: Database) -> None:
    rule = Silence(
        "s1", NOON, after(hours=1), "Ann", "planned works", "Acme", Severity.WATCH, "i1", include_critical=True
    )
    everything = Silence("s2", after(minutes=30), after(hours=2), "Bob", "move")
    with database.write() as tx:
        silences.add(tx, rule)
        silences.add(tx, everything)
        silences.add(tx, everything)
    with database.read() as tx:
        assert silences.get(tx, "s1") == rule
        assert silences.get(tx, "s3") is None
        assert silences.active(tx, after(seconds=-1)) == []
        assert silences.active(tx, NOON) == [rule]
        assert silences.active(tx, after(minutes=30)) == silences.every(tx) == [rule, everything]
        assert silences.active(tx, after(hours=1)) == silences.every(tx, since=after(hours=1)) == [everything]


def test_a_silence_can_be_ended_early(database: Database) -> None:
    with database.write() as tx:
        silences.add(tx, Silence("s1", NOON, after(hours=1), "Ann", "planned works"))
        assert silences.end(tx, "s1", after(minutes=5))
        assert not silences.end(tx, "s1", after(minutes=6))
        assert silences.active(tx, after(minutes=5)) == []


def test_a_state_is_kept_under_its_name(database: Database) -> None:
    with database.write() as tx:
        assert state.load(tx, "judge") is None
        state.save(tx, "judge", NOON, b"\x00old")
        state.save(tx, "judge", after(minutes=5), b"\xffnew")
        assert state.load(tx, "judge") == (after(minutes=5), b"\xffnew")
        state.forget(tx, "judge")
        assert state.load(tx, "judge") is None


def test_a_state_has_parts_that_go_with_it(database: Database) -> None:
    with database.write() as tx:
        state.save(tx, "judge", NOON, b"whole")
        state.save_part(tx, "judge", "b", NOON, b"old")
        state.save_part(tx, "judge", "b", NOON, b"new")
        state.save_part(tx, "judge", "a", NOON, b"\x00")
        state.save(tx, "judge:1", NOON, b"another")
        assert state.parts(tx, "judge") == {"a": b"\x00", "b": b"new"}
        assert state.count_parts(tx, "judge") == 2
        state.forget(tx, "judge")
        assert state.every(tx) == [("judge:1", b"another")]
