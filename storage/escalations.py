"""Who is told next while nobody takes an incident: one row an incident, the due time in the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, select, update

from storage.database import Transaction
from storage.records import DeliveryState, Escalation
from storage.schema import delivery, escalation
from storage.statements import replace

_E = escalation.c
_COLUMNS = tuple(_E[name] for name in Escalation.__slots__)


def save(tx: Transaction, course: Escalation) -> None:
    """Store where an escalation stands; the incident's earlier one is overwritten."""
    row = {name: getattr(course, name) for name in Escalation.__slots__}
    replace(tx, escalation, [{**row, "policy": dict(course.policy)}])


def get(tx: Transaction, incident_id: str) -> Escalation | None:
    """The escalation of an incident."""
    return next(iter(_read(tx, select(*_COLUMNS).where(_E.incident_id == incident_id))), None)


MOST_DUE = 5_000
"""Steps taken at one look, a second apart. After an outage more are due at once than in any storm; what had to wait for
the next look would run into its own next step, and one of the two would be left out."""


def due(tx: Transaction, now: datetime, limit: int = MOST_DUE) -> list[Escalation]:
    """Escalations whose next step is due, the longest overdue first; whoever makes one locks its incident first."""
    statement = select(*_COLUMNS).where(_E.next_at <= now).order_by(_E.next_at, _E.incident_id).limit(limit)
    return _read(tx, statement)


def stranded(tx: Transaction, now: datetime, limit: int = 200) -> list[Escalation]:
    """Escalations that are not due yet, but whose last alert was refused everywhere for good."""
    return _read(tx, _stranded(), {"now": now, "limit": limit})


@cache
def _stranded() -> Select[Any]:
    """Asked each second, and put together once: an `exists` holds itself in a circle."""
    of_alert = (
        delivery.c.incident_id == _E.incident_id,
        delivery.c.episode == _E.episode,
        delivery.c.seq == _E.alert_seq,
    )
    dead = DeliveryState.DEAD.value
    statement = select(*_COLUMNS).where(
        _E.next_at > bindparam("now", type_=_E.next_at.type),
        exists().where(*of_alert, delivery.c.state == dead),
        ~exists().where(*of_alert, delivery.c.state != dead),
    )
    return statement.order_by(_E.next_at, _E.incident_id).limit(bindparam("limit"))


def bring_forward(
    tx: Transaction, until: datetime, now: datetime, *, begun_with: Collection[tuple[str, int]] = ()
) -> None:
    """What was to wait until then need not: steps held until that moment are due now.

    Ladders that began with messages which waited until then (incident and alert) begin that much earlier.
    """
    tx.execute(update(escalation).where(_E.next_at == until).values(next_at=now))
    for incident_id, seq in begun_with:
        course = get(tx, incident_id)
        if course and course.alert_seq == seq and course.step == 1 and course.next_at and course.next_at > until:
            save(tx, dataclasses.replace(course, next_at=course.next_at - (until - now)))


def stop(tx: Transaction, incident_id: str) -> bool:
    """Make no further step; whether there would have been one."""
    statement = update(escalation).where(_E.incident_id == incident_id, _E.next_at.is_not(None))
    return bool(tx.execute(statement.values(next_at=None)).rowcount)


def _read(tx: Transaction, statement: Select[Any], asked: Mapping[str, Any] | None = None) -> list[Escalation]:
    return [_record(row) for row in tx.execute(statement, asked)]


def _record(row: Sequence[Any]) -> Escalation:
    return Escalation(**dict(zip(Escalation.__slots__, row, strict=True)))
