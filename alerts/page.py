"""What a person is told: one `Page`, which every channel renders in its own way.

A page is facts and sentences, no markup. It travels as JSON inside alerts and deliveries, so that a message can be
sent, sent again or drawn anew long after the moment that made it; fields are only ever added, each with a default, and
unknown ones are ignored, so that rows of another version stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from alerts.words import kind_words
from storage.records import IncidentState, Reason, Severity


@dataclass(frozen=True, slots=True)
class Quote:
    """A post as it is shown: the words of an outsider, never trusted as markup.

    `author` is the name as people see it, `reach` the audience where the source says, `copies` how many posts carried
    the same text. `sentiment` is toward the brand, -1…1, `None` where nobody could judge it. `answers` are the words
    that the post replies to, where it is a reply.
    """

    text: str
    source: str
    at: datetime
    author: str = ""
    url: str = ""
    title: str = ""
    reach: int | None = None
    likes: int | None = None
    shares: int | None = None
    replies: int | None = None
    views: int | None = None
    copies: int = 1
    sentiment: float | None = None
    answers: str = ""


@dataclass(frozen=True, slots=True)
class SourceShare:
    """What one source carried of the incident, and when it was first seen there."""

    source: str
    first_at: datetime
    posts: int = 0
    voices: int = 0


@dataclass(frozen=True, slots=True)
class ThreadGrowth:
    """The thread that carries the incident, with its replies an hour now and as such threads usually have."""

    title: str
    source: str
    url: str = ""
    started_at: datetime | None = None
    replies: int | None = None
    replies_per_hour: float | None = None
    usual_per_hour: float | None = None


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """How much of the window a source really covered (0…1), and why not all of it."""

    source: str
    share: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is to come: so many posts in all over the next `hours`, from `low` to `high` in four cases of five."""

    hours: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth a line on the curve: where it began, a source joining, an influential post, the alarm."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts per bin of `bin_seconds` from `start`, in the page's unit; `expected` with the band `low`…`high`.

    The four sequences are equally long, or the last three are empty. `None` in `observed` is a bin that no source
    covered, in the others a bin of which nothing is known yet.
    """

    start: datetime
    bin_seconds: int
    observed: tuple[float | None, ...]
    expected: tuple[float | None, ...] = ()
    low: tuple[float | None, ...] = ()
    high: tuple[float | None, ...] = ()
    marks: tuple[Mark, ...] = ()
    unit: str = "voices"


@dataclass(frozen=True, slots=True)
class Similar:
    """A past incident like this one: how it went, what people did then, and the public answer of then."""

    incident_id: str
    at: datetime
    headline: str
    outcome: str = ""
    url: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class OnDuty:
    """Somebody who is on duty now, in the words of the configuration, and until when."""

    name: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """The response clock of one episode: when each thing happened, `None` where it has not (yet)."""

    detected_at: datetime
    began_at: datetime | None = None
    paged_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    answered_at: datetime | None = None
    answered_by: str = ""
    answer: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""

    @property
    def spans(self) -> dict[str, timedelta]:
        """How long each thing took: `detected` since it began, `paged`, `answered` and `resolved` since it rang,
        `acknowledged` since the first message arrived."""
        rang, heard = self.detected_at, self.paged_at or self.detected_at
        moments = (
            ("detected", self.began_at, self.detected_at),
            ("paged", rang, self.paged_at),
            ("acknowledged", heard, self.acknowledged_at),
            ("answered", rang, self.answered_at),
            ("resolved", rang, self.resolved_at),
        )
        return {name: max(end - start, timedelta(0)) for name, start, end in moments if start and end}


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that a person needs in order to act on an incident, at the moment `at`.

    `observed` of `unit` (voices, negative voices, replies, reach) were counted in the last `window_seconds`, where
    `expected` within `low`…`high` is usual for this brand and hour. `voices` are distinct authors saying distinct
    things among `posts` by `authors`; `copies_share` and `negative_share` are 0…1. `doubling_hours` is `None` where it
    does not grow. `sources` stand in the order in which the incident reached them. `why` says in sentences why it
    rang, `changed` what is new since people were last told (empty: nothing that is worth a new message), `notes` what
    concerns the message itself (delayed, sent again, reached through a fallback). `origin` is where it began, `quotes`
    the posts that tell most, strongest first. `response` is the response clock, `snoozed_until` when a pause that
    somebody made ends, `on_duty` who is on duty at `at`, `carried_by` to whom it is assigned, `merged` the headlines
    of what people merged into it. `timezone` is the zone in which people read its times.
    `entries` are the pages that a digest tells together, the most severe first; a digest is of no incident itself.
    `is_own` says that it is a trouble of the program's own. `kind_title` is the kind as its headlines name it.
    """

    headline: str
    brand: str
    severity: Severity
    reason: Reason
    incident_id: str
    at: datetime
    began_at: datetime
    kind: str = ""
    kind_title: str = ""
    state: IncidentState = IncidentState.OPEN
    episode: int = 1
    opened_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    carried_by: str = ""
    merged: tuple[str, ...] = ()
    resolved_at: datetime | None = None
    observed: float | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    unit: str = "voices"
    window_seconds: int = 3600
    voices: int = 0
    posts: int = 0
    authors: int = 0
    reach: int | None = None
    copies_share: float = 0.0
    negative_share: float | None = None
    doubling_hours: float | None = None
    forecast: Forecast | None = None
    sources: tuple[SourceShare, ...] = ()
    origin: Quote | None = None
    quotes: tuple[Quote, ...] = ()
    thread: ThreadGrowth | None = None
    terms: tuple[str, ...] = ()
    coverage: tuple[SourceCoverage, ...] = ()
    why: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    curve: Curve | None = None
    similar: tuple[Similar, ...] = ()
    response: Response | None = None
    snoozed_until: datetime | None = None
    snoozed_by: str = ""
    on_duty: tuple[OnDuty, ...] = ()
    url: str = ""
    timezone: str = "UTC"
    drill: bool = False
    entries: tuple[Page, ...] = ()
    is_own: bool = False

    @property
    def about(self) -> str:
        """What kind of incident it is, as people say it: "legal trouble"; empty where it has no kind."""
        return self.kind_title or kind_words(self.kind)


ALL_QUIET = "all_quiet"
"""The kind of a page that only says that the program works."""
BRIEF = "brief"
"""The kind of a page that tells of a week or a month; its `why` are sentences that begin with a label, `Mood: …`."""
TEST = "test"
"""The kind of a page that tries a channel: there is no incident about which a reader could do anything."""
WHOLE = "Write all of it"
"""The label of the sentence of a brief that is a command."""


class UnreadablePageError(Exception):
    """A stored page does not have the shape of one; the message says at which field."""


def to_json(page: Page) -> dict[str, Any]:
    """The page as JSON types only, as alerts and deliveries carry it.

    What no database or JSON can keep is replaced: numbers that are not finite by `None`, NUL and half a surrogate pair
    by U+FFFD. A page is never lost to what an outsider wrote.
    """
    plain: dict[str, Any] = _storable(msgspec.to_builtins(page))
    return plain


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, (list, tuple)) else value


def from_json(plain: Mapping[str, Any]) -> Page:
    """The page that `to_json` made; `UnreadablePageError` when it is none."""
    try:
        return msgspec.convert(_said(plain), Page)
    except msgspec.ValidationError as error:
        raise UnreadablePageError(f"a stored page cannot be read: {error}") from error


def _said(plain: Any) -> Any:
    """`plain` without the keys that hold nothing, so that a number that was not finite falls back to its default."""
    if isinstance(plain, Mapping):
        return {key: _said(value) for key, value in plain.items() if value is not None}
    return [_said(item) for item in plain] if isinstance(plain, (list, tuple)) else plain
