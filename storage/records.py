"""The nouns of the program, as frozen dataclasses and enums.

Standard library alone: every room may import this module, and none of its types knows a database. All times are aware
and in UTC; all durations are seconds unless a name says otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

BIN_SECONDS = 300
"""Length of a bin: every count is kept for slots of five minutes, aligned to the Unix epoch."""


class PostKind(StrEnum):
    """What a post is on its source; `repost` carries another author's words, `count` carries only engagement."""

    POST = "post"
    REPLY = "reply"
    REPOST = "repost"
    STORY = "story"
    ARTICLE = "article"
    COMMENT = "comment"
    REVIEW = "review"
    MESSAGE = "message"


class Label(StrEnum):
    """Sentiment toward the brand in words; `unscored` means that no scorer could judge the text."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    UNSCORED = "unscored"


class CorrectedLabel(StrEnum):
    """What a person may say of a post toward a brand."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"
    NOT_ABOUT_US = "not_about_us"
    """The brand is not meant: the post is no mention of it."""

    @property
    def label(self) -> Label | None:
        """As a label of sentiment; none where the brand is not meant."""
        return None if self is CorrectedLabel.NOT_ABOUT_US else Label(self.value)


class Severity(StrEnum):
    """How bad an incident is: `watch` is a notice, `warning` and `critical` interrupt people."""

    WATCH = "watch"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for watch, 1 for warning, 2 for critical."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {Severity.WATCH: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class IncidentState(StrEnum):
    """Life cycle of an incident (docs/incidents.md)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"

    @property
    def is_live(self) -> bool:
        """Whether the incident still goes on."""
        return self in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class Verdict(StrEnum):
    """What people say of an incident afterwards; thresholds are tuned by it (storage/verdicts.py)."""

    REAL = "real"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    """Of another incident, which told it first."""
    NOT_ABOUT_US = "not_about_us"


class Reason(StrEnum):
    """Why an alert speaks."""

    OPENED = "opened"
    ESCALATED = "escalated"
    UPDATE = "update"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    DIGEST = "digest"
    """Several alerts in one message; only messages have this reason, the deliveries in it keep their own."""
    RETRACTED = "retracted"
    """What a message quoted was taken back by its author or its source: the message is changed where it stands."""


class DeliveryState(StrEnum):
    """Where an alert is on its way through one channel."""

    PENDING = "pending"
    SENDING = "sending"
    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    CHECKING = "checking"
    SENT = "sent"
    DEAD = "dead"
    SUPERSEDED = "superseded"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to the delivery."""
        return self in (DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.SUPERSEDED)


class RunOutcome(StrEnum):
    """How a collector's run ended."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Engagement:
    """What a source counts around a post; `None` where it does not say."""

    likes: int | None = None
    shares: int | None = None
    replies: int | None = None
    views: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One public message as its source published it. Identity is `(source, external_id)`.

    `thread_id` is the `external_id` of the thread's root on the same source (its own for a root), `parent_id` that of
    the post answered, `repost_of` that of the post carried on. `author` identifies the account on its source,
    `author_reach` is the audience (followers) when the source says. `collected_at` is when we read it.
    """

    source: str
    external_id: str
    created_at: datetime
    text: str
    kind: PostKind = PostKind.POST
    title: str = ""
    url: str | None = None
    author: str | None = None
    author_name: str | None = None
    author_reach: int | None = None
    thread_id: str | None = None
    parent_id: str | None = None
    repost_of: str | None = None
    language: str | None = None
    engagement: Engagement = field(default_factory=Engagement)
    edited_at: datetime | None = None
    collected_at: datetime | None = None
    brands: tuple[str, ...] = ()
    """Brands that the source itself says the post is about (a feed of one company, a labelled history file)."""

    @property
    def key(self) -> PostKey:
        """The identity `(source, external_id)`."""
        return (self.source, self.external_id)

    @property
    def judged_at(self) -> datetime:
        """The moment at which the post counts for detection.

        That is when it was written; but an article or story that its source published long ago and shows only now (a
        feed, a front page) is news of the moment at which it was first seen. Nothing else that comes late does so, or
        the return of a source after an outage would look like a surge.
        """
        if self.collected_at is None or self.kind not in MAY_SURFACE_LATE:
            return self.created_at
        lag = self.collected_at - self.created_at
        return self.collected_at if SURFACES_AFTER < lag <= STALE_AFTER else self.created_at


MAY_SURFACE_LATE = (PostKind.ARTICLE, PostKind.STORY)
SURFACES_AFTER = timedelta(minutes=15)
"""An article first seen later than this after its date counts when it was seen."""
STALE_AFTER = timedelta(hours=24)
"""An article first seen later than this after its date is old: it counts when it was written, which is in the past."""

PostKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Mention:
    """A post about a brand: the terms that matched, and how sure we are (`relevance` in 0…1) with the reason."""

    brand: str
    source: str
    external_id: str
    relevance: float
    matched: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """Sentiment toward the brand: `compound` in -1…1, `uncertainty` in 0…1 (0.5 a coin's toss), and who said so."""

    compound: float
    label: Label
    scorer: str
    version: str
    uncertainty: float = 0.5


@dataclass(frozen=True, slots=True)
class MentionedPost:
    """A post with one of its mentions and the score toward that brand, as detectors read them.

    `content_key` is equal for texts that are copies of one another (storage/keys.py), `kinds` are the incident kinds
    that the words point to (`legal_threat`, `outage`, …), strongest first.
    """

    post: Post
    mention: Mention
    score: Score
    content_key: str
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngagementSample:
    """A post's engagement as read at one moment; the samples of a thread's root are its growth."""

    source: str
    external_id: str
    at: datetime
    engagement: Engagement


@dataclass(frozen=True, slots=True)
class Bin:
    """Counts of one brand and source in the five minutes from `start`."""

    brand: str
    source: str
    start: datetime
    posts: int = 0
    negative: int = 0
    positive: int = 0
    unscored: int = 0
    reposts: int = 0
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Signal:
    """One detector's finding about one brand at the tick `at`.

    `observed` was counted in `[window_start, window_end)`, where `expected` (with the interval `low`…`high`) was usual;
    `surprise` is the detector's own strength, 1.0 being its threshold, so that detectors compare. `topic` names what it
    is about (a thread, a story, or the brand as a whole); `evidence` are the posts it rests on, most telling first.
    `facts` hold what the explanation needs beside, JSON types only.
    """

    brand: str
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
    unit: str = "voices"
    topic: str = ""
    kind: str = ""
    sources: tuple[str, ...] = ()
    evidence: tuple[PostKey, ...] = ()
    coverage: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)


SYSTEM = ""
"""The brand of incidents that are about the program itself (alerts/system.py)."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What people are talking about. `began_at` is the event time of its first evidence, `opened_at` the event time of
    the decision; `version` rises with every stored change, `episode` with every reopening."""

    id: str
    brand: str
    fingerprint: str
    state: IncidentState
    severity: Severity
    headline: str
    began_at: datetime
    opened_at: datetime
    updated_at: datetime
    kind: str = ""
    topic: str = ""
    episode: int = 1
    version: int = 1
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    origin: PostKey | None = None
    sources: tuple[str, ...] = ()
    evidence: tuple[PostKey, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_system(self) -> bool:
        """Whether it is about the program itself; detection knows nothing of it."""
        return self.brand == SYSTEM


@dataclass(frozen=True, slots=True)
class Part:
    """What was split off an incident: the incident `into` which it went, and the posts, threads (as topics:
    `thread:SOURCE:ID`) and words that went along."""

    into: str
    posts: tuple[PostKey, ...] = ()
    threads: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Casework:
    """What people made of an incident beside taking and ending it, as its timeline says (monitor/casework.py).

    `merged_into` is the incident that it is part of, and `is_member` whether it adds to it (what was split off and put
    back does not); `merged_episode` is its episode at that moment. `headline`, `kind` and `severity` are corrections,
    `severity_then` what detection said when the severity was corrected. `parts` were split off it. `detected` is the
    incident as detection knows it, kept once the incident that people see differs from that.
    """

    incident_id: str
    assigned_to: str | None = None
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    merged_into: str | None = None
    is_member: bool = False
    merged_episode: int = 1
    split_from: str | None = None
    headline: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    severity_then: Severity | None = None
    parts: tuple[Part, ...] = ()
    detected: Incident | None = None


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One line of an incident's timeline; `(incident_id, seq)` is unique and gap-free."""

    incident_id: str
    seq: int
    at: datetime
    kind: str
    actor: str = "tocsin"
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something worth saying about an incident now. `page` is what a person is told, one thing that every channel
    renders in its own way (alerts/page.py); JSON types only."""

    incident_id: str
    episode: int
    seq: int
    reason: Reason
    severity: Severity
    at: datetime
    why: str
    page: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An alert on its way through one channel. `remote_id` is the provider's name for the message (Slack `ts`)."""

    id: str
    incident_id: str
    episode: int
    seq: int
    reason: Reason
    severity: Severity
    channel: str
    target: str
    state: DeliveryState
    page: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    first_due_at: datetime
    attempt: int = 0
    owner: str | None = None
    lease_until: datetime | None = None
    fence: int = 0
    remote_id: str | None = None
    sent_at: datetime | None = None
    attempted_at: datetime | None = None
    last_error: str | None = None
    why: str = ""
    step: int | None = None
    """The step of the escalation that it belongs to, 0 for a fallback: nobody needs it once the incident is taken."""
    digest: str | None = None
    """The digest that it waits for, by name: what is due there with it is told in one message (storage/digests.py)."""
    digest_id: str | None = None
    """The identity of that message once it is under way or sent; `remote_id` is then no message of its own."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is told next while nobody takes an incident: `policy` as it was when it opened, `step` from 1 the next to be
    made at `next_at` (`None`: no more), `alert_seq` the alert that the last one made."""

    incident_id: str
    episode: int
    policy: Mapping[str, Any]
    step: int
    next_at: datetime | None
    alert_seq: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A rule that holds deliveries back until `ends_at`, with who and why; empty matchers match everything."""

    id: str
    starts_at: datetime
    ends_at: datetime
    author: str
    comment: str
    brand: str | None = None
    severity: Severity | None = None
    incident_id: str | None = None
    include_critical: bool = False
    kind: str | None = None
    topic: str | None = None
    source: str | None = None


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


def delivery_id(incident_id: str, episode: int, reason: Reason, seq: int, channel: str, target: str) -> str:
    """Identity of a delivery, the same in every process and after every restart (sha256, 32 hex digits)."""
    parts = "\x1f".join((incident_id, str(episode), reason.value, str(seq), channel, target))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def fingerprint(brand: str, topic: str) -> str:
    """Identity of what an incident is about: no counts, no times, no severity."""
    return hashlib.sha256(f"v1\x1f{brand}\x1f{topic}".encode()).hexdigest()[:32]
