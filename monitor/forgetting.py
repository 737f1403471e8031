"""Forgetting in memory what was deleted from the database, by this process or another.

Nobody tells a running process that `tocsin db forget` ran beside it. So it looks at a mark in the database that
everything changes that deletes words, and empties what it remembers of texts when that is another one than before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from monitor import remembered
from storage import forgetting as forgetting_store
from storage.database import Database

_log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=10)


@dataclass
class Forgetting:
    """Looks whether anything was deleted since the last look; `also` is called then, for what else holds words."""

    database: Database
    also: Callable[[], None] = lambda: None
    _seen: bytes | None = field(default=None, init=False)

    def look(self) -> None:
        """Let go of every text that this process remembers, if anything was deleted."""
        with self.database.read() as tx:
            mark = forgetting_store.mark(tx)
        if mark == self._seen:
            return
        is_first, self._seen = self._seen is None, mark
        if is_first:
            return  # what is remembered was read afterwards
        remembered.let_go()
        self.also()
        self.database.let_go()
        _log.info("forgot what is remembered of texts")
