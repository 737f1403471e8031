"""Trying other thresholds on stored history: one trial at a time, in a thread of its own, with its progress."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from monitor.backtest.compare import Backtest, backtest
from monitor.backtest.variants import Variant
from monitor.remembered import minded
from monitor.web.behind import Job, Watch, begin
from storage.database import Database

MOST_KEPT = 8


@dataclass
class Trial(Job):
    """One trial: `found` is set at its end."""

    id: str
    variants: tuple[Variant, ...]
    since: datetime | None
    found: Backtest | None = None


class Trials:
    """Begins trials and keeps the last few. A new one calls off the one that is under way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[str, Trial] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        minded(self)

    def let_go(self) -> None:
        """Keep nothing of what was found; what was tried may still be saved."""
        with self._lock:
            for trial in self._kept.values():
                if trial.found is not None:
                    trial.found, trial.failed = None, "Posts were deleted since; try it again."

    def begin(self, variants: tuple[Variant, ...], since: datetime | None) -> Trial:
        """Begin a trial."""
        trial = Trial(secrets.token_hex(8), variants, since)
        with self._lock:
            for other in self._kept.values():
                other.is_called_off.set()
            self._kept[trial.id] = trial
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)

        def compare(watch: Watch) -> None:
            trial.found = backtest(self._database, variants, since, None, watch)
            if trial.found is None:
                trial.failed = "Nothing is stored in that span yet; choose a longer one."

        begin(trial, "trial", self._turn, compare, "Another trial was begun.")
        return trial

    def get(self, trial_id: str) -> Trial | None:
        """The trial of this id, while it is kept."""
        with self._lock:
            return self._kept.get(trial_id)
