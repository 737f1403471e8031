"""Deliveries that something holds back until a time, which may be brought forward."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update

from storage.database import Transaction
from storage.outbox import COLUMNS, read
from storage.records import Delivery, DeliveryState
from storage.schema import delivery

_D = delivery.c
_PENDING = _D.state == DeliveryState.PENDING.value


def held(tx: Transaction, until: datetime, why: str) -> list[Delivery]:
    """Those that wait for that reason, until then or later: since the decision, or since they were looked at again."""
    is_said = or_(_D.why.contains(f"(held: {why})", autoescape=True), _D.last_error == why)
    return read(tx, select(*COLUMNS).where(_PENDING, _D.due_at >= until, is_said).order_by(_D.due_at, _D.seq, _D.id))


def bring_forward(tx: Transaction, item: Delivery, due_at: datetime) -> None:
    """Let one that waits go out at `due_at`, where that is earlier."""
    due, first_due = min(item.due_at, due_at), min(item.first_due_at, due_at)
    values = {"due_at": due, "first_due_at": first_due, "last_error": None}
    tx.execute(update(delivery).where(_D.id == item.id, _D.fence == item.fence, _PENDING).values(values))
