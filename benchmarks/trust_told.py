"""When people were first told of an incident, beside the moments at which it was decided and due."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from storage import incidents, outbox
from storage.database import Database
from storage.records import Reason

WATCH_EVERY = 0.05


@dataclass(frozen=True)
class Told:
    """A first message: whose it is, when its look began, when it was committed and due, and when a server had it."""

    brand: str
    looked_at: float
    decided_at: float
    due_at: float
    taken_at: float

    @property
    def since_decided(self) -> float:
        """Seconds for which it waited against the policy's will."""
        return self.taken_at - max(self.decided_at, self.due_at)

    @property
    def not_waiting(self) -> float:
        """When it would have been told if the policy let nothing wait."""
        return self.taken_at - (self.due_at - self.looked_at)


@dataclass
class Watcher:
    """Notes when incidents are there that people are told of."""

    database: Database
    decided: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        """Look again and again, until it is told to stop; an incident came after the look before."""
        before = time.time()
        while not self.stop.wait(WATCH_EVERY):
            now = time.time()
            with self.database.read() as tx:
                for (name,) in tx.exec_driver_sql("SELECT DISTINCT incident_id FROM alert").all():
                    self.decided.setdefault(name, before)
            before = now


@contextmanager
def watching(database: Database) -> Iterator[dict[str, float]]:
    """Note meanwhile when incidents are there that people are told of, by their id."""
    watcher = Watcher(database)
    thread = threading.Thread(target=watcher.watch)
    thread.start()
    try:
        yield watcher.decided
    finally:
        watcher.stop.set()
        thread.join()


def first_messages(database: Database, decided: dict[str, float], taken: dict[str, float]) -> Iterator[Told]:
    """The first message of each incident; `taken` is when a server first took each delivery."""
    with database.read() as tx:
        for incident in incidents.recent(tx, limit=100_000):
            first = [one for one in outbox.history(tx, incident.id) if one.reason is Reason.OPENED and one.id in taken]
            looked = [one.at for one in incidents.alerts(tx, incident.id) if one.reason is Reason.OPENED]
            if first and looked and not incident.is_system:
                yield Told(
                    incident.brand,
                    min(looked).timestamp(),
                    decided[incident.id],
                    min(one.first_due_at for one in first).timestamp(),
                    min(taken[one.id] for one in first),
                )
