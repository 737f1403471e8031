"""What was stored of late, as judging would read it back from the database.

Nearly all that is judged was stored by the same process moments ago, and is looked at several times: provisionally
until it is settled, then for good. It is kept until then, as long as nobody else has written to the posts
(storage/edition.py). Whenever that is not sure, and after a restart, the database is read.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

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
    _samples: dict[tuple[datetime, str, str], EngagementSample] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __len__(self) -> int:
        """How many mentions and samples are kept."""
        return len(self._mentions) + len(self._samples)

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
            for sample in written.samples:
                self._add(sample)
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
            kept = list(self._mentions.items()) if is_here else []
            counted = list(self._samples.items()) if is_here else []
        if not is_here:
            return post_store.judged(tx, start, end), post_store.samples(tx, start, end)
        mentions = [(at, key, item) for key, (at, item) in kept if start <= at < end]
        samples = [(key, sample) for key, sample in counted if start <= key[0] < end]
        return [item for _, _, item in sorted(mentions, key=_place)], [
            sample for _, sample in sorted(samples, key=_key)
        ]

    def let_go(self, until: datetime) -> None:
        """Keep nothing of the time before `until`, which is settled."""
        with self._lock:
            if until > self._since:
                self._since = until
                self._mentions = {key: kept for key, kept in self._mentions.items() if kept[0] >= until}
                self._samples = {key: sample for key, sample in self._samples.items() if key[0] >= until}

    def _add(self, sample: EngagementSample) -> None:
        if sample.at.tzinfo is not UTC:
            sample = replace(sample, at=sample.at.astimezone(UTC))
        key = (sample.at, sample.source, sample.external_id)
        known = self._samples.get(key)
        if known is not None:
            sample = replace(sample, engagement=largest(known.engagement, sample.engagement))
        self._samples[key] = sample


def _place(found: tuple[datetime, tuple[PostKey, str], MentionedPost]) -> tuple[datetime, tuple[PostKey, str]]:
    return found[:2]


def _key(found: tuple[tuple[datetime, str, str], EngagementSample]) -> tuple[datetime, str, str]:
    return found[0]


def _in_utc(item: MentionedPost) -> MentionedPost:
    """The mention with times in UTC, as the database gives them."""
    of = item.post
    if all(at is None or at.tzinfo is UTC for at in (of.created_at, of.edited_at, of.collected_at)):
        return item
    return replace(item, post=_post_in_utc(of))


def _post_in_utc(of: Post) -> Post:
    edited_at, collected_at = (at.astimezone(UTC) if at else None for at in (of.edited_at, of.collected_at))
    return replace(of, created_at=of.created_at.astimezone(UTC), edited_at=edited_at, collected_at=collected_at)
