"""What a post's readings add up to, whatever their order.

A source is read again and again, late, twice, and by several requests at once. The state kept of a post is a function
of the *set* of its readings alone, so that any order, batching and repetition ends the same:

- a reading ranks by (edit time, reading time, wording, the rest); the highest decides the post's fields;
- of every other wording the highest rank is kept, as a revision;
- mentions count when no other wording ranks above their reading; of one brand's, the highest-ranking counts;
- the engagement is the newest read; equally new ones are joined by the larger number of each count;
- the first reading time, and all brands that the source ever named, are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from storage.columns import is_storable, storable
from storage.records import Engagement, EngagementSample, MentionedPost, Post, PostKey
from storage.rows import columns_of

Wording = tuple[str, str]
"""Title and text."""

Rank = tuple[datetime, datetime]
"""Edit time (or time of publication) and reading time."""

NO_ENGAGEMENT = Engagement()

_WORDED = (
    "source", "external_id", "text", "title", "url", "author", "author_name", "thread_id", "parent_id", "repost_of",
    "language",
)  # fmt: skip
"""The fields of a post that hold words; its brands do, too."""


class Reading(Struct, frozen=True, gc=False):
    """A post as it was read once, with what was understood of it."""

    post: Post
    mentions: Sequence[MentionedPost] = ()


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of a batch, and the fields of their posts as columns.

    What is asked of all posts is asked of a column: each post for each of its fields takes five times as long.
    """

    each: Sequence[Reading]
    columns: Mapping[str, Sequence[Any]]

    @classmethod
    def of(cls, readings: Sequence[Reading]) -> Readings:
        """The readings with their columns."""
        return cls(readings, columns_of([reading.post for reading in readings]))

    def __len__(self) -> int:
        """How many readings there are."""
        return len(self.each)

    @property
    def keys(self) -> Iterable[PostKey]:
        """The identity of the post of each."""
        return zip(self.columns["source"], self.columns["external_id"], strict=True)

    def keyed(self) -> Iterable[tuple[PostKey, Reading]]:
        """Each with the identity of its post."""
        return zip(self.keys, self.each, strict=True)


def is_single(reading: Reading) -> bool:
    """Whether no two of its mentions are of one brand, of which one is to be chosen."""
    mentions = reading.mentions
    return len(mentions) < 2 or len({one.mention.brand for one in mentions}) == len(mentions)


def first_sight(post: Post) -> EngagementSample | None:
    """What the source counted around the post when it was read; `None` where it counted nothing."""
    return EngagementSample(*post.key, rank_of(post)[1], post.engagement) if is_counted(post) else None


def is_counted(post: Post) -> bool:
    """Whether the source counted anything around the post."""
    counts = post.engagement
    return not (counts.likes is None and counts.shares is None and counts.replies is None and counts.views is None)


@dataclass(slots=True)
class PostState:
    """What is kept of one post. `id` is 0 until it is stored."""

    post: Post
    rank: Rank
    engagement_at: datetime | None = None
    revisions: dict[Wording, Rank] = field(default_factory=dict)
    mentions: dict[str, tuple[MentionedPost, Rank]] = field(default_factory=dict)
    id: int = 0

    @classmethod
    def of(cls, reading: Reading) -> PostState:
        """The state after one reading."""
        post, rank = reading.post, rank_of(reading.post)
        state = cls(post, rank, rank[1] if is_counted(post) else None)
        if reading.mentions:
            state._add_mentions(reading.mentions, rank)
        return state

    def add(self, reading: Reading) -> None:
        """Take one more reading into account."""
        post, rank = reading.post, rank_of(reading.post)
        self._add_wording(post, rank)
        if is_counted(post):
            self.add_engagement(post.engagement, rank[1])
        self._add_constants(post)
        if wording(post) == wording(self.post) and (rank, wording(post)) > self._limit():
            self._add_mentions(reading.mentions, rank)

    def add_engagement(self, engagement: Engagement, at: datetime) -> None:
        """Take one more count of reactions into account."""
        if self.engagement_at is None or at > self.engagement_at:
            self.engagement_at = at
        elif at < self.engagement_at or engagement is self.post.engagement:
            return
        else:
            engagement = largest(self.post.engagement, engagement)
        if engagement != self.post.engagement:
            self.post = replace(self.post, engagement=engagement)

    def sample(self) -> EngagementSample | None:
        """The newest count of reactions."""
        if self.engagement_at is None:
            return None
        return EngagementSample(*self.post.key, self.engagement_at, self.post.engagement)

    def copy(self) -> PostState:
        """A state that changes apart from this one."""
        return PostState(self.post, self.rank, self.engagement_at, dict(self.revisions), dict(self.mentions), self.id)

    def _add_wording(self, post: Post, rank: Rank) -> None:
        old, new = wording(self.post), wording(post)
        if new != old:
            if (rank, new) < (self.rank, old):
                self._add_revision(new, rank)
                return
            self.revisions.pop(new, None)
            self._add_revision(old, self.rank)
        elif rank < self.rank or (rank == self.rank and _rest(post) <= _rest(self.post)):
            return
        kept = self.post
        self.rank = rank
        self.post = replace(post, engagement=kept.engagement, collected_at=kept.collected_at, brands=kept.brands)

    def _add_revision(self, other: Wording, rank: Rank) -> None:
        self.revisions[other] = max(rank, self.revisions.get(other, rank))
        limit, current = self._limit(), wording(self.post)
        self.mentions = {brand: kept for brand, kept in self.mentions.items() if (kept[1], current) > limit}

    def _limit(self) -> Any:
        # Everything read up to here was read before somebody else's wording, so it says nothing of the current one.
        return max(((rank, other) for other, rank in self.revisions.items()), default=((), ()))

    def _add_constants(self, post: Post) -> None:
        kept = self.post
        brands = kept.brands if set(post.brands) <= set(kept.brands) else tuple(sorted({*kept.brands, *post.brands}))
        collected_at = min(filter(None, (kept.collected_at, post.collected_at)), default=None)
        if (brands, collected_at) != (kept.brands, kept.collected_at):
            self.post = replace(kept, brands=brands, collected_at=collected_at)

    def _add_mentions(self, mentions: Iterable[MentionedPost], rank: Rank) -> None:
        for mentioned in mentions:
            brand = mentioned.mention.brand
            kept = self.mentions.get(brand)
            if kept is None or rank > kept[1] or (rank == kept[1] and judgement(mentioned) > judgement(kept[0])):
                self.mentions[brand] = (mentioned, rank)


def _with_brands_in_order(reading: Reading) -> Reading:
    """The reading with each brand that the source named once, in the order of their names."""
    post, brands = reading.post, tuple(sorted(set(reading.post.brands)))
    if post.brands == brands:
        return reading
    post = replace(post, brands=brands)
    return Reading(post, [replace(mentioned, post=post) for mentioned in reading.mentions])


def storable_readings(readings: Sequence[Reading]) -> Readings:
    """The readings in words that the database can keep, brands in order of their names; nearly always as they are."""
    found = Readings.of(readings)
    if any(len(brands) > 1 for brands in set(found.columns["brands"])):
        found = Readings.of(list(map(_with_brands_in_order, readings)))
    said = filter(any, map(found.columns.__getitem__, _WORDED))
    if is_storable("".join(filter(None, chain(chain.from_iterable(said), *set(found.columns["brands"]))))):
        return found
    return Readings.of(list(map(_storable_reading, found.each)))


def _storable_reading(reading: Reading) -> Reading:
    post = _storable_fields(reading.post)
    if post == reading.post:
        return reading
    mentions = tuple(
        replace(mentioned, post=post, mention=_storable_fields(mentioned.mention)) for mentioned in reading.mentions
    )
    return Reading(post, mentions)


def rank_of(post: Post) -> Rank:
    """How new a reading is."""
    version_at = post.edited_at or post.created_at
    return (version_at, post.collected_at or version_at)


def wording(post: Post) -> Wording:
    """What an edit changes."""
    return (post.title, post.text)


def judgement(mentioned: MentionedPost) -> tuple[Any, ...]:
    """Everything that was understood of a mention, in an order that breaks ties."""
    mention, score = mentioned.mention, mentioned.score
    return (
        score.scorer, score.version, score.compound, score.label, score.uncertainty, mention.relevance, mention.matched,
        mention.reason, mentioned.kinds, mentioned.content_key,
    )  # fmt: skip


def largest(one: Engagement, other: Engagement) -> Engagement:
    """The larger of each count; a number is larger than none."""
    return Engagement(
        _larger(one.likes, other.likes),
        _larger(one.shares, other.shares),
        _larger(one.replies, other.replies),
        _larger(one.views, other.views),
    )


def _storable_fields(of: Any) -> Any:
    changed = {name: _storable_value(getattr(of, name)) for name in of.__struct_fields__}
    return replace(of, **changed)


def _storable_value(value: Any) -> Any:
    if type(value) is str:
        return storable(value)
    return tuple(map(_storable_value, value)) if isinstance(value, tuple) else value


def _larger(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _rest(post: Post) -> tuple[Any, ...]:
    # None has no order among other values, so every value is paired with whether there is one.
    values = (
        post.kind, post.url, post.author, post.author_name, post.author_reach, post.thread_id, post.parent_id,
        post.repost_of, post.language, post.created_at, post.edited_at,
    )  # fmt: skip
    return tuple((value is not None, "" if value is None else value) for value in values)
