"""The provisional look at the ticks that are still open, without judging again what has not changed.

A look goes from the settled fold to now, some four ticks as a rule, and is taken every few seconds. With many mentions
most of its work would be the same each time; so the fold is remembered as it stood after the last whole ticks, and a
look begins at the newest of these below which nothing is new. What is new is known in two ways: this process says so of
what it stores itself (`heard`), and the counts of the database tell of what others store, correct or take back.

Nothing here is ever kept: the settled fold is judged from the database alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from monitor.detectors.contract import TICK
from monitor.fold import Fold, floor_tick
from monitor.incidents import Transition
from storage import bins as bin_store
from storage.database import Transaction
from storage.records import Incident

REMEMBERED = 2
"""Ends of ticks at which the fold is remembered: posts that come late are rarely later than a tick. Each costs what was
heard of every brand once more."""

Steps = Callable[[Transaction, Fold, datetime], Iterator[list[Transition]]]
Known = Mapping[str, Incident]


@dataclass(frozen=True, slots=True)
class _Step:
    """One tick as it was judged: what the database said of it, what came of it, and what was known after it."""

    at: datetime
    said: Any
    transitions: list[list[Transition]]
    known: Known


@dataclass(frozen=True, slots=True)
class _Stand:
    """The fold after some steps from a settled one of which `known` was known at `since`."""

    since: datetime
    known: Known
    steps: tuple[_Step, ...]
    fold: Fold

    def after(self, base: Fold) -> tuple[_Step, ...] | None:
        """The steps that lie behind `base`; none where it does not lead here."""
        if (base.at, base.known) == (self.since, self.known):
            return self.steps
        for number, step in enumerate(self.steps, start=1):
            if (base.at, base.known) == (step.at, step.known):
                return self.steps[number:]
        return None


@dataclass
class Outlook:
    """What is remembered of the last looks. `heard` may be called from any thread, `look` from one at a time."""

    steps: Steps
    coverage: Callable[[Transaction, datetime, datetime], Mapping[datetime, Any]]
    _stands: list[_Stand] = field(default_factory=list, init=False)
    _news: datetime | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def heard(self, moments: Iterable[datetime]) -> None:
        """Something new was stored that counts at these moments."""
        earliest = min(moments, default=None)
        with self._lock:
            if earliest is not None and (self._news is None or earliest < self._news):
                self._news = earliest

    def forget(self) -> None:
        """Begin the next look at the settled fold."""
        with self._lock:
            self._stands = []

    def begin(self) -> None:
        """Let go of what news have overtaken; before the transaction of a look begins, so that it sees them all."""
        with self._lock:
            self._stands, self._news = self._untouched(self._stands), None

    def look(self, tx: Transaction, base: Fold, now: datetime) -> tuple[Fold, list[list[Transition]]]:
        """The fold at `now`, starting from `base`, and the transitions on the way."""
        if base.at is None:
            return base.copy(), []
        whole = floor_tick(now)
        said = self._said(tx, base, whole)
        fold, steps = self._nearest(base, said)
        known = dict(base.known)  # people's decisions are taken over into the base
        stands: list[_Stand] = []
        while fold.at is not None and fold.at < whole:
            at = fold.at + TICK
            transitions = list(self.steps(tx, fold, at))
            steps = (*steps, _Step(at, said.get(at), transitions, fold.known))
            if whole - at < REMEMBERED * TICK:
                stands.append(_Stand(base.at, known, steps, fold))
                fold = fold.copy()
        with self._lock:
            self._stands = self._untouched([*self._stands, *stands])[-REMEMBERED:]
        changed = [transition for step in steps for transition in step.transitions]
        changed += self.steps(tx, fold, now)
        return fold, changed

    def _nearest(self, base: Fold, said: Mapping[datetime, Any]) -> tuple[Fold, tuple[_Step, ...]]:
        """A copy of the newest fold that the database still bears out, and the steps from `base` to it."""
        for number in range(len(self._stands), 0, -1):
            stand = self._stands[number - 1]
            steps = stand.after(base)
            if steps is not None and all(said.get(step.at) == step.said for step in stand.steps):
                with self._lock:
                    self._stands = self._stands[:number]
                return stand.fold.copy(), steps
        self.forget()
        return base.copy(), ()

    def _said(self, tx: Transaction, base: Fold, whole: datetime) -> dict[datetime, Any]:
        """What the database says of each tick by its end: counts of mentions, and what was read of the sources."""
        since = min([base.at or whole, *(stand.since for stand in self._stands)])
        counts = bin_store.totals(tx, base.brands, since, whole)
        covered = self.coverage(tx, since, whole)
        return {at + TICK: (counts.get(at), covered.get(at)) for at in counts.keys() | covered.keys()}

    def _untouched(self, stands: Sequence[_Stand]) -> list[_Stand]:
        news = self._news
        return [stand for stand in stands if news is None or stand.fold.at is None or stand.fold.at <= news]
