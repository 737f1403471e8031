"""Whether a claimed delivery is still worth sending, and in which words: the second look, at the last moment.

Between the decision and the attempt an incident may have ended, been taken or been silenced, and a message that waited
long must speak of now, not of then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.channels.contract import Message
from alerts.digests import Digest, read_at
from alerts.holding import may_hold_back
from alerts.page import Page
from alerts.quiet import QuietHours
from alerts.restraint import Inhibition, restraint, tells_of
from alerts.speak import page_of, page_then
from alerts.succession import COMBINED
from alerts.verdict import Timing, Verdict
from alerts.words import span
from storage import incidents, outbox, pictures, silences
from storage.database import Transaction
from storage.records import Delivery, DeliveryState, Incident, IncidentState, Reason

REPEAT = "This may repeat a message that you have: nobody can say whether it arrived before."


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery put into the words of now."""

    message: Message

    def repeated(self) -> Message:
        """The message marked as one that may have arrived before."""
        page = self.message.page
        return replace(self.message, page=replace(page, notes=(*page.notes, REPEAT)))


@dataclass(frozen=True, slots=True)
class Freshness:
    """Looks again at what is about to be sent."""

    timing: Timing
    inhibitions: tuple[Inhibition, ...] = ()
    digests: tuple[Digest, ...] = ()
    quiet: QuietHours | None = None

    def examine(self, tx: Transaction, delivery: Delivery, now: datetime) -> Ready | Verdict:
        """The message to send, or what becomes of the delivery instead of sending it."""
        incident = incidents.get(tx, delivery.incident_id)
        if incident is None:
            return Verdict(DeliveryState.SUPERSEDED, error="its incident does not exist any more")
        if delivery.reason is Reason.RETRACTED:
            return Ready(_retraction(delivery, incident))
        history = [item for item in outbox.history(tx, incident.id) if _same_place(item, delivery)]
        if delivery.state is DeliveryState.SENDING and (
            instead := _obsolete(tx, delivery, incident, history, now, self.inhibitions)
        ):
            return self._at_a_time(instead, delivery, incident)
        root = outbox.root(tx, incident.id, None, delivery.channel, delivery.target)
        page = self._page(tx, delivery, incident, history, now)
        shown = pictures.files(tx, incident.id, delivery.channel, delivery.target)
        return Ready(Message(delivery.id, delivery.target, page, root.remote_id if root else None, pictures=shown))

    def _at_a_time(self, instead: Verdict, delivery: Delivery, incident: Incident) -> Verdict:
        """What is held back goes out when its reader wants to read: with the next digest, and not at night."""
        if instead.due_at is None:
            return instead
        held = replace(delivery, severity=incident.severity)
        return replace(instead, due_at=read_at(held, instead.due_at, self.quiet, self.digests))

    def _page(
        self, tx: Transaction, delivery: Delivery, incident: Incident, history: list[Delivery], now: datetime
    ) -> Page:
        late = now - delivery.first_due_at
        stored = delivery.page
        waited = delivery.digest is not None and delivery.state is DeliveryState.SENDING
        if late >= self.timing.late_after or waited:
            told = [alert for alert in incidents.alerts(tx, incident.id) if alert.episode == delivery.episode]
            stored = told[-1].page if told else stored
        # An end that could not be delivered while the incident began anew speaks of its own episode.
        drawn = page_of if delivery.episode == incident.episode else page_then
        page = replace(drawn(stored, incident), reason=delivery.reason, changed=_changed(delivery))
        if late >= self.timing.late_after:
            page = replace(page, notes=(*page.notes, f"Delayed {span(late.total_seconds() // 60 * 60)}."))
        if delivery.reason is Reason.RESOLVED and not _was_told(delivery, history) and COMBINED not in page.notes:
            page = replace(page, notes=(*page.notes, COMBINED))
        return page


def _retraction(delivery: Delivery, incident: Incident) -> Message:
    """The message that changes another one where it stands, in the words that are left of that one."""
    page = replace(page_then(delivery.page, incident), reason=Reason.UPDATE, changed=())
    return Message(delivery.id, delivery.target, page, delivery.remote_id, is_retraction=True)


def _obsolete(
    tx: Transaction,
    delivery: Delivery,
    incident: Incident,
    history: list[Delivery],
    now: datetime,
    inhibitions: Sequence[Inhibition],
) -> Verdict | None:
    if delivery.reason is Reason.REMINDER and incident.state is not IncidentState.OPEN:
        return Verdict(DeliveryState.SUPERSEDED, error="nobody needs to be reminded any more")
    if delivery.step is not None and incident.state is not IncidentState.OPEN:
        return Verdict(DeliveryState.SUPERSEDED, error="somebody has taken it, so nobody else needs to be told")
    if delivery.reason is not Reason.RESOLVED and any(_is_end_after(delivery, item) for item in history):
        return Verdict(DeliveryState.SUPERSEDED, error="it is over, and the message that says so follows")
    if delivery.reason is Reason.RESOLVED and _never_began(delivery, history):
        return Verdict(DeliveryState.SUPERSEDED, error="its beginning could not be delivered there")
    others = may_hold_back(tx, incident, inhibitions)
    heard = [one for one in silences.active(tx, now) if not tells_of(one, incident.id, delivery.created_at)]
    if hold := restraint(incident, heard, others, now, inhibitions):
        return Verdict(DeliveryState.PENDING, hold.until, error=hold.why)
    return None


def _is_end_after(delivery: Delivery, other: Delivery) -> bool:
    """Whether the end of the same episode stands behind the delivery in the line."""
    is_end = other.reason is Reason.RESOLVED and not other.state.is_terminal
    return is_end and other.episode == delivery.episode and other.seq > delivery.seq


def _was_told(delivery: Delivery, history: list[Delivery]) -> bool:
    return any(item.state is DeliveryState.SENT for item in _before(delivery, history))


def _never_began(delivery: Delivery, history: list[Delivery]) -> bool:
    """Whether everything about the episode was refused there, so that its end would come out of the blue."""
    states = [item.state for item in _before(delivery, history)]
    return DeliveryState.DEAD in states and DeliveryState.SENT not in states


def _before(delivery: Delivery, history: list[Delivery]) -> list[Delivery]:
    return [item for item in history if item.episode == delivery.episode and item.seq < delivery.seq]


def _same_place(one: Delivery, other: Delivery) -> bool:
    return (one.channel, one.target) == (other.channel, other.target)


def _changed(delivery: Delivery) -> tuple[str, ...]:
    return tuple(str(sentence) for sentence in delivery.page.get("changed", ()))
