"""The burst detector: is this count larger than the largest of a usual day, for this very series?

Many series are judged at once, tick by tick, from nothing but their past: the novelty of the last 15 minutes, hour and
three hours (averaged) finds what comes fast; the novelty of three hours in which single bursts are capped finds what
lasts. Each has one threshold for all series, because `novelty.py` measures in units that the series itself sets.
Measured on labelled history in docs/detection-counts.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import astuple, dataclass, fields
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from monitor.detectors.block import UnderWay
from monitor.detectors.memory import Memory
from monitor.detectors.novelty import (
    BLOCK_TICKS,
    LARGEST_COUNT,
    LASTING,
    LENSES,
    Booleans,
    Floats,
    Integers,
    root,
    unroot,
)
from monitor.detectors.stretch import Seen, see, usual_of
from storage.records import BIN_SECONDS

VERSION: Final = "burst-1"
_SECONDS: Final = np.array([lens.ticks * BIN_SECONDS for lens in LENSES], dtype=np.int64)
_CELLS_AT_ONCE: Final = 500_000
"""How many counts a sweep looks at together; bounds its memory to some 150 MB."""
_FEW_TICKS: Final = 4
"""So many are taken faster one by one than together."""


@dataclass(frozen=True, slots=True)
class BurstSettings:
    """When a series rings. Novelties are in deviations of the series' daily maxima beyond their mean.

    `brief` is the threshold for the average novelty of 15 minutes, an hour and three hours, `lasting` the one for three
    hours without their short bursts. Fewer than `fewest` in three hours never ring. After a ring the series is silent
    for `silence_ticks`, unless it becomes `escalation` times as surprising as it was within `rise_ticks` of the ring.
    """

    brief: float = 1.4
    lasting: float = 1.6
    fewest: int = 5
    silence_ticks: int = 288
    rise_ticks: int = 12
    escalation: float = 2.0


PRESETS: Final[Mapping[str, BurstSettings]] = {
    "relaxed": BurstSettings(brief=1.75, lasting=2.0),
    "standard": BurstSettings(),
    "keen": BurstSettings(brief=1.12, lasting=1.28),
}
"""The three sensitivities; what each brings is printed by `python -m benchmarks.detection`."""


@dataclass(frozen=True, slots=True)
class BurstReading:
    """What a tick says, one entry per series [n].

    `surprise` is the strength in multiples of the threshold (1.0 rings; 0 where nothing can be said yet), `rings` where
    someone should hear of it now. The rest explains: in the last `window` seconds `observed` were counted where the
    slow level makes `expected`, and anything from `low` to `high` would have been usual. It is the most telling window.
    `brief` and `lasting` are the two novelties themselves, for what other thresholds would have said.
    """

    surprise: Floats
    rings: Booleans
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    window: Integers
    brief: Floats
    lasting: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """The fields of `BurstSettings`, one entry per series."""

    brief: Floats
    lasting: Floats
    fewest: Floats
    silence_ticks: Floats
    rise_ticks: Floats
    escalation: Floats


@dataclass(frozen=True, slots=True)
class Taken:
    """What the bank made of one or more ticks: `surprises` and `rings` [n, k]."""

    seen: Seen
    limits: Limits
    surprises: Floats
    rings: Booleans

    @property
    def surprise(self) -> Floats:
        """That of the last tick."""
        return self.surprises[:, -1]

    def reading(self) -> BurstReading:
        """The last tick, in counts that a person understands."""
        seen, limits, series = self.seen, self.limits, np.arange(len(self.rings))
        brief, lasting = _brief(seen)[:, -1], seen.novelty[LASTING, :, -1]
        is_lasting = lasting / limits.lasting > brief / limits.brief
        lens = np.where(is_lasting, LASTING, np.argmax(seen.novelty[:LASTING, :, -1], axis=0))
        threshold = np.where(is_lasting, limits.lasting, limits.brief)
        reach = seen.usual.peak[series, lens] + threshold * seen.usual.spread[series, lens]
        expected = seen.expected[lens, series, -1]
        return BurstReading(
            surprise=self.surprise,
            rings=self.rings[:, -1],
            observed=seen.counted[np.where(is_lasting, LASTING - 1, lens), series, -1],
            expected=expected,
            low=unroot(root(expected) - reach),
            high=unroot(root(expected) + reach),
            window=_SECONDS[lens],
            brief=brief,
            lasting=lasting,
        )


_NAMES: Final = tuple(field.name for field in fields(BurstSettings))


class SeriesBank:
    """Judges the count series `names`, one tick of five minutes after the other.

    `overrides` gives single series settings of their own. Ticks are counted, not dated: call `push` (or `skip`) for
    every five minutes exactly once.
    """

    def __init__(
        self,
        names: Sequence[str],
        settings: BurstSettings | None = None,
        overrides: Mapping[str, BurstSettings] | None = None,
    ) -> None:
        """Begin without a past."""
        self._settings = settings or BurstSettings()
        self._overrides = dict(overrides or {})
        self._take_up(Memory(names))

    @property
    def names(self) -> tuple[str, ...]:
        """The series, in the order of all arrays."""
        return tuple(self._memory.names)

    @property
    def ticks(self) -> int:
        """How many ticks have been pushed or skipped."""
        return self._memory.tick + (self._under_way.ticks if self._under_way else 0)

    @property
    def levels(self) -> Floats:
        """What a tick of each series usually brings [n], over the last seven days; 0 before anything was read."""
        sums, read = (self._memory[field][:, :-1].sum(axis=1) for field in ("block_counts", "block_covered"))
        levels: Floats = sums / np.maximum(read, 1)
        return levels

    @property
    def recent(self) -> Integers:
        """The counts of the last 35 ticks [n, 35], oldest first; 0 where nobody counted."""
        return self._written()["counts"].astype(np.int64)

    def add(self, names: Sequence[str], overrides: Mapping[str, BurstSettings] | None = None) -> None:
        """Take further series; each is judged once three hours or more of it have been read."""
        self._overrides.update(overrides or {})
        memory = self._written()
        memory.add(names)
        self._take_up(memory)

    def push(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> BurstReading:
        """Take the counts [n] of the next tick. Where `covered` [n] is false nobody counted, and nothing is learned."""
        return self.take(counts, covered).reading()

    def take(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> Taken:
        """The same as `push`, without what only explains: that is worked out when the reading is asked for."""
        return self._take(*self._checked(*self._column(counts, covered)))

    def peek(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> BurstReading:
        """What `push` would answer, if the tick under way ended with these counts; changes nothing."""
        return self.copy().push(counts, covered)

    def skip(self, ticks: int) -> None:
        """Let `ticks` pass in which nobody counted anything."""
        nothing = np.zeros((len(self._memory.names), ticks), dtype=np.int64)
        self.sweep(nothing, nothing > 0)

    def sweep(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> tuple[Floats, Booleans]:
        """Take many ticks at once, counts [n, k]; gives `surprise` and `rings` [n, k], the same as k times `push`."""
        values, read = self._checked(np.asarray(counts), None if covered is None else np.asarray(covered))
        surprise, rings = np.zeros(values.shape), np.zeros(values.shape, dtype=np.bool_)
        stride = max(BLOCK_TICKS, _CELLS_AT_ONCE // max(1, len(values)))
        if values.shape[1] <= _FEW_TICKS:
            stride = 1
        for begin in range(0, values.shape[1], stride):
            part = slice(begin, begin + stride)
            taken = self._take(values[:, part], read[:, part])
            surprise[:, part], rings[:, part] = taken.surprises, taken.rings
        return surprise, rings

    def copy(self) -> Self:
        """An independent bank with the same past."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._overrides = dict(self._overrides)
        self._memory: Memory = self._memory.copy()
        return self

    def dump(self) -> bytes:
        """The whole past, to go on later exactly as if there had been no interruption. Settings are not part of it."""
        return self._written().dump()

    def load(self, blob: bytes) -> None:
        """Take up a past that `dump` gave: series not in it start from nothing, series no longer here are forgotten.

        Raises MemoryFormatError when it was written by another version.
        """
        memory = Memory(self._memory.names)
        memory.load(blob)
        self._take_up(memory)

    def _take_up(self, memory: Memory) -> None:
        """Go on from `memory`, with what follows from it and from the settings."""
        self._memory = memory
        self._usual = usual_of(memory)
        self._under_way: UnderWay | None = None
        chosen = [self._overrides.get(name, self._settings) for name in memory.names]
        rows = {settings: row for row, settings in enumerate(dict.fromkeys(chosen))}  # of thousands most are the same
        table = np.array([astuple(settings) for settings in rows], dtype=float).reshape(len(rows), len(_NAMES))
        columns = table[[rows[settings] for settings in chosen]].T if chosen else table.T
        self._limits = Limits(**{name: column.copy() for name, column in zip(_NAMES, columns, strict=True)})

    def _written(self) -> Memory:
        """Memory with all that was taken."""
        return self._under_way.written(self._memory) if self._under_way else self._memory

    def _take(self, counts: Integers, covered: Booleans) -> Taken:
        """Take checked ticks [n, k]."""
        begun = self.ticks
        seen = self._see(counts, covered)
        surprises = _surprises(seen, self._limits)
        return Taken(seen, self._limits, surprises, self._ring(begun, covered, surprises))

    def _see(self, counts: Integers, covered: Booleans) -> Seen:
        """What the ticks show. Single ones are seen from the block under way; where it ends, memory is written."""
        if counts.shape[1] == 1 and (self.ticks + 1) % BLOCK_TICKS:
            under_way = self._under_way or UnderWay.of(self._memory, self._usual)
            seen, self._under_way = under_way.take(counts[:, 0], covered[:, 0])
            return seen
        self._memory, self._under_way = self._written(), None
        stretch = see(self._memory, self._usual, counts, covered)
        self._memory.take(counts.shape[1], stretch.learned)
        self._usual = stretch.coming
        return stretch.seen

    def _column(
        self, counts: npt.ArrayLike, covered: npt.ArrayLike | None
    ) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.generic] | None]:
        """Counts and coverage of one tick as arrays of one column."""
        column = np.asarray(counts)[..., np.newaxis]
        return column, None if covered is None else np.asarray(covered)[..., np.newaxis]

    def _checked(
        self, counts: npt.NDArray[np.generic], covered: npt.NDArray[np.generic] | None
    ) -> tuple[Integers, Booleans]:
        """Whole counts, 0 where nobody counted; ValueError where a count cannot be one."""
        number = len(self._memory.names)
        if counts.ndim != 2 or len(counts) != number:
            raise ValueError(f"{number} series need {number} counts a tick; got an array of shape {counts.shape}")
        read = np.ones(counts.shape, np.bool_) if covered is None else covered.astype(np.bool_)
        if read.shape != counts.shape:
            raise ValueError(f"`covered` must have the shape of the counts, {counts.shape}; it has {read.shape}")
        given = counts if covered is None else np.where(read, counts, 0)
        is_whole = given.dtype.kind in "iub" or np.all(given == np.floor(given))
        if not (is_whole and given.min(initial=0) >= 0 and given.max(initial=0) <= LARGEST_COUNT):
            raise ValueError(f"a count is not a whole number from 0 to {LARGEST_COUNT}; count whole posts or voices")
        return given.astype(np.int64), read

    def _ring(self, begun: int, covered: Booleans, surprises: Floats) -> Booleans:
        """Where someone should hear of it; noted in memory. Few series cross, so a loop is cheap."""
        rings = np.zeros(surprises.shape, dtype=np.bool_)
        crossing = (surprises >= 1.0) & covered
        last, loudness = self._memory["last_rung"], self._memory["loudness"]
        for row in np.flatnonzero(crossing.any(axis=1)).tolist():
            columns = np.flatnonzero(crossing[row])
            strengths = zip((begun + columns).tolist(), surprises[row, columns].tolist(), strict=True)
            heard, last[row], loudness[row] = self._heard(row, strengths, int(last[row]), float(loudness[row]))
            rings[row, [tick - begun for tick in heard]] = True
        return rings

    def _heard(
        self, row: int, strengths: Iterable[tuple[int, float]], last: int, loudness: float
    ) -> tuple[list[int], int, float]:
        """At which ticks one series' crossings are heard; and tick and loudness of the last of them."""
        limits, heard = self._limits, []
        rise, silence = float(limits.rise_ticks[row]), float(limits.silence_ticks[row])
        for tick, strength in strengths:
            if tick - last < rise:
                loudness = max(loudness, strength)
            elif tick - last >= silence or strength >= float(limits.escalation[row]) * loudness:
                heard.append(tick)
                last, loudness = tick, strength
        return heard, last, loudness


def _surprises(seen: Seen, limits: Limits) -> Floats:
    """The stronger of the two novelties as a multiple of its threshold; 0 where too little is known or was said."""
    brief = _brief(seen) / limits.brief[:, np.newaxis]
    lasting = seen.novelty[LASTING] / limits.lasting[:, np.newaxis]
    enough = seen.ready & (seen.counted[LASTING - 1] >= limits.fewest[:, np.newaxis])
    surprises: Floats = np.where(enough, np.maximum(np.maximum(brief, lasting), 0.0), 0.0)
    return surprises


def _brief(seen: Seen) -> Floats:
    """The average novelty of the three lenses for what comes fast."""
    novelty = seen.novelty
    average: Floats = (novelty[0] + novelty[1] + novelty[2]) / 3.0
    return average
