"""What workers are asked: pure functions of bytes, so that any process on any machine can answer.

Posts travel as msgpack. A mention comes back as the place of its post and what was found in it, not with the post.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from config.settings import Settings
from monitor.understanding import Understanding
from storage.records import Mention, MentionedPost, Post, PostKey, Score


class Reading(NamedTuple):
    """Posts to be read, packed, under settings that were packed too; `is_steady` as in `Understanding.build`."""

    settings: bytes
    posts: bytes
    is_steady: bool


class Read(msgspec.Struct, array_like=True):
    """A mention in the post at `place`; `language` where it was recognised and the source had not told."""

    place: int
    language: str | None
    mention: Mention
    score: Score
    content_key: str
    kinds: tuple[str, ...]


def packed_settings(settings: Settings) -> bytes:
    """What reading depends on."""
    return pickle.dumps(settings.model_copy(update={"sources": [], "channels": [], "routes": []}))


def packed_posts(posts: Sequence[Post]) -> bytes:
    """Posts on their way; empty where one of them holds half of a surrogate pair, which nothing can carry."""
    try:
        return msgspec.msgpack.encode(posts)
    except UnicodeEncodeError:
        return b""


def read_posts(asked: Reading) -> bytes:
    """The mentions in the posts, packed; empty where the posts must be read by who asks, who sifts out the poison."""
    if not asked.posts:
        return b""
    posts = msgspec.msgpack.decode(asked.posts, type=list[Post])
    understanding = _understanding(asked.settings, asked.is_steady)
    try:
        return msgspec.msgpack.encode([one for start, run in _runs(posts) for one in _read(understanding, start, run)])
    except Exception:  # noqa: BLE001  (whatever a post does to a scorer; it fails again where it is told of)
        return b""


def unpacked(answer: bytes, posts: Sequence[Post]) -> list[list[MentionedPost]] | None:
    """The mentions in each of the posts that were asked about, as if they had been read here; `None` for no answer."""
    if not answer:
        return None
    found: list[list[MentionedPost]] = [[] for _ in posts]
    for one in msgspec.msgpack.decode(answer, type=list[Read]):
        beside = found[one.place]
        post = beside[0].post if beside else _told(posts[one.place], one.language)
        beside.append(MentionedPost(post, one.mention, one.score, one.content_key, one.kinds))
    return found


def _told(post: Post, language: str | None) -> Post:
    return post if language is None else replace(post, language=language)


def _runs(posts: Sequence[Post]) -> Iterator[tuple[int, list[Post]]]:
    """The posts in stretches without two readings of one post, so that a key tells them apart."""
    start = 0
    run: list[Post] = []
    seen: set[PostKey] = set()
    for place, post in enumerate(posts):
        if post.key in seen:
            yield start, run
            start, run, seen = place, [], set()
        run.append(post)
        seen.add(post.key)
    yield start, run


def _read(understanding: Understanding, start: int, posts: Sequence[Post]) -> Iterator[Read]:
    places = {post.key: start + place for place, post in enumerate(posts)}
    by_key = {post.key: post for post in posts}
    for item in understanding.read(posts):
        own = by_key[item.post.key]
        language = None if item.post.language == own.language else item.post.language
        yield Read(places[own.key], language, item.mention, item.score, item.content_key, item.kinds)


@lru_cache(maxsize=4)
def _understanding(settings: bytes, is_steady: bool) -> Understanding:
    return Understanding.build(pickle.loads(settings), steady=is_steady)  # noqa: S301  (of the process that asked)
