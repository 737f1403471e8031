"""What people did here: lines that are only added, each signed with the digest of the one before.

Whoever changes or removes a line leaves a chain that no longer fits; only the removal of the last lines cannot be told
from the table alone, which is why digests are worth keeping elsewhere. No line holds words of posts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from storage.columns import json_text, json_value, storable
from storage.database import Transaction
from storage.schema import audit

_COLUMNS = tuple(audit.c[name] for name in ("seq", "at", "actor", "action", "subject", "details", "digest"))
_LOCK = 7_233_042
"""Key of the advisory lock that lets one line be added after another on PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that somebody did."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    digest: str


def add(
    tx: Transaction, at: datetime, actor: str, action: str, subject: str = "", details: Mapping[str, Any] | None = None
) -> Line:
    """Add a line, as part of `tx`."""
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
    last = tx.execute(select(audit.c.seq, audit.c.digest).order_by(audit.c.seq.desc()).limit(1)).first()
    seq, before = (last.seq + 1, last.digest) if last else (1, "")
    words = (storable(actor), storable(action), storable(subject))
    kept = json_value(json_text(dict(details or {})))
    line = Line(seq, at, *words, kept, _digest(before, seq, at, *words, kept))
    tx.execute(audit.insert(), {name: getattr(line, name) for name in Line.__slots__})
    return line


def recent(tx: Transaction, *, before: int | None = None, limit: int = 100) -> list[Line]:
    """The newest lines; `before` goes on after the line of that number."""
    statement = select(*_COLUMNS).order_by(audit.c.seq.desc()).limit(limit)
    return list(_read(tx, statement if before is None else statement.where(audit.c.seq < before)))


def first_broken(tx: Transaction) -> int | None:
    """The number of the first line that does not fit the one before it; None when all do."""
    before, expected = "", 1
    for line in _read(tx, select(*_COLUMNS).order_by(audit.c.seq)):
        right = _digest(before, expected, line.at, line.actor, line.action, line.subject, line.details)
        if line.seq != expected or line.digest != right:
            return line.seq
        before, expected = line.digest, expected + 1
    return None


def _digest(before: str, seq: int, at: datetime, *rest: Any) -> str:
    # With sorted keys, for PostgreSQL keeps JSON in an order of its own.
    written = json.dumps([before, seq, at.isoformat(), *rest], sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _read(tx: Transaction, statement: Any) -> Iterator[Line]:
    row: Sequence[Any]
    for row in tx.execute(statement):
        yield Line(*row)
