"""What the API takes and gives. Requests are strict: unknown fields and wrong types are refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alerts.actions import Action
from monitor.web.calendar import within_calendar
from storage.records import (
    Casework,
    Delivery,
    DeliveryState,
    Incident,
    IncidentEvent,
    IncidentState,
    Label,
    MentionedPost,
    PostKind,
    Reason,
    RunOutcome,
    Severity,
    Signal,
    Silence,
)
from storage.search import Found


class Asked(BaseModel):
    """What a program sends: nothing that is not expected."""

    model_config = ConfigDict(extra="forbid")


class Given(BaseModel):
    """What a program gets; fields are only ever added."""

    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """Why something could not be done (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def storable(text: object) -> object:
    if isinstance(text, str) and any(ord(char) < 0x20 and char not in "\t\n\r" for char in text):
        raise ValueError("control characters are not taken")
    return text


Words = Annotated[str, StringConstraints(max_length=500), BeforeValidator(storable)]
Cursor = Annotated[str, StringConstraints(max_length=200, pattern=r"^[A-Za-z0-9_-]*$")]
Limit = Annotated[int, Field(ge=1, le=200)]
Moment = Annotated[AwareDatetime, AfterValidator(within_calendar)]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": words,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, words in {
        401: "No token, or one that does not hold.",
        403: "The token may not.",
        404: "There is no such thing.",
        409: "It cannot be done to this incident now.",
        413: "The request is too large.",
        422: "The request is not as it should be.",
        429: "Too many requests.",
        503: "The database does not answer, or took too long.",
    }.items()
}


class Links(Given):
    """Where a list goes on: the cursor for `before`, null at its end."""

    next: str | None


class IncidentOut(Given):
    """An incident."""

    id: str
    brand: str
    state: IncidentState
    severity: Severity
    headline: str
    kind: str
    topic: str
    episode: int
    version: int
    began_at: datetime
    opened_at: datetime
    updated_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    sources: list[str]
    assigned_to: str | None = None
    tags: list[str] = Field(default_factory=list)
    links: list[str] = Field(default_factory=list)
    merged_into: str | None = None
    split_from: str | None = None

    @classmethod
    def of(cls, incident: Incident, work: Casework) -> IncidentOut:
        """The incident as it is given, with what people made of it."""
        return cls.model_validate(incident).model_copy(
            update={
                "assigned_to": work.assigned_to,
                "tags": list(work.tags),
                "links": list(work.links),
                "merged_into": work.merged_into,
                "split_from": work.split_from,
            }
        )


class Incidents(Given):
    """A page of incidents, the newest first."""

    items: list[IncidentOut]
    next: str | None


class EventOut(Given):
    """A line of a timeline."""

    seq: int
    at: datetime
    kind: str
    actor: str
    details: Mapping[str, Any]

    @classmethod
    def of(cls, event: IncidentEvent) -> EventOut:
        """The line as it is given."""
        return cls.model_validate(event)


class LineOut(EventOut):
    """A line of a timeline, with the incident that it belongs to."""

    incident_id: str


class SignalOut(Given):
    """A detector's finding."""

    detector: str
    version: str
    at: datetime
    window_start: datetime
    window_end: datetime
    observed: float
    expected: float
    low: float
    high: float
    surprise: float
    severity: Severity
    unit: str
    kind: str
    sources: list[str]
    coverage: float

    @classmethod
    def of(cls, signal: Signal) -> SignalOut:
        """The finding as it is given."""
        return cls.model_validate(signal)


class DeliveryOut(Given):
    """A message on its way through a channel."""

    id: str
    incident_id: str
    episode: int
    seq: int
    reason: Reason
    severity: Severity
    channel: str
    target: str
    state: DeliveryState
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempt: int
    last_error: str | None

    @classmethod
    def of(cls, delivery: Delivery) -> DeliveryOut:
        """The delivery as it is given."""
        return cls.model_validate(delivery)


class Timeline(Given):
    """Everything that happened with an incident."""

    events: list[EventOut]
    signals: list[SignalOut]
    deliveries: list[DeliveryOut]


class ActionIn(Asked):
    """What a person does about an incident. `until` ends a snooze, `link` leads to an answer, `twin` is another."""

    action: Action
    note: Annotated[str, StringConstraints(max_length=2000), BeforeValidator(storable)] = ""
    until: Moment | None = None
    link: Annotated[str, StringConstraints(max_length=2000), BeforeValidator(storable)] = ""
    twin: Annotated[str, StringConstraints(max_length=100), BeforeValidator(storable)] = ""


class ActionOut(Given):
    """What came of it; `changed` is false where it had been done before."""

    incident: IncidentOut
    changed: bool


class MentionOut(Given):
    """What a post says of a brand; `compound` is the sentiment toward it, -1 to 1."""

    brand: str
    relevance: float
    label: Label
    compound: float
    kinds: list[str]

    @classmethod
    def of(cls, found: MentionedPost) -> MentionOut:
        """The mention as it is given."""
        return cls(
            brand=found.mention.brand,
            relevance=found.mention.relevance,
            label=found.score.label,
            compound=found.score.compound,
            kinds=list(found.kinds),
        )


class PostOut(Given):
    """A post, with its mentions where they are known."""

    source: str
    external_id: str
    kind: PostKind
    created_at: datetime
    title: str
    text: str
    url: str | None
    author: str | None
    author_reach: int | None
    language: str | None
    thread_id: str | None
    parent_id: str | None
    likes: int | None
    shares: int | None
    replies: int | None
    views: int | None
    mentions: list[MentionOut]

    @classmethod
    def of(cls, found: Found) -> PostOut:
        """The post as it is given."""
        post, counts = found.post, found.post.engagement
        return cls(
            source=post.source,
            external_id=post.external_id,
            kind=post.kind,
            created_at=post.created_at,
            title=post.title,
            text=post.text,
            url=post.url,
            author=post.author,
            author_reach=post.author_reach,
            language=post.language,
            thread_id=post.thread_id,
            parent_id=post.parent_id,
            likes=counts.likes,
            shares=counts.shares,
            replies=counts.replies,
            views=counts.views,
            mentions=[MentionOut.of(one) for one in found.mentions],
        )


class Posts(Given):
    """A page of posts, the newest first."""

    items: list[PostOut]
    next: str | None


class BinOut(Given):
    """Counts of one slot."""

    start: datetime
    posts: int
    negative: int
    positive: int
    unscored: int
    coverage: float | None = None


class PulseOut(Given):
    """A brand's counts, empty slots too. `coverage` is the share of the time that was read, by source; a slot has the
    mean over them."""

    brand: str
    every_seconds: int
    coverage: dict[str, float]
    bins: list[BinOut]


class BrandOut(Given):
    """A brand that is watched."""

    name: str
    aliases: list[str]
    rivals: list[str]


class SourceOut(Given):
    """A source, and how it is; `coverage` is the share of the last day that was read."""

    name: str
    type: str
    enabled: bool
    state: str
    coverage: float
    next_at: datetime | None
    last_ended_at: datetime | None
    failures: int


class GapOut(Given):
    """A span that was not, or not wholly, read."""

    source: str
    starts_at: datetime
    ends_at: datetime
    reason: str
    share_missing: float
    filled_at: datetime | None


class RunOut(Given):
    """A run of a collector."""

    source: str
    started_at: datetime
    ended_at: datetime
    outcome: RunOutcome
    posts: int
    new_posts: int
    requests: int
    error: str | None


class SilenceIn(Asked):
    """A rule that holds deliveries back; what is left out matches everything."""

    ends_at: Moment
    comment: Annotated[str, StringConstraints(min_length=1, max_length=500), BeforeValidator(storable)]
    starts_at: Moment | None = None
    brand: Annotated[str, StringConstraints(min_length=1, max_length=100), BeforeValidator(storable)] | None = None
    severity: Literal["watch", "warning", "critical"] | None = None
    incident_id: Annotated[str, StringConstraints(min_length=1, max_length=40), BeforeValidator(storable)] | None = None
    include_critical: bool = False


class SilenceOut(Given):
    """A silence."""

    id: str
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str
    brand: str | None
    severity: Severity | None
    incident_id: str | None
    include_critical: bool

    @classmethod
    def of(cls, silence: Silence) -> SilenceOut:
        """The silence as it is given."""
        return cls.model_validate(silence)
