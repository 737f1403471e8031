"""What holds a message back: a silence that people made, quiet hours, or another incident that says it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from alerts.quiet import QuietHours
from config.alerting import InhibitionSettings
from config.settings import Settings
from storage.records import Incident, Severity, Silence

LOOK_AGAIN = timedelta(minutes=5)
"""Nobody knows when the other incident ends; so it is looked at again after this."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Until when a message is held back at least, and why."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Incidents that match the first part hold back those that match the second, where `same` is equal in both."""

    severities: frozenset[str]
    muted_severities: frozenset[str]
    brands: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    muted_kinds: frozenset[str] = frozenset()
    same: frozenset[str] = frozenset({"brand"})

    @classmethod
    def build(cls, chosen: InhibitionSettings) -> Self:
        """The rule as the operator wrote it."""
        return cls(
            frozenset(chosen.severities),
            frozenset(chosen.muted_severities),
            frozenset(chosen.brands),
            frozenset(chosen.kinds),
            frozenset(chosen.muted_kinds),
            frozenset(chosen.same),
        )

    def may_hold(self, incident: Incident) -> bool:
        """Whether the rule holds `incident` back while another one goes on."""
        return (
            not incident.is_system
            and incident.severity is not Severity.CRITICAL
            and incident.severity.value in self.muted_severities
            and (not self.muted_kinds or incident.kind in self.muted_kinds)
        )

    def holds(self, other: Incident, incident: Incident) -> bool:
        """Whether `other`, which goes on, holds `incident` back; no incident ever holds itself back."""
        return (
            self.may_hold(incident)
            and other.id != incident.id
            and other.state.is_live
            and not other.is_system
            and other.severity.value in self.severities
            and (not self.brands or other.brand in self.brands)
            and (not self.kinds or other.kind in self.kinds)
            and all(getattr(other, name) == getattr(incident, name) for name in self.same)
        )


DEFAULT_INHIBITIONS = (Inhibition(frozenset({"critical"}), frozenset({"watch"})),)
"""Who is dealing with a crisis of a brand need not be told of a watch about it."""


def inhibitions(settings: Settings) -> tuple[Inhibition, ...]:
    """The rules of one configuration, with those that always hold."""
    return (*DEFAULT_INHIBITIONS, *map(Inhibition.build, settings.inhibitions))


def inhibiting(incident: Incident, live: Sequence[Incident], rules: Sequence[Inhibition]) -> Incident | None:
    """The incident that says it all, the worst where there are several."""
    found = [other for other in live if any(rule.holds(other, incident) for rule in rules)]
    return max(found, key=lambda other: (other.severity.rank, other.opened_at, other.id), default=None)


def tells_of(silence: Silence, incident_id: str, decided_at: datetime) -> bool:
    """Whether what was decided then is the message that tells of the silence: a snooze begins with being told."""
    return silence.incident_id == incident_id and silence.starts_at == decided_at


def said_of(silence: Silence) -> str:
    """Why something is held by it, as it stands with what is held."""
    return f"silenced by {silence.author}: {silence.comment}"


def silencing(incident: Incident, silences: Sequence[Silence], at: datetime) -> Silence | None:
    """The silence that holds messages about an incident at `at`, the longest where there are several.

    Critical incidents are silenced only where the silence says so itself.
    """
    matching = [silence for silence in silences if is_silenced_by(silence, incident, at)]
    return max(matching, key=lambda silence: silence.ends_at, default=None)


def is_silenced_by(silence: Silence, incident: Incident, at: datetime) -> bool:
    """Whether the silence is in force at `at` and is for such an incident."""
    if not silence.starts_at <= at < silence.ends_at:
        return False
    return is_meant_by(silence, incident)


def is_meant_by(silence: Silence, incident: Incident) -> bool:
    """Whether the silence is for such an incident, whenever it is in force."""
    if incident.severity is Severity.CRITICAL and not silence.include_critical:
        return False
    return (
        silence.brand in (None, incident.brand)
        and silence.severity in (None, incident.severity)
        and silence.incident_id in (None, incident.id)
        and silence.kind in (None, incident.kind)
        and silence.topic in (None, incident.topic)
        and (silence.source is None or silence.source in incident.sources)
    )


def restraint(
    incident: Incident,
    silences: Sequence[Silence],
    live: Sequence[Incident],
    at: datetime,
    rules: Sequence[Inhibition],
    quiet: QuietHours | None = None,
) -> Hold | None:
    """What holds messages about an incident back at `at`; quiet hours only where they are given."""
    if silence := silencing(incident, silences, at):
        return Hold(silence.ends_at, said_of(silence))
    if other := inhibiting(incident, live, rules):
        return Hold(at + LOOK_AGAIN, f"{other.headline} says it all (incident {other.id})")
    critical = incident.severity is Severity.CRITICAL
    if quiet and not critical and (end := quiet.until(at)):
        return Hold(end, "quiet hours")
    return None
