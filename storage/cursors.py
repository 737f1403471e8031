"""How far every source has been read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from storage.database import Transaction
from storage.records import Cursor
from storage.schema import cursor
from storage.statements import insert, is_one_of


def save(tx: Transaction, position: Cursor) -> None:
    """Move a source's cursor; one that was reached earlier than the stored one is not taken."""
    statement = insert(tx, cursor).values(
        source=position.source, position=dict(position.position), updated_at=position.updated_at
    )
    changed = {"position": statement.excluded.position, "updated_at": statement.excluded.updated_at}
    newer = cursor.c.updated_at <= statement.excluded.updated_at
    tx.execute(statement.on_conflict_do_update(index_elements=[cursor.c.source], set_=changed, where=newer))


def get(tx: Transaction, source: str) -> Cursor | None:
    """A source's cursor, None when it was never read."""
    row = tx.execute(_select().where(cursor.c.source == source)).one_or_none()
    return None if row is None else Cursor(*row)


def every(tx: Transaction) -> list[Cursor]:
    """All cursors, by source."""
    return [Cursor(*row) for row in tx.execute(_select().order_by(cursor.c.source))]


def reached(tx: Transaction, but: Collection[str]) -> tuple[tuple[str, datetime], ...]:
    """When the sources were read last, but for some: differs whenever a page of one of them was stored."""
    statement = select(cursor.c.source, cursor.c.updated_at).where(~is_one_of(tx, cursor.c.source, but))
    return tuple((source, at) for source, at in tx.execute(statement.order_by(cursor.c.source)))


def _select() -> Select[Any]:
    return select(cursor.c.source, cursor.c.position, cursor.c.updated_at)
