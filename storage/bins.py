"""Counts of mentions per brand, source and five minutes, and their sums by day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from operator import add

from sqlalchemy import Table, bindparam, delete, func, select

from storage.columns import EPOCH
from storage.database import Transaction
from storage.records import BIN_SECONDS, Bin, Label, MentionedPost, PostKind
from storage.schema import bin_, bin_day
from storage.statements import engine_time, upsert_bulk

_NAMES = tuple(bin_.columns.keys())
_COUNTS = ("posts", "negative", "positive", "unscored", "reposts", "reach")
_SLOT = timedelta(seconds=BIN_SECONDS)
_SLOTS_A_DAY = 86_400 // BIN_SECONDS
_REPOST = PostKind.REPOST
_POSTS = (
    select(bin_.c.start, func.sum(bin_.c.posts))
    .where(bin_.c.brand == bindparam("brand"), bin_.c.start >= bindparam("since"), bin_.c.start < bindparam("until"))
    .group_by(bin_.c.start)
    .order_by(bin_.c.start)
)
_LABELLED = {Label.NEGATIVE: 1, Label.POSITIVE: 2, Label.UNSCORED: 3}


def series(tx: Transaction, brand: str, since: datetime, until: datetime, source: str | None = None) -> list[Bin]:
    """The brand's bins that begin in `[since, until)`, by time and source; empty ones are left out."""
    columns = bin_.c
    statement = select(columns.brand, columns.source, columns.start, *(columns[name] for name in _COUNTS))
    statement = statement.where(columns.brand == brand, columns.start >= since, columns.start < until)
    if source is not None:
        statement = statement.where(columns.source == source)
    return [Bin(*row) for row in tx.execute(statement.order_by(columns.start, columns.source))]


def posts(tx: Transaction, brand: str, since: datetime, until: datetime) -> dict[datetime, int]:
    """How many posts the brand's bins have that begin in `[since, until)`, over all sources, by their begin."""
    rows = tx.execute(_POSTS, {"brand": brand, "since": since, "until": until}).all()
    return {start: int(number) for start, number in rows}


def totals(tx: Transaction, brands: Sequence[str], since: datetime, until: datetime) -> dict[datetime, tuple[int, ...]]:
    """Sums over bins of the brands that begin in `[since, until)`, by their beginning: they differ when counts do."""
    columns = bin_.c
    statement = select(columns.start, *(func.sum(columns[name]) for name in _COUNTS))
    statement = statement.where(columns.brand.in_(brands), columns.start >= since, columns.start < until)
    return {start: tuple(counts) for start, *counts in tx.execute(statement.group_by(columns.start))}


def earliest(tx: Transaction, brand: str) -> datetime | None:
    """The begin of the brand's first bin, None where nothing was said of it."""
    found: datetime | None = tx.scalar(select(func.min(bin_.c.start)).where(bin_.c.brand == brand))
    return found


def slot(at: datetime) -> datetime:
    """The begin of the five minutes that a moment falls in."""
    return _start(_number(at))


_Counts = dict[tuple[str, str, int], list[int]]
"""Counts by brand, source and number of the five minutes."""


def add_differences(tx: Transaction, old: Iterable[MentionedPost], new: Iterable[MentionedPost]) -> None:
    """Count the new mentions in and the old ones out."""
    slots: _Counts = {}
    _count(slots, old, -1)
    _count(slots, new, 1)
    days: _Counts = {}
    for (brand, source, number), counts in slots.items():
        day = (brand, source, number - number % _SLOTS_A_DAY)
        days[day] = list(map(add, days[day], counts)) if day in days else counts
    _add(tx, bin_, slots)
    _add(tx, bin_day, days)


def _add(tx: Transaction, table: Table, differences: _Counts) -> None:
    time = engine_time(tx)
    starts = {number: time(_start(number)) for number in {number for _, _, number in differences}}
    rows = [
        (brand, starts[number], source, *counts)
        for (brand, source, number), counts in differences.items()
        if any(counts)
    ]
    upsert_bulk(tx, table, _NAMES, rows, dict.fromkeys(_COUNTS, "{old} + {new}"))
    if any(posts < 0 for _, _, _, posts, *_ in rows):
        tx.execute(delete(table).where(table.c.posts == 0))


def _count(into: _Counts, mentions: Iterable[MentionedPost], sign: int) -> None:
    for mentioned in mentions:
        of = mentioned.post
        key = (mentioned.mention.brand, of.source, _number(of.created_at))
        counts = into.get(key)
        if counts is None:
            counts = into[key] = [0] * len(_COUNTS)
        counts[0] += sign
        place = _LABELLED.get(mentioned.score.label)
        if place is not None:
            counts[place] += sign
        if of.kind is _REPOST or of.repost_of is not None:
            counts[4] += sign
        counts[5] += sign * (of.author_reach or 0)


def _number(at: datetime) -> int:
    return (at - EPOCH) // _SLOT


def _start(number: int) -> datetime:
    return EPOCH + number * _SLOT
