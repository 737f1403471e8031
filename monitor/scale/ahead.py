"""Posts read ahead by workers while those before them are stored: what the store gets is what it would have got."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Self, TypeVar

from config.settings import Settings
from monitor.scale.tasks import Reading, packed_posts, packed_settings, read_posts, unpacked
from monitor.scale.workers import Alone, Workers
from monitor.understanding import Understanding
from storage.records import MentionedPost, Post, PostKey

Item = TypeVar("Item")


class ReadAhead(Understanding):
    """An understanding that knows what workers found in the posts that come next, and reads all others itself."""

    @classmethod
    def like(cls, other: Understanding) -> Self:
        """One that reads as another does."""
        made = cls.__new__(cls)
        made.__dict__.update(other.__dict__)
        return made

    def read(self, posts: Sequence[Post]) -> list[MentionedPost]:
        """As `Understanding.read`."""
        found = [self._found_in(post) for post in posts]
        if any(one is None for one in found):
            return super().read(posts)
        return [item for one in found for item in one or ()]

    def expect(self, posts: Sequence[Post], answer: bytes) -> None:
        """What was found in the posts that are read next; what was expected before is forgotten."""
        found = unpacked(answer, posts)
        pairs = [] if found is None else list(zip(posts, found, strict=True))
        self._by_id = {id(post): pair for pair in pairs for post in pair[:1]}
        self._by_key = {post.key: (post, one) for post, one in pairs}

    def _found_in(self, post: Post) -> list[MentionedPost] | None:
        """By the very object, of which there may be several with one key; else by an equal one, read from the store."""
        known = self._by_id.get(id(post)) or self._by_key.get(post.key)
        return known[1] if known is not None and (known[0] is post or known[0] == post) else None

    _by_id: Mapping[int, tuple[Post, list[MentionedPost]]] = {}
    _by_key: Mapping[PostKey, tuple[Post, list[MentionedPost]]] = {}


def read_ahead(
    items: Iterable[Item],
    posts_of: Callable[[Item], Sequence[Post]],
    understanding: ReadAhead,
    settings: Settings,
    workers: Workers,
) -> Iterator[Item]:
    """The items, each when `understanding` knows what is in its posts; just the items where nobody else works.

    `posts_of` gives the objects that `understanding` is asked about afterwards, or equal ones.
    """
    if isinstance(workers, Alone):
        yield from items
        return
    context = packed_settings(settings)
    sent: deque[tuple[Item, Sequence[Post]]] = deque()

    def questions() -> Iterator[Reading]:
        for item in items:
            posts = posts_of(item)
            sent.append((item, posts))
            yield Reading(context, packed_posts(posts), understanding.is_steady)

    for answer in workers.each(read_posts, questions()):
        item, posts = sent.popleft()
        understanding.expect(posts, answer)
        yield item
