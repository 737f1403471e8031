"""Digests in the outbox: deliveries that go out in one message, with one result.

A delivery that waits for a digest bears its name and the time it is due. Whoever claims the first of them (the smallest
id) takes along whatever else is due for a digest at the same place, binds them to one identity in the same transaction,
and records one result for all of them in another. Bound deliveries stay together while the message may have arrived;
those that surely did not arrive are free again. So a message is known by `digest_id`, and never taken for the message
of one incident.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from storage import outbox
from storage.database import Transaction
from storage.records import Delivery, DeliveryState, Reason
from storage.schema import delivery

_D = delivery.c
_OTHERS = select(*outbox.COLUMNS).where(_D.id != bindparam("first"))
_BOUND = _OTHERS.where(_D.digest_id == bindparam("digest"), outbox.is_unfinished(_D)).order_by(_D.id)
_DUE = (
    _OTHERS.where(_D.channel == bindparam("channel"), _D.target == bindparam("target"))
    .where(outbox.is_gathered(_D, outbox.NOW), outbox.is_first_in_line(_D))
    .order_by(*outbox.MOST_URGENT_FIRST)
    .limit(bindparam("most"))
)


def companions(
    tx: Transaction, first: Delivery, now: datetime, owner: str, lease: timedelta, most: int
) -> list[Delivery]:
    """Claim what goes with a claimed delivery in one message, at most so many; nothing where it goes alone.

    For one to be sent that is what else is due in a digest at its place, the most urgent first; for one that may have
    arrived, what it was bound to then. Commit before acting on it.
    """
    if first.reason is Reason.RETRACTED:
        return []
    if first.digest_id is not None:
        found = outbox.read(tx, _locked(tx, _BOUND), first=first.id, digest=first.digest_id)
    elif first.digest is not None and first.state is DeliveryState.SENDING:
        place = {"channel": first.channel, "target": first.target}
        found = outbox.read(tx, _locked(tx, _DUE), first=first.id, **place, now=now, most=most)
    else:
        return []
    return [outbox.take(tx, one, now, owner, now + lease) for one in found]


def _locked(tx: Transaction, statement: Select[Any]) -> Select[Any]:
    is_postgresql = tx.dialect.name == "postgresql"
    return statement.with_for_update(skip_locked=True, of=delivery) if is_postgresql else statement


def bind(tx: Transaction, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Bind claimed deliveries to one identity, the smallest of their ids, and keep the pages that are told."""
    digest_id = min(item.id for item in deliveries)
    for item in deliveries:
        statement = update(delivery).where(_D.id == item.id)
        tx.execute(statement.values(digest_id=digest_id, page=dict(item.page)))
    return [replace(item, digest_id=digest_id) for item in sorted(deliveries, key=lambda item: item.id)]


def members(tx: Transaction, digest_id: str) -> list[Delivery]:
    """What was told in one message."""
    statement = select(*outbox.COLUMNS).where(_D.digest_id == digest_id, _D.reason != Reason.RETRACTED.value)
    return outbox.read(tx, statement.order_by(_D.id))
