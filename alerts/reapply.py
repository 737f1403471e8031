"""Putting the policy of now in the place of the one that was copied when an incident opened.

A policy is copied so that a change of the file surprises nobody in the middle of a night. Whoever changed it because of
that night asks for this.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from alerts.escalation import Policy, carried_over
from alerts.routing import Routing
from storage import escalations, incidents, outbox
from storage.database import Transaction
from storage.records import Escalation, Incident, IncidentState

EVENT = "policy"
"""Kind of the line in the timeline that says that another policy holds."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Another policy for one incident, each by its name, empty for none; `next_at` is when somebody is told next."""

    incident: Incident
    before: str
    policy: str
    next_at: datetime | None


def reapply(tx: Transaction, routing: Routing, by: str, now: datetime) -> list[Applied]:
    """Apply the policies of now to every open incident that goes by another; what changed."""
    return list(_reapplied(tx, routing, by, now))


def _reapplied(tx: Transaction, routing: Routing, by: str, now: datetime) -> Iterator[Applied]:
    for one in sorted(incidents.live(tx), key=lambda one: one.id):
        incidents.lock(tx, one.id)
        incident = incidents.get(tx, one.id)
        if incident is None or incident.state is not IncidentState.OPEN or incident.is_system:
            continue
        course = escalations.get(tx, incident.id)
        mine = course if course is not None and course.episode == incident.episode else None
        changed = _change(tx, routing, incident, mine, now)
        if changed is not None:
            details = {"before": changed.before, "policy": changed.policy}
            incidents.append_event(tx, incident.id, now, EVENT, by, details)
            yield changed


def _change(
    tx: Transaction, routing: Routing, incident: Incident, course: Escalation | None, now: datetime
) -> Applied | None:
    policy = routing.policy(routing.subject(tx, incident, now))
    before = Policy.read(course.policy) if course is not None else None
    if policy is None:
        is_stopped = course is not None and escalations.stop(tx, incident.id)
        return Applied(incident, before.name if before else "", "", None) if is_stopped else None
    if policy == before:
        return None
    told = [item for item in outbox.history(tx, incident.id) if item.episode == incident.episode]
    if not told:
        return None  # its escalation begins when somebody is told
    step, next_at = carried_over(
        policy, before, course.step if course else 1, course.next_at if course else None, incident.severity, now
    )
    seq = course.alert_seq if course else told[-1].seq
    escalations.save(tx, Escalation(incident.id, incident.episode, policy.as_json(), step, next_at, seq))
    return Applied(incident, before.name if before else "", policy.name, next_at)
