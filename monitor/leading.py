"""Leading: of several processes over one database one judges, by a lease that it renews as long as it lives."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from monitor.assembly import Clock
from storage import leases
from storage.database import Database, Transaction

_log = structlog.get_logger(__name__)

LEADER = "leader"
LEASE_FOR = timedelta(seconds=10)
RENEW_EVERY = timedelta(seconds=3)


class NotLeadingError(Exception):
    """Another process leads; what this one was about to store is left to it."""


@dataclass
class Leadership:
    """This process's part in leading."""

    owner: str
    database: Database
    clock: Clock
    _lease: leases.Lease | None = field(default=None, init=False)

    @property
    def is_held(self) -> bool:
        """Whether this process leads: its lease has not run out."""
        return self._lease is not None and self._lease.expires_at > self.clock()

    def look(self) -> bool:
        """Renew the lease, or take it when nobody holds it; whether it is new, so that others may have led before."""
        now, before = self.clock(), self._lease
        with self.database.write() as tx:
            held = leases.renew(tx, before, now, LEASE_FOR) if before else None
            self._lease = held or leases.acquire(tx, LEADER, self.owner, now, LEASE_FOR)
        if self._lease is None or (before is not None and before.fence == self._lease.fence):
            return False
        _log.info("leading", owner=self.owner, fence=self._lease.fence)
        return True

    def require(self, tx: Transaction) -> None:
        """Raise `NotLeadingError` when another process leads by now; none can take the lease until the end of `tx`."""
        held = leases.get(tx, LEADER, locked=True)
        if self._lease is None or held.fence != self._lease.fence or held.owner != self.owner:
            raise NotLeadingError(f"{held.owner or 'nobody'} leads by now; this process waits for its turn")

    def give_back(self, tx: Transaction) -> None:
        """Let another process lead at once."""
        if self._lease is not None:
            leases.release(tx, self._lease, self.clock())
