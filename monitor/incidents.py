"""How signals become incidents: what happened to whom, how bad it is, and when it is over.

`correlate` is a pure function of the incidents known, the signals of one tick and the tick's time. It never reads a
clock or a database, so the same history gives the same incidents whatever the batching or the restarts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from storage.records import Incident, Signal


class Change(StrEnum):
    """What happened to an incident at a tick."""

    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    """Severity went up."""
    UPDATED = "updated"
    """Something material to tell without being worse: twice the volume, another source, a new kind of trouble."""
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
    """An incident is resolved after this long without a sign above the clear level."""
    reopen_window: timedelta = timedelta(minutes=30)
    """A signal this soon after the end reopens the incident as its next episode."""


def correlate(
    known: Sequence[Incident],
    signals: Sequence[Signal],
    at: datetime,
    settings: CorrelationSettings | None = None,
    coverage: Mapping[str, float] | None = None,
) -> list[Transition]:
    """Join the signals of the tick `at` to what is known, and say what changed.

    `known` holds the live incidents and those that ended within `reopen_window` (`is_known` tells which), in any order.
    It must be called at every tick while anything is known, with no signals too: that is how incidents end. `coverage`
    is the tick's; nothing is resolved while a source of the incident is not read. At most one transition per incident,
    sorted by incident id.
    """
    raise NotImplementedError


def is_known(incident: Incident, at: datetime, settings: CorrelationSettings | None = None) -> bool:
    """Whether `correlate` needs the incident at `at`: it is live, or ended so lately that it may reopen."""
    chosen = settings or CorrelationSettings()
    if incident.state.is_live:
        return True
    return incident.resolved_at is not None and at - incident.resolved_at <= chosen.reopen_window


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def incident_id(fingerprint: str, at: datetime) -> str:
    """Identity of an incident, a ULID: its time is that of the decision, its randomness a hash of what it is about."""
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256(f"{fingerprint}\x1f{milliseconds}".encode()).digest()
    number = (milliseconds << 80) | int.from_bytes(digest[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
