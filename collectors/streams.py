"""What streams tell, between the thread that listens and the turn that reads (decision 160).

A stream breaks, and what its platform said meanwhile it seldom repeats. So nothing rests on having heard anything: what
was heard waits in memory until a turn has stored it, and a turn that finds the stream broken reads the platform's lists
back to what is known, as it would without a stream. A process that is killed loses nothing that its lists do not give.

How long to wait before connecting again is what X documents for its streams, which is the most careful of those that
are listened to: at once after a connection that stood; 250 ms more each time that the network fails, up to 16 s; from
5 s doubled up to 320 s when the server refuses; from a minute doubled when it says that there were too many attempts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from collectors.contract import CollectorError, Quarantined, raw_hash
from collectors.rounds import ODD, Found
from storage.records import Gap, GapCause, Post

_log = structlog.get_logger(__name__)

MANY_GONE = 1_000
"""Deletions and edits of posts that nobody here has been told of, of which so many are worth a turn."""
MOST_WAITING = 20_000
"""Posts that wait to be stored; a stream that tells more is hung up on, and lists are read."""
STOOD_FOR = 20.0
"""Seconds after which a connection counts as one that stood; one that is cut sooner is waited for."""
TRUSTED_AFTER = timedelta(seconds=15)
"""How long after its beginning a stream is trusted to tell everything: posts of the last seconds were on their way."""
PERMANENT_PAUSE = 300.0
LONGEST_REFUSED, LONGEST_LIMITED, LONGEST_BROKEN = 320.0, 900.0, 16.0
LOOK_EVERY = 0.5
SETTLE = 1.0
"""Seconds between one call for a turn and the next, in a flood."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The span of which a stream has told everything, until its last sign of life."""

    since: datetime
    until: datetime


class Connection(Protocol):
    """One connection to a platform's stream."""

    @property
    def name(self) -> str:
        """What is told apart by, among the connections of a source."""

    def hear(self, hearing: Hearing) -> None:
        """Connect and pass on what is told; returns when the other side ends it. Raises `CollectorError`."""

    def shut(self) -> None:
        """Let `hear` end, from another thread."""


@dataclass
class Hearing:
    """What the connections of one source (`parts` of them) have told, and since when all of them stand."""

    source: str
    clock: Callable[[], datetime]
    parts: int = 1
    most: int = MOST_WAITING
    fresh: threading.Event = field(default_factory=threading.Event, init=False)
    """Set when something new waits."""

    def __post_init__(self) -> None:
        """Nothing stands yet."""
        self._lock = threading.Lock()
        self._posts: list[Post] = []
        self._bad: list[Quarantined] = []
        self._gone: dict[str, str] = {}
        self._left: dict[str, str] = {}
        self._changed: list[Post] = []
        self._told: dict[str, None] = {}
        self._alive: dict[str, datetime] = {}
        self._since: datetime | None = None
        self._broken: tuple[datetime, str] | None = None

    # -- who listens ---------------------------------------------------------------------------------------------------

    def opened(self, part: str) -> None:
        """A connection stands."""
        with self._lock:
            self._alive[part] = self.clock()
            if len(self._alive) == self.parts:
                self._since = self.clock()
        _log.info("listening", source=self.source, stream=part)

    def alive(self, part: str) -> None:
        """A sign of life."""
        with self._lock:
            self._alive[part] = self.clock()

    def tell(self, part: str, found: Found) -> None:
        """Keep what was told until a turn has stored it; `CollectorError` when too much waits."""
        with self._lock:
            waiting = len(self._posts) + len(self._bad) + self._fates
            if waiting + found.given > self.most:
                raise CollectorError(f"more than {self.most} posts wait to be stored; lists are read instead")
            self._posts += found.posts
            self._bad += found.bad
            self._gone |= found.gone
            self._left |= found.left
            self._changed += found.changed
            self._alive[part] = self.clock()
            is_news = self._is_news(found)
        if is_news:
            self.fresh.set()

    def _is_news(self, found: Found) -> bool:
        """Whether a turn is to be called for: deletions are mostly of strangers' posts, and wait for others to come."""
        self._told |= dict.fromkeys(post.external_id for post in found.posts)
        while len(self._told) > self.most:
            del self._told[next(iter(self._told))]
        named = [*found.gone, *(post.external_id for post in found.changed)]
        is_ours = any(name in self._told for name in named)
        is_many = bool(named or found.left) and self._fates >= MANY_GONE
        return bool(found.posts or found.bad) or is_ours or is_many

    @property
    def _fates(self) -> int:
        """How many words wait on what became of posts and accounts."""
        return len(self._gone) + len(self._left) + len(self._changed)

    def broke(self, part: str, why: str) -> None:
        """A connection is no more; what it told before that still counts."""
        with self._lock:
            if self._since is not None:
                self._broken = self._broken or (min(self._alive.values()), why)
            self._alive.pop(part, None)
            self._since = None

    # -- who reads -----------------------------------------------------------------------------------------------------

    def standing(self) -> Standing | None:
        """What was told without a break, `None` while a connection is missing. Ask it before taking what waits."""
        with self._lock:
            return None if self._since is None else Standing(self._since, min(self._alive.values()))

    def waiting(self, most: int) -> Found:
        """The oldest of what waits; it goes on waiting until it is `stored`. What became of posts comes after them."""
        with self._lock:
            posts, bad, is_last = self._posts[:most], self._bad[:most], len(self._posts) <= most
            gone, left, changed = (dict(self._gone), dict(self._left), list(self._changed)) if is_last else ({}, {}, [])
            given = len(posts) + len(bad) + len(gone) + len(left) + len(changed)
            return Found(posts, bad, given=given, gone=gone, left=left, changed=changed)

    def stored(self, found: Found) -> None:
        """Let go of what `waiting` gave."""
        with self._lock:
            del self._posts[: len(found.posts)]
            del self._bad[: len(found.bad)]
            del self._changed[: len(found.changed)]
            for name in found.gone:
                self._gone.pop(name, None)
            for author in found.left:
                self._left.pop(author, None)

    @property
    def count(self) -> int:
        """How many posts wait."""
        with self._lock:
            return len(self._posts)

    def missed(self, read_at: datetime | None) -> Gap | None:
        """The span that a break has left untold, told once; not earlier than the turn before (`read_at`)."""
        with self._lock:
            broken, self._broken = self._broken, None
        if broken is None:
            return None
        since, why = broken
        start, end = max(since, read_at or since), self.clock()
        return (
            Gap(self.source, start, end, f"the stream broke off: {why}", cause=GapCause.FAILURE)
            if start < end
            else None
        )


def told_by(item: Any, read: Callable[[Any], Post | Found | None]) -> Found:
    """What `read` makes of one item: a post, what became of one, `None` for what is to be left out; what it fails at is
    set aside."""
    try:
        told = read(item)
    except ODD as error:
        return Found(bad=[Quarantined("told by the stream", repr(error), raw_hash(repr(item)))], given=1)
    return told if isinstance(told, Found) else Found([] if told is None else [told], given=1)


def listen(
    connections: Sequence[Connection], hearing: Hearing, news: Callable[[], None], stopping: threading.Event
) -> None:
    """Keep the connections up, and call for a turn when something was told, until `stopping` is set."""
    with _minded(connections, hearing, news, stopping):
        others = [
            threading.Thread(target=keep_up, args=(each, hearing, stopping), name=f"stream:{each.name}", daemon=True)
            for each in connections[1:]
        ]
        for thread in others:
            thread.start()
        keep_up(connections[0], hearing, stopping)
        for thread in others:
            thread.join()


def keep_up(
    connection: Connection,
    hearing: Hearing,
    stopping: threading.Event,
    uptime: Callable[[], float] = time.monotonic,
) -> None:
    """Connect again and again, with the pauses that are asked for, until `stopping` is set."""
    failures = 0
    while not stopping.is_set():
        began, error, why = uptime(), None, "the program stopped"
        try:
            connection.hear(hearing)
            why = "the other side ended it"
        except CollectorError as problem:
            error, why = problem, str(problem)
        finally:
            hearing.broke(connection.name, why)
        if stopping.is_set():
            return
        failures = 0 if uptime() - began >= STOOD_FOR else failures + 1
        pause = pause_after(failures, error)
        _log.warning("stream broke off", source=hearing.source, stream=connection.name, reason=why, again_in=pause)
        stopping.wait(pause)


def pause_after(failures: int, error: CollectorError | None) -> float:
    """Seconds until a platform is connected to again, after so many failures in a row."""
    asked = (error.retry_after if error else None) or 0.0
    if error is not None and error.permanent:
        return max(PERMANENT_PAUSE, asked)
    doubled = 2.0 ** max(min(failures, 16) - 1, 0)
    if error is not None and error.status == 429:
        return max(min(60.0 * doubled, LONGEST_LIMITED), asked)
    if error is not None and error.status is not None:
        return max(min(5.0 * doubled, LONGEST_REFUSED), asked)
    return max(min(0.25 * failures, LONGEST_BROKEN), asked)


@contextmanager
def _minded(
    connections: Sequence[Connection], hearing: Hearing, news: Callable[[], None], stopping: threading.Event
) -> Iterator[None]:
    """Beside those that wait for the network: calls for turns, and shuts the connections at the end."""
    done = threading.Event()

    def mind() -> None:
        while not done.is_set():
            # what came while a turn was under way is called for again
            is_told = hearing.fresh.wait(LOOK_EVERY) or hearing.count
            if is_told and not done.is_set():
                hearing.fresh.clear()
                news()
                done.wait(SETTLE)
            if stopping.is_set():
                for connection in connections:
                    connection.shut()

    thread = threading.Thread(target=mind, name=f"mind:{hearing.source}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        hearing.fresh.set()
        thread.join()
