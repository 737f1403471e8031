"""How far X has been read: what the cursor of collectors/twitter.py holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.allowance import Allowance

DELAY = timedelta(seconds=30)
"""How long X takes to index a post; later ends of a window are refused or incomplete."""
WINDOW = timedelta(hours=6)
LIVE, ABSENCE = timedelta(minutes=30), timedelta(minutes=90)
"""How much of the newest is read before what was missed, and how long one has to have been away for that."""


@dataclass
class State:
    """How far a query has been read: everything until `read_until`, and a window of which some pages may be left."""

    read_until: str
    since_id: int = 0
    window_end: str = ""
    token: str = ""
    newest: int = 0
    given: int = 0
    until: str = ""
    """Of a span that was missed: where it ends."""

    def leap(self, now: datetime) -> State | None:
        """Go on with the newest, where much was missed; returns what is left to be read of that."""
        start = (now - DELAY - LIVE).replace(microsecond=0)
        if moment(self.read_until) >= now - ABSENCE:
            return None
        missed = replace(self, until=start.isoformat())
        self.read_until, self.since_id, self.window_end, self.token = start.isoformat(), 0, "", ""
        self.newest = self.given = 0
        return missed

    def open_window(self, now: datetime) -> bool:
        """Begin the next window, if there is something to read; says so."""
        if not self.window_end:
            end = min(moment(self.read_until) + WINDOW, (now - DELAY).replace(microsecond=0))
            if end <= moment(self.read_until):
                return False
            self.window_end, self.token, self.newest, self.given = end.isoformat(), "", 0, 0
        return True

    def was_told(self, until: datetime) -> None:
        """Take as read what a stream has told, which no search needs to ask for."""
        if not self.window_end and moment(self.read_until) < until:
            self.read_until, self.since_id = until.replace(microsecond=0).isoformat(), 0

    def close_window(self) -> None:
        self.read_until, self.since_id = self.window_end, max(self.since_id, self.newest)
        self.window_end = self.token = ""
        self.newest = self.given = 0


@dataclass
class Thread:
    """A conversation: how many answers its first post had when last seen, and when the conversation was last read."""

    state: State
    replies: int = 0
    replies_read: int = 0

    @property
    def is_to_be_read(self) -> bool:
        """Whether it has grown, or was left off in the middle."""
        return self.replies > self.replies_read or bool(self.state.window_end)


@dataclass
class Reading:
    """What the cursor holds: the states of queries, the conversations followed with theirs, and the allowance."""

    queries: dict[str, State]
    threads: dict[str, Thread]
    allowance: Allowance
    grown_at: float = 0.0
    missed: dict[str, list[State]] = field(default_factory=dict)
    """Spans that are read when the newest has been, by query."""
    known: frozenset[str] = frozenset()
    """Queries that were read before."""

    def caught_up(self, query: str, state: State) -> None:
        """A span that was missed has been read."""
        left = [each for each in self.missed[query] if each is not state]
        self.missed = {**self.missed, query: left} if left else {q: s for q, s in self.missed.items() if q != query}

    def cursor(self) -> dict[str, Any]:
        return {
            "queries": {query: asdict(state) for query, state in self.queries.items()},
            "threads": {thread: asdict(kept) for thread, kept in self.threads.items()},
            "allowance": self.allowance.kept(),
            "grown_at": self.grown_at,
            "missed": {query: [asdict(state) for state in states] for query, states in self.missed.items()},
        }


def moment(text: str) -> datetime:
    """A time of the state."""
    return datetime.fromisoformat(text).astimezone(UTC)
