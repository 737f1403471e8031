"""Posts that were handed in, as the source that reads them sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from storage import inbox as inbox_store
from storage.database import Database
from storage.records import Letter


@dataclass(frozen=True, slots=True)
class StoredInbox:
    """The inbox of one source in the database."""

    database: Database
    source: str
    clock: Callable[[], datetime]

    def waiting(self, after: int, limit: int) -> Sequence[Letter]:
        """Posts that arrived after the one numbered `after`, in their order."""
        with self.database.read() as tx:
            return inbox_store.waiting(tx, self.source, after, limit)

    def newest(self) -> Letter | None:
        """The post that arrived last."""
        with self.database.read() as tx:
            return inbox_store.newest(tx, self.source)

    def forget(self, up_to: int) -> None:
        """Let go of what was read up to this number, a week after it arrived."""
        with self.database.write() as tx:
            inbox_store.expire(tx, self.source, up_to, self.clock())
