"""Trying other thresholds on stored history: one trial at a time, in a thread of its own, with its progress."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from monitor.backtest.compare import Backtest, backtest
from monitor.backtest.variants import Variant
from storage.database import Database

_log = structlog.get_logger(__name__)

MOST_KEPT = 8


class CalledOffError(Exception):
    """Another trial was asked for; nobody waits for this one any more."""


@dataclass
class Trial:
    """One trial: `done` is how much of it is (0 to 1); `found` and `failed` are set at its end."""

    id: str
    variants: tuple[Variant, ...]
    since: datetime | None
    done: float = 0.0
    found: Backtest | None = None
    failed: str = ""
    is_over: threading.Event = field(default_factory=threading.Event)
    is_called_off: threading.Event = field(default_factory=threading.Event)


class Trials:
    """Begins trials and keeps the last few. A new one calls off the one that is under way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[str, Trial] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def begin(self, variants: tuple[Variant, ...], since: datetime | None) -> Trial:
        """Begin a trial."""
        trial = Trial(secrets.token_hex(8), variants, since)
        with self._lock:
            for other in self._kept.values():
                other.is_called_off.set()
            self._kept[trial.id] = trial
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        threading.Thread(target=self._run, args=(trial,), name="trial", daemon=True).start()
        return trial

    def get(self, trial_id: str) -> Trial | None:
        """The trial of this id, while it is kept."""
        with self._lock:
            return self._kept.get(trial_id)

    def _run(self, trial: Trial) -> None:
        def watch(_: datetime, done: float) -> None:
            trial.done = done
            if trial.is_called_off.is_set():
                raise CalledOffError

        try:
            with self._turn:
                watch(datetime.min, 0.0)  # noqa: DTZ901  # it may have been called off while it waited
                trial.found = backtest(self._database, trial.variants, trial.since, None, watch)
            if trial.found is None:
                trial.failed = "Nothing is stored in that span yet; choose a longer one."
        except CalledOffError:
            trial.failed = "Another trial was begun."
        except Exception as error:  # noqa: BLE001  # the top of a thread; who waits must be told
            _log.exception("a trial failed", error=type(error).__name__)
            trial.failed = "The trial failed; the log says why."
        finally:
            trial.is_over.set()
