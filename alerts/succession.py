"""The delivery of an alert at one place, which takes over what those it replaces there had to say: pure functions.

What a later alert drops was never heard: where nobody heard the beginning, the later one is the beginning; what was
new in those that were dropped is new in the one that follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alerts.page import from_json, to_json
from alerts.policy import Decision
from alerts.routing import Destination
from storage.records import Alert, Delivery, DeliveryState, Incident, Reason, delivery_id

COMBINED = "It began and ended before a message about it could reach you."


def successor(
    place: Destination,
    incident: Incident,
    alert: Alert,
    decision: Decision,
    left: Sequence[Delivery],
    dropped: Sequence[Delivery],
) -> Delivery:
    """The delivery of an alert at one place, which takes over what those it replaces had to say."""
    reason = _role(incident, alert, left, dropped)
    due = _due(alert, decision, dropped)
    return Delivery(
        id=delivery_id(incident.id, incident.episode, reason, alert.seq, place.channel, place.target),
        incident_id=incident.id,
        episode=incident.episode,
        seq=alert.seq,
        reason=reason,
        severity=incident.severity,
        channel=place.channel,
        target=place.target,
        state=DeliveryState.PENDING,
        page=_words(reason, incident, alert, left, dropped),
        created_at=alert.at,
        due_at=due,
        first_due_at=min([due, *(item.first_due_at for item in dropped)]),
        why=f"{decision.why} (held: {decision.held})" if decision.held else decision.why,
        step=_step(incident, left, dropped),
    )


def _role(incident: Incident, alert: Alert, left: Sequence[Delivery], dropped: Sequence[Delivery]) -> Reason:
    """What the alert is at one place: the beginning where nothing was heard, and no less than what it replaces."""
    if alert.reason is Reason.RESOLVED:
        return Reason.RESOLVED
    if not _knows(incident, left):
        return Reason.OPENED
    return Reason.ESCALATED if any(item.reason is Reason.ESCALATED for item in dropped) else alert.reason


def _step(incident: Incident, left: Sequence[Delivery], dropped: Sequence[Delivery]) -> int | None:
    """The step by which a place hears of it for the first time: as needless as that once it is taken."""
    steps = [item.step for item in dropped if item.step is not None]
    return steps[0] if steps and len(steps) == len(dropped) and not _knows(incident, left) else None


def _knows(incident: Incident, left: Sequence[Delivery]) -> bool:
    """Whether a place has been told of this episode, or may have been, or is being told."""
    states = [item.state for item in left if item.episode == incident.episode]
    return any(state is DeliveryState.SENT or not state.is_terminal for state in states)


def _due(alert: Alert, decision: Decision, dropped: Sequence[Delivery]) -> datetime:
    """An update does not bring forward what was held back and never tried."""
    due = decision.due_at or alert.at
    held = [item.due_at for item in dropped if item.attempt == 0] if alert.reason is Reason.UPDATE else []
    return max([due, *held])


def _words(
    reason: Reason, incident: Incident, alert: Alert, left: Sequence[Delivery], dropped: Sequence[Delivery]
) -> dict[str, object]:
    page = from_json(alert.page)
    if reason is Reason.RESOLVED and not _knows(incident, left):
        page = replace(page, notes=(*page.notes, COMBINED))
    if reason is Reason.OPENED and alert.reason is not Reason.OPENED:
        page = replace(page, changed=())
    elif reason is not Reason.RESOLVED:
        earlier = [sentence for item in dropped for sentence in item.page.get("changed", ())]
        page = replace(page, changed=tuple(dict.fromkeys((*earlier, *page.changed))))
    return to_json(replace(page, reason=reason))
