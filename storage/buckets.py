"""Token buckets that several processes share: one row each, which says from when on there is a token.

How full a bucket is, and when it fills, is decided elsewhere (alerts/buckets.py); here it is kept, and asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, and_, exists, select

from storage.database import Transaction
from storage.records import Reason, Severity
from storage.schema import bucket
from storage.statements import insert_new, replace

EVERYTHING = ""
"""Channel of the bucket of all channels together, and target of the bucket of a whole channel."""


class Spares(StrEnum):
    """Which messages a bucket counts and never holds back."""

    NOTHING = ""
    URGENT = "urgent"
    """The first message about something critical, or that it became so."""
    CRITICAL = "critical"
    """Every message about something critical."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`full_at` is when it will be full, `ready_at` from when on it holds a token; both `None` until it is used."""

    channel: str
    target: str
    full_at: datetime | None = None
    ready_at: datetime | None = None
    spares: Spares = Spares.NOTHING


def locked(tx: Transaction, keys: Sequence[tuple[str, str]]) -> list[Bucket]:
    """The buckets of these channels and targets, in this order, held until the transaction ends."""
    columns, found = bucket.c, []
    for channel, target in sorted(keys):
        empty = {"channel": channel, "target": target, "full_at": None, "ready_at": None, "spares": ""}
        insert_new(tx, bucket, [empty])
        statement = select(columns.full_at, columns.ready_at, columns.spares)
        statement = statement.where(columns.channel == channel, columns.target == target)
        row = tx.execute(statement.with_for_update() if tx.dialect.name == "postgresql" else statement).one()
        found.append(Bucket(channel, target, row.full_at, row.ready_at, Spares(row.spares)))
    return sorted(found, key=lambda one: keys.index((one.channel, one.target)))


def keep(tx: Transaction, buckets: Sequence[Bucket]) -> None:
    """Store buckets."""
    names = Bucket.__slots__
    replace(
        tx, bucket, [{name: getattr(one, name) for name in names} | {"spares": one.spares.value} for one in buckets]
    )


def holds_back(delivery: Any, now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Whether a bucket without a token holds a delivery back; `delivery` are the columns of its table."""
    columns = bucket.c
    is_critical = delivery.severity == Severity.CRITICAL.value
    is_urgent = and_(is_critical, delivery.reason.in_([Reason.OPENED.value, Reason.ESCALATED.value]))
    return exists().where(
        columns.channel.in_([delivery.channel, EVERYTHING]),
        columns.target.in_([delivery.target, EVERYTHING]),
        columns.ready_at > now,
        ~and_(columns.spares == Spares.URGENT.value, is_urgent),
        ~and_(columns.spares == Spares.CRITICAL.value, is_critical),
    )
