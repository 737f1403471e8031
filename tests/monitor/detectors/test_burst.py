"""What the burst detector promises about single series: sentences, with hand-made series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from monitor.detectors.burst import PRESETS, BurstSettings, SeriesBank
from monitor.detectors.taken import BurstReading

HOUR, DAY = 12, 288
Series = npt.NDArray[np.int64]


def steady(rate: float, days: float, seed: int = 1) -> Series:
    """Poisson counts with a daily rhythm around `rate` a tick."""
    ticks = np.arange(int(days * DAY))
    rhythm = 1.0 + 0.6 * np.sin(2 * np.pi * ticks / DAY)
    return np.random.default_rng(seed).poisson(rate * rhythm)


def rings_of(series: Series, covered: npt.NDArray[np.bool_] | None = None) -> list[int]:
    """The ticks at which one series rings under the defaults."""
    mask = None if covered is None else covered[np.newaxis]
    return [int(tick) for tick in np.flatnonzero(SeriesBank(["one"]).sweep(series[np.newaxis], mask)[1][0])]


def after(series: Series, counts: int, ticks: int) -> BurstReading:
    """The reading after `ticks` more ticks of `counts` each."""
    bank = SeriesBank(["one"])
    bank.sweep(series[np.newaxis])
    readings = [bank.push([counts]) for _ in range(ticks)]
    return readings[-1]


@pytest.mark.parametrize("rate", [0.01, 0.2, 3.0, 40.0, 2000.0])
def test_a_month_of_usual_days_does_not_ring_whatever_the_volume(rate: float) -> None:
    assert rings_of(steady(rate, 30)) == []


@pytest.mark.parametrize("rate", [1.0, 3.0, 40.0, 2000.0])
def test_a_flood_of_ten_times_the_usual_rings_within_half_an_hour(rate: float) -> None:
    series = steady(rate, 21)
    begin = len(series) - DAY
    series[begin : begin + 2 * HOUR] += np.random.default_rng(2).poisson(rate * 10, 2 * HOUR)
    first = rings_of(series)[0]
    assert begin <= first <= begin + 6


def test_a_brand_with_a_post_a_day_rings_at_ten_posts_in_a_quarter_of_an_hour() -> None:
    series = steady(1 / DAY, 21)
    series[-3:] = (3, 4, 3)
    assert rings_of(series) == [len(series) - 2]


def test_fewer_than_five_never_ring_however_quiet_it_was() -> None:
    series = np.zeros(14 * DAY, dtype=np.int64)
    series[-1] = 4
    assert rings_of(series) == []
    series[-1] = 5
    assert rings_of(series) == [len(series) - 1]


def test_nothing_is_said_before_six_hours_were_read() -> None:
    series = steady(5.0, 1)
    series[2 * HOUR : 3 * HOUR] += 500
    surprise, _ = SeriesBank(["one"]).sweep(series[np.newaxis])
    assert not surprise[0, : 6 * HOUR].any()


def test_a_large_flood_rings_on_the_first_day() -> None:
    series = steady(5.0, 0.5)
    series[8 * HOUR : 9 * HOUR] += 80
    assert 8 * HOUR <= rings_of(series)[0] <= 9 * HOUR


def test_on_the_first_day_it_takes_more_to_ring_than_later() -> None:
    early, late = after(steady(5.0, 1), 90, 6), after(steady(5.0, 20), 90, 6)
    assert 1 < early.surprise[0] < late.surprise[0] / 2


def test_twice_the_usual_volume_for_six_hours_rings_though_no_tick_stands_out() -> None:
    series = np.random.default_rng(3).poisson(20.0, 21 * DAY)
    quiet_peak = series.max()
    series[-6 * HOUR :] = np.clip(2 * series[-6 * HOUR :], 0, quiet_peak)
    first = rings_of(series)[0]
    assert len(series) - 6 * HOUR <= first <= len(series) - 3 * HOUR


def test_one_tick_of_a_flood_does_not_look_lasting() -> None:
    history = steady(5.0, 20)
    reading = after(history, 400, 1)
    assert reading.brief[0] > 10
    assert reading.lasting[0] < PRESETS["standard"].lasting


def test_a_flood_that_climbs_for_an_hour_and_lasts_rings_once() -> None:
    series = steady(5.0, 20)
    series[-DAY // 2 :] += 60
    assert len(rings_of(series)) == 1


def test_a_flood_that_multiplies_later_rings_again() -> None:
    series = steady(5.0, 20)
    series[-DAY // 2 :] += 60
    series[-DAY // 4 :] += 600
    first, second = rings_of(series)
    assert (first, second // HOUR) == (len(series) - DAY // 2, (len(series) - DAY // 4) // HOUR)


def test_a_day_after_the_ring_it_may_ring_again() -> None:
    series = steady(5.0, 25)
    for begin in (20 * DAY, 22 * DAY):
        series[begin : begin + HOUR] += 200
    assert [tick // DAY for tick in rings_of(series)] == [20, 22]


@pytest.mark.parametrize("hours", [1, 5, 30, 24 * 9])
def test_a_gap_in_coverage_is_no_surge_when_it_ends(hours: int) -> None:
    series, covered = steady(30.0, 40), np.ones(40 * DAY, dtype=np.bool_)
    covered[20 * DAY + 7 : 20 * DAY + 7 + hours * HOUR] = False
    series[~covered] = 0
    assert rings_of(series, covered) == []


def test_a_gap_teaches_nothing() -> None:
    series, covered = steady(30.0, 24), np.ones(24 * DAY, dtype=np.bool_)
    covered[20 * DAY : 23 * DAY] = False
    bank = SeriesBank(["one"])
    bank.sweep(series[np.newaxis], covered[np.newaxis])
    reading = bank.peek([30])
    assert reading.expected[0] == pytest.approx(30 * reading.window[0] / 300, rel=0.1)


def test_a_flood_right_after_a_gap_rings() -> None:
    series, covered = steady(30.0, 21), np.ones(21 * DAY, dtype=np.bool_)
    covered[20 * DAY : 20 * DAY + 4 * HOUR] = False
    series[20 * DAY + 4 * HOUR : 20 * DAY + 5 * HOUR] = 900
    first = rings_of(series, covered)[0]
    assert first <= 20 * DAY + 4 * HOUR + 3


def test_what_was_counted_while_nobody_read_is_not_looked_at() -> None:
    series, covered = steady(30.0, 21), np.ones(21 * DAY, dtype=np.bool_)
    covered[20 * DAY : 20 * DAY + HOUR] = False
    series[~covered] = 100_000
    assert rings_of(series, covered) == []


def test_a_reading_explains_itself_in_counts() -> None:
    reading = after(np.full(20 * DAY, 4), 40, 3)
    assert reading.rings[0] == np.False_  # it rang two ticks ago
    assert reading.surprise[0] > 1
    assert reading.window[0] in {900, 3600, 10_800}
    ticks = int(reading.window[0]) // 300
    assert reading.observed[0] == 3 * 40 + (ticks - 3) * 4
    assert reading.expected[0] == 4 * ticks
    assert reading.low[0] <= reading.expected[0] <= reading.high[0] < reading.observed[0]


@pytest.mark.parametrize("factor", [2, 3, 5, 20])
def test_whatever_rings_lies_above_the_interval_shown(factor: int) -> None:
    for seed in range(5):
        reading = after(steady(8.0, 20, seed), 8 * factor, 2 * HOUR)
        assert (reading.surprise[0] >= 1) <= (reading.observed[0] > reading.high[0])


def test_usual_counts_lie_inside_the_interval_shown() -> None:
    reading = after(np.full(20 * DAY, 4), 4, 1)
    assert reading.surprise[0] == 0
    assert reading.low[0] < reading.observed[0] < reading.high[0]


def test_the_bank_tells_the_usual_level_and_the_last_ticks() -> None:
    bank = SeriesBank(["one"])
    assert bank.levels.tolist() == [0.0]
    bank.sweep(np.full((1, 2 * DAY), 4))
    bank.push([9])
    assert bank.levels.tolist() == [4.0]
    assert bank.recent.tolist() == [[4] * 34 + [9]]


def test_presets_are_ordered_and_a_series_may_have_its_own() -> None:
    history = np.tile(steady(5.0, 20), (3, 1))
    bank = SeriesBank(
        ["relaxed", "standard", "keen"], overrides={"relaxed": PRESETS["relaxed"], "keen": PRESETS["keen"]}
    )
    bank.sweep(history)
    bank.push([90, 90, 90])
    relaxed, standard, keen = bank.push([90, 90, 90]).surprise
    assert 0 < relaxed < standard < keen


def test_the_length_of_the_silence_is_a_setting() -> None:
    series = steady(5.0, 21)
    series[-DAY // 2 :] += 60
    rings = SeriesBank(["one"], BurstSettings(silence_ticks=36)).sweep(series[np.newaxis])[1][0]
    assert np.diff(np.flatnonzero(rings)).tolist() == [36, 36, 36]


def test_the_largest_counts_neither_overflow_nor_silence() -> None:
    series = np.full((1, 20 * DAY), 2**31 - 1)
    bank = SeriesBank(["one"])
    surprise, rings = bank.sweep(series)
    assert np.isfinite(surprise).all()
    assert not rings.any()


@pytest.mark.parametrize("count", [-1, 0.5, float("nan"), float("inf"), 2**31])
def test_what_is_no_count_is_refused(count: float) -> None:
    with pytest.raises(ValueError, match="whole number from 0 to 2147483647"):
        SeriesBank(["one"]).push([count])


def test_counts_for_other_series_than_the_bank_has_are_refused() -> None:
    with pytest.raises(ValueError, match="2 series need 2 counts a tick"):
        SeriesBank(["one", "two"]).push([1, 2, 3])
    with pytest.raises(ValueError, match="`covered` must have the shape"):
        SeriesBank(["one", "two"]).push([1, 2], covered=[True])


def test_two_series_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="a name of its own"):
        SeriesBank(["one", "one"])
    with pytest.raises(ValueError, match="in the bank already"):
        SeriesBank(["one"]).add(["one"])


def test_an_empty_bank_takes_ticks() -> None:
    bank = SeriesBank([])
    assert bank.push([]).surprise.shape == (0,)
    bank.skip(500)
    assert bank.ticks == 501
