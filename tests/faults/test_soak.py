"""The soak tells a leak from what goes up and down between the moments at which memory is given back."""

from __future__ import annotations

import pytest

from benchmarks.soak_count import SAMPLE_EVERY, Sample, _doubts, _lowest, _slopes
from monitor.memory import GIVE_BACK_EVERY

WAVE = GIVE_BACK_EVERY.total_seconds()


def life(minutes: float, *, leaks_mb_an_hour: float = 0.0) -> list[Sample]:
    """A life in which memory rises by ten megabytes between two moments at which it is given back."""
    ages = [number * SAMPLE_EVERY for number in range(int(minutes * 60 / SAMPLE_EVERY))]
    sizes = [200.0 + 10 * (age % WAVE) / WAVE + leaks_mb_an_hour * age / 3600 for age in ages]
    return [Sample(age, size + 40, size, 20, 16) for age, size in zip(ages, sizes, strict=True)]


def test_waves_are_no_growth() -> None:
    lived = life(63)
    assert _slopes(_lowest(lived)) == (0.0, 0.0)
    assert _slopes([(one.age, one.rss_mb) for one in lived]) != (0.0, 0.0)


@pytest.mark.parametrize("minutes", [60.1, 63.9])
def test_of_a_span_that_was_not_seen_whole_nothing_is_known(minutes: float) -> None:
    begun_late = [one for one in life(minutes) if one.age > 120]
    assert {size for _, size in _lowest(begun_late)} == {200.0}
    assert len(_lowest(begun_late)) == 11


def test_a_leak_shows_in_both_halves() -> None:
    assert _slopes(_lowest(life(63, leaks_mb_an_hour=3.0))) == (3.0, 3.0)


def test_a_life_too_short_to_be_judged_has_no_slope() -> None:
    for minutes in (0.1, 4, 12):
        assert _slopes(_lowest(life(minutes, leaks_mb_an_hour=3.0))) == (0.0, 0.0)
        assert _doubts(_lowest(life(minutes, leaks_mb_an_hour=3.0))) == (0.0, 0.0)


def test_sizes_that_jump_leave_a_doubt_and_those_of_a_line_none() -> None:
    steady = [(600.0 * number, 200.0 + number) for number in range(20)]
    jumping = [(age, size + 5 * (number % 2)) for number, (age, size) in enumerate(steady)]
    assert _slopes(steady) == (6.0, 6.0)
    assert _doubts(steady) == (0.0, 0.0)
    assert min(_doubts(jumping)) > 1
