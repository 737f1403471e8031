"""Sources shared among the processes that run over one database: each is read by the one that holds its lease.

Whoever holds a source reads, understands and stores it. Every transaction that does so prolongs the lease under its
fence, so that a process which was believed dead, and wakes, stores nothing (decision 207). Where sources are not
shared, the leader holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from monitor.living import is_dead
from monitor.shares import shares, weight
from storage import cursors, instances, leases, outbox, source_counts
from storage.database import Database, Transaction
from storage.instances import Instance
from storage.leases import Lease

_log = structlog.get_logger(__name__)

SOURCE = "source:"
"""What the name of a source's lease begins with; the source's name follows."""
HELD_FOR = timedelta(seconds=10)
LEAVES_WITHIN = timedelta(minutes=1)
"""How long a source that is another's share may still be read; then it is given back, and what is read is refused."""
WEIGHED_OVER = timedelta(hours=1)


class NotHoldingError(Exception):
    """Another process reads the source; what this one was about to store is left to it."""


@dataclass
class Sharing:
    """What this process (`owner`) reads of the `sources`, and who else is there.

    `is_busy` says whether a source is being read or listened to at this moment: it is not given away meanwhile.
    """

    owner: str
    sources: Collection[str]
    database: Database
    clock: Callable[[], datetime]
    is_shared: bool = True
    is_busy: Callable[[str], bool] = lambda _: False
    degraded: Callable[[], str] = lambda: ""
    prepare: Callable[[str], None] = lambda _: None
    """Told of a source before this process has it."""
    others: list[Instance] = field(default_factory=list, init=False)
    """The other processes, as of the last look."""
    _held: dict[str, Lease] = field(default_factory=dict, init=False)
    _leaving: dict[str, datetime] = field(default_factory=dict, init=False)
    """Sources that are another's share, and since when."""
    _weights: tuple[datetime, dict[str, float]] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Begin without any."""
        self._started_at = self.clock()

    def holds(self, source: str) -> bool:
        """Whether this process is to read the source."""
        lease = self._held.get(source)
        return lease is not None and source not in self._leaving and lease.expires_at > self.clock()

    def guard(self, source: str) -> Callable[[Transaction], None]:
        """What is asked inside every transaction that stores something of the source."""
        return lambda tx: self._check(tx, source, self._held.get(source))

    def guard_of_run(self, source: str) -> Callable[[Transaction], None]:
        """The same for a run that begins now, which ends when another process had the source in between."""
        lease = self._held.get(source)
        return lambda tx: self._check(tx, source, lease)

    def look(self, *, leads: bool) -> list[str]:
        """Say that this process runs, prolong its leases, take what is its share; the sources that are new to it.

        What is another's share is given back as soon as it is not read any more.
        """
        now = self.clock()
        with self.database.write() as tx:
            bury(tx, now)
            instances.say(tx, Instance(self.owner, self._started_at, now + HELD_FOR, self.degraded()))
            self.others = [one for one in instances.running(tx, now, HELD_FOR) if one.name != self.owner]
            known = {lease.name.removeprefix(SOURCE): lease for lease in leases.every(tx, SOURCE)}
            held = {name: lease for name, lease in self._held.items() if _is_same(lease, known.get(name))}
            mine = self._share(tx, known, now, leads=leads)
            leaving = {name: self._leaving.get(name, now) for name in held.keys() - mine}
            left = {name for name, since in leaving.items() if now - since >= LEAVES_WITHIN or not self.is_busy(name)}
            for name in sorted(left):
                leases.release(tx, held[name], now)
            kept = {name: replace(held[name], expires_at=now + HELD_FOR) for name in held.keys() - left}
            leases.renew_all(tx, [lease.name for lease in kept.values()], self.owner, now, HELD_FOR)
            taken = self._taken(tx, sorted(mine - kept.keys()), now)
        self._say(self._held.keys() - held.keys(), left, taken)
        for name in taken:
            self.prepare(name)
        self._held, self._leaving = {**kept, **taken}, {name: leaving[name] for name in leaving.keys() - left}
        return sorted(taken)

    def give_back(self, tx: Transaction) -> None:
        """Leave everything to the others: this process ends."""
        for name in sorted(self._held):
            leases.release(tx, self._held[name], self.clock())
        instances.forget(tx, self.owner)
        self._held = {}

    def read_by_others(self, tx: Transaction) -> object:
        """Differs whenever another process has stored a page."""
        return cursors.reached(tx, but=list(self._held)) if self.others else None

    def _check(self, tx: Transaction, source: str, lease: Lease | None) -> None:
        if lease is None or not leases.guard(tx, lease, self.clock(), HELD_FOR):
            raise NotHoldingError(f"another process reads {source} by now")

    def _share(self, tx: Transaction, known: dict[str, Lease], now: datetime, *, leads: bool) -> set[str]:
        """The sources that this process is to read."""
        if not self.is_shared:
            return set(self.sources) if leads else set()
        running = {self.owner, *(one.name for one in self.others)}
        held = {name: lease.owner for name, lease in known.items() if lease.is_held(now, HELD_FOR)}
        free = [name for name in self.sources if held.get(name, self.owner) in running]
        found = shares(self._weighed(tx, free, now), held, running)
        return {name for name, owner in found.items() if owner == self.owner}

    def _weighed(self, tx: Transaction, sources: Iterable[str], now: datetime) -> dict[str, float]:
        """What the sources weigh, which all processes see alike for as long as a minute lasts."""
        since = now.replace(second=0, microsecond=0) - WEIGHED_OVER
        if self._weights is None or self._weights[0] != since:
            totals = source_counts.totals(tx, since)
            self._weights = (since, {name: weight(one.new_posts) for name, one in totals.items()})
        return {name: self._weights[1].get(name, weight(0)) for name in sources}

    def _taken(self, tx: Transaction, sources: Iterable[str], now: datetime) -> dict[str, Lease]:
        found = {name: leases.acquire_at_once(tx, SOURCE + name, self.owner, now, HELD_FOR) for name in sources}
        return {name: lease for name, lease in found.items() if lease is not None}

    def _say(self, lost: Collection[str], left: Collection[str], taken: Collection[str]) -> None:
        if lost:
            _log.warning("sources are read by another process by now", sources=sorted(lost), owner=self.owner)
        if left or taken:
            _log.info("sources shared", taken=sorted(taken), left=sorted(left), owner=self.owner)


def bury(tx: Transaction, now: datetime) -> None:
    """Free at once what processes of this machine held that are dead, instead of waiting until it runs out.

    A mistake would be no worse than a clock that is ahead: the fence tells whoever is overtaken.
    """
    dead = [name for name in instances.names(tx) if is_dead(name)]
    if not dead:
        return
    leases.free(tx, dead, now)
    outbox.let_go(tx, dead, now)
    for name in dead:
        instances.forget(tx, name)
    _log.warning("processes of this machine died", owners=dead)


def _is_same(held: Lease, now: Lease | None) -> bool:
    return now is not None and (now.owner, now.fence) == (held.owner, held.fence)
