"""How far feeds, the comment feeds of their articles, and blogs have been read: what the cursor of feeds holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from collectors.wordpress import Place


@dataclass
class FeedState:
    """How far a feed has been read: entries seen, each with a digest, when first, and its number of comments."""

    address: str = ""
    etag: str = ""
    modified: str = ""
    read_at: float = 0.0
    not_before: float = 0.0
    seen: dict[str, list[Any]] = field(default_factory=dict)


@dataclass
class Thread:
    """A comment feed: the article it belongs to, when that was written, and its number of comments then and now."""

    article: str
    written_at: float
    comments: int | None = None
    comments_read: int | None = None
    known: int | None = None
    """Comments of it that were read, or are on the ledger."""
    brands: list[str] = field(default_factory=list)
    language: str | None = None
    state: FeedState = field(default_factory=FeedState)

    @property
    def has_grown(self) -> bool:
        """Whether there may be comments that were not read."""
        return self.comments is None or self.comments != self.comments_read


@dataclass
class Reading:
    """What the cursor holds."""

    feeds: dict[str, FeedState]
    threads: dict[str, Thread]
    blogs: dict[str, Place] = field(default_factory=dict)

    @classmethod
    def at(cls, cursor: Mapping[str, Any]) -> Reading:
        """What a cursor says; nothing of it is needed."""
        feeds = {url: FeedState(**state) for url, state in cursor.get("feeds", {}).items()}
        threads = {
            url: Thread(**{**kept, "state": FeedState(**kept["state"])})
            for url, kept in cursor.get("threads", {}).items()
        }
        return cls(feeds, threads, {api: Place(**place) for api, place in cursor.get("blogs", {}).items()})

    def cursor(self) -> dict[str, Any]:
        """The same as a cursor."""
        return {
            "feeds": {url: asdict(state) for url, state in self.feeds.items()},
            "threads": {url: asdict(thread) for url, thread in self.threads.items()},
            "blogs": {api: asdict(place) for api, place in self.blogs.items()},
        }
