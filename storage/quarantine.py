"""Items that were left out, so that what could not be read is neither lost nor forgotten.

The words of an item are kept for another try only when they are few, and for a week: what nobody asked for again in
that time is not worth holding somebody's text for. The row itself, which says what was left out and why, stays longer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from storage.columns import storable
from storage.database import Transaction
from storage.records import LARGEST_RAW, SetAside, Stage
from storage.schema import quarantine
from storage.statements import insert

RAW_FOR = timedelta(days=7)
ROWS_FOR = timedelta(days=90)

_LONGEST_REASON = 500
_C = quarantine.c
_COLUMNS = tuple(_C[name] for name in SetAside.__slots__)


def add(tx: Transaction, items: Sequence[SetAside]) -> None:
    """Set items aside; one that is known is counted once more, with the newest reason."""
    if not items:
        return
    statement = insert(tx, quarantine)
    new = statement.excluded
    changed = {
        "place": new.place,
        "reason": new.reason,
        "stage": new.stage,
        "raw": func.coalesce(new.raw, _C.raw),
        "last_at": new.last_at,
        "times": _C.times + 1,
    }
    statement = statement.on_conflict_do_update(index_elements=[_C.source, _C.raw_hash], set_=changed)
    tx.execute(statement, [_row(item) for item in items])


def every(tx: Transaction, source: str | None = None, *, limit: int = 1_000) -> list[SetAside]:
    """What is set aside, newest first."""
    statement = select(*_COLUMNS).order_by(_C.last_at.desc(), _C.source, _C.raw_hash).limit(limit)
    if source is not None:
        statement = statement.where(_C.source == source)
    return [_record(row) for row in tx.execute(statement)]


def count(tx: Transaction, source: str | None = None, *, since: datetime | None = None) -> int:
    """How many items are set aside, or were since a time."""
    statement = select(func.count()).select_from(quarantine)
    if source is not None:
        statement = statement.where(_C.source == source)
    if since is not None:
        statement = statement.where(_C.last_at >= since)
    return int(tx.scalar(statement) or 0)


def sources(tx: Transaction) -> set[str]:
    """Sources of which something is set aside."""
    return set(tx.scalars(select(_C.source).distinct()))


def remove(tx: Transaction, items: Collection[SetAside]) -> int:
    """Forget items; how many there were."""
    keys = {(item.source, item.raw_hash) for item in items}
    return sum(
        tx.execute(delete(quarantine).where(_C.source == source, _C.raw_hash == name)).rowcount for source, name in keys
    )


def expire(tx: Transaction, now: datetime) -> None:
    """Forget the words of items after a week, and the items after a season."""
    tx.execute(update(quarantine).where(_C.last_at < now - RAW_FOR, _C.raw.is_not(None)).values(raw=None))
    tx.execute(delete(quarantine).where(_C.last_at < now - ROWS_FOR))


def forget_words(tx: Transaction, source: str, words: Collection[str]) -> int:
    """Remove the items of a source that hold one of the words, such as an author to be forgotten; how many."""
    sought = [word.encode("utf-8", "replace") for word in words if word]
    if not sought:
        return 0
    held = tx.execute(select(_C.raw_hash, _C.raw, _C.reason, _C.place).where(_C.source == source)).all()
    doomed = [row.raw_hash for row in held if any(word in _content(row) for word in sought)]
    for name in doomed:
        tx.execute(delete(quarantine).where(_C.source == source, _C.raw_hash == name))
    return len(doomed)


def _content(row: Any) -> bytes:
    return b"\0".join((bytes(row.raw or b""), row.reason.encode(), row.place.encode()))


def _row(item: SetAside) -> dict[str, Any]:
    return {
        "source": item.source,
        "raw_hash": item.raw_hash,
        "place": storable(item.place)[:_LONGEST_REASON],
        "reason": storable(item.reason)[:_LONGEST_REASON],
        "stage": item.stage.value,
        "raw": item.raw if item.raw is not None and len(item.raw) <= LARGEST_RAW else None,
        "first_at": item.first_at or item.last_at,
        "last_at": item.last_at,
        "times": item.times,
    }


def _record(row: Sequence[Any]) -> SetAside:
    values = dict(zip(SetAside.__slots__, row, strict=True))
    raw = values["raw"]
    return SetAside(**{**values, "stage": Stage(values["stage"]), "raw": None if raw is None else bytes(raw)})
