"""Makes the due steps of escalations, each in one transaction with its check and its deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from alerts.escalation import Due, Policy, due
from alerts.holding import may_hold_back
from alerts.page import Page
from alerts.restraint import restraint
from alerts.speak import Speaker, page_of
from alerts.words import span
from storage import escalations, incidents, silences
from storage.database import Transaction
from storage.records import Alert, Escalation, Incident, IncidentState

_log = structlog.get_logger(__name__)

Brief = Callable[[Transaction, Incident, datetime], Page]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Tells the next people while nobody takes an incident."""

    speaker: Speaker
    brief: Brief | None = None

    def climb(self, tx: Transaction, now: datetime) -> list[Alert]:
        """Make every step that is due, as part of `tx`; what nobody could be told goes on at once."""
        seen = [*escalations.due(tx, now), *escalations.stranded(tx, now)]
        said = (self._climb(tx, course, now) for course in seen if _is_as_seen(tx, course))
        return [alert for alert in said if alert is not None]

    def _climb(self, tx: Transaction, course: Escalation, now: datetime) -> Alert | None:
        incident = incidents.get(tx, course.incident_id)
        if incident is None or incident.state is not IncidentState.OPEN or incident.episode != course.episode:
            escalations.stop(tx, course.incident_id)
            return None
        if until := self._held_until(tx, incident, now):
            escalations.save(tx, replace(course, next_at=until))
            return None
        policy = Policy.read(course.policy)
        since = min(course.next_at or now, now)  # a step that nobody could be told is over
        step = due(policy, course.step, since, incident.severity, now)
        if step is None:
            escalations.stop(tx, course.incident_id)
            return None
        return self._make(tx, incident, course, policy, step, now)

    def _held_until(self, tx: Transaction, incident: Incident, now: datetime) -> datetime | None:
        """Until when the incident is to wake nobody: a silence, quiet hours, or another incident that says it all."""
        rules = self.speaker.rules
        live = may_hold_back(tx, incident, rules.inhibitions)
        hold = restraint(incident, silences.active(tx, now), live, now, rules.inhibitions, rules.quiet)
        return max(hold.until, now + timedelta(seconds=1)) if hold else None

    def _make(
        self, tx: Transaction, incident: Incident, course: Escalation, policy: Policy, step: Due, now: datetime
    ) -> Alert | None:
        told = incidents.alerts(tx, incident.id)
        since = min((alert.at for alert in told if alert.episode == incident.episode), default=incident.opened_at)
        is_last = step.number > policy.rungs
        where = "the last resort" if is_last else f"step {step.number}"
        why = f"nobody has taken it for {span(max(1.0, (now - since).total_seconds()))} ({where} of {policy.name})"
        page = self.brief(tx, incident, now) if self.brief else page_of(told[-1].page if told else None, incident)
        alert = self.speaker.escalate(tx, incident, page, now, step.step.channels, step.number, why)
        seq = alert.seq if alert else course.alert_seq
        escalations.save(tx, replace(course, step=step.next_number, next_at=step.next_at, alert_seq=seq))
        details = {
            "policy": policy.name,
            "step": step.number,
            "missed": list(step.missed),
            "to": list(step.step.channels),
            "why": why,
        }
        incidents.append_event(tx, incident.id, now, "escalation", details=details)
        _log.warning("nobody has taken it", incident=incident.id, **details)
        return alert


def _is_as_seen(tx: Transaction, course: Escalation) -> bool:
    """Whether it is so still, now that nobody else changes the incident; who takes it just now goes first."""
    return incidents.is_free(tx, course.incident_id) and escalations.get(tx, course.incident_id) == course
