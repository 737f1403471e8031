"""Token buckets: so many at once, then one at a time, and no clock that starves a channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some

from alerts.buckets import Pace
from tests.alerts.examples import NOW

SECOND = timedelta(seconds=1)


def test_after_a_rest_the_burst_goes_out_at_once_and_the_next_waits() -> None:
    pace, full_at = Pace(every=60, burst=5), None
    for _ in range(5):
        assert pace.ready_at(full_at, NOW) == NOW
        full_at = pace.taken(full_at, NOW)
    assert pace.ready_at(full_at, NOW) == NOW + 60 * SECOND


def test_a_bucket_that_rested_is_no_fuller_than_full() -> None:
    pace = Pace(every=1.2, burst=5)
    full_at = pace.taken(None, NOW)
    later = NOW + timedelta(days=1)
    for _ in range(5):
        full_at = pace.taken(full_at, later)
    assert pace.ready_at(full_at, later) == later + 1.2 * SECOND


@given(
    every=some.floats(0.1, 100),
    burst=some.integers(1, 20),
    gaps=some.lists(some.floats(0, 300), min_size=1, max_size=60),
)
def test_in_no_span_of_time_do_more_go_out_than_the_pace_allows(every: float, burst: int, gaps: list[float]) -> None:
    pace, full_at, now = Pace(every, burst), None, NOW
    taken: list[datetime] = []
    for gap in gaps:
        now = max(now + gap * SECOND, pace.ready_at(full_at, now)) if gap > 150 else now + gap * SECOND
        if pace.ready_at(full_at, now) <= now:
            full_at = pace.taken(full_at, now)
            taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            span = (taken[last] - start).total_seconds()
            assert last - first + 1 <= burst + span / every + 1e-3


@given(back=some.floats(0, 10**6), taken=some.integers(1, 100))
def test_a_clock_that_jumps_back_and_urgent_messages_starve_nobody_for_long(back: float, taken: int) -> None:
    pace, full_at = Pace(every=60, burst=5), None
    for _ in range(taken):
        full_at = pace.taken(full_at, NOW)
    full_at = pace.taken(full_at, NOW - back * SECOND)
    assert pace.ready_at(full_at, NOW - back * SECOND) - (NOW - back * SECOND) <= 2 * 5 * 60 * SECOND
