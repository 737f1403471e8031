"""How new a count is: against the series' own slow level, in units of how much its daily maxima vary.

Formulas only, elementwise over whatever shape is given, so that a tick of ten thousand series and a year of one series
take the same path and come to the same last bit. What is remembered between ticks lies in `memory.py`, and `stretch.py`
applies the one to the other.

A count `S` in a window is compared with its expectation `E` on Anscombe's scale, `z = 2√(S + 3/8) − 2√(E + 3/8)`, where
a Poisson count has deviation one whatever its size (Anscombe 1948). A usual day of a series reaches some largest `z`;
the mean `m` and deviation `d` of those daily maxima over two weeks say what is usual for *this* series, whatever its
daily rhythm, its weekends or its clumsiness. The novelty of a count is `(z − m) / d`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Steps = npt.NDArray[np.int32]
Booleans = npt.NDArray[np.bool_]

BLOCK_TICKS: Final = 72
"""Six hours: the level and the usual maxima are learned at the end of each block and hold for the next one."""
DAY_BLOCKS: Final = 4
LEVEL_BLOCKS: Final = 28
"""Seven days of slow level; 7 to 14 days make no difference, less loses windows."""
HISTORY_BLOCKS: Final = 56
"""Fourteen days of daily maxima, one sample a block; with less than 12 false alarms rise, with more than 17 windows are
lost."""
READY_TICKS: Final = 36
"""A level known from less than three hours of reading is not judged against."""


@dataclass(frozen=True, slots=True)
class Lens:
    """One way of looking at a series: a window of `ticks`, over counts as they are or `capped` at a usual tick.

    `usual_peak` is what is believed before any day was seen: the largest excess of a day as a multiple of
    `2√(E + 3/8)`, about the median over five labelled series and random thinnings of them down to a hundredth.
    """

    ticks: int
    usual_peak: float
    capped: bool = False


LENSES: Final = (Lens(3, 1.2), Lens(12, 0.6), Lens(36, 0.4), Lens(36, 0.4, capped=True))
"""Three lenses for what comes fast (their novelties are averaged), and one for what lasts."""
LASTING: Final = 3
LONGEST: Final = max(lens.ticks for lens in LENSES)

PRIOR_SAMPLES: Final = 16.0
"""Weight of the belief before any day was seen: four days of samples. It fades as the history fills, and is gone when
it is full, so that a calm series is judged by its own calm alone."""
PRIOR_DEVIATION: Final = 1.0
"""Its deviation, as a multiple of its mean: as wide as ignorance is (an exponential's)."""
LEAST_DEVIATION: Final = 1.0
"""Daily maxima are never taken to vary less than one Poisson count does."""
LARGEST_LESSON: Final = 5.0
"""No day teaches that maxima are more than so many deviations above their mean."""
STEPS: Final = 16.0
"""Maxima are remembered in whole sixteenths: sums of them and of their squares are exact, in any order, as floats."""
NEVER: Final = np.iinfo(np.int32).min
"""Stands for the maximum of a time in which nothing was judged."""
LARGEST_COUNT: Final = 2**31 - 1
"""The largest count of one tick; squares of its excess in steps, summed over the history, stay below 2^53."""


FEW_SUMS: Final = 2
"""So many sums are added up one by one faster than found from running totals."""


def root(counts: Floats) -> Floats:
    """Anscombe's transform `2√(x + 3/8)`: Poisson counts get deviation one."""
    scaled: Floats = 2.0 * np.sqrt(counts + 0.375)
    return scaled


def excess_of(counted: Floats, expected: Floats) -> Floats:
    """By how many deviations of a Poisson count more was counted than expected."""
    excess: Floats = root(counted) - root(expected)
    return excess


def unroot(scaled: Floats) -> Floats:
    """The count whose `root` is `scaled`; 0 where there is none."""
    half = np.maximum(scaled, 0.0) / 2.0
    counts: Floats = np.maximum(half * half - 0.375, 0.0)
    return counts


def cap(level: Floats) -> Integers:
    """The largest count of one tick that the lasting lens sees at a usual `level` per tick: four times it, and room for
    chance. One burst of minutes, however high, then never looks like hours, and a crisis of hours passes."""
    most: Integers = np.floor(4.0 * level + 3.0 * np.sqrt(level) + 1.0).astype(np.int64)
    return most


def as_steps(excess: Floats) -> Steps:
    """An excess as the whole number of sixteenths that is remembered; NEVER where it is minus infinity."""
    seen = np.isfinite(excess)
    return np.where(seen, np.rint(np.where(seen, excess, 0.0) * STEPS), NEVER).astype(np.int32)


def most_taught(usual: Usual) -> Floats:
    """The largest daily maximum, in steps, that is remembered as it was. Otherwise one great day would make everything
    after it look small, its own second half first."""
    most: Floats = np.rint((usual.peak + LARGEST_LESSON * usual.spread) * STEPS)
    return most


@dataclass(frozen=True, slots=True)
class Usual:
    """Mean and deviation of the daily maxima that hold for a block; `number` of maxima were seen, and `first` and
    `second` are the sums, in steps, of them and of their squares. All [n, lenses]."""

    peak: Floats
    spread: Floats
    number: Integers
    first: Floats
    second: Floats


@dataclass(frozen=True, slots=True)
class Belief:
    """What stands beside the maxima seen, in the same terms: what both weigh together, and its share of the sums."""

    weight: Floats
    first: Floats
    second: Floats


def beliefs(number: Integers, level: Floats) -> Belief:
    """The belief beside `number` maxima seen at a usual `level` per tick: the less was seen, the more it weighs.
    All [n, lenses, …]."""
    shape = (len(LENSES), *[1] * (level.ndim - 2))
    ticks = np.array([float(lens.ticks) for lens in LENSES]).reshape(shape)
    peak = np.array([lens.usual_peak for lens in LENSES]).reshape(shape) * root(level * ticks) * STEPS
    belief = PRIOR_SAMPLES * (1.0 - number / HISTORY_BLOCKS)
    return Belief(number + belief, belief * peak, belief * (1.0 + PRIOR_DEVIATION**2) * (peak * peak))


def usual(
    number: Integers, first: Floats, second: Floats, weight: Floats, believed_first: Floats, believed_second: Floats
) -> Usual:
    """Mean and deviation from the sums of what was seen and of what is believed."""
    mean = (first + believed_first) / weight
    square = (second + believed_second) / weight
    deviation = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return Usual(mean / STEPS, np.maximum(deviation / STEPS, LEAST_DEVIATION), number, first, second)


def running_total(values: npt.NDArray[Any]) -> Integers:
    """Running totals from 0 along the last axis, which becomes one longer."""
    totals = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=np.int64)
    np.cumsum(values, axis=-1, dtype=np.int64, out=totals[..., 1:])
    return totals


def window_sums(totals: Integers, width: int, number: int) -> Integers:
    """The last `number` sums over `width` neighbours, from running totals."""
    end = totals.shape[-1]
    sums: Integers = totals[..., end - number :] - totals[..., end - number - width : end - width]
    return sums


def windows(values: npt.NDArray[Any], number: int) -> Callable[[int], Integers]:
    """The last `number` sums over neighbours along the last axis, by how many neighbours.

    Running totals give all of them in one walk over the values; for one or two that takes several times as long.
    """
    if number > FEW_SUMS:
        totals = running_total(values)
        return lambda width: window_sums(totals, width, number)
    ends = range(values.shape[-1] - number + 1, values.shape[-1] + 1)
    return lambda width: np.stack(
        [values[..., end - width : end].sum(axis=-1, dtype=np.int64) for end in ends], axis=-1
    )
