"""The threads of posts that matter: fetched for the incidents that live, and read again while they live.

What matters are the posts that a live incident rests on. Of each its thread is read: the root, what the post answers,
and the most engaged replies, as many as `context_replies` says. A thread that grew is read again soon, one that stood
still ever more rarely; the figures of each reading are samples of its growth. It is paid from the whole of the day's
budget, the reserve included, for this is what the reserve is for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import structlog

from collectors.contract import Collector, CollectorError, ThreadReader
from monitor.pipeline import Batch, Pipeline, always_allowed
from monitor.sources.budget import Budget, Cost, tariff_of
from monitor.sources.surprises import pages_of
from storage import incidents, posts, spending, state
from storage.database import Database, Transaction
from storage.records import Incident, Post, PostKey, Spent

_log = structlog.get_logger(__name__)

SOONEST, LATEST = timedelta(minutes=5), timedelta(hours=2)
"""A thread that grows is read again after the first, one that stands still after up to the second."""
EVIDENCE_READ = 20
"""Posts of one incident, most telling first, whose threads are read."""
REQUESTS_A_THREAD = 3
STATE = "threads"


@dataclass(frozen=True, slots=True)
class Visit:
    """When a thread was last read, when it is read next, and how many of its posts are known."""

    read_at: datetime
    next_at: datetime
    posts: int = 0


@dataclass(frozen=True, slots=True)
class ThreadSource:
    """A source whose threads are read: how many replies of each, and what a day may cost."""

    collector: Collector
    replies: int = 50
    budget: Budget = field(default_factory=Budget)


@dataclass(frozen=True, slots=True)
class IncidentThreads:
    """Reads the threads of live incidents."""

    sources: Mapping[str, ThreadSource]
    database: Database
    pipeline: Pipeline
    clock: Callable[[], datetime]
    guard: Callable[[Transaction], None] = always_allowed
    """Asked inside every transaction that stores something; raises when another process leads by now."""

    def step(self) -> int:
        """Read the threads that are due; how many were read. A source that fails is asked again later."""
        now = self.clock()
        with self.database.read() as tx:
            live = [incident for incident in incidents.live(tx) if incident.evidence]
            wanted = list(dict.fromkeys(key for incident in live for key in _telling(incident)))
            found = {post.key: post for post in posts.get(tx, [key for key in wanted if key[0] in self.sources])}
            visits = _visits(state.load(tx, STATE))
        roots = _roots([found[key] for key in wanted if key in found])
        kept = {root: visits[root] for root in roots if root in visits}
        due = [root for root in roots if root not in kept or kept[root].next_at <= now]
        read = 0
        for root in due:
            if (posts_read := self._read(roots[root], now)) is not None:
                kept[root] = following(kept.get(root), posts_read, now)
                read += 1
            else:
                kept[root] = Visit(now, now + LATEST, kept[root].posts if root in kept else 0)
        if due or kept.keys() != visits.keys():
            self._keep(kept, now)
        return read

    def _read(self, post: Post, now: datetime) -> int | None:
        """Read one thread and store it; how many posts it gave, or `None` where it could not be read."""
        source = self.sources[post.source]
        reader = source.collector
        if not isinstance(reader, ThreadReader) or not source.replies or not self._can_pay(post.source, now):
            return None
        requests = given = 0
        try:
            for page in pages_of(post.source, reader.thread(post, source.replies)):
                requests, given = requests + page.requests, given + len(page.posts)
                self.pipeline.ingest(Batch(posts=page.posts, samples=page.samples, guard=self.guard))
        except CollectorError as error:
            _log.warning("thread could not be read", source=post.source, thread=post.thread_id, reason=str(error))
            return None
        finally:
            self._pay(post.source, requests, given, now)
        _log.info("thread read", source=post.source, thread=post.thread_id, posts=given)
        return given

    def _can_pay(self, name: str, now: datetime) -> bool:
        source = self.sources[name]
        price = tariff_of(source.collector).price(requests=REQUESTS_A_THREAD, posts=source.replies)
        with self.database.read() as tx:
            spent = spending.on(tx, name, now.astimezone(UTC).date())
        cost = Cost(REQUESTS_A_THREAD, source.replies, price)
        return source.budget.turns_left(spent, cost, for_incident=True) >= 1

    def _pay(self, name: str, requests: int, given: int, now: datetime) -> None:
        price = tariff_of(self.sources[name].collector).price(requests=requests, posts=given)
        with self.database.write() as tx:
            spending.add(tx, Spent(name, now.astimezone(UTC).date(), requests, given, price))

    def _keep(self, visits: Mapping[PostKey, Visit], now: datetime) -> None:
        rows = [(*root, visit) for root, visit in visits.items()]
        with self.database.write() as tx:
            self.guard(tx)
            state.save(tx, STATE, now, msgspec.json.encode(rows))


def following(last: Visit | None, given: int, now: datetime) -> Visit:
    """When a thread is read next: soon where it grew, after twice the time where it stood still."""
    if last is None or given > last.posts:
        return Visit(now, now + SOONEST, given)
    pause = min(max(2 * (last.next_at - last.read_at), SOONEST), LATEST)
    return Visit(now, now + pause, max(given, last.posts))


def _telling(incident: Incident) -> Sequence[PostKey]:
    origin = [incident.origin] if incident.origin else []
    return [*origin, *incident.evidence[:EVIDENCE_READ]]


def _roots(found: Sequence[Post]) -> dict[PostKey, Post]:
    """The threads of posts by their roots, each with the most telling of its posts."""
    roots: dict[PostKey, Post] = {}
    for post in found:
        roots.setdefault((post.source, post.thread_id or post.external_id), post)
    return roots


def _visits(kept: tuple[datetime, bytes] | None) -> dict[PostKey, Visit]:
    if kept is None:
        return {}
    rows = msgspec.json.decode(kept[1], type=list[tuple[str, str, Visit]])
    return {(source, root): visit for source, root, visit in rows}
