"""What every source is held to.

A source is one module of this package (or of another distribution, named by a dotted type) with three names:

- `Options`, a pydantic model made from `SourceOptions`: the keys of its `[[sources]]` table, unknown ones refused;
- a class that fulfils `Collector`;
- `build(options, context)`, which puts the two together and talks to nobody.

The one who calls `collect` stores each page and its cursor in one transaction before asking for the next page, so a
collector may be killed between any two pages: called again with the last stored cursor it goes on where it stood. At
most one page is then read twice, and none is skipped. tests/contract holds every source to this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from storage.records import EngagementSample, Gap, Post

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
    """An item that could not be read: where it stood, why, and a hash of its raw form (never its text)."""

    where: str
    reason: str
    raw_hash: str


@dataclass(frozen=True, slots=True)
class Page:
    """What one step of a collector brought, committed together with `cursor`.

    `cursor` holds JSON types only and covers everything up to and with this page. `requests` counts what was asked of
    the source for this page. `complete` is true on the page after which the source has nothing more to give for now.
    """

    cursor: Mapping[str, Any]
    posts: Sequence[Post] = ()
    samples: Sequence[EngagementSample] = ()
    gaps: Sequence[Gap] = ()
    quarantined: Sequence[Quarantined] = ()
    requests: int = 0
    complete: bool = False


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a collector is given beside its options: its configured name, the brands it is for, the clock, and sleep."""

    name: str
    brands: Sequence[BrandSettings] = ()
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    sleep: Callable[[float], None] = time.sleep


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


def raw_hash(raw: bytes | str) -> str:
    """A short hash that tells two raw items apart without keeping either (blake2b, 16 hex digits)."""
    return blake2b(raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw, digest_size=8).hexdigest()
