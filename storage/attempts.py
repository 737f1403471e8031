"""Attempts to deliver: each claim of a delivery, on record before anything is sent, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, func, select, update

from storage.database import Transaction
from storage.records import Delivery, DeliveryState
from storage.schema import delivery_attempt

_A = delivery_attempt.c


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of a delivery: to `send` it, or to `check` whether an earlier attempt arrived. No `ended_at`: nobody
    recorded what came of it."""

    delivery_id: str
    fence: int
    purpose: str
    attempt: int
    owner: str
    started_at: datetime
    ended_at: datetime | None = None
    outcome: DeliveryState | None = None
    remote_id: str | None = None
    error: str | None = None


def begin(tx: Transaction, item: Delivery, purpose: str, now: datetime) -> None:
    """Put the claim of a delivery on record, which is to `send` or to `check`."""
    claim = {"delivery_id": item.id, "fence": item.fence, "purpose": purpose, "attempt": item.attempt}
    tx.execute(delivery_attempt.insert(), {**claim, "owner": item.owner, "started_at": now})


def become_send(tx: Transaction, item: Delivery, now: datetime) -> None:
    """Make a claim that was to `check` one that sends, from `now`."""
    tx.execute(_of_claim(item.id, item.fence).values(purpose="send", started_at=now))


def end(
    tx: Transaction,
    delivery_id: str,
    fence: int,
    outcome: DeliveryState,
    now: datetime,
    *,
    remote_id: str | None = None,
    error: str | None = None,
) -> None:
    """Record what came of a claim."""
    claim = _of_claim(delivery_id, fence)
    tx.execute(claim.values(ended_at=now, outcome=outcome.value, remote_id=remote_id, error=error))


def of(tx: Transaction, delivery_id: str) -> list[Attempt]:
    """Every claim of a delivery, in order."""
    statement = select(*(_A[name] for name in Attempt.__slots__)).where(_A.delivery_id == delivery_id)
    return [_record(row) for row in tx.execute(statement.order_by(_A.fence))]


def failed_looks(tx: Transaction, item: Delivery) -> list[datetime]:
    """When somebody looked whether the last attempt to send had arrived and could not find it out, the first first.

    A repeat that was cut off in flight is a doubt of its own; one that is known to have failed leaves the old one.
    """
    of_attempt = _of_attempt(item)
    cut_off = select(func.max(_A.fence)).where(of_attempt, _A.purpose == "send", _A.outcome.is_(None))
    statement = select(_A.ended_at).where(
        of_attempt,
        _A.purpose == "check",
        _A.outcome == DeliveryState.AMBIGUOUS.value,
        _A.fence > func.coalesce(cut_off.scalar_subquery(), -1),
    )
    return list(tx.scalars(statement.order_by(_A.ended_at)))


def doubtful_sends(tx: Transaction, item: Delivery) -> list[datetime]:
    """When everything was sent of which it is not known whether it arrived, repeats included, the newest first."""
    statement = select(_A.started_at).where(_of_attempt(item), _A.purpose == "send")
    return list(tx.scalars(statement.order_by(_A.fence.desc())))


def _of_claim(delivery_id: str, fence: int) -> Update:
    return update(delivery_attempt).where(_A.delivery_id == delivery_id, _A.fence == fence)


def _of_attempt(item: Delivery) -> ColumnElement[bool]:
    return and_(_A.delivery_id == item.id, _A.attempt == item.attempt)


def _record(row: Sequence[Any]) -> Attempt:
    values = dict(zip(Attempt.__slots__, row, strict=True))
    outcome = values.pop("outcome")
    return Attempt(**values, outcome=DeliveryState(outcome) if outcome else None)
