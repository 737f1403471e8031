"""Erasing an author: some posts at a time, then the files, then the receipt; whoever is cut off goes on with the next.

What a transaction has erased it also writes down (storage/receipts.py), until the receipt is printed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.routing import Routing
from monitor.sources.removal import remove
from storage import erasure, outbox, receipts, upkeep
from storage.database import Database
from storage.receipts import Untold
from storage.records import PostKey

AT_ONCE = 500
"""Posts that one transaction erases."""


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to erase, and what an erasure that was cut off did not come to tell."""

    posts: Sequence[PostKey]
    cut_off: Untold | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message to people that had quoted what was erased."""

    channel: str
    target: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased, when, and what could not be reached.

    `waiting` counts what waited to be read or was set aside. `cut_off_since` is when an erasure began that was cut off,
    and that this one tells of, too.
    """

    at: datetime
    posts: Mapping[str, int]
    waiting: int
    messages_changed: tuple[Message, ...]
    messages_beyond: tuple[Message, ...]
    files_rewritten: bool
    cut_off_since: datetime | None


@dataclass(frozen=True)
class Erasing:
    """Erases what an account wrote, on one source or on every one."""

    database: Database
    routing: Routing
    author: str
    source: str | None = None

    def find(self) -> Found:
        """Look what there is; what waits to be read is looked for while it is erased."""
        with self.database.read() as tx:
            return Found(erasure.posts_of(tx, self.author, self.source), receipts.load(tx))

    def erase(self, found: Found, now: datetime) -> Untold | None:
        """Erase it; None where there was nothing, and nothing left to tell."""
        untold = found.cut_off or Untold(now)
        with self.database.write() as tx:
            if waiting := erasure.forget_waiting(tx, self.author, self.source):
                untold = replace(untold, waiting=untold.waiting + waiting)
                receipts.save(tx, untold)
        for start in range(0, len(found.posts), AT_ONCE):
            with self.database.write() as tx:
                removed = remove(tx, self.routing, found.posts[start : start + AT_ONCE], now, "the author asked")
                changed, beyond = removed.messages.changed, removed.messages.beyond
                untold = untold.with_posts(removed.posts, [one.id for one in changed], [one.id for one in beyond])
                receipts.save(tx, untold)
        return untold if found.cut_off or untold != Untold(now) else None

    def receipt(self, untold: Untold, found: Found, now: datetime, *, rewrite: bool) -> Receipt:
        """What was erased, after the files were rewritten if that is wanted."""
        if rewrite:
            upkeep.purge(self.database)
        changed, beyond = self._messages(untold.changed), self._messages(untold.beyond)
        since = found.cut_off.since if found.cut_off else None
        return Receipt(now, untold.posts, untold.waiting, changed, beyond, rewrite, since)

    def done(self, untold: Untold) -> None:
        """The receipt is printed."""
        with self.database.write() as tx:
            receipts.forget(tx, untold)

    def _messages(self, names: Collection[str]) -> tuple[Message, ...]:
        with self.database.read() as tx:
            found = (outbox.get(tx, name) for name in names)
            return tuple(dict.fromkeys(Message(one.channel, one.target, one.sent_at) for one in found if one))
