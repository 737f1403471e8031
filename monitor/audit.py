"""The auditor: whether somebody was told of every incident that goes on, or why not.

It asks the database alone, whatever the rest of the program believes. What nobody was told of and nothing explains is
told now, and is a trouble of the program's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.page import Page
from alerts.policy import Change
from alerts.speak import Speaker
from alerts.system import Failing, SystemIncidents
from storage import incidents, outbox
from storage.database import Transaction
from storage.incidents import SHELTERED
from storage.records import Alert, Delivery, DeliveryState, Incident, IncidentEvent, IncidentState, Severity

TOPIC = "audit"
GRACE = timedelta(minutes=1)
"""So young an incident may still be on its way into the outbox."""

Brief = Callable[[Transaction, Incident, datetime], Page]


@dataclass(frozen=True, slots=True)
class Finding:
    """An incident of which nobody was told: `mendable` when telling it now may help."""

    incident: Incident
    why: str
    mendable: bool


def account(
    incident: Incident,
    alerts: Sequence[Alert],
    deliveries: Sequence[Delivery],
    events: Sequence[IncidentEvent],
    now: datetime,
) -> str | Finding:
    """Who was told of an incident, or why nobody; a `Finding` where nothing explains it."""
    said = [alert for alert in alerts if alert.episode == incident.episode]
    sent = [item for item in deliveries if item.episode == incident.episode]
    explanations = (
        (incident.state is not IncidentState.OPEN, "somebody has taken it"),
        (any(item.state is DeliveryState.SENT for item in sent), "somebody was told"),
        (any(not item.state.is_terminal for item in sent), "it is on its way, or held back until a time"),
        (any(alert.why.startswith(SHELTERED) for alert in said), "it is part of a storm"),
        (any(event.kind == "not_routed" for event in events), "no route is for it"),
        (now - max(incident.opened_at, incident.updated_at) < GRACE, "it has only just begun"),
    )
    explained = next((why for holds, why in explanations if holds), None)
    if explained is not None:
        return explained
    refused = any(item.state is DeliveryState.DEAD for item in sent)
    why = "everybody refused the message" if refused else "nobody was told of it, and nothing says why"
    return Finding(incident, why, mendable=not refused)


def audit(tx: Transaction, speaker: Speaker, system: SystemIncidents, brief: Brief, now: datetime) -> list[Finding]:
    """Look at every incident that goes on, as part of `tx`: tell what nobody told, and report it."""
    found = [finding for one in incidents.live(tx) if isinstance(finding := _look(tx, one, now), Finding)]
    for finding in found:
        if finding.mendable and incidents.is_free(tx, finding.incident.id):  # else somebody acts on it just now
            incidents.append_event(tx, finding.incident.id, now, "audited", details={"why": finding.why})
            speaker.speak(tx, finding.incident, Change.OPENED, brief(tx, finding.incident, now), now)
    told = [finding for finding in found if not finding.incident.is_system]
    if told:
        lines = [f"{one.incident.headline} ({one.incident.id}): {one.why}" for one in told[:10]]
        headline = f"Nobody was told of {len(told)} incident{'s' if len(told) > 1 else ''}"
        system.report(tx, Failing(TOPIC, headline, lines[0], Severity.CRITICAL, {"lines": lines}), now)
    else:
        system.recovered(tx, TOPIC, now, "somebody was told of everything that goes on")
    return found


def _look(tx: Transaction, incident: Incident, now: datetime) -> str | Finding:
    return account(
        incident,
        incidents.alerts(tx, incident.id),
        outbox.history(tx, incident.id),
        incidents.events(tx, incident.id),
        now,
    )
