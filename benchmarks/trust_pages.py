"""Pages that become due beside everything else: decided every few seconds by another process than the one that sends.

Stories are few, or they would be a storm, whose messages are bundled. So what a page waits for under load is measured
by troubles of the program itself, which are no part of a storm, and told by the same sender in the same way. Somebody
takes each after a minute, or all of them would be said again after a quarter of an hour, which is more than a room of
Slack takes beside what is new.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from alerts.policy import Change
from alerts.speak import Speaker
from benchmarks.trust_worker import made, told
from config.settings import Settings
from storage import attempts, incidents, outbox
from storage.database import Database, Transaction
from storage.records import SYSTEM, IncidentState, Severity

TAKEN_AFTER = 60.0
"""Seconds."""


@dataclass(frozen=True)
class Waited:
    """Seconds that a page waited: from its decision until a sender claimed it, and from then until a server had it."""

    claimed: float
    sent: float

    @property
    def whole(self) -> float:
        """From the decision to the server."""
        return self.claimed + self.sent


@dataclass
class Pages:
    """Decides a page every so many seconds, and knows when each was committed."""

    database: Database
    speaker: Speaker
    every: float
    decided: dict[str, float] = field(default_factory=dict)
    stop: threading.Event = field(default_factory=threading.Event)

    def decide(self) -> None:
        """Decide one after another, until told to stop."""
        while not self.stop.wait(self.every):
            at, number = datetime.now(UTC), len(self.decided)
            new = replace(made(number, at), id=_name(number), brand=SYSTEM, severity=Severity.CRITICAL)
            with self.database.write() as tx:
                incidents.insert(tx, new)
                self.speaker.speak(tx, new, Change.OPENED, told(new, at), at)
                self._take(tx, number - round(TAKEN_AFTER / self.every), at)
            self.decided[new.id] = time.time()

    def _take(self, tx: Transaction, number: int, at: datetime) -> None:
        """Somebody takes a page that was decided before, and nobody is told of that."""
        if found := incidents.get(tx, _name(number)):
            taken = replace(found, acknowledged_by="Kim", acknowledged_at=at, version=found.version + 1)
            incidents.update(tx, replace(taken, state=IncidentState.ACKNOWLEDGED), found.version)

    def waited(self, taken: Mapping[str, float]) -> tuple[list[Waited], list[str]]:
        """What each waited for, given when a server first took each delivery; and those that none took, by name."""
        waited: list[Waited] = []
        untold: list[str] = []
        with self.database.read() as tx:
            for name, decided_at in self.decided.items():
                items = [one.id for one in outbox.history(tx, name)]
                first = min((one for one in items if one in taken), key=lambda one: taken[one], default=None)
                if first is None:
                    untold.append(name)
                    continue
                claimed_at = max(decided_at, attempts.of(tx, first)[0].started_at.timestamp())
                waited.append(Waited(claimed_at - decided_at, max(0.0, taken[first] - claimed_at)))
        return waited, untold


def _name(number: int) -> str:
    return f"page-{number:06d}"


@contextmanager
def paging(database: Database, chosen: Settings, every: float) -> Iterator[Pages]:
    """Decide pages while inside."""
    pages = Pages(database, Speaker.build(chosen), every)
    thread = threading.Thread(target=pages.decide)
    thread.start()
    try:
        yield pages
    finally:
        pages.stop.set()
        thread.join()
