"""The state of the fold in the database, for a restart that nobody can tell from none.

To write down all that is known of thousands of brands takes longer than to judge a tick. So what is kept is a
beginning, which is the whole state as it stood some ticks ago, and the ticks that were taken since: the same ticks lead
to the same state. A beginning is written for every six hours, and earlier when the ticks have come to weigh as much.
Of each of the last days the whole state is kept beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Self

import msgspec

from monitor.detectors.contract import LargeTick, Tick
from monitor.detectors.novelty import BLOCK_TICKS
from monitor.fold import Fold
from monitor.judge import Judge, JudgeSettings, Make, Thresholds
from monitor.kinds import Kind
from storage import state as state_store
from storage.database import Transaction
from storage.records import Incident

CHECKPOINT = "fold"
DAYS_KEPT = 8
"""Days of which the state of the fold is kept beside the last one, so that a gap that was filled is judged again
without folding all of history."""
MOST_TICKS = BLOCK_TICKS
"""Ticks that are kept beside a beginning; a restart judges them again, in a second or two for thousands of brands."""
LEAST_OF_A_MENTION = 150
LEAST_OF_A_SAMPLE = 70
"""Bytes of one among the ticks kept: where they are many, it is known without writing that a beginning is lighter."""
_DAILY = tuple(f"{CHECKPOINT}:{number}" for number in range(DAYS_KEPT))
_BEGINNING, _CONFIGURED = "beginning", "configured"


class _Kept(msgspec.Struct):
    """What is known at `at`, when `rows` of ticks have come to the beginning; without `rows` it is a whole state."""

    at: datetime
    known: list[Incident]
    rows: int | None = None


class _Configured(msgspec.Struct):
    """What the judge was told when the beginning was written: `thresholds`, each once, and which hold for a brand."""

    brands: tuple[str, ...]
    thresholds: list[Thresholds]
    chosen: dict[str, int]
    kinds: dict[str, Kind]

    @classmethod
    def of(cls, judge: Judge) -> Self:
        """As a judge was told."""
        told = judge.settings
        places = {chosen: place for place, chosen in enumerate(dict.fromkeys(told.thresholds.values()))}
        chosen = {brand: places[thresholds] for brand, thresholds in told.thresholds.items()}
        return cls(judge.brands, list(places), chosen, dict(told.kinds))

    def judge(self, own: Mapping[str, Make]) -> Judge:
        """A judge without a past that is told the same; the operator's own detectors are those of now."""
        thresholds = {brand: self.thresholds[place] for brand, place in self.chosen.items()}
        return Judge(self.brands, JudgeSettings(thresholds, self.kinds, own))


@dataclass(frozen=True, slots=True)
class _Written:
    """The rows beside the beginning: ticks in so many `rows`, and the bytes of them until a beginning is lighter."""

    day: int
    rows: int
    ticks: int
    room: int


@dataclass
class Taken:
    """Ticks that were taken since the state was kept, as long as they can be kept beside the beginning.

    Once it is sure that they cannot, for they are too many or too heavy, none is held any more: `ticks` is `None`. Up
    to a day is judged in one transaction, in spans that fit into memory, and would be there whole otherwise.
    """

    most: int
    """How many there may be."""
    room: int
    """How many bytes they may come to."""
    ticks: list[Tick] | None = field(default_factory=list)

    def append(self, tick: Tick) -> None:
        """One more was taken."""
        self.most -= 1
        self.room -= LEAST_OF_A_MENTION * sum(map(len, tick.mentions.values())) + LEAST_OF_A_SAMPLE * len(tick.samples)
        if self.ticks is None or self.most < 0 or self.room < 0 or isinstance(tick, LargeTick):
            self.ticks = None
        else:
            self.ticks.append(tick)


@dataclass
class Keeping:
    """Writes and reads the state of one fold; what it remembers of what is kept is true until somebody else writes."""

    at: datetime | None = field(default=None, init=False)
    """Event time of the state that is kept, as far as this process knows."""
    _written: _Written | None = field(default=None, init=False)

    def is_taken_back(self, tx: Transaction) -> bool:
        """Whether somebody else has written or forgotten the state."""
        return self.at is not None and state_store.seen_until(tx, CHECKPOINT) != self.at

    def taking(self) -> Taken:
        """What takes in the ticks until the state is kept again; without a beginning none is needed."""
        last = self._written
        return Taken(0, 0) if last is None else Taken(MOST_TICKS - last.ticks, last.room)

    def save(self, tx: Transaction, fold: Fold, at: datetime, taken: Taken) -> None:
        """Keep the fold as it stands at `at`, having taken these ticks since it was kept last."""
        self._written = self._added(tx, at, taken) or self._begun(tx, fold, at)
        kept = _Kept(at, list(fold.known.values()), self._written.rows)
        state_store.save(tx, CHECKPOINT, at, msgspec.msgpack.encode(kept))
        self.at = at

    def load(self, tx: Transaction, fold: Fold) -> bool:
        """Let a fold without a past take up the newest state that is kept whole; whether there is one."""
        self.at, self._written = state_store.seen_until(tx, CHECKPOINT), None
        kept = [(at, name) for name in (CHECKPOINT, *_DAILY) if (at := state_store.seen_until(tx, name))]
        return any(self._take_up(tx, fold, name) for _, name in sorted(kept, reverse=True))

    def _added(self, tx: Transaction, at: datetime, taken: Taken) -> _Written | None:
        """Write the ticks beside the beginning; `None` where it is time for another one."""
        last, added = self._written, taken.ticks
        if last is None or added is None or last.day != at.toordinal():
            return None
        blob = msgspec.msgpack.encode(added)
        is_whole = state_store.count_parts(tx, CHECKPOINT) == last.rows + len((_BEGINNING, _CONFIGURED))
        if len(blob) > last.room or not is_whole:
            return None
        state_store.save_part(tx, CHECKPOINT, _row(last.rows), at, blob)
        return _Written(last.day, last.rows + 1, last.ticks + len(added), last.room - len(blob))

    def _begun(self, tx: Transaction, fold: Fold, at: datetime) -> _Written:
        """Write a beginning, and the state of the day when it is another one."""
        state, day = fold.dump(), at.toordinal()
        state_store.forget_parts(tx, CHECKPOINT)
        state_store.save_part(tx, CHECKPOINT, _BEGINNING, at, state)
        configured = msgspec.msgpack.encode(_Configured.of(fold.judge))
        state_store.save_part(tx, CHECKPOINT, _CONFIGURED, at, configured)
        if self._written is None or self._written.day != day:
            state_store.save(tx, _DAILY[day % DAYS_KEPT], at, state)
        return _Written(day, rows=0, ticks=0, room=len(state))

    def _take_up(self, tx: Transaction, fold: Fold, name: str) -> bool:
        found = state_store.load(tx, name)
        if found is None:
            return False
        kept = msgspec.msgpack.decode(found[1], type=_Kept)
        if kept.rows is None:
            fold.load(found[1])
            return True
        parts = state_store.parts(tx, name)
        rows = [_row(number) for number in range(kept.rows)]
        if parts.keys() != {_BEGINNING, _CONFIGURED, *rows}:
            return False
        ticks = list(chain.from_iterable(msgspec.msgpack.decode(parts[row], type=list[Tick]) for row in rows))
        _go_through(fold, parts, ticks)
        fold.at, fold.known = kept.at, {incident.id: incident for incident in kept.known}
        room = len(parts[_BEGINNING]) - sum(len(parts[row]) for row in rows)
        self._written = _Written(kept.at.toordinal(), kept.rows, len(ticks), room)
        return True


def forget_after(tx: Transaction, since: datetime) -> None:
    """Forget every state that has seen more than what was before `since`."""
    for name in (CHECKPOINT, *_DAILY):
        seen_until = state_store.seen_until(tx, name)
        if seen_until is not None and seen_until > since:
            state_store.forget(tx, name)


def _go_through(fold: Fold, parts: Mapping[str, bytes], ticks: Iterable[Tick]) -> None:
    """Judge the ticks again from the beginning on, as the judge of then was told, and go on as this one is."""
    told = msgspec.msgpack.decode(parts[_CONFIGURED], type=_Configured)
    of_now = fold.judge
    of_then = of_now if told == _Configured.of(of_now) else told.judge(of_now.settings.own)
    Fold(of_then).load(parts[_BEGINNING])
    for tick in ticks:
        of_then.step(tick)
    if of_then is not of_now:
        of_now.load(of_then.dump())


def _row(number: int) -> str:
    return f"{number:03}"
