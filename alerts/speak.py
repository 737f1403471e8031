"""Speaking: from what happened to an incident to deliveries in the outbox, inside the transaction that stored it.

The policy decides whether there is something to say, the routes to whom; here the alert is stored and its deliveries
are enqueued, replacing those that nobody has begun to send. The transaction is the caller's: the incident, the alert
and its deliveries become true together, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol, Self

import structlog

from alerts.digests import gathered
from alerts.escalation import first_at
from alerts.holding import may_hold_back
from alerts.page import Page, UnreadablePageError, from_json, to_json
from alerts.policy import BY_PEOPLE, ENDS, Change, Decision, Rules, decide, is_reminder_due
from alerts.routing import Destination, Routing, Subject
from alerts.succession import successor
from config.settings import Settings
from storage import escalations, incidents, outbox, silences
from storage.database import Transaction
from storage.records import Alert, Delivery, DeliveryState, Escalation, Incident, Reason

_log = structlog.get_logger(__name__)

_ENDS_ESCALATION = (Change.ACKNOWLEDGED, *ENDS)
_BEGINS_AGAIN = (Change.RELEASED, Change.SEPARATED)
_BEFORE = tuple(reason for reason in Reason if reason is not Reason.RETRACTED)


class Told(Protocol):
    """What happened to an incident, as the one who stored it tells it."""

    @property
    def change(self) -> StrEnum:
        """A value of `alerts.policy.Change`."""

    @property
    def incident(self) -> Incident:
        """The incident as it is stored now."""

    @property
    def why(self) -> str:
        """The change in a sentence, or nothing."""

    @property
    def at(self) -> datetime:
        """The moment of the decision."""


Brief = Callable[[Transaction, Incident, datetime], Page]
"""Makes the page of an incident as it is at a moment."""


class Weather(Protocol):
    """Says whether so much happens that incidents are not to speak for themselves (alerts/storm.py)."""

    def shelters(self, tx: Transaction, incident: Incident, decision: Decision, now: datetime) -> str:
        """Why the incident is not to speak for itself now; nothing where it may."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What came of one question: the decision, and the alert with its deliveries where there was something to say."""

    decision: Decision
    alert: Alert | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Speaker:
    """Speaks under one configuration."""

    rules: Rules
    routing: Routing
    weather: Weather | None = None

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The speaker of one configuration; channels' options are checked, no secret is read."""
        return cls(Rules.build(settings), Routing.build(settings))

    def announce(self, tx: Transaction, told: Told, page: Page) -> list[Alert]:
        """Say what there is to say about a change, as part of the transaction `tx` that stored it."""
        change = Change(told.change.value)
        said = self.speak(tx, told.incident, change, page, told.at, note=told.why).alert
        return [said] if said else []

    def speak(
        self, tx: Transaction, incident: Incident, change: Change, page: Page, now: datetime, note: str = ""
    ) -> Announcement:
        """Decide, store the alert and enqueue its deliveries; `note` is the change in a sentence."""
        if change in _ENDS_ESCALATION:
            self._stop(tx, incident, change)
        told = incidents.alerts(tx, incident.id)
        live = may_hold_back(tx, incident, self.rules.inhibitions)
        decision = decide(incident, change, page, told, silences.active(tx, now), now, self.rules, note, live)
        if decision.reason is None:
            if change is Change.RELEASED and told:  # held back, but who is next is to be told when that ends
                self._begin_escalation(tx, incident, told[-1].seq, now)
            return Announcement(decision)
        by_people = change in BY_PEOPLE
        if self.weather and not by_people and (why := self.weather.shelters(tx, incident, decision, now)):
            return self._shelter(tx, incident, page, decision, told, now, why)
        return self.say(tx, incident, page, decision, told, now, restart=change in _BEGINS_AGAIN)

    def say(
        self,
        tx: Transaction,
        incident: Incident,
        page: Page,
        decision: Decision,
        told: Sequence[Alert],
        now: datetime,
        *,
        restart: bool = False,
    ) -> Announcement:
        """Store what was decided to be said, and enqueue it; `restart` lets its escalation begin again."""
        alert = _stored(tx, _alert(incident, decision, page, told, now))
        deliveries = self._deliver(tx, incident, alert, decision)
        outbox.enqueue(tx, deliveries)
        if restart or alert.reason in (Reason.OPENED, Reason.ESCALATED):
            told_at = min((item.due_at for item in deliveries), default=decision.due_at or now)
            self._begin_escalation(tx, incident, alert.seq, max(told_at, now))
        return Announcement(decision, alert, tuple(deliveries))

    def _shelter(
        self,
        tx: Transaction,
        incident: Incident,
        page: Page,
        decision: Decision,
        told: Sequence[Alert],
        now: datetime,
        why: str,
    ) -> Announcement:
        """Store what begins, returns or gets worse without messages of its own; the rest waits until it is calmer."""
        kept = replace(decision, why=f"{incidents.SHELTERED}{why}")
        returns = not any(one.episode == incident.episode for one in told)
        if decision.reason not in (Reason.OPENED, Reason.ESCALATED) and not returns:
            return Announcement(replace(kept, reason=None))
        alert = _stored(tx, _alert(incident, kept, page, told, now))
        incidents.append_event(tx, incident.id, now, "storm", details={"why": why})
        return Announcement(kept, alert)

    def escalate(
        self,
        tx: Transaction,
        incident: Incident,
        page: Page,
        now: datetime,
        channels: Sequence[str],
        step: int,
        why: str,
    ) -> Alert | None:
        """Tell the channels of one step of an escalation, and nobody else; the caller has looked whether it may be."""
        told = incidents.alerts(tx, incident.id)
        decision = Decision(Reason.REMINDER, why, (f"{why[0].upper()}{why[1:]}.",), now)
        page = replace(page, notes=(*page.notes, f"You are told because {why}."))
        alert = _stored(tx, _alert(incident, decision, page, told, now))
        sent = outbox.history(tx, incident.id)
        # Where none of them is configured any more, a step must not be silent: whom the routes name now is told.
        places = self.routing.named(channels) or self.routing.destinations(self.routing.subject(tx, incident, now))
        made = [self._delivery(tx, place, incident, alert, decision, sent) for place in places]
        outbox.enqueue(tx, [replace(item, step=step) for item in made])
        return alert

    def _stop(self, tx: Transaction, incident: Incident, change: Change) -> None:
        """Nobody else needs to be told: no further step, and none that is still waiting."""
        escalations.stop(tx, incident.id)
        outbox.supersede(tx, incident.id, _BEFORE, why=change.value, episode=incident.episode, only_steps=True)

    def _begin_escalation(self, tx: Transaction, incident: Incident, alert_seq: int, told_at: datetime) -> None:
        """Start the ladder from its foot, unless it is being climbed already under the same policy."""
        policy = self.routing.policy(self.routing.subject(tx, incident, told_at))
        if policy is None:
            return
        running = escalations.get(tx, incident.id)
        is_running = running is not None and running.next_at is not None and running.episode == incident.episode
        if is_running and running is not None and running.policy["name"] == policy.name:
            return
        next_at = first_at(policy, incident.severity, told_at)
        course = Escalation(incident.id, incident.episode, policy.as_json(), 1, next_at, alert_seq)
        escalations.save(tx, course)

    def remind(self, tx: Transaction, now: datetime, brief: Brief | None = None) -> list[Alert]:
        """Remind of every incident that nobody took for too long.

        Without `brief` the figures are those of the last alert, and the message says as of when.
        """
        said: list[Alert] = []
        for one in incidents.live(tx):
            if not (self._is_reminder_due(tx, one, now) and incidents.is_free(tx, one.id)):
                continue  # who takes it just now goes first
            incident = incidents.get(tx, one.id) or one
            if self._is_reminder_due(tx, incident, now):
                page = brief(tx, incident, now) if brief else self._last_page(tx, incident)
                spoken = self.speak(tx, incident, Change.HELD, page, now).alert
                said += [spoken] if spoken else []
        return said

    def _is_reminder_due(self, tx: Transaction, incident: Incident, now: datetime) -> bool:
        told = incidents.alerts(tx, incident.id)
        return is_reminder_due(incident, told, now, self.rules) and self._may_remind(tx, incident)

    def _last_page(self, tx: Transaction, incident: Incident) -> Page:
        return page_of(incidents.alerts(tx, incident.id)[-1].page, incident)

    def _may_remind(self, tx: Transaction, incident: Incident) -> bool:
        """Not of what nobody was told of or waits for a digest, nor while an escalation reminds in its own way."""
        course = escalations.get(tx, incident.id)
        if course is not None and course.next_at is not None and course.episode == incident.episode:
            return False
        episode = [item for item in outbox.history(tx, incident.id) if item.episode == incident.episode]
        return any(item.digest is None or item.state is DeliveryState.SENT for item in episode)

    def _deliver(self, tx: Transaction, incident: Incident, alert: Alert, decision: Decision) -> list[Delivery]:
        sent = outbox.history(tx, incident.id)
        subject = self.routing.subject(tx, incident, alert.at)
        places = self._places(incident, subject, alert, decision, sent)
        if not places and alert.reason in (Reason.OPENED, Reason.ESCALATED):
            _log.warning("nobody is told", incident=incident.id, brand=incident.brand, severity=incident.severity.value)
            details = {"reason": alert.reason.value, "why": "no route matches it; see [[routes]]"}
            incidents.append_event(tx, incident.id, alert.at, "not_routed", details=details)
        return [self._delivery(tx, place, incident, alert, decision, sent, subject) for place in places]

    def _places(
        self, incident: Incident, subject: Subject, alert: Alert, decision: Decision, sent: Sequence[Delivery]
    ) -> list[Destination]:
        """Where the alert goes: to those who are on the routes, and to those who know of this episode already.

        Not to where nobody can be reached any more, since the channel is configured no longer.
        """
        known = {
            self.routing.place(item.channel, item.target): None
            for item in sent
            if item.channel in self.routing.channels
            and item.episode == incident.episode
            and (item.state is DeliveryState.SENT or not item.state.is_terminal)
        }
        if alert.reason is Reason.RESOLVED:
            return list(known)
        if not decision.is_audible:
            return [place for place in known if place.edits and _may_edit(place, sent)]
        return list(dict.fromkeys([*self.routing.destinations(subject), *known]))

    def _delivery(
        self,
        tx: Transaction,
        place: Destination,
        incident: Incident,
        alert: Alert,
        decision: Decision,
        sent: Sequence[Delivery],
        subject: Subject | None = None,
    ) -> Delivery:
        """The delivery at one place; without a `subject` it waits for no digest."""
        dropped = outbox.supersede(
            tx,
            incident.id,
            _BEFORE,
            why=f"replaced by alert {alert.seq}",
            before_seq=alert.seq,
            channel=place.channel,
            target=place.target,
        )
        gone = {item.id for item in dropped}
        left = [item for item in sent if _is_at(item, place) and item.id not in gone]
        item = successor(place, incident, alert, decision, left, dropped)
        if subject is None or not decision.is_audible:
            return item
        digest = self.routing.digest(subject, place)
        return gathered(item, digest, dropped, quiet=decision.quiet, gathers=place.gathers)


def _stored(tx: Transaction, alert: Alert) -> Alert:
    if not incidents.add_alert(tx, alert):
        raise RuntimeError(f"alert {alert.seq} of incident {alert.incident_id} is stored already; nothing was enqueued")
    return alert


def _alert(incident: Incident, decision: Decision, page: Page, told: Sequence[Alert], now: datetime) -> Alert:
    if decision.reason is None:
        raise ValueError("there is nothing to say, so there is no alert")
    said = replace(page, reason=decision.reason, changed=decision.changed)
    return Alert(
        incident_id=incident.id,
        episode=incident.episode,
        seq=max((alert.seq for alert in told), default=0) + 1,
        reason=decision.reason,
        severity=incident.severity,
        at=now,
        why=decision.why,
        page=to_json(said),
    )


def _may_edit(place: Destination, sent: Sequence[Delivery]) -> bool:
    """Whether there is a message to edit, and nothing on its way there, which is drawn anew when it is late."""
    here = [item for item in sent if _is_at(item, place)]
    is_told = any(item.state is DeliveryState.SENT and item.digest_id is None for item in here)
    return is_told and all(item.state.is_terminal for item in here)


def _is_at(item: Delivery, place: Destination) -> bool:
    return (item.channel, item.target) == (place.channel, place.target)


def page_of(stored: object, incident: Incident) -> Page:
    """A stored page with the incident's state of now; where it cannot be read, the least that must be said."""
    is_live = incident.state.is_live
    return replace(
        page_then(stored, incident),
        severity=incident.severity,
        state=incident.state,
        episode=incident.episode,
        acknowledged_by=incident.acknowledged_by,
        acknowledged_at=incident.acknowledged_at,
        resolved_at=None if is_live else incident.resolved_at,
    )


def page_then(stored: object, incident: Incident) -> Page:
    """A page as it was stored; where it cannot be read, the least that must be said."""
    least = Page(
        headline=incident.headline,
        brand=incident.brand,
        severity=incident.severity,
        reason=Reason.UPDATE,
        incident_id=incident.id,
        at=incident.updated_at,
        began_at=incident.began_at,
    )
    try:
        return from_json(stored) if isinstance(stored, dict) else least
    except UnreadablePageError as error:
        _log.error("a stored page cannot be read, so the least is told", incident=incident.id, error=str(error))
        return least
