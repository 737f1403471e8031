"""How fast it grows, and what is to come."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.detectors.growth import HORIZONS, doubling_hours, forecast, growth


@pytest.mark.parametrize("hours", [0.25, 0.5, 1.0])
def test_a_series_that_doubles_every_so_often_is_told_to(hours: float) -> None:
    ticks = np.arange(24)
    counts = np.rint(10 + 40 * 2 ** (ticks / (12 * hours))).astype(int).tolist()
    assert doubling_hours(counts, level=10.0) == pytest.approx(hours, rel=0.1)


@pytest.mark.parametrize("counts", [[5] * 24, [200] * 12 + [100] * 12, [0] * 24, [5, 6, 4, 7, 5, 6] * 4, [9] * 2, []])
def test_what_is_level_or_falls_or_varies_by_chance_does_not_double(counts: list[int]) -> None:
    assert doubling_hours(counts, level=5.0) is None


def test_the_shortest_span_that_shows_growth_tells_how_fast() -> None:
    assert doubling_hours([5] * 21 + [10, 40, 160], level=5.0) == pytest.approx(0.05, abs=0.03)
    slow = [10] * 12 + [14] * 12
    assert doubling_hours(slow, level=5.0) == pytest.approx(np.log(2) / np.log(9 / 5), rel=0.01)


def test_growth_out_of_nothing_is_a_short_doubling_and_not_a_division_by_zero() -> None:
    hours = doubling_hours([0] * 21 + [30, 30, 30], level=0.0)
    assert hours is not None
    assert 0 < hours < 0.1


def test_a_burst_is_expected_to_decay_toward_the_usual_and_to_be_less_certain_later() -> None:
    forecasts = growth([10] * 12 + [100] * 12, level=10.0).forecasts
    rates = [each.expected / each.hours for each in forecasts]
    assert [each.hours for each in forecasts] == [1, 3, 12]
    assert 1200 > rates[0] > rates[1] > rates[2] > 120
    assert all(each.low < each.expected < each.high for each in forecasts)
    widths = [np.log(each.high / each.low) for each in forecasts]
    assert widths == sorted(widths)


def test_small_numbers_are_forecast_with_wide_intervals_and_never_below_none() -> None:
    few, many = (forecast([count] * 24, level=count / 10, horizon=HORIZONS[0]) for count in (1, 1000))
    assert few.high / few.expected > many.high / many.expected
    assert growth([0] * 24, level=0.0).forecasts[0].low == 0.0


def test_a_forecast_grows_with_the_burst_and_with_the_brand() -> None:
    def expected(count: int, level: float) -> float:
        return forecast([count] * 24, level, HORIZONS[1]).expected

    assert expected(200, 10.0) > expected(100, 10.0)
    assert expected(100, 20.0) > expected(100, 10.0)
    assert expected(1000, 100.0) == pytest.approx(10 * expected(100, 10.0), rel=0.01)
