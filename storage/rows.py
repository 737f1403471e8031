"""Posts and mentions as rows, and rows as posts and mentions; what many of them say is in memory once."""

from __future__ import annotations

from collections.abc import Sequence
from sys import intern
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Select, select

from storage.records import Engagement, EngagementSample, Label, Mention, MentionedPost, Post, PostKind, Score
from storage.schema import engagement_sample, mention, post

P = post.c
M = mention.c

POST_COLUMNS = (
    P.source, P.external_id, P.created_at, P.text, P.kind, P.title, P.url, P.author, P.author_name, P.author_reach,
    P.thread_id, P.parent_id, P.repost_of, P.language, P.likes, P.shares, P.replies, P.views, P.edited_at,
    P.collected_at, P.brands,
)  # fmt: skip
MENTION_COLUMNS = (
    M.brand, M.relevance, M.matched, M.reason, M.compound, M.label, M.scorer, M.scorer_version, M.uncertainty,
    M.content_key, M.kinds,
)  # fmt: skip
SAMPLE_COLUMNS = tuple(
    engagement_sample.c[name] for name in ("source", "external_id", "at", "likes", "shares", "replies", "views")
)
NEWEST_SAMPLE_COLUMNS = (P.source, P.external_id, P.engagement_at, P.likes, P.shares, P.replies, P.views)

_KINDS = {kind.value: kind for kind in PostKind}
_LABELS = {label.value: label for label in Label}
_WIDTH = len(POST_COLUMNS)
_NOTHING = (None, None, None, None)
_UNCOUNTED = Engagement()


def select_mentioned() -> Select[Any]:
    """Posts joined with their mentions, in the columns that `to_mentioned_post` reads."""
    return select(*POST_COLUMNS, *MENTION_COLUMNS).select_from(mention.join(post, P.id == M.post_id))


def columns_of(posts: Sequence[Post]) -> dict[str, Sequence[Any]]:
    """The fields of some posts, each as a column."""
    if not posts:
        return dict.fromkeys(Post.__struct_fields__, ())
    return dict(zip(Post.__struct_fields__, zip(*map(astuple, posts), strict=True), strict=True))


def to_post(row: Sequence[Any]) -> Post:
    """A post from a row of `POST_COLUMNS`."""
    (
        source, external_id, created_at, text, kind, title, url, author, author_name, author_reach, thread_id,
        parent_id, repost_of, language, likes, shares, replies, views, edited_at, collected_at, brands,
    ) = row  # fmt: skip
    return Post(
        intern(source), external_id, created_at, text, _KINDS[kind], title, url, author, author_name, author_reach,
        thread_id, parent_id, repost_of, language and intern(language), _engagement(likes, shares, replies, views),
        edited_at, collected_at, tuple(brands),
    )  # fmt: skip


def _engagement(likes: int | None, shares: int | None, replies: int | None, views: int | None) -> Engagement:
    counts = likes, shares, replies, views
    return _UNCOUNTED if counts == _NOTHING else Engagement(*counts)


def to_mentioned_post(row: Sequence[Any]) -> MentionedPost:
    """A mentioned post from a row of `POST_COLUMNS` and `MENTION_COLUMNS`."""
    return with_mention(to_post(row[:_WIDTH]), row[_WIDTH:])


def with_mention(of: Post, row: Sequence[Any]) -> MentionedPost:
    """A post with the mention in a row of `MENTION_COLUMNS`."""
    brand, relevance, matched, reason, compound, label, scorer, version, uncertainty, content_key, kinds = row
    return MentionedPost(
        post=of,
        mention=Mention(intern(brand), of.source, of.external_id, relevance, tuple(matched), reason),
        score=Score(compound, _LABELS[label], intern(scorer), intern(version), uncertainty),
        content_key=content_key,
        kinds=tuple(kinds),
    )


def to_sample(row: Sequence[Any]) -> EngagementSample:
    """A sample from a row of `SAMPLE_COLUMNS` or `NEWEST_SAMPLE_COLUMNS`."""
    source, external_id, at, likes, shares, replies, views = row
    return EngagementSample(source, external_id, at, Engagement(likes, shares, replies, views))
