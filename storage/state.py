"""States that let a restarted process go on where it was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, select

from storage.database import Transaction
from storage.schema import checkpoint
from storage.statements import insert, replace


def save(tx: Transaction, name: str, at: datetime, blob: bytes) -> None:
    """Keep the state `name`, which has seen everything up to the event time `at`; an earlier one is written over."""
    replace(tx, checkpoint, [{"name": name, "at": at, "blob": blob}])


def save_earliest(tx: Transaction, name: str, at: datetime) -> None:
    """Keep the event time `at` under `name`, without a state; where one is kept, the earlier of the two."""
    statement = insert(tx, checkpoint).values(name=name, at=at, blob=b"")
    earlier = func.min if tx.dialect.name == "sqlite" else func.least
    changed = {"at": earlier(checkpoint.c.at, statement.excluded.at), "blob": b""}
    tx.execute(statement.on_conflict_do_update(index_elements=[checkpoint.c.name], set_=changed))


def load(tx: Transaction, name: str) -> tuple[datetime, bytes] | None:
    """The state `name` and its event time, None when there is none."""
    found = tx.execute(select(checkpoint.c.at, checkpoint.c.blob).where(checkpoint.c.name == name)).one_or_none()
    return None if found is None else (found.at, bytes(found.blob))


def every(tx: Transaction) -> list[tuple[str, bytes]]:
    """Every state with its name."""
    return [(row.name, bytes(row.blob)) for row in tx.execute(select(checkpoint.c.name, checkpoint.c.blob))]


def seen_until(tx: Transaction, name: str) -> datetime | None:
    """The event time of the state `name`, None when there is none."""
    found: datetime | None = tx.scalar(select(checkpoint.c.at).where(checkpoint.c.name == name))
    return found


def forget(tx: Transaction, name: str, at: datetime | None = None) -> None:
    """Remove the state `name`; with `at`, only where it is of that event time."""
    found = [checkpoint.c.name == name, *([checkpoint.c.at == at] if at else [])]
    tx.execute(delete(checkpoint).where(*found))
