"""One look at the database for everybody who waits for changes."""

from __future__ import annotations

import threading
from time import monotonic

import structlog

from storage import changes
from storage.changes import Mark
from storage.database import Database
from storage.errors import StorageError

_log = structlog.get_logger(__name__)

LOOKS_EVERY = 1.0
"""Seconds for which one look serves everybody."""


class Watch:
    """Knows where things stand. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._mark: Mark = ()

    def mark(self) -> Mark:
        """Where things stand, at most `LOOKS_EVERY` ago; as it was last known while the database does not answer."""
        with self._lock:
            if monotonic() - self._looked_at >= LOOKS_EVERY or not self._mark:
                self._look()
            return self._mark

    def _look(self) -> None:
        try:
            with self._database.read() as tx:
                self._mark = changes.mark(tx)
        except StorageError as error:
            _log.warning("pages do not follow", reason=str(error))
        self._looked_at = monotonic()
