"""Taking back what messages quoted: where a channel can edit, the message is changed where it stands.

Mails and texts that were sent cannot be called back; they are counted, so that the one who asked can be told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerts.routing import Routing
from storage import outbox, pictures
from storage.database import Transaction
from storage.records import Delivery, DeliveryState, Reason


@dataclass(frozen=True, slots=True)
class Retracted:
    """What is done about messages that quoted: those that are changed where they stand, and those that cannot be."""

    changed: tuple[Delivery, ...] = ()
    beyond: tuple[Delivery, ...] = ()


def retract(tx: Transaction, routing: Routing, deliveries: Sequence[str], at: datetime) -> Retracted:
    """Enqueue the change of every message sent under one of the deliveries, whose stored pages are clean already.

    A digest is one message of several deliveries, and changed once. Pictures that messages show are deleted, and drawn
    anew from what is left.
    """
    known = (outbox.get(tx, name) for name in dict.fromkeys(deliveries))
    sent = [item for item in known if item and item.state is DeliveryState.SENT and item.reason is not Reason.RETRACTED]
    standing = [item for item in sent if item.remote_id and routing.edits(item.channel)]
    changed = [_change(item, at) for item in {item.digest_id or item.id: item for item in standing}.values()]
    beyond = [item for item in sent if not (item.remote_id and routing.edits(item.channel))]
    outbox.enqueue(tx, changed)
    for item in changed:
        pictures.doom(tx, item.incident_id, item.channel, item.target, at)
    return Retracted(tuple(changed), tuple(beyond))


def _change(sent: Delivery, at: datetime) -> Delivery:
    return replace(
        sent,
        id=hashlib.sha256(f"retracted\x1f{sent.digest_id or sent.id}\x1f{at.isoformat()}".encode()).hexdigest()[:32],
        reason=Reason.RETRACTED,
        state=DeliveryState.PENDING,
        created_at=at,
        due_at=at,
        first_due_at=at,
        attempt=0,
        owner=None,
        lease_until=None,
        fence=0,
        sent_at=None,
        attempted_at=None,
        last_error=None,
        digest=None,
        why="what it quoted was taken back",
    )
