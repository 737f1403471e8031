"""Which numbers the posts of a day have, so that words are looked for among the posts of a span alone.

The index of words ends in the newest post and knows no times. Kept with every write, for each source apart, so that
writers of different sources never wait for one another. What is erased leaves the span of numbers wide; what is pruned
takes it along.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, select, update

from storage.columns import EPOCH
from storage.database import Transaction
from storage.schema import stored_day
from storage.statements import engine_time, upsert_bulk

DAY = timedelta(days=1)
_NAMES = tuple(stored_day.columns.keys())
_WIDENED: Mapping[str, str] = {
    "first_id": "CASE WHEN {new} < {old} THEN {new} ELSE {old} END",
    "last_id": "CASE WHEN {new} > {old} THEN {new} ELSE {old} END",
}


class StoredDay(NamedTuple):
    """A day of a source, from `day` on, with the smallest and the largest number that a post of it may have."""

    day: datetime
    first_id: int
    last_id: int


def widen(tx: Transaction, stored: Iterable[tuple[int, str, datetime]]) -> None:
    """Take posts in: the number, source and time of each."""
    spans: dict[tuple[str, datetime], list[int]] = {}
    source, since, until, span = "", EPOCH, EPOCH, [0, 0]
    for number, of_source, at in stored:
        if of_source != source or not since <= at < until:  # many of one day come in a row
            source, since = of_source, EPOCH + (at - EPOCH) // DAY * DAY
            until, span = since + DAY, spans.setdefault((source, since), [number, number])
        if number > span[1]:
            span[1] = number
        elif number < span[0]:
            span[0] = number
    time = engine_time(tx)
    rows = [(time(day), source, *span) for (source, day), span in sorted(spans.items())]
    upsert_bulk(tx, stored_day, _NAMES, rows, _WIDENED)


def numbers(
    tx: Transaction, since: datetime | None, until: datetime | None, source: str | None = None
) -> tuple[int, int] | None:
    """The smallest and the largest number that a post of the span may have, whole days at least; `None` for no post."""
    columns = stored_day.c
    statement = select(func.min(columns.first_id), func.max(columns.last_id))
    if since is not None:
        statement = statement.where(columns.day > since - DAY)
    if until is not None:
        statement = statement.where(columns.day < until)
    if source is not None:
        statement = statement.where(columns.source == source)
    first, last = tx.execute(statement).one()
    return None if first is None else (int(first), int(last))


def end(tx: Transaction, source: str) -> datetime:
    """The end of the last day of which a post of the source is stored; the beginning of all where none is."""
    last = tx.scalar(select(func.max(stored_day.c.day)).where(stored_day.c.source == source))
    return EPOCH if last is None else last + DAY


def days(tx: Transaction, since: datetime | None, until: datetime | None) -> list[datetime]:
    """The days of the span, in UTC, of which posts may be stored, in order."""
    columns = stored_day.c
    statement = select(columns.day).distinct().order_by(columns.day)
    if since is not None:
        statement = statement.where(columns.day > since - DAY)
    if until is not None:
        statement = statement.where(columns.day < until)
    return list(tx.scalars(statement))


def of_source(tx: Transaction, source: str, until: datetime) -> list[StoredDay]:
    """The days of a source that begin before a time, in order."""
    columns = stored_day.c
    statement = select(columns.day, columns.first_id, columns.last_id).order_by(columns.day)
    return [StoredDay(*row) for row in tx.execute(statement.where(columns.source == source, columns.day < until))]


def narrow(tx: Transaction, source: str, of: StoredDay, left: Collection[int]) -> None:
    """Keep of a day the numbers of posts that are left; for whoever lets nobody else write to the source."""
    row = stored_day.c.source == source, stored_day.c.day == of.day
    if not left:
        tx.execute(delete(stored_day).where(*row))
    elif (of.first_id, of.last_id) != (min(left), max(left)):
        tx.execute(update(stored_day).where(*row).values(first_id=min(left), last_id=max(left)))
