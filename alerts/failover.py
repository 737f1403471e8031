"""Telling others as well: when the channels of an alert do not take it, its fallback channels are told too."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from alerts.escalation import Policy
from alerts.page import to_json
from alerts.routing import Destination, Routing
from alerts.speak import page_of
from alerts.verdict import Timing
from alerts.words import span
from storage import escalations, incidents, outbox
from storage.database import Transaction
from storage.records import Delivery, DeliveryState, Incident, Reason, delivery_id

_log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(seconds=5)
"""How long nobody looks at most, unless the patience that was configured is shorter still."""
_SOON = timedelta(minutes=5)
_RINGING = (Reason.OPENED, Reason.ESCALATED)


@dataclass(frozen=True, slots=True)
class Failover:
    """Enqueues the fallback of alerts that nobody took in time; without routes there is none."""

    timing: Timing
    routing: Routing | None

    def look(self, tx: Transaction, now: datetime) -> datetime:
        """Tell the fallback of every alert that nobody took for too long after it was due; when to look again.

        That is the moment at which the patience with one of those that wait ends. What is enqueued in between is seen
        in time as well, since no patience is shorter than the time until the next look.
        """
        latest = now + min([LOOK_EVERY, *self.timing.failover.values()])
        if self.routing is None:
            return latest
        blocked = {block.channel for block in outbox.blocks(tx, now)}
        waiting = outbox.unfinished(tx)
        for item in waiting:
            if self._is_overdue(item, now, blocked) and incidents.is_free(tx, item.incident_id):
                waited = span((now - item.first_due_at).total_seconds())
                why = f"{item.channel} did not take it for {waited}{f': {item.last_error}' if item.last_error else ''}"
                self._tell_others(tx, item, now, why)
        ends = (end for item in waiting if (end := self._patience_ends_at(item)) is not None and end > now)
        return min([latest, *ends])

    def unreachable(self, tx: Transaction, delivery: Delivery, now: datetime, error: str) -> list[Delivery]:
        """Tell the fallback at once when a way is closed and none of the others is left."""
        return self._tell_others(tx, delivery, now, f"{delivery.channel} cannot be reached: {error}", at_once=True)

    def _is_overdue(self, item: Delivery, now: datetime, blocked: Collection[str]) -> bool:
        end = self._patience_ends_at(item)
        if end is None or now < end:
            return False
        # Where nobody has tried it yet, the first way gets its chance after an outage of our own.
        tried_for = now - (item.attempted_at or now)
        if self.routing is not None and item.channel not in self.routing.channels:
            return True
        return bool(item.last_error) or item.channel in blocked or tried_for >= self.timing.failover[item.severity]

    def _patience_ends_at(self, item: Delivery) -> datetime | None:
        """When the fallback is told of a delivery that is still not taken; `None` where it never is."""
        patience = self.timing.failover.get(item.severity)
        if not _rings(item) or patience is None:
            return None
        return item.waits_since + patience

    def _may_arrive_soon(self, item: Delivery, now: datetime) -> bool:
        """Whether another way is open: it is tried again before the fallback would be told anyway."""
        return not item.state.is_terminal and item.due_at - now <= self.timing.failover.get(item.severity, _SOON)

    def _tell_others(
        self, tx: Transaction, delivery: Delivery, now: datetime, why: str, *, at_once: bool = False
    ) -> list[Delivery]:
        incident = incidents.get(tx, delivery.incident_id)
        if incident is None or self.routing is None or not _rings(delivery):
            return []
        siblings = _siblings(outbox.history(tx, incident.id), delivery)
        if any(item.state is DeliveryState.SENT for item in siblings):
            return []
        if at_once and any(self._may_arrive_soon(item, now) for item in siblings if item.id != delivery.id):
            return []
        known = {(item.channel, item.target) for item in siblings}
        ways = [self._fallbacks(tx, self.routing, incident, delivery, now)]
        if delivery.channel not in self.routing.channels:  # taken out meanwhile: its people are to be found elsewhere
            ways.insert(0, self.routing.destinations(self.routing.subject(tx, incident, now)))
        left = ([place for place in way if (place.channel, place.target) not in known] for way in ways)
        return self._enqueue(tx, incident, delivery, next(filter(None, left), []), now, why)

    def _fallbacks(
        self, tx: Transaction, routing: Routing, incident: Incident, delivery: Delivery, now: datetime
    ) -> list[Destination]:
        """Who is told instead: of a step of an escalation, as its policy says."""
        course = escalations.get(tx, incident.id) if delivery.step else None
        step = Policy.read(course.policy).rung(delivery.step or 1, incident.severity) if course else None
        return routing.named(step.fallback) if step else routing.fallbacks(routing.subject(tx, incident, now))

    def _enqueue(
        self,
        tx: Transaction,
        incident: Incident,
        delivery: Delivery,
        places: Sequence[Destination],
        now: datetime,
        why: str,
    ) -> list[Delivery]:
        if not places:
            return []
        deliveries = [_fallback(delivery, incident, place, now, why) for place in places]
        outbox.enqueue(tx, deliveries)
        details = {"to": sorted({place.channel for place in places}), "why": why}
        incidents.append_event(tx, incident.id, now, "failover", details=details)
        _log.error("told through the fallback", incident=incident.id, why=why, to=details["to"])
        return deliveries


def _rings(delivery: Delivery) -> bool:
    """Whether somebody is to be woken by it."""
    return delivery.reason in _RINGING or bool(delivery.step)


def _siblings(history: Sequence[Delivery], delivery: Delivery) -> list[Delivery]:
    """The deliveries of the same alert."""
    return [item for item in history if item.seq == delivery.seq and item.episode == delivery.episode]


def _fallback(delivery: Delivery, incident: Incident, place: Destination, now: datetime, why: str) -> Delivery:
    page = page_of(delivery.page, incident)
    note = f"This comes to you because {why}"
    return replace(
        delivery,
        id=delivery_id(incident.id, delivery.episode, delivery.reason, delivery.seq, place.channel, place.target),
        channel=place.channel,
        target=place.target,
        state=DeliveryState.PENDING,
        page=to_json(replace(page, reason=delivery.reason, changed=(), notes=(*page.notes, note))),
        created_at=now,
        due_at=now,
        first_due_at=now,
        attempt=0,
        owner=None,
        lease_until=None,
        fence=0,
        remote_id=None,
        sent_at=None,
        attempted_at=None,
        last_error=None,
        why=why,
        step=delivery.step or 0,
        digest=delivery.digest if place.gathers else None,
        digest_id=None,
    )
