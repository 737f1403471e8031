"""What no database holds is brought within bounds before anything else is done with a post.

Numbers of thirty digits and names of a page stand in feeds and interfaces that somebody wrote for that end, or wrote
badly. One of them would keep a page from being stored, and so its source from going on, for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain
from typing import Any

from msgspec.structs import astuple, replace

from storage.columns import is_storable, storable
from storage.records import Engagement, EngagementSample, Post
from storage.rows import columns_of

MOST = 10**15
"""No platform counts so much of anything, and sums of such numbers are still numbers of both engines."""
LONGEST = 500
"""Characters of a name, of four bytes each at the most: PostgreSQL's indexes take 2,704 bytes (its manual, 11.2)."""
LONGEST_ADDRESS = 8000
"""What servers and browsers take of an address."""

_NAMES = ("author", "thread_id", "parent_id", "repost_of")
_WORDS = ("author_name", "language")
_TEXTS = ("external_id", *_NAMES, *_WORDS, "url")
_TEXT, _NUMBER = {str, type(None)}, {int, type(None)}


def posts_within(posts: Sequence[Post]) -> Sequence[Post]:
    """The posts; of those that no database would hold, what it does."""
    if _fit(posts):  # all at once, which costs a fifth of one by one
        return posts
    return [post if _fit([post]) else _cut(post) for post in posts]


def samples_within(samples: Sequence[EngagementSample]) -> Sequence[EngagementSample]:
    """The samples, likewise."""
    if _are_texts([one.external_id for one in samples]) and _are_counts([one.engagement for one in samples], []):
        return samples
    return [replace(one, external_id=_name(one.external_id), engagement=_counts(one.engagement)) for one in samples]


def _fit(posts: Sequence[Post]) -> bool:
    columns = columns_of(posts)
    texts = list(chain.from_iterable(_given(columns[name] for name in _TEXTS)))
    return _are_texts(texts) and _are_counts(columns["engagement"], columns["author_reach"])


def _given(columns: Iterable[Sequence[Any]]) -> list[Sequence[Any]]:
    """The columns in which anything stands."""
    return [column for column in columns if column.count(None) < len(column)]


def _are_texts(found: list[Any]) -> bool:
    if not set(map(type, found)) <= _TEXT:
        return False
    texts = list(filter(None, found))
    return max(map(len, texts), default=0) <= LONGEST and is_storable("".join(texts))


def _are_counts(engagements: Sequence[Engagement], others: Sequence[Any]) -> bool:
    columns = [*zip(*map(astuple, engagements), strict=True), others]
    found = list(chain.from_iterable(_given(columns)))
    if not set(map(type, found)) <= _NUMBER:
        return False
    counts = list(filter(None, found))
    return not counts or (min(counts) >= 0 and max(counts) <= MOST)


def _cut(post: Post) -> Post:
    url = _text(post.url) if isinstance(post.url, str) and len(post.url) <= LONGEST_ADDRESS else None
    return replace(
        post,
        external_id=_name(post.external_id),
        url=url,
        author_reach=_count(post.author_reach),
        engagement=_counts(post.engagement),
        **{name: None if getattr(post, name) is None else _name(getattr(post, name)) for name in _NAMES},
        **{name: _text(getattr(post, name)) for name in _WORDS},
    )


def _name(given: Any) -> str:
    """A name that is too long by its beginning and what tells it from others that begin so."""
    name = storable(str(given))
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 50]}…{blake2b(name.encode(), digest_size=16).hexdigest()}"


def _text(given: Any) -> str | None:
    return storable(given) if isinstance(given, str) else None


def _counts(given: Engagement) -> Engagement:
    return Engagement(*map(_count, astuple(given)))


def _count(given: Any) -> int | None:
    """The count, or `None` where it is none: what nobody can have counted is not known."""
    return given if type(given) is int and 0 <= given <= MOST else None
