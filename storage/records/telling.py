"""What people are told: alerts, their deliveries, who is told next, and what is held back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from storage.records.deciding import Severity


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

    @property
    def waits_since(self) -> datetime:
        """Since when it keeps people waiting: one that a silence or quiet hours hold back does from their end on."""
        is_held = self.state is DeliveryState.PENDING
        return max(self.first_due_at, self.due_at) if is_held else self.first_due_at


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


def delivery_id(incident_id: str, episode: int, reason: Reason, seq: int, channel: str, target: str) -> str:
    """Identity of a delivery, the same in every process and after every restart (sha256, 32 hex digits)."""
    parts = "\x1f".join((incident_id, str(episode), reason.value, str(seq), channel, target))
    return hashlib.sha256(parts.encode()).hexdigest()[:32]
