"""Writes what the fold knows into the database, and says what became worth telling.

The difference between the incident as it was last stored and as it is now decides what happened to it, not the path by
which the fold came there: that makes it safe to look early, to look again, and to start over after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.page import Page
from monitor.incidents import Change, Transition
from monitor.shapes import as_detection_may_know, concerned, rests_on, steps
from storage import casework as casework_store
from storage import incidents as incident_store
from storage.database import Transaction
from storage.records import Alert, Incident, IncidentState, Signal


@dataclass(frozen=True, slots=True)
class Finding:
    """An incident as it is now, the signals that came since it was last looked at, and what changed in a sentence."""

    incident: Incident
    signals: tuple[Signal, ...] = ()
    why: str = ""
    is_material: bool = True
    """Whether detection thinks the change worth telling; people are asked about no other."""


@dataclass(frozen=True, slots=True)
class Told:
    """What an announcer is given: the incident as stored now and before, what happened to it, and why."""

    change: Change
    incident: Incident
    before: Incident | None
    why: str
    at: datetime


Brief = Callable[[Transaction, Told], Page]
Announce = Callable[[Transaction, Told, Page], Sequence[Alert]]

WITHDRAWN = "with every post in, the numbers no longer bear it out"


def findings(transitions: Sequence[Transition]) -> list[Finding]:
    """The transitions of one tick as findings."""
    return [
        Finding(item.incident, item.signals, item.why, item.change is not Change.JOINED)
        for item in transitions
        if item.change is not Change.HELD
    ]


@dataclass(frozen=True, slots=True)
class Register:
    """Keeps incidents; `brief` makes the page of one, `announce` decides who is told and enqueues it."""

    brief: Brief
    announce: Announce

    def stored(self, tx: Transaction, known: Iterable[str]) -> list[Incident]:
        """The incidents as the database has them: every live one, and those of the names given."""
        live = {incident.id: incident for incident in incident_store.live(tx) if not incident.is_system}
        others = (incident_store.get(tx, name) for name in known if name not in live)
        found = [*live.values(), *(incident for incident in others if incident is not None)]
        worked = casework_store.of_many(tx, [incident.id for incident in found])
        return [as_detection_may_know(tx, incident, worked[incident.id]) for incident in found]

    def record(self, tx: Transaction, seen: Sequence[Finding], at: datetime) -> list[Alert]:
        """Store what changed, append it to the timelines, and announce what is worth it."""
        alerts: list[Alert] = []
        _go_after_others(tx, seen)
        for finding in sorted(seen, key=lambda item: item.incident.id):
            alerts += self._record(tx, finding, at)
        return alerts

    def withdraw(self, tx: Transaction, known: Mapping[str, Incident], settled: datetime, at: datetime) -> list[Alert]:
        """End incidents that were told early and that the settled numbers do not know."""
        alerts: list[Alert] = []
        living = [incident for incident in incident_store.live(tx) if not incident.is_system]
        worked = casework_store.of_many(tx, [incident.id for incident in living])
        for story in (one for stored in living for one in rests_on(tx, stored, worked[stored.id])):
            if story.state.is_live and story.id not in known and story.opened_at < settled:
                ended = replace(story, state=IncidentState.RESOLVED, resolved_at=at, updated_at=at)
                alerts += self._record(tx, Finding(ended, why=WITHDRAWN), at)
        return alerts

    def _record(self, tx: Transaction, finding: Finding, at: datetime) -> list[Alert]:
        before = _known(tx, finding.incident)
        if before is None:
            return self._settle(tx, None, finding.incident, finding, at)
        work = casework_store.of(tx, before.id)
        if work.detected is None:
            return self._settle(tx, before, _merged(before, finding.incident), finding, at)
        alerts: list[Alert] = []
        for step in steps(tx, before, work, finding.incident, finding.signals, finding.why, at):
            is_material = finding.is_material and step.is_news
            seen = replace(finding, signals=step.signals, why=step.why, is_material=is_material)
            alerts += self._settle(tx, step.before, _merged(step.before, step.now), seen, at, step.holder)
        return alerts

    def _settle(
        self,
        tx: Transaction,
        before: Incident | None,
        incident: Incident,
        finding: Finding,
        at: datetime,
        holder: str | None = None,
    ) -> list[Alert]:
        """Store the incident as it is now, keep the signals with `holder` (itself), and tell what is to be told."""
        change = difference(before, incident)
        if change is None and not finding.signals:
            return []
        incident = self._store(tx, before, incident)
        incident_store.add_signals(tx, holder or incident.id, finding.signals)
        if change is None or (change is Change.UPDATED and not finding.is_material):
            return []
        why = finding.why or change.value
        details = {"severity": incident.severity.value, "episode": incident.episode, "why": why}
        incident_store.append_event(tx, incident.id, at, change.value, "tocsin", details)
        if before is None and not incident.state.is_live:
            return []  # began and ended while nobody looked: remembered, not told
        told = Told(change, incident, before, why, at)
        return list(self.announce(tx, told, self.brief(tx, told)))

    def _store(self, tx: Transaction, before: Incident | None, incident: Incident) -> Incident:
        if before is None:
            fresh = replace(incident, version=1)
            incident_store.insert(tx, fresh)
            return fresh
        fresh = replace(incident, version=before.version + 1)
        if not incident_store.update(tx, fresh, before.version):
            raise RuntimeError(f"incident {before.id} changed under an exclusive transaction; nothing was stored")
        return fresh


def _go_after_others(tx: Transaction, seen: Iterable[Finding]) -> None:
    """Lock the incidents that are to be stored anew, all of them in the order of their names, before any is read to be
    changed: who acts on one of them just now goes first."""
    before = [(known, finding) for finding in seen if (known := _known(tx, finding.incident)) is not None]
    names = [concerned(tx, known.id) for known, finding in before if _says_something(tx, known, finding)]
    for name in sorted(set().union(*names)):
        incident_store.lock(tx, name)


def _says_something(tx: Transaction, before: Incident, finding: Finding) -> bool:
    """Whether a finding may change what is stored; where people did casework, it always may."""
    changes = bool(finding.signals) or difference(before, _merged(before, finding.incident)) is not None
    return changes or casework_store.of(tx, before.id).detected is not None


def _known(tx: Transaction, incident: Incident) -> Incident | None:
    """The incident as it is stored, under this name or the one that it got early."""
    return incident_store.get(tx, incident.id) or _told_early(tx, incident)


def _told_early(tx: Transaction, incident: Incident) -> Incident | None:
    """The same incident under the name that a provisional look gave it, also when people have closed it since."""
    stored = incident_store.by_fingerprint(tx, incident.fingerprint)
    if stored is None or stored.state.is_live:
        return stored
    return stored if stored.resolved_at is not None and incident.opened_at <= stored.resolved_at else None


def _merged(before: Incident, now: Incident) -> Incident:
    """What detection knows now, with what people decided: taken or closed stays so until it is worse or comes back."""
    merged = replace(now, id=before.id, opened_at=min(before.opened_at, now.opened_at))
    worse = now.severity.rank > before.severity.rank
    if before.episode < now.episode:
        return merged
    if not before.state.is_live:
        return replace(merged, state=before.state, resolved_at=before.resolved_at)
    if now.state.is_live and not worse:
        return replace(
            merged,
            state=before.state,
            acknowledged_at=before.acknowledged_at,
            acknowledged_by=before.acknowledged_by,
        )
    return merged


def difference(before: Incident | None, now: Incident) -> Change | None:
    """What happened to an incident between two looks, or `None` when people need not hear of it."""
    if before is None:
        return Change.OPENED
    if now.episode > before.episode and now.state.is_live:
        return Change.REOPENED
    if before.state.is_live and not now.state.is_live:
        return Change.RESOLVED
    if now.state.is_live and now.severity.rank > before.severity.rank:
        return Change.ESCALATED
    return Change.UPDATED if now.state.is_live and _substance(before) != _substance(now) else None


def _substance(incident: Incident) -> tuple[object, ...]:
    return (incident.sources, incident.kind, incident.evidence, incident.facts)
