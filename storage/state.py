"""States that let a restarted process go on where it was.

A state may have parts in rows of their own (`NAME/PART`), of which each is written when it changes; they go with it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select

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


def save_part(tx: Transaction, name: str, part: str, at: datetime, blob: bytes) -> None:
    """Keep a part of the state `name`; an earlier one is written over."""
    save(tx, f"{name}/{part}", at, blob)


def parts(tx: Transaction, name: str) -> dict[str, bytes]:
    """The parts of the state `name`, in the order of their names."""
    found = select(checkpoint.c.name, checkpoint.c.blob).where(_is_part_of(name)).order_by(checkpoint.c.name)
    return {row.name.partition("/")[2]: bytes(row.blob) for row in tx.execute(found)}


def count_parts(tx: Transaction, name: str) -> int:
    """How many parts the state `name` has."""
    return int(tx.scalar(select(func.count()).select_from(checkpoint).where(_is_part_of(name))) or 0)


def forget_parts(tx: Transaction, name: str) -> None:
    """Remove the parts of the state `name`."""
    tx.execute(delete(checkpoint).where(_is_part_of(name)))


def seen_until(tx: Transaction, name: str) -> datetime | None:
    """The event time of the state `name`, None when there is none."""
    found: datetime | None = tx.scalar(select(checkpoint.c.at).where(checkpoint.c.name == name))
    return found


def forget(tx: Transaction, name: str, at: datetime | None = None) -> None:
    """Remove the state `name` and its parts; with `at`, only the state, and only where it is of that event time."""
    if at is not None:
        tx.execute(delete(checkpoint).where(checkpoint.c.name == name, checkpoint.c.at == at))
        return
    tx.execute(delete(checkpoint).where(or_(checkpoint.c.name == name, _is_part_of(name))))


def whole(name: str) -> str:
    """The state to which a row of this name belongs."""
    return name.partition("/")[0]


def _is_part_of(name: str) -> ColumnElement[bool]:
    return checkpoint.c.name.startswith(f"{name}/", autoescape=True)
