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

PRIOR_SAMPLES: Final = 8.0
"""Weight of the belief before any day was seen: two days of samples."""
PRIOR_DEVIATION: Final = 1.0
"""Its deviation, as a multiple of its mean: as wide as ignorance is (an exponential's)."""
LEAST_DEVIATION: Final = 1.0
"""Daily maxima are never taken to vary less than one Poisson count does."""
STEPS: Final = 256.0
"""Maxima are remembered as whole numbers of 1/256: their sums, and those of their squares, are exact in any order."""
NEVER: Final = np.iinfo(np.int32).min
"""Stands for the maximum of a time in which nothing was judged."""
LARGEST_COUNT: Final = 2**31 - 1
"""The largest count of one tick; the square of its excess in steps, summed over the history, still fits 64 bits."""


def root(counts: Floats) -> Floats:
    """Anscombe's transform `2√(x + 3/8)`: Poisson counts get deviation one."""
    scaled: Floats = 2.0 * np.sqrt(counts + 0.375)
    return scaled


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
    """An excess as the whole number of 1/256 that is remembered; NEVER where it is minus infinity."""
    seen = np.isfinite(excess)
    return np.where(seen, np.rint(np.where(seen, excess, 0.0) * STEPS), NEVER).astype(np.int32)


def usual_peaks(samples: Steps, level: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of daily maxima, each of shape [n, lenses, m].

    `samples` [n, lenses, HISTORY_BLOCKS + m − 1] in steps, NEVER where there is none, gives m histories, each one
    sample later than the one before; `level` [n, lenses, m] per tick goes with each. The belief of `LENSES` counts as
    `PRIOR_SAMPLES` samples beside what was seen.
    """
    seen = samples != NEVER
    values = np.where(seen, samples, 0).astype(np.int64)
    number = over_history(seen) + PRIOR_SAMPLES
    ticks = np.array([lens.ticks for lens in LENSES], dtype=np.float64)[:, np.newaxis]
    believed = np.array([lens.usual_peak for lens in LENSES])[:, np.newaxis] * root(level * ticks)
    first = over_history(values) / STEPS + PRIOR_SAMPLES * believed
    second = over_history(values * values) / STEPS**2 + PRIOR_SAMPLES * (1.0 + PRIOR_DEVIATION**2) * believed**2
    mean = first / number
    deviation = np.sqrt(np.maximum(second / number - mean * mean, 0.0))
    return mean, np.maximum(deviation, LEAST_DEVIATION)


def over_history(values: npt.NDArray[Any]) -> Integers:
    """Sums of every HISTORY_BLOCKS neighbours along the last axis."""
    windows = np.lib.stride_tricks.sliding_window_view(values, HISTORY_BLOCKS, axis=-1)
    sums: Integers = windows.sum(axis=-1, dtype=np.int64)
    return sums


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
