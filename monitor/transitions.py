"""What happened to an incident: the words that the fold, the register and the alerts share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Self

from storage.records import Incident, Signal

if TYPE_CHECKING:
    from config.settings import Settings


class Change(StrEnum):
    """What happened to an incident at a tick."""

    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    """Severity went up."""
    UPDATED = "updated"
    """Something material to tell without being worse: twice the volume, another source, another incident merged."""
    JOINED = "joined"
    """A further signal belongs to it; nothing that people need to be told at once."""
    HELD = "held"
    """Still going on: only the time of the last sign changed."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one incident at the tick `at`.

    `incident` is the incident after the change (its `version` is that of `before` plus one), `before` as it was known
    (`None` when opened), `signals` the ringing signals that belong to the change and are to be stored with it. `why`
    says in one sentence what changed.
    """

    change: Change
    incident: Incident
    before: Incident | None
    at: datetime
    signals: tuple[Signal, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """When signals belong together, and when an incident is over."""

    clear_for: timedelta = timedelta(minutes=30)
    """An incident is resolved after this long without a sign above the clear level; a detector may ask for longer, and
    each return within `quiet_for` doubles it."""
    longest_clear: timedelta = timedelta(hours=4)
    """More than this is asked for by no number of returns."""
    reopen_window: timedelta = timedelta(minutes=30)
    """A signal this soon after the end reopens the incident as its next episode."""
    quiet_for: timedelta = timedelta(hours=24)
    """For this long after the end, or after people called it a false alarm, the same story is told again only when it
    is worse or clearly larger than it was."""
    wave_after: timedelta = timedelta(hours=20)
    """A story that goes on is told anew when a crowd comes back to it this long after the last one, and half of that
    after it was last told as new or worse."""
    material_growth: float = 2.0
    """Growth since it was last told, as a factor, that is worth an update."""
    shared_evidence: float = 0.3
    """Share of the smaller evidence that two stories must have in common to be one."""
    shared_terms: int = 2
    """Terms that two stories must have in common to be one; fewer when one of them has fewer."""
    critical_sources: int = 3
    """Sources that carry a warning from which it is critical."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the operator configured it."""
        alerting = settings.alerting
        return cls(
            clear_for=alerting.clear_for,
            reopen_window=alerting.reopen_window,
            material_growth=alerting.material_growth,
        )


def is_known(incident: Incident, at: datetime, settings: CorrelationSettings | None = None) -> bool:
    """Whether `correlate` needs the incident at `at`: it is live, or ended so lately that the story may come back."""
    chosen = settings or CorrelationSettings()
    return incident.state.is_live or at - ended_at(incident) <= max(chosen.reopen_window, chosen.quiet_for)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def incident_id(fingerprint: str, at: datetime) -> str:
    """Identity of an incident, a ULID: its time is that of the decision, its randomness a hash of what it is about."""
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256(f"{fingerprint}\x1f{milliseconds}".encode()).digest()
    number = (milliseconds << 80) | int.from_bytes(digest[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


def ended_at(incident: Incident) -> datetime:
    """When it ended; the time of its last sign where nobody said."""
    return incident.resolved_at or incident.updated_at
