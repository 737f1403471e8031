"""Many ticks of the block under way at once, in each of which few series were counted.

While all is read, a series surprises most in the ticks in which it was counted, and only calms down until it is counted
again. So these ticks alone are looked at, and of series that were loud all of them; the rest of what `block.py` would
say tick by tick follows, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

import numpy as np

from monitor.detectors.block import FIELD_OF, WIDTHS, Column, UnderWay
from monitor.detectors.novelty import LENSES, LONGEST, Floats, Integers, excess_of, window_sums
from monitor.detectors.stretch import Seen

_TICKS_OF = np.array([lens.ticks for lens in LENSES])
_LENSES = np.arange(len(LENSES))[:, np.newaxis]


@dataclass(frozen=True, slots=True)
class Few:
    """Ticks in which all was read: `counts` [m] above 0, of the series `rows` [m] in the ticks `at` [m], from 0 on."""

    ticks: int
    at: Integers
    rows: Integers
    counts: Integers

    @classmethod
    def of(cls, stretches: Iterable[tuple[int, Sequence[tuple[int, int]]]]) -> Self:
        """Of stretches of so many ticks, in each of which the same was counted: series and counts."""
        ticks, at, counted = 0, list[int](), list[Sequence[tuple[int, int]]]()
        for number, of_each in stretches:
            if of_each:
                at += [tick for tick in range(ticks, ticks + number) for _ in of_each]
                counted += [of_each] * number
            ticks += number
        flat = np.fromiter(chain.from_iterable(chain.from_iterable(counted)), np.int64, 2 * len(at))
        is_any = flat[1::2] > 0
        return cls(ticks, np.array(at, dtype=np.int64)[is_any], flat[::2][is_any], flat[1::2][is_any])

    @property
    def counted(self) -> dict[int, int]:
        """What was counted in a single tick, of series by number."""
        return dict(zip(self.rows.tolist(), self.counts.tolist(), strict=True))

    def divided(self, ticks: int) -> tuple[Self, Self]:
        """The first so many ticks, and the others."""
        place = int(np.searchsorted(self.at, ticks))
        first = replace(self, ticks=ticks, at=self.at[:place], rows=self.rows[:place], counts=self.counts[:place])
        at, rows, counts = self.at[place:] - ticks, self.rows[place:], self.counts[place:]
        return first, replace(self, ticks=self.ticks - ticks, at=at, rows=rows, counts=counts)


class Look:
    """A look at few counts of the next ticks of a block that was wholly read so far and does not end with them.

    `counted` is what each count showed in its tick, as if it were a series [m, 1].
    """

    def __init__(self, under_way: UnderWay, few: Few, loud: Integers) -> None:
        """`loud` are series that were loud in the tick before."""
        self._under_way, self._few = under_way, few
        self._capped = np.minimum(few.counts, under_way.standing.most[few.rows])
        # All that moves is among what the longest window reaches.
        reached = np.flatnonzero(under_way.windows[-1, 0])
        self._rows = np.union1d(reached, np.concatenate([few.rows, loud]))
        places, ticks = np.searchsorted(self._rows, few.rows), LONGEST - 1 + few.at
        counts = np.zeros((LONGEST - 1 + few.ticks, 2, len(self._rows)), dtype=np.int64)
        for place, column in enumerate(under_way.columns):
            counts[place] = column.take(self._rows, axis=1)[:2]
        counts[ticks, 0, places], counts[ticks, 1, places] = few.counts, self._capped
        self._totals = np.zeros((len(counts) + 1, *counts.shape[1:]), dtype=np.int64)
        np.cumsum(counts, axis=0, out=self._totals[1:])
        end, field = ticks + 1, FIELD_OF[:, np.newaxis]
        sums = self._totals[end, field, places] - self._totals[end - _TICKS_OF[:, np.newaxis], field, places]
        self.counted, excess = self._seen(few.rows, sums[..., np.newaxis])
        self._peaks = under_way.peaks.copy()
        ready = self.counted.ready
        np.maximum.at(self._peaks, (_LENSES, few.rows), np.where(ready, excess, -np.inf)[..., 0])

    def every(self, rows: Integers) -> Seen:
        """What all ticks show of some of the series that were counted or loud."""
        totals = self._totals[:, :, np.searchsorted(self._rows, rows)].T  # as running totals usually lie
        sums = [
            window_sums(totals[:, field], lens.ticks, self._few.ticks)
            for lens, field in zip(LENSES, FIELD_OF.tolist(), strict=True)
        ]
        return self._seen(rows, np.stack(sums))[0]

    def after(self) -> UnderWay:
        """The block with these ticks."""
        before, few, totals = self._under_way, self._few, self._totals
        new: Column = np.zeros((few.ticks, *before.sums.shape), dtype=np.int32)
        new[few.at, 0, few.rows], new[few.at, 1, few.rows], new[:, 2] = few.counts, self._capped, 1
        windows, sums = before.windows.copy(), before.sums.copy()
        for field in range(2):
            sums[field, self._rows] += totals[-1, field] - totals[LONGEST - 1, field]
            for place, width in enumerate(WIDTHS):
                windows[place, field, self._rows] = totals[-1, field] - totals[-width, field]
        sums[2] += few.ticks
        return replace(
            before,
            columns=(*before.columns, *new)[few.ticks :],
            windows=windows,
            sums=sums,
            peaks=self._peaks,
            ticks=before.ticks + few.ticks,
        )

    def _seen(self, rows: Integers, sums: Integers) -> tuple[Seen, Floats]:
        """What was counted in each window [lenses, m, k] of some series shows, and its excess."""
        standing, usual = self._under_way.standing, self._under_way.standing.usual
        counted = sums.astype(np.float64)
        expected = (_TICKS_OF[:, np.newaxis] * standing.level[:, rows])[..., np.newaxis]
        excess = excess_of(counted, expected)
        novelty = (excess - usual.peak[rows].T[..., np.newaxis]) / usual.spread[rows].T[..., np.newaxis]
        ready = standing.ready[rows, np.newaxis]
        return Seen(
            ready, np.ones((len(rows), 1), np.bool_), counted, np.broadcast_to(expected, counted.shape), novelty, usual
        ), excess
