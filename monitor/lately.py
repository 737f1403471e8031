"""What was stored of late, as judging would read it back from the database.

Nearly all that is judged was stored by the same process moments ago, and is looked at several times: provisionally
until it is settled, then for good. It is kept until then, as long as nobody else has written to the posts
(storage/edition.py); what was deleted is let go of, and the rest stays. Whenever that is not sure, and after a
restart, the database is read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from monitor.detectors.contract import TICK
from monitor.fold import by_tick
from storage import deletions, edition
from storage import posts as post_store
from storage.database import Transaction
from storage.ingest import Written
from storage.reading import largest
from storage.records import STALE_AFTER, EngagementSample, MentionedPost, Post

MOST = 150_000
"""Mentions and samples that are kept; of more the oldest ticks are read again where asked for."""
_Item = TypeVar("_Item")
_NEXT = timedelta(microseconds=1)
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass
class Lately:
    """Complete from `_since` on, in the edition `_edition` of the posts (`None`: in none).

    One writes while others look: who looks in a transaction that began before the last writing reads the database.
    """

    _edition: int | None = None
    _since: datetime = _NEVER
    _ticks: dict[datetime, _OfTick] = field(default_factory=dict)
    """By the beginning of the tick in which they count."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __len__(self) -> int:
        """How many mentions and samples are kept."""
        return sum(map(len, self._ticks.values()))

    def begin(self, tx: Transaction) -> None:
        """Be ready for what the transaction will write, which nobody else can write to meanwhile."""
        found = edition.of(tx)
        with self._lock:
            if found is None:
                return
            if self._keeps_up(tx, found):
                self._make_room()
                return
            newest = post_store.newest_moment(tx)
            self._edition, self._since = found, newest + _NEXT if newest else _ALWAYS
            self._ticks = {}

    def take(self, tx: Transaction, written: Written) -> None:
        """Take in what the transaction has written since `begin`."""
        with self._lock:
            if self._edition is None:
                return
            gone = {_name(item) for item in chain(written.changed_mentions, written.removed_mentions)}
            for kept in self._ticks.values() if gone else ():  # a change may let it count at another moment
                kept.mentions = [item for item in kept.mentions if _name(item) not in gone]
            items = map(_in_utc, chain(written.new_mentions, written.changed_mentions))
            for at, of_tick in self._wanted(by_tick(items, attrgetter("post.judged_at"))):
                self._of(at).mentions.extend(of_tick)
            samples = [one if one.at.tzinfo is UTC else _sample_in_utc(one) for one in written.samples]
            for at, sampled in self._wanted(by_tick(samples, attrgetter("at"))):
                self._of(at).samples.extend(sampled)
            self._edition = edition.of(tx)

    def _wanted(self, found: Mapping[datetime, list[_Item]]) -> list[tuple[datetime, list[_Item]]]:
        """What counts in ticks of which something is asked for from here."""
        return [(at, items) for at, items in found.items() if at + TICK > self._since]

    def _of(self, at: datetime) -> _OfTick:
        return self._ticks.get(at) or self._ticks.setdefault(at, _OfTick())

    def _make_room(self) -> None:
        """Let go of the oldest ticks while there is too much."""
        kept = len(self)
        for at in sorted(self._ticks):
            if kept <= MOST:
                return
            kept -= len(self._ticks.pop(at))
            self._since = max(self._since, at + TICK)

    def forget(self) -> None:
        """Begin anew: what was taken in may not have been committed, or some of it may have been erased."""
        with self._lock:
            self._edition, self._ticks = None, {}

    def heed(self, tx: Transaction) -> None:
        """Keep nothing of what was deleted, and nothing at all when else was written; `tx` is one that writes."""
        found = edition.of(tx)
        with self._lock:
            if self._edition is not None and not (found is not None and self._keeps_up(tx, found)):
                self.forget()

    def _keeps_up(self, tx: Transaction, found: int) -> bool:
        """Whether what is kept is that of the edition `found`, without what was deleted meanwhile."""
        if found == self._edition:
            return True
        gone = None if self._edition is None else deletions.since(tx, self._edition)
        if gone is None:
            return False
        for kept in self._ticks.values() if gone.names else ():
            kept.mentions = [item for item in kept.mentions if not gone.has(item.post.key)]
            kept.samples = [one for one in kept.samples if not gone.has((one.source, one.external_id))]
        if gone.until is not None:
            self.let_go(gone.until + STALE_AFTER)  # what surfaces late counts later than it was published
        self._edition = found
        return True

    def holds(self, tx: Transaction, start: datetime) -> bool:
        """Whether all that counts from `start` on is here."""
        found = edition.of(tx)
        with self._lock:
            return found is not None and self._keeps_up(tx, found) and self._since <= start

    def between(
        self, tx: Transaction, start: datetime, end: datetime
    ) -> tuple[list[MentionedPost], list[EngagementSample]]:
        """What counts for detection in `[start, end)`: mentions and samples, in the order of `storage.posts`."""
        with self._lock:
            is_here = self.holds(tx, start)
            ticks = [of for at, of in self._ticks.items() if is_here and at < end and at + TICK > start]
            mentions = [item for of in ticks for item in of.mentions]
            samples = [one for of in ticks for one in of.samples if start <= one.at < end]
        if not is_here:
            return post_store.judged(tx, start, end), post_store.samples(tx, start, end)
        return post_store.in_order(item for item in mentions if start <= item.post.judged_at < end), _in_order(samples)

    def let_go(self, until: datetime) -> None:
        """Keep nothing of the time before `until`, which is settled."""
        with self._lock:
            if until > self._since:
                self._since = until
                self._ticks = {at: of_tick for at, of_tick in self._ticks.items() if at + TICK > until}


@dataclass(slots=True)
class _OfTick:
    """What counts in one tick, as it came."""

    mentions: list[MentionedPost] = field(default_factory=list)
    samples: list[EngagementSample] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.mentions) + len(self.samples)


def _name(item: MentionedPost) -> tuple[str, str, str]:
    return item.post.source, item.post.external_id, item.mention.brand


_MOMENT = attrgetter("at", "source", "external_id")


def _in_order(samples: Iterable[EngagementSample]) -> list[EngagementSample]:
    """The samples by moment and post; where a post has several at a moment, the larger of each count."""
    found: dict[tuple[datetime, str, str], EngagementSample] = {}
    for sample in samples:
        key = _MOMENT(sample)
        known = found.setdefault(key, sample)
        if known is not sample:
            found[key] = replace(known, engagement=largest(known.engagement, sample.engagement))
    return [found[key] for key in sorted(found)]


def _sample_in_utc(sample: EngagementSample) -> EngagementSample:
    return replace(sample, at=sample.at.astimezone(UTC))


def _in_utc(item: MentionedPost) -> MentionedPost:
    """The mention with times in UTC, as the database gives them."""
    of = item.post
    edited_at, collected_at = of.edited_at or of.created_at, of.collected_at or of.created_at
    if of.created_at.tzinfo is edited_at.tzinfo is collected_at.tzinfo is UTC:
        return item
    return replace(item, post=_post_in_utc(of))


def _post_in_utc(of: Post) -> Post:
    edited_at, collected_at = (at.astimezone(UTC) if at else None for at in (of.edited_at, of.collected_at))
    return replace(of, created_at=of.created_at.astimezone(UTC), edited_at=edited_at, collected_at=collected_at)
