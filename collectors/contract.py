"""What every source is held to.

A source is one module of this package (or of another distribution, named by a dotted type) with three names:

- `Options`, a pydantic model made from `SourceOptions`: the keys of its `[[sources]]` table, unknown ones refused;
- a class that fulfils `Collector`;
- `build(options, context)`, which puts the two together and talks to nobody.

The one who calls `collect` stores each page and its cursor in one transaction before asking for the next page, so a
collector may be killed between any two pages: called again with the last stored cursor it goes on where it stood. At
most one page is then read twice, and none is skipped. tests/contract holds every source to this.

What not every platform can do is asked of those alone that have the method: `Charged` (what reading costs), `Counting`
(how many posts wait, without reading them), `ThreadReader` (the thread of one post, when it matters), `Rechecking`
(whether posts are still there, and as they were).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from storage.records import LARGEST_RAW, EngagementSample, Gap, Letter, Post

if TYPE_CHECKING:
    from config.settings import BrandSettings


class SourceOptions(BaseModel):
    """The base of every `Options`: unknown keys and wrong types are refused, and what was checked does not change.

    The sentence under each key is its documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class CollectorError(Exception):
    """A source could not be read.

    `permanent` says that trying again cannot help until a person does something (a revoked token, a wrong address).
    `retry_after` is how many seconds the source wants to be left alone, `None` where it does not say. The one who
    schedules decides what to do with either; a collector itself never tries again in a loop. `status` is that of HTTP
    where there was one.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
        self.status = status


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An item that could not be read: where it stood, why, and a hash of its raw form.

    `raw` is that form itself, where the source can make a post of it at another try (`Rereads`); it is kept for a few
    days only, and only when it is small.
    """

    where: str
    reason: str
    raw_hash: str
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What one step of a collector brought, committed together with `cursor`.

    `cursor` holds JSON types only and covers everything up to and with this page. `requests` counts what was asked of
    the source for this page. `complete` is true on the page after which the source has nothing more to give for now.

    A source that is told of everybody's deletions and edits passes them on: `gone` says what happened to posts, as in
    `Recheck`, `left` to everything of an author (`Post.author`), and `changed` are posts in their present wording. Of
    all three, what is not stored is let be.
    """

    cursor: Mapping[str, Any]
    posts: Sequence[Post] = ()
    samples: Sequence[EngagementSample] = ()
    gaps: Sequence[Gap] = ()
    quarantined: Sequence[Quarantined] = ()
    requests: int = 0
    complete: bool = False
    gone: Mapping[str, str] = field(default_factory=dict)
    changed: Sequence[Post] = ()
    left: Mapping[str, str] = field(default_factory=dict)


class Inbox(Protocol):
    """Where posts wait that were handed in for a source."""

    def waiting(self, after: int, limit: int) -> Sequence[Letter]:
        """Those that arrived after the one numbered `after`, in their order."""

    def newest(self) -> Letter | None:
        """The one that arrived last."""

    def forget(self, up_to: int) -> None:
        """Let go of what has been read, once nobody will send it again."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a collector is given beside its options: its configured name, the brands it is for, the clock, and sleep.

    `inbox` holds what was handed in for the source; there is none where no database is at hand.
    """

    name: str
    brands: Sequence[BrandSettings] = ()
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], None] = time.sleep
    inbox: Inbox | None = None


@runtime_checkable
class Collector(Protocol):
    """One configured source."""

    @property
    def name(self) -> str:
        """The source's configured name, which is `Post.source` of what it reads (unless a file's row names another)."""

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read what is new since `cursor` (`None`: never read), a page at a time; the last page is `complete`.

        Raises `CollectorError` when the source cannot be read on; pages given before that stand.
        """

    def probe(self) -> str:
        """Ask the source for something small; return one sentence on what was found, for `tocsin check --live`.

        Raises `CollectorError` with what is wrong and what to do about it.
        """


@dataclass(frozen=True, slots=True)
class Tariff:
    """What reading a source costs and what its platform allows, as it documents it; prices in US dollars.

    `requests_per_turn` are those of a turn that finds next to nothing. `requests_per_day` is the platform's limit, or
    what its shorter limits come to in a day, `None` where it states none. `posts_per_day` is how many posts the
    source's own options let it read, where every post is paid for.
    """

    requests_per_turn: int = 1
    requests_per_day: int | None = None
    posts_per_day: int | None = None
    dollars_per_request: float = 0.0
    dollars_per_post: float = 0.0
    dollars_per_count: float = 0.0

    def price(self, *, requests: int = 0, posts: int = 0) -> float:
        """Dollars for what was asked and given."""
        return requests * self.dollars_per_request + posts * self.dollars_per_post


@dataclass(frozen=True, slots=True)
class Count:
    """How many posts wait to be read, and what it cost to know."""

    posts: int
    requests: int


@dataclass(frozen=True, slots=True)
class Recheck:
    """What became of posts that were read earlier.

    `posts` are there, in their present wording. `kept` names those that are there and of which no more is known.
    `gone` says of those that are not what happened (`deleted`, `protected`, `suspended`, ...). What is in none of the
    three could not be told. `state` (JSON types only) is given back at the next call; when it is not empty, an answer
    is still on its way and the posts asked about are the source's to remember.
    """

    posts: Sequence[Post] = ()
    kept: Sequence[str] = ()
    gone: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    requests: int = 0


@runtime_checkable
class Charged(Protocol):
    """A source whose platform limits or charges for reading; one without this is free and asks once a turn."""

    def tariff(self) -> Tariff:
        """What it costs as configured. Talks to nobody."""


@runtime_checkable
class Counting(Protocol):
    """A source that can say how many posts wait, for less than reading them."""

    def count(self, cursor: Mapping[str, Any] | None) -> Count:
        """Posts behind `cursor`. Raises `CollectorError`."""


@runtime_checkable
class ThreadReader(Protocol):
    """A source that can give the thread of a post."""

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        """The root, what `post` answers up to the root, and at most `most` replies, the most engaged where it can tell.

        The pages' cursors are empty and are not stored. Raises `CollectorError`.
        """


@runtime_checkable
class Rechecking(Protocol):
    """A source that can tell what became of posts."""

    @property
    def recheck_at_once(self) -> int:
        """How many posts it is asked about in one call at the most."""

    @property
    def rechecks_mentions_only(self) -> bool:
        """Whether it can be asked only about posts that name a brand, as looking up every one would be too much."""

    def recheck(self, posts: Sequence[Post], state: Mapping[str, Any]) -> Recheck:
        """What became of `posts`; with the `state` of an answer on its way, `posts` is empty and that answer is taken.

        Raises `CollectorError`.
        """


@runtime_checkable
class Rereads(Protocol):
    """A source that can read an item again which it set aside, for `tocsin quarantine retry`."""

    def reread(self, raw: bytes) -> Sequence[Post | EngagementSample]:
        """What `Quarantined.raw` means by now; `ValueError` with the reason where it still makes no sense."""


@runtime_checkable
class Wakes(Protocol):
    """A source whose platform says when there is something new, so that it is read before its turn."""

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        """Call `news` whenever the platform says so, until `stopping` is set; it returns within seconds of that.

        Raises `CollectorError` when the platform cannot be listened to any more; who watches tries again later.
        """


def set_aside(where: str, error: object, raw: bytes | str) -> Quarantined:
    """An item that could not be read, with its raw form kept for another try."""
    told = str(error) if isinstance(error, ValueError) else error if isinstance(error, str) else repr(error)
    kept = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    return Quarantined(where, told, raw_hash(raw), kept if len(kept) <= LARGEST_RAW else None)


def raw_hash(raw: bytes | str) -> str:
    """A short hash that tells two raw items apart without keeping either (blake2b, 16 hex digits)."""
    return blake2b(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw, digest_size=8).hexdigest()
