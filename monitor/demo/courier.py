"""Delivery in the demo: what is due goes out in the story's own time, and what went out is kept to be looked at.

Nobody is reached: two places stand for the people on duty. All else is the real thing: a message waits in the outbox
as long as it would, is looked at once more before it goes, is replaced by what is newer, and leaves its attempt on
record, so that the page of an incident shows what was sent where and when.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alerts.channels.contract import Message
from alerts.freshness import Freshness, Ready
from alerts.page import Page
from alerts.routing import Destination
from alerts.speak import Speaker, Told
from alerts.verdict import Timing
from storage import outbox
from storage.database import Transaction
from storage.records import Alert, Delivery, DeliveryState

ROOM = Destination("slack", "#pr-on-duty")
MAIL = Destination("mail", "pr@norrvik.example")
OWNER = "demo"
LEASE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Courier(Speaker):
    """Speaks as the program does, and carries each message where it is to go before anything newer is said."""

    sent: list[Message] = field(default_factory=list)
    """What went out, in order."""

    def announce(self, tx: Transaction, told: Told, page: Page) -> list[Alert]:
        """Deliver what was due before, then say what there is to say about a change."""
        self.deliver(tx, told.at - timedelta(microseconds=1))
        return Speaker.announce(self, tx, told, page)

    def deliver(self, tx: Transaction, until: datetime) -> None:
        """Let out what is due by then, each at the moment at which it is due."""
        while claimed := outbox.claim(tx, until, OWNER, LEASE):
            for delivery in claimed:
                self._let_out(tx, delivery)

    def _let_out(self, tx: Transaction, delivery: Delivery) -> None:
        ready = Freshness(Timing()).examine(tx, delivery, delivery.due_at)
        if isinstance(ready, Ready):
            self.sent.append(ready.message)
            state, due_at, error = DeliveryState.SENT, None, None
        else:
            state, due_at, error = ready.state, ready.due_at, ready.error
        outbox.record(
            tx,
            delivery.id,
            delivery.fence,
            state=state,
            now=delivery.due_at,
            due_at=due_at,
            remote_id=delivery.id,
            error=error,
        )
