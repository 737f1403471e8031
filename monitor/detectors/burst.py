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

from monitor.detectors.block import EVERY, UnderWay
from monitor.detectors.few import Few, Look
from monitor.detectors.memory import Memory
from monitor.detectors.novelty import (
    BLOCK_TICKS,
    LARGEST_COUNT,
    LENSES,
    Booleans,
    Floats,
    Integers,
)
from monitor.detectors.stretch import Seen, see, usual_of
from monitor.detectors.taken import BurstReading, Limits, Taken, surprises_of

VERSION: Final = "burst-1"
WINDOWS: Final = tuple(lens.ticks for lens in LENSES if not lens.capped)
"""Ticks of the windows in which single counts are not capped."""
_ROUNDING: Final = 1e-9
LOUD: Final = 0.5
"""Surprise from which a series is looked at in every tick, whether it was counted or not."""
_CELLS_AT_ONCE: Final = 500_000
"""How many counts a sweep looks at together; bounds its memory to some 150 MB."""
FEW_TICKS: Final = 4
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

    @property
    def loud(self) -> list[int] | None:
        """The series that were loud in the last tick; `None` where that is not known."""
        return None if self._loud is None else self._loud.tolist()

    def take_few(self, counts: Mapping[int, int]) -> Taken:
        """The same as `take`, of a tick in which all was read and only `counts` were counted, of series by number.

        Only series of `counts`, and what was loud, are looked at where that is enough: every other one is then at most
        as surprising as it was at the tick before. Which were looked at, the answer says.
        """
        column = np.zeros((len(self._memory.names), 1), dtype=np.int64)
        rows = np.fromiter(counts, np.int64, len(counts))
        column[rows, 0] = np.fromiter(counts.values(), np.int64, len(counts))
        return self._take(*self._checked(column, None), self._looked_at(rows))

    def sweep_few(self, few: Few) -> None:
        """Take many ticks in which all was read and few series were counted, the same as one after another."""
        while few.ticks:
            ticks = min(few.ticks, BLOCK_TICKS - 1 - self.ticks % BLOCK_TICKS)
            under_way, loud = self._under_way, self._loud
            if under_way is None or loud is None or ticks <= FEW_TICKS or not under_way.is_wholly_read:
                part, few = few.divided(1)
                self.take_few(part.counted)
            else:
                part, few = few.divided(ticks)
                self._take_part(Look(under_way, part, loud), part, loud)

    def foretells(self, ahead: int) -> bool:
        """Whether `most_surprising` holds for the tick `ahead` from the last one, if all ticks up to it are read."""
        under_way = self._under_way
        is_in_block = self.ticks % BLOCK_TICKS + ahead < BLOCK_TICKS
        return under_way is not None and is_in_block and under_way.is_wholly_read

    def most_surprising(self, row: int, counted: Sequence[int]) -> float:
        """The most that a series can surprise in this block if so many are `counted` in each of `WINDOWS`."""
        under_way = self._under_way
        if under_way is None or not under_way.standing.ready[row]:
            return 0.0
        *news, lasting = under_way.novelties(row, counted)
        brief = sum(news) / len(news) / float(self._limits.brief[row])
        return max(brief, lasting / float(self._limits.lasting[row]), 0.0) * (1.0 + _ROUNDING)

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
        if values.shape[1] <= FEW_TICKS:
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
        self._loud: Integers | None = None
        chosen = [self._overrides.get(name, self._settings) for name in memory.names]
        rows = {settings: row for row, settings in enumerate(dict.fromkeys(chosen))}  # of thousands most are the same
        table = np.array([astuple(settings) for settings in rows], dtype=float).reshape(len(rows), len(_NAMES))
        columns = table[[rows[settings] for settings in chosen]].T if chosen else table.T
        self._limits = Limits(**{name: column.copy() for name, column in zip(_NAMES, columns, strict=True)})

    def _written(self) -> Memory:
        """Memory with all that was taken."""
        return self._under_way.written(self._memory) if self._under_way else self._memory

    def _take(self, counts: Integers, covered: Booleans, rows: Integers | None = None) -> Taken:
        """Take checked ticks [n, k]; where only `rows` need be looked at, within a block, these alone."""
        begun = self.ticks
        if counts.shape[1] == 1 and (begun + 1) % BLOCK_TICKS:
            under_way = self._under_way or UnderWay.of(self._memory, self._usual)
            seen, self._under_way = under_way.take(counts[:, 0], covered[:, 0], EVERY if rows is None else rows)
        else:
            seen, rows = self._see(counts, covered), None
        limits = self._limits if rows is None else self._limits.of(rows)
        rows = np.arange(len(counts)) if rows is None else rows
        return self._taken(begun, rows, seen, limits)

    def _looked_at(self, counted: Integers) -> Integers | None:
        """The series to be looked at in a tick in which these were counted; all where no less is enough."""
        if self._under_way is None or self._loud is None or not self._under_way.is_wholly_read:
            return None
        return np.union1d(counted, self._loud) if len(self._loud) else counted

    def _take_part(self, look: Look, few: Few, loud: Integers) -> None:
        """Take ticks within a block: what was `loud` before, or by what was counted, is looked at in each of them."""
        begun, limits = self.ticks, self._limits.of(few.rows)
        is_loud = surprises_of(look.counted, limits)[:, 0] >= LOUD
        rows = np.union1d(few.rows[is_loud], loud)
        self._under_way = look.after()
        self._taken(begun, rows, look.every(rows), self._limits.of(rows))

    def _taken(self, begun: int, rows: Integers, seen: Seen, limits: Limits) -> Taken:
        surprises = surprises_of(seen, limits)
        self._loud = rows[surprises[:, -1] >= LOUD]
        return Taken(seen, limits, rows, surprises, self._ring(begun, rows, seen.covered, surprises))

    def _see(self, counts: Integers, covered: Booleans) -> Seen:
        """What ticks show that are not all of the block under way: it is written to memory first."""
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

    def _ring(self, begun: int, series: Integers, covered: Booleans, surprises: Floats) -> Booleans:
        """Where someone should hear of it; noted in memory. Few series cross, so a loop is cheap."""
        rings = np.zeros(surprises.shape, dtype=np.bool_)
        crossing = (surprises >= 1.0) & covered
        last, loudness = self._memory["last_rung"], self._memory["loudness"]
        for place in np.flatnonzero(crossing.any(axis=1)).tolist():
            row, columns = int(series[place]), np.flatnonzero(crossing[place])
            strengths = zip((begun + columns).tolist(), surprises[place, columns].tolist(), strict=True)
            heard, last[row], loudness[row] = self._heard(row, strengths, int(last[row]), float(loudness[row]))
            rings[place, [tick - begun for tick in heard]] = True
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
