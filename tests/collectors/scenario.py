"""What a source's test module gives to tests/contract/test_collectors.py, so that the source is held to the contract.

Beside its own tests, `tests/collectors/test_NAME.py` defines `scenario()`, a context manager that gives a `Scenario`:
the platform, played by a local server, and the source as one would configure it. A source that asks no server says so
by `ASKS_SOMEBODY = False`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar, cast

from collectors.contract import Collector, Page, SourceContext
from config.settings import BrandSettings
from storage.records import EngagementSample, Gap, Post
from tests.servers.web import Reply, WebServer

BRAND = BrandSettings(name="Norrvik", handles=["@norrvik"], products=["Fjord Phone"])


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    now: datetime = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        """Go on by a span, such as `minutes=5`."""
        self.now += timedelta(**span)


class Scenario(Protocol):
    """A platform and a source that reads it."""

    module: ModuleType
    clock: Clock
    options: dict[str, Any]
    """The keys of the source's table; nothing is to be read twice by them (`overlap` of zero)."""

    def publish(self) -> set[str]:
        """Let enough be published, just now, that several pages are needed; returns the `external_id`s."""

    def fail_next(self, *replies: Reply) -> None:
        """Let the platform answer the next requests so; a source that asks nobody ignores it."""

    def asked(self) -> int:
        """How many requests have reached the platform (0 for a source that asks nobody)."""


S = TypeVar("S", bound=WebServer)


@dataclass
class Played(Generic[S]):
    """What is the same in scenarios with a server: faults of all its answers, and the count of requests."""

    server: S
    module: ModuleType
    clock: Clock = field(default_factory=Clock)
    options: dict[str, Any] = field(default_factory=dict)

    def fail_next(self, *replies: Reply) -> None:
        """Faults in place of the next answers."""
        self.server.faults.clear()
        self.server.faults.extend(replies)

    def asked(self) -> int:
        """Requests so far."""
        return len(self.server.requests)

    def read(self, store: Store | None = None, **options: Any) -> Store:
        """A turn."""
        store = store or Store()
        store.run(built(cast("Scenario", self), **options))
        return store


def built(scenario: Scenario, **options: Any) -> Collector:
    """The source, configured as the scenario says."""
    module = scenario.module
    inbox = getattr(scenario, "inbox", None)  # of sources whose posts are handed in
    context = SourceContext("somewhere", [BRAND], scenario.clock, no_sleep, inbox)
    collector: Collector = module.build(module.Options(**{**scenario.options, **options}), context)
    return collector


def no_sleep(seconds: float) -> None:
    """A collector that waits by itself is at fault: waiting is for who schedules."""
    raise AssertionError(f"slept {seconds} s")


@dataclass
class Store:
    """What the one who calls a collector keeps: posts by identity, samples, gaps, and the last cursor."""

    cursor: Mapping[str, Any] | None = None
    posts: dict[str, Post] = field(default_factory=dict)
    samples: list[EngagementSample] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def keep(self, page: Page) -> None:
        """Commit a page with its cursor, which has to survive the database."""
        self.cursor = json.loads(json.dumps(page.cursor))
        self.posts |= {post.external_id: post for post in page.posts}
        self.posts |= {post.external_id: post for post in page.changed if post.external_id in self.posts}
        for name in page.gone:
            self.posts.pop(name, None)
        self.posts = {name: post for name, post in self.posts.items() if post.author not in page.left}
        self.samples += page.samples
        self.gaps += page.gaps
        self.pages.append(page)

    def run(self, collector: Collector, pages: int | None = None) -> list[Page]:
        """A turn of the collector, or its first pages, each committed."""
        kept: list[Page] = []
        stream = collector.collect(self.cursor)
        while pages is None or len(kept) < pages:
            page = next(stream, None)
            if page is None:
                break
            self.keep(page)
            kept.append(page)
        close = getattr(stream, "close", None)
        if close is not None:
            close()
        return kept


def identities(pages: Iterable[Page]) -> list[str]:
    """The `external_id` of every post in the pages, repeats too."""
    return [post.external_id for page in pages for post in page.posts]


def largest(pages: Sequence[Page]) -> int:
    """Posts in the fullest page."""
    return max((len(page.posts) for page in pages), default=0)
