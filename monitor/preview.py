"""What a name would match in the posts that are at hand, before it goes into the configuration.

Posts stream by, the newest first where they are stored; what is kept are counts and a few examples. An example is kept
by the hash of its wording, so that they are a fair sample and the same every time.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from config.settings import BrandSettings
from monitor.matching import Matcher
from monitor.matching.reading import reading_of
from monitor.matching.terms import FIELDS, shown_as
from storage import posts as post_store
from storage import rejudging as store
from storage.database import Database
from storage.keys import content_key
from storage.records import Mention, Post
from storage.rejudging import Position

EXAMPLES = 5
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Example:
    """A post that a name would match, how surely, and whether nothing matches it today."""

    post: Post
    relevance: float
    reason: str
    is_new: bool


@dataclass
class Preview:
    """What one name of a brand would match: posts in which it stands and the brand is meant surely enough.

    `new` are those that are no mention of the brand without it, `doubtful` those that hold it and stay none.
    """

    brand: str
    name: str
    matched: int = 0
    new: int = 0
    doubtful: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    new_sources: Counter[str] = field(default_factory=Counter)
    _relevance: float = 0.0
    _kept: list[tuple[bool, int, int, Example]] = field(default_factory=list)

    @property
    def mean_relevance(self) -> float | None:
        """How sure it is on average that the brand is meant; `None` where nothing matched."""
        return self._relevance / self.matched if self.matched else None

    @property
    def examples(self) -> list[Example]:
        """A few of the posts, new ones first."""
        return [kept[-1] for kept in sorted(self._kept, reverse=True)]

    def add(self, post: Post, mention: Mention, *, is_new: bool) -> None:
        """Count a post that it would match."""
        self.matched += 1
        self.sources[post.source] += 1
        self._relevance += mention.relevance
        if is_new:
            self.new += 1
            self.new_sources[post.source] += 1
        self._keep(Example(post, mention.relevance, mention.reason, is_new))

    def _keep(self, example: Example) -> None:
        rank = -int(content_key(reading_of(example.post)), 16)
        if any(kept[1] == rank for kept in self._kept):
            return
        push = heapq.heappush if len(self._kept) < EXAMPLES else heapq.heappushpop
        push(self._kept, (example.is_new, rank, -self.matched, example))


@dataclass
class Look:
    """What previews saw: how many posts, of which time, and whether that was all there is."""

    previews: list[Preview]
    posts: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    is_complete: bool = False

    def see(self, post: Post) -> None:
        """Count a post that was read."""
        self.posts += 1
        self.first_at = min(self.first_at or post.created_at, post.created_at)
        self.last_at = max(self.last_at or post.created_at, post.created_at)


Progress = Callable[[Look], None]


def look(
    posts: Iterable[Post],
    brands: Sequence[BrandSettings],
    names: Sequence[tuple[str, str]],
    *,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    progress: Progress | None = None,
) -> Look:
    """What names (pairs of a brand and one of its names, new or configured) would match in posts.

    Stops after so many `seconds`; the look then says that it is not complete.
    """
    wanted = {(brand, name): Preview(brand, name) for brand, name in names}
    looked = Look(list(wanted.values()))
    threshold = {brand.name: brand.minimum_relevance for brand in brands}
    without = Matcher([_doubting(_without(brand, names)) for brand in brands])
    widened = Matcher([_doubting(_widened(brand, names)) for brand in brands])
    until = clock() + seconds
    for post in posts:
        looked.see(post)
        for mention in widened.match(post):
            for name in mention.matched:
                preview = wanted.get((mention.brand, name))
                if preview is not None:
                    _count(preview, post, mention, without, threshold[mention.brand])
        if looked.posts % PAGE == 0:
            if progress is not None:
                progress(looked)
            if clock() >= until:
                return looked
    looked.is_complete = True
    return looked


def _count(preview: Preview, post: Post, mention: Mention, without: Matcher, threshold: float) -> None:
    if mention.relevance < threshold:
        preview.doubtful += 1
        return
    today = (each.relevance for each in without.match(post) if each.brand == mention.brand)
    preview.add(post, mention, is_new=not any(relevance >= threshold for relevance in today))


def stored(database: Database, *, since: datetime | None = None, until: datetime | None = None) -> Iterator[Post]:
    """The stored posts, mentions or not, the newest first; page by page, so that nobody waits for the reading."""
    position: Position | None = None
    while True:
        with database.read() as tx:
            page = store.page(tx, position, since=since, until=until, limit=PAGE, newest_first=True)
        yield from page.posts
        position = page.position
        if position is None:
            return


def unseen(database: Database, brands: Sequence[BrandSettings]) -> list[tuple[str, str]]:
    """The configured names of brands that no stored mention has, by brand and in the order of the settings."""
    with database.read() as tx:
        seen = post_store.matched_terms(tx)
    found = [(brand.name, name) for brand in brands for name in configured(brand)]
    return [(brand, name) for brand, name in found if name not in seen.get(brand, ())]


def configured(brand: BrandSettings) -> list[str]:
    """All names of a brand beside its own, as mentions show them."""
    names = (shown_as(kind, value) for key, kind in FIELDS.items() for value in getattr(brand, key))
    return list(dict.fromkeys(name for name in names if name != brand.name))


def _doubting(brand: BrandSettings) -> BrandSettings:
    return brand.model_copy(update={"minimum_relevance": 0.0})


def _without(brand: BrandSettings, names: Sequence[tuple[str, str]]) -> BrandSettings:
    """The brand as it would be without the names."""
    gone = {name for of, name in names if of == brand.name}
    kept = {
        key: [value for value in getattr(brand, key) if shown_as(kind, value) not in gone]
        for key, kind in FIELDS.items()
    }
    return brand.model_copy(update=kept) if gone else brand


def _widened(brand: BrandSettings, names: Sequence[tuple[str, str]]) -> BrandSettings:
    """The brand with the names; those that it has already stay what they are."""
    known = set(configured(brand))
    more = [name for of, name in names if of == brand.name and name not in known]
    return brand.model_copy(update={"aliases": [*brand.aliases, *more]}) if more else brand
