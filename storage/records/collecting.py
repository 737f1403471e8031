"""How reading goes: cursors, runs, gaps, what was set aside, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class RunOutcome(StrEnum):
    """How a collector's run ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a source has been read; `position` is the collector's own, JSON types only."""

    source: str
    position: Mapping[str, Any]
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CollectorRun:
    """One run of a collector: what it read, and how it ended."""

    source: str
    started_at: datetime
    ended_at: datetime
    outcome: RunOutcome
    posts: int = 0
    new_posts: int = 0
    requests: int = 0
    error: str | None = None
    is_refused: bool = False
    """Whether it said that a person must mend something."""
    odd: int = 0
    """Items that made no sense."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What several runs brought together: `odd` are items that made no sense."""

    posts: int = 0
    new_posts: int = 0
    odd: int = 0


class Stage(StrEnum):
    """Where on its way an item was set aside."""

    READ = "read"
    """The source's own form of it made no sense."""
    UNDERSTAND = "understand"
    """It is a post, which could not be judged."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A post that was handed in and waits to be read; `number` says in which order they arrived."""

    number: int
    external_id: str
    received_at: datetime
    post: Mapping[str, Any]


LARGEST_RAW = 64 * 1024
"""Bytes of an item that is set aside which are kept for another try; a larger item is remembered by its hash."""


@dataclass(frozen=True, slots=True)
class SetAside:
    """An item that was left out: where it stood, why, a hash that tells it from others, and how often that happened.

    `raw` is the item itself, in its source's own form (`READ`) or as a post in JSON (`UNDERSTAND`), for another try.
    """

    source: str
    place: str
    reason: str
    raw_hash: str
    stage: Stage
    last_at: datetime
    raw: bytes | None = None
    first_at: datetime | None = None
    times: int = 1


class GapCause(StrEnum):
    """Who left a span unread."""

    SOURCE = "source"
    """The source did not give it (a cap, an allowance, an end of its reach): reading on does not bring it back."""
    FAILURE = "failure"
    """The source could not be read at the time."""
    ABSENCE = "absence"
    """The program did not run, or nobody led."""
    BUDGET = "budget"
    """Reading on would have cost more than the day's budget."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which a source was not, or not wholly, read; `filled_at` once it has been read after all."""

    source: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    share_missing: float = 1.0
    filled_at: datetime | None = None
    cause: GapCause = GapCause.SOURCE

    @property
    def is_open(self) -> bool:
        """Whether something of the span is still missing."""
        return self.filled_at is None


@dataclass(frozen=True, slots=True)
class Spent:
    """What a source took on one day (UTC, as platforms count): requests, posts read, and money at its tariff."""

    source: str
    day: date
    requests: int = 0
    posts: int = 0
    dollars: float = 0.0
