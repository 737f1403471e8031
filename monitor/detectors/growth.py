"""How fast a burst grows, and how many voices the next hours will bring.

Crises decay toward the usual level at a pace that is much the same for large and small brands: over the next `h` hours
the mean rate is `usual^(1 − w) · recent^w · e^c`, between what a tick usually brings and what the last quarter of an
hour brought. `w`, `c` and the width of the intervals were fitted on series that ring (labelled mention counts, and
crises of known onset added to them), leaving each series out once; `python -m benchmarks.detection --growth` prints how
often the intervals hold, also for thinned series, which were not part of the fit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.records import BIN_SECONDS

HOUR_TICKS: Final = 3600 // BIN_SECONDS
RECENT_TICKS: Final = 3
"""A quarter of an hour: the recent rate. Longer memories add nothing to it."""
DOUBLING_TICKS: Final = (3, 6, 12)
"""Spans whose newer half-window is compared with the older one, shortest first: 15, 30 and 60 minutes."""
SURE: Final = 2.0
"""Deviations by which the newer span must exceed the older one before anything is said to grow."""
TAIL: Final = 1.2816
"""Deviations that leave a tenth of a normal distribution on each side: the intervals hold in four cases of five."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """What was learned about the next `hours`; `below` and `above` are deviations of the logarithm on either side."""

    hours: int
    weight: float
    shift: float
    below: float
    above: float


HORIZONS: Final = (
    Horizon(1, weight=0.77, shift=0.22, below=0.40, above=0.42),
    Horizon(3, weight=0.66, shift=0.24, below=0.47, above=0.50),
    Horizon(12, weight=0.48, shift=0.23, below=0.57, above=0.75),
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """How many voices the next `hours` bring in all: `expected`, and from `low` to `high` in four cases of five."""

    hours: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Growth:
    """How fast it grows (`doubling_hours` is None where it does not) and what is to come."""

    doubling_hours: float | None
    forecasts: tuple[Forecast, ...]


def growth(recent: Sequence[int], level: float) -> Growth:
    """The growth of a series that rings.

    `recent` are its last ticks of five minutes, oldest first, two hours of them or more (`SeriesBank.recent`);
    `level` is what a tick usually brings (`SeriesBank.levels`).
    """
    return Growth(doubling_hours(recent, level), tuple(forecast(recent, level, horizon) for horizon in HORIZONS))


def doubling_hours(recent: Sequence[int], level: float) -> float | None:
    """In which time it has been doubling, by the shortest span that shows growth beyond chance; None without growth.

    What is usual is taken off first: ten more than usual after five more is a doubling, whatever the usual.
    """
    for ticks in DOUBLING_TICKS:
        if len(recent) < 2 * ticks:
            break
        older, newer = sum(recent[-2 * ticks : -ticks]), sum(recent[-ticks:])
        if math.sqrt(2.0) * (math.sqrt(newer + 0.375) - math.sqrt(older + 0.375)) >= SURE:
            usual = level * ticks
            factor = max(newer - usual, 1.0) / max(older - usual, 1.0)
            if factor > 1.0:
                return ticks / HOUR_TICKS * math.log(2.0) / math.log(factor)
    return None


def forecast(recent: Sequence[int], level: float, horizon: Horizon) -> Forecast:
    """How many voices `horizon` brings. Half a count is added to each count, so that silence has a logarithm, and what
    chance adds in small numbers widens the interval."""
    seen = sum(recent[-RECENT_TICKS:]) + 0.5
    usual = level + 0.5 / (24 * HOUR_TICKS)
    rate = usual ** (1.0 - horizon.weight) * (seen / RECENT_TICKS) ** horizon.weight * math.exp(horizon.shift)
    expected = rate * horizon.hours * HOUR_TICKS
    chance = horizon.weight**2 / seen + 1.0 / (expected + 0.5)
    below, above = (TAIL * math.sqrt(width**2 + chance) for width in (horizon.below, horizon.above))
    low, high = (expected + 0.5) * math.exp(-below) - 0.5, (expected + 0.5) * math.exp(above) - 0.5
    return Forecast(horizon.hours, expected, max(0.0, low), high)
