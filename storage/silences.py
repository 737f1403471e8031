"""Rules that hold deliveries back until a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, select, update

from storage.database import Transaction
from storage.records import Severity, Silence
from storage.schema import silence
from storage.statements import insert_new

_COLUMNS = tuple(silence.c[name] for name in Silence.__slots__)
_ORDER = (silence.c.starts_at, silence.c.id)
_ACTIVE = (
    select(*_COLUMNS)
    .where(silence.c.starts_at <= bindparam("now"), silence.c.ends_at > bindparam("now"))
    .order_by(*_ORDER)
)


def add(tx: Transaction, rule: Silence) -> None:
    """Store a silence; one with the same id stays as it is."""
    row = {name: getattr(rule, name) for name in Silence.__slots__}
    insert_new(tx, silence, [{**row, "severity": rule.severity.value if rule.severity else None}])


def get(tx: Transaction, silence_id: str) -> Silence | None:
    """The silence of this id."""
    return next(iter(_read(tx, select(*_COLUMNS).where(silence.c.id == silence_id))), None)


def active(tx: Transaction, now: datetime) -> list[Silence]:
    """Silences in force at `now`."""
    return [_record(row) for row in tx.execute(_ACTIVE, {"now": now})]


def every(tx: Transaction, *, since: datetime | None = None) -> list[Silence]:
    """All silences, or those that end after `since`."""
    statement = select(*_COLUMNS)
    return _read(tx, statement if since is None else statement.where(silence.c.ends_at > since))


def end(tx: Transaction, silence_id: str, at: datetime) -> bool:
    """End a silence at `at` if it would last longer; whether it did."""
    statement = update(silence).where(silence.c.id == silence_id, silence.c.ends_at > at)
    return bool(tx.execute(statement.values(ends_at=at)).rowcount)


def _read(tx: Transaction, statement: Select[Any]) -> list[Silence]:
    return [_record(row) for row in tx.execute(statement.order_by(*_ORDER))]


def _record(row: Sequence[Any]) -> Silence:
    values = dict(zip(Silence.__slots__, row, strict=True))
    severity = values.pop("severity")
    return Silence(**values, severity=Severity(severity) if severity else None)
