"""The block under way: what one more tick shows, in a few steps over all series.

Within a block of six hours the levels, the caps and the usual maxima stand still, so a tick only adds what came to each
window and takes off what left it. `stretch.see` says the same of many ticks at once, to the last bit; what is learned
is written to memory where the block ends, or where somebody asks for it before.

A series of which nothing was counted can only become calmer from one tick to the next while all ticks are read: less
stands in its windows, and no less is expected. So what was counted is looked at, and what was loud before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from monitor.detectors.memory import Memory
from monitor.detectors.novelty import (
    LENSES,
    LONGEST,
    READY_TICKS,
    Booleans,
    Floats,
    Integers,
    Usual,
    as_steps,
    excess_of,
)
from monitor.detectors.stretch import Seen, levels_of, most_of

COUNTED: Final = ("counts", "capped", "covered")
"""What a column holds, in this order; the fields of memory have the same names."""
WIDTHS: Final = tuple(sorted({lens.ticks for lens in LENSES}))
_WIDTH_OF: Final = np.array([WIDTHS.index(lens.ticks) for lens in LENSES])
FIELD_OF: Final = np.array([COUNTED.index("capped" if lens.capped else "counts") for lens in LENSES])
_COVERED: Final = COUNTED.index("covered")
EVERY: Final = slice(None)
"""All series."""

Column = npt.NDArray[np.int32]
"""A tick [3, n]: counts, counts as the lasting lens sees them, and whether somebody counted."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for the whole block: `level` [lenses, n] of a tick, `most` [n] that the lasting lens sees of one."""

    ready: Booleans
    level: Floats
    most: Integers
    usual: Usual


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The ticks since memory was written; never changed but replaced, so that copies may share it.

    `columns` are the last ticks that windows still reach, `windows` [widths, 3, n] the sums over all of each window but
    the tick to come, `sums` [3, n] and `peaks` [lenses, n] the sums and the largest excess of the `ticks` taken.
    """

    standing: Standing
    columns: tuple[Column, ...]
    windows: Integers
    sums: Integers
    peaks: Floats
    is_wholly_read: bool
    """Whether each tick that the windows reach was read for all series."""
    ticks: int = 0

    @classmethod
    def of(cls, memory: Memory, usual: Usual) -> Self:
        """Go on from memory, in a block for which `usual` holds."""
        recent = np.empty((LONGEST - 1, len(COUNTED), len(memory.names)), dtype=np.int32)  # columns that lie together
        for place, field in enumerate(COUNTED):
            recent[:, place] = memory[field].T
        windows = np.stack([recent[LONGEST - width :].sum(axis=0, dtype=np.int64) for width in WIDTHS])
        return cls(
            standing=_standing(memory, usual),
            columns=tuple(recent),
            windows=windows,
            sums=np.zeros(recent.shape[1:], dtype=np.int64),
            peaks=np.full((len(LENSES), recent.shape[2]), -np.inf),
            is_wholly_read=_are_read(windows),
        )

    def novelties(self, row: int, counted: Sequence[int]) -> list[float]:
        """How new it is, for each lens, if so many were counted in the windows of a series, and none of it capped."""
        level, usual, counts = self.standing.level[:, row], self.standing.usual, (*counted, counted[-1])
        return [
            (2.0 * math.sqrt(count + 0.375) - 2.0 * math.sqrt(lens.ticks * usually + 0.375) - peak) / spread
            for lens, count, usually, peak, spread in zip(
                LENSES, counts, level.tolist(), usual.peak[row].tolist(), usual.spread[row].tolist(), strict=True
            )
        ]

    def take(self, counts: Integers, covered: Booleans, rows: Integers | slice = EVERY) -> tuple[Seen, Self]:
        """What the next tick of this block shows of the series `rows`, and the block with it.

        `counts` [n] are 0 where nobody counted. Series may be left out where each was read (`is_wholly_read`, and now)
        and nothing of it was counted.
        """
        standing, usual = self.standing, self.standing.usual
        column: Column = np.empty((len(COUNTED), len(counts)), dtype=np.int32)
        column[0], column[1], column[2] = counts, np.minimum(counts, standing.most), covered
        windows = self.windows + column
        looked_at, ready = windows[:, :, rows], standing.ready[rows]
        counted = looked_at[_WIDTH_OF, FIELD_OF].astype(np.float64)
        expected = looked_at[_WIDTH_OF, _COVERED] * standing.level[:, rows]
        excess = excess_of(counted, expected)
        peaks = self.peaks.copy()
        peaks[:, rows] = np.maximum(peaks[:, rows], np.where(covered[rows] & ready, excess, -np.inf))
        seen = Seen(
            ready=ready[:, np.newaxis],
            covered=covered[rows, np.newaxis],
            counted=counted[..., np.newaxis],
            expected=expected[..., np.newaxis],
            novelty=((excess - usual.peak[rows].T) / usual.spread[rows].T)[..., np.newaxis],
            usual=usual,
        )
        for place, width in enumerate(WIDTHS):
            windows[place] -= self.columns[LONGEST - width]  # of a tick that the next one does not reach
        after = type(self)(
            standing=standing,
            columns=(*self.columns[1:], column),
            windows=windows,
            sums=self.sums + column,
            peaks=peaks,
            is_wholly_read=_are_read(windows),
            ticks=self.ticks + 1,
        )
        return seen, after

    def written(self, memory: Memory) -> Memory:
        """The memory that this block went on from, with the ticks taken since."""
        recent = np.ascontiguousarray(np.array(self.columns).transpose(1, 2, 0))
        learned: dict[str, npt.NDArray[Any]] = dict(zip(COUNTED, recent, strict=True))
        for field, added in zip(COUNTED, self.sums, strict=True):
            blocks = memory[f"block_{field}"].copy()
            blocks[:, -1] += added.astype(blocks.dtype)
            learned[f"block_{field}"] = blocks
        peaks = memory["block_peaks"].copy()
        peaks[:, :, -1] = np.maximum(peaks[:, :, -1], as_steps(self.peaks.T))
        after = memory.copy()
        after.take(self.ticks, learned | {"block_peaks": peaks})
        return after


def _are_read(windows: Integers) -> bool:
    return bool(windows[-1, _COVERED].min(initial=LONGEST) >= LONGEST - 1)


def _standing(memory: Memory, usual: Usual) -> Standing:
    known = memory["block_covered"][:, :-1].sum(axis=1, dtype=np.int64, keepdims=True)
    level = levels_of({field: memory[f"block_{field}"] for field in ("counts", "capped")}, known)[:, :, 0].T
    most = most_of(memory["block_capped"][:, :-1].sum(axis=1), known[:, 0])
    return Standing((known >= READY_TICKS)[:, 0], np.ascontiguousarray(level), most, usual)
