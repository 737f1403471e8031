"""Statements that are spelled alike on both engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

Item = TypeVar("Item")

CHUNK = 500
"""Keys in one statement: SQLite allows 32,766 parameters, and plans grow with them."""


def insert(tx: Connection, table: Table) -> Any:
    """An INSERT of the transaction's engine, which knows ON CONFLICT."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


def insert_new(tx: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        tx.execute(insert(tx, table).on_conflict_do_nothing(), list(rows))


def replace(tx: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows, or overwrite those that have the same primary key."""
    if not rows:
        return
    statement = insert(tx, table)
    keys = list(table.primary_key.columns)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in {key.name for key in keys}}
    tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed), list(rows))


def chunks(items: Iterable[Item], size: int = CHUNK) -> Iterator[list[Item]]:
    """The items in lists of at most `size`."""
    remaining = iter(items)
    while part := list(islice(remaining, size)):
        yield part
