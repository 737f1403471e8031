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
from monitor.detectors.stretch import Stretch, see, usual_of
from storage.records import BIN_SECONDS

VERSION: Final = "burst-1"
_SECONDS: Final = np.array([lens.ticks * BIN_SECONDS for lens in LENSES], dtype=np.int64)
_CELLS_AT_ONCE: Final = 500_000
"""How many counts a sweep looks at together; bounds its memory to some 150 MB."""


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
class _Thresholds:
    """The fields of `BurstSettings`, one entry per series."""

    brief: Floats
    lasting: Floats
    fewest: Floats
    silence_ticks: Floats
    rise_ticks: Floats
    escalation: Floats


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
        return self._memory.tick

    @property
    def levels(self) -> Floats:
        """What a tick of each series usually brings [n], over the last seven days; 0 before anything was read."""
        sums, read = (self._memory[field][:, :-1].sum(axis=1) for field in ("block_counts", "block_covered"))
        levels: Floats = sums / np.maximum(read, 1)
        return levels

    @property
    def recent(self) -> Integers:
        """The counts of the last 35 ticks [n, 35], oldest first; 0 where nobody counted."""
        return self._memory["counts"].astype(np.int64)

    def add(self, names: Sequence[str], overrides: Mapping[str, BurstSettings] | None = None) -> None:
        """Take further series; each is judged once three hours or more of it have been read."""
        self._overrides.update(overrides or {})
        self._memory.add(names)
        self._take_up(self._memory)

    def push(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> BurstReading:
        """Take the counts [n] of the next tick. Where `covered` [n] is false nobody counted, and nothing is learned."""
        stretch = self._see(*self._column(counts, covered))
        surprise = self._surprise(stretch)
        rings = self._ring(stretch, surprise, self._memory["last_rung"], self._memory["loudness"])
        self._remember(stretch)
        return self._reading(stretch, surprise, rings)

    def peek(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> BurstReading:
        """What `push` would answer, if the tick under way ended with these counts; changes nothing."""
        stretch = self._see(*self._column(counts, covered))
        surprise = self._surprise(stretch)
        last, loudness = self._memory["last_rung"].copy(), self._memory["loudness"].copy()
        return self._reading(stretch, surprise, self._ring(stretch, surprise, last, loudness))

    def skip(self, ticks: int) -> None:
        """Let `ticks` pass in which nobody counted anything."""
        nothing = np.zeros((len(self._memory.names), ticks), dtype=np.int64)
        self.sweep(nothing, nothing > 0)

    def sweep(self, counts: npt.ArrayLike, covered: npt.ArrayLike | None = None) -> tuple[Floats, Booleans]:
        """Take many ticks at once, counts [n, k]; gives `surprise` and `rings` [n, k], the same as k times `push`."""
        values, read = self._checked(np.asarray(counts), None if covered is None else np.asarray(covered))
        surprise, rings = np.zeros(values.shape), np.zeros(values.shape, dtype=np.bool_)
        stride = max(BLOCK_TICKS, _CELLS_AT_ONCE // max(1, len(values)))
        for begin in range(0, values.shape[1], stride):
            part = slice(begin, begin + stride)
            stretch = self._see(values[:, part], read[:, part])
            surprise[:, part] = self._surprise(stretch)
            last, loudness = self._memory["last_rung"], self._memory["loudness"]
            rings[:, part] = self._ring(stretch, surprise[:, part], last, loudness)
            self._remember(stretch)
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
        return self._memory.dump()

    def load(self, blob: bytes) -> None:
        """Take up a past that `dump` gave: series not in it start from nothing, series no longer here are forgotten.

        Raises MemoryFormatError when it was written by another version.
        """
        self._memory.load(blob)
        self._take_up(self._memory)

    def _take_up(self, memory: Memory) -> None:
        """Go on from `memory`, with what follows from it and from the settings."""
        self._memory = memory
        self._usual = usual_of(memory)
        chosen = [self._overrides.get(name, self._settings) for name in memory.names]
        rows = {settings: row for row, settings in enumerate(dict.fromkeys(chosen))}  # of thousands most are the same
        table = np.array([astuple(settings) for settings in rows], dtype=float).reshape(len(rows), len(_NAMES))
        columns = table[[rows[settings] for settings in chosen]].T if chosen else table.T
        self._thresholds = _Thresholds(**{name: column.copy() for name, column in zip(_NAMES, columns, strict=True)})

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
        given = np.where(read, counts, 0)
        if not np.all((given >= 0) & (given <= LARGEST_COUNT) & (given == np.floor(given))):
            raise ValueError(f"a count is not a whole number from 0 to {LARGEST_COUNT}; count whole posts or voices")
        return given.astype(np.int64), read

    def _see(self, counts: npt.NDArray[np.generic], covered: npt.NDArray[np.generic] | None) -> Stretch:
        return see(self._memory, self._usual, *self._checked(counts, covered))

    def _remember(self, stretch: Stretch) -> None:
        self._memory.take(stretch.covered.shape[1], stretch.learned)
        self._usual = stretch.coming

    def _surprise(self, stretch: Stretch) -> Floats:
        """The stronger of the two novelties as a multiple of its threshold; 0 where too little is known or was said."""
        limits = self._thresholds
        brief = _brief(stretch) / limits.brief[:, np.newaxis]
        lasting = stretch.novelty[LASTING] / limits.lasting[:, np.newaxis]
        enough = stretch.ready & (stretch.counted[LASTING - 1] >= limits.fewest[:, np.newaxis])
        surprise: Floats = np.where(enough, np.maximum(np.maximum(brief, lasting), 0.0), 0.0)
        return surprise

    def _ring(self, stretch: Stretch, surprise: Floats, last: Integers, loudness: Floats) -> Booleans:
        """Where someone should hear of it; noted in `last` and `loudness`. Few series cross, so a loop is cheap."""
        rings = np.zeros(surprise.shape, dtype=np.bool_)
        crossing = (surprise >= 1.0) & stretch.covered
        for row in np.flatnonzero(crossing.any(axis=1)).tolist():
            columns = np.flatnonzero(crossing[row])
            strengths = zip(columns.tolist(), surprise[row, columns].tolist(), strict=True)
            heard, last[row], loudness[row] = self._heard(row, strengths, int(last[row]), float(loudness[row]))
            rings[row, heard] = True
        return rings

    def _heard(
        self, row: int, strengths: Iterable[tuple[int, float]], last: int, loudness: float
    ) -> tuple[list[int], int, float]:
        """Which of one series' crossings are heard; and tick and loudness of the last of them."""
        limits, heard = self._thresholds, []
        rise, silence = float(limits.rise_ticks[row]), float(limits.silence_ticks[row])
        for column, strength in strengths:
            since = self._memory.tick + column - last
            if since < rise:
                loudness = max(loudness, strength)
            elif since >= silence or strength >= float(limits.escalation[row]) * loudness:
                heard.append(column)
                last, loudness = last + since, strength
        return heard, last, loudness

    def _reading(self, stretch: Stretch, surprise: Floats, rings: Booleans) -> BurstReading:
        """The last tick of a stretch, in counts that a person understands."""
        limits, series = self._thresholds, np.arange(len(rings))
        brief, lasting = _brief(stretch)[:, -1], stretch.novelty[LASTING, :, -1]
        is_lasting = lasting / limits.lasting > brief / limits.brief
        lens = np.where(is_lasting, LASTING, np.argmax(stretch.novelty[:LASTING, :, -1], axis=0))
        threshold = np.where(is_lasting, limits.lasting, limits.brief)
        reach = stretch.usual.peak[series, lens] + threshold * stretch.usual.spread[series, lens]
        expected = stretch.expected[lens, series, -1]
        return BurstReading(
            surprise=surprise[:, -1],
            rings=rings[:, -1],
            observed=stretch.counted[np.where(is_lasting, LASTING - 1, lens), series, -1],
            expected=expected,
            low=unroot(root(expected) - reach),
            high=unroot(root(expected) + reach),
            window=_SECONDS[lens],
            brief=brief,
            lasting=lasting,
        )


def _brief(stretch: Stretch) -> Floats:
    """The average novelty of the three lenses for what comes fast."""
    novelty = stretch.novelty
    average: Floats = (novelty[0] + novelty[1] + novelty[2]) / 3.0
    return average
