"""What was stored of late, as judging would read it back from the database.

Nearly all that is judged was stored by the same process moments ago, and is looked at several times: provisionally
until it is settled, then for good. It is kept until then, as long as nobody else has written to the posts
(storage/edition.py). Whenever that is not sure, and after a restart, the database is read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from monitor.detectors.contract import TICK
from monitor.fold import by_tick
from storage import edition
from storage import posts as post_store
from storage.database import Transaction
from storage.ingest import Written
from storage.reading import largest
from storage.records import EngagementSample, MentionedPost, Post, PostKey

MOST = 30_000
"""Mentions and samples that are kept; of more, which only history brings, the next begin anew."""
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
    _mentions: dict[tuple[PostKey, str], tuple[datetime, MentionedPost]] = field(default_factory=dict)
    _samples: dict[datetime, list[EngagementSample]] = field(default_factory=dict)
    """By the beginning of the tick in which they were read."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __len__(self) -> int:
        """How many mentions and samples are kept."""
        return len(self._mentions) + sum(map(len, self._samples.values()))

    def begin(self, tx: Transaction) -> None:
        """Be ready for what the transaction will write, which nobody else can write to meanwhile."""
        found = edition.of(tx)
        with self._lock:
            if found is None or (found == self._edition and len(self) < MOST):
                return
            newest = post_store.newest_moment(tx)
            self._edition, self._since = found, newest + _NEXT if newest else _ALWAYS
            self._mentions, self._samples = {}, {}

    def take(self, tx: Transaction, written: Written) -> None:
        """Take in what the transaction has written since `begin`."""
        with self._lock:
            if self._edition is None:
                return
            for item in (*written.new_mentions, *written.changed_mentions):
                self._mentions[item.post.key, item.mention.brand] = (item.post.judged_at, _in_utc(item))
            for item in written.removed_mentions:
                self._mentions.pop((item.post.key, item.mention.brand), None)
            samples = [one if one.at.tzinfo is UTC else _sample_in_utc(one) for one in written.samples]
            for at, of_tick in by_tick(samples, attrgetter("at")).items():
                self._samples.setdefault(at, []).extend(of_tick)
            self._edition = edition.of(tx)

    def forget(self) -> None:
        """Begin anew: what was taken in may not have been committed, or some of it may have been erased."""
        with self._lock:
            self._edition, self._mentions, self._samples = None, {}, {}

    def heed(self, tx: Transaction) -> None:
        """Keep nothing when somebody else has written, for some of it may have been erased; `tx` is one that writes."""
        with self._lock:
            if self._edition is not None and edition.of(tx) != self._edition:
                self.forget()

    def between(
        self, tx: Transaction, start: datetime, end: datetime
    ) -> tuple[list[MentionedPost], list[EngagementSample]]:
        """What counts for detection in `[start, end)`: mentions and samples, in the order of `storage.posts`."""
        found = edition.of(tx)
        with self._lock:
            is_here = found is not None and found == self._edition and self._since <= start
            mentions = [(at, *key, item) for key, (at, item) in self._mentions.items() if is_here and start <= at < end]
            samples = [
                one for of_tick in self._samples.values() for one in of_tick if is_here and start <= one.at < end
            ]
        if not is_here:
            return post_store.judged(tx, start, end), post_store.samples(tx, start, end)
        return [item for *_, item in sorted(mentions, key=_PLACE)], _in_order(samples)

    def let_go(self, until: datetime) -> None:
        """Keep nothing of the time before `until`, which is settled."""
        with self._lock:
            if until > self._since:
                self._since = until
                self._mentions = {key: kept for key, kept in self._mentions.items() if kept[0] >= until}
                self._samples = {at: of_tick for at, of_tick in self._samples.items() if at + TICK > until}


_PLACE = itemgetter(0, 1, 2)
"""Moment, post and brand of what is kept of a mention."""
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
