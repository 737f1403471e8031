"""What reading the sources took: requests, posts and money by day, shared by all processes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from sqlalchemy import select

from storage.database import Transaction
from storage.records import Spent
from storage.schema import spent
from storage.statements import insert


def add(tx: Transaction, more: Spent) -> None:
    """Put what was taken on top of what the day knows already."""
    if not (more.requests or more.posts or more.dollars):
        return
    row = {"source": more.source, "day": _midnight(more.day)}
    counts = {"requests": more.requests, "posts": more.posts, "dollars": more.dollars}
    statement = insert(tx, spent).values(**row, **counts)
    summed = {name: spent.c[name] + statement.excluded[name] for name in counts}
    tx.execute(statement.on_conflict_do_update(index_elements=[spent.c.source, spent.c.day], set_=summed))


def on(tx: Transaction, source: str, day: date) -> Spent:
    """What a source took on a day."""
    return next(iter(between(tx, day, day, source)), Spent(source, day))


def between(tx: Transaction, first: date, last: date, source: str | None = None) -> list[Spent]:
    """What sources took, by day, from the first to the last, both included."""
    columns = spent.c
    statement = select(columns.source, columns.day, columns.requests, columns.posts, columns.dollars).where(
        columns.day >= _midnight(first), columns.day <= _midnight(last)
    )
    if source is not None:
        statement = statement.where(columns.source == source)
    rows = tx.execute(statement.order_by(columns.day, columns.source))
    return [Spent(name, day.date(), requests, posts, dollars) for name, day, requests, posts, dollars in rows]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
