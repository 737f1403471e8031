"""Spans in which sources were not, or not wholly, read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from storage import statements
from storage.columns import storable
from storage.database import Transaction
from storage.records import Gap, GapCause
from storage.schema import gap

_COLUMNS = tuple(gap.c[name] for name in Gap.__slots__)
_BETWEEN = (
    select(*_COLUMNS)
    .where(gap.c.starts_at < bindparam("until"), gap.c.ends_at > bindparam("since"))
    .order_by(gap.c.starts_at, gap.c.source, gap.c.ends_at, gap.c.reason)
)
_OF_SOURCE = _BETWEEN.where(gap.c.source == bindparam("source"))
_KEY = ("source", "starts_at", "ends_at", "reason")
_LONGEST_REASON = 500
"""Characters: it is part of the key, and PostgreSQL's indexes take 2,704 bytes."""


def add(tx: Transaction, found: Sequence[Gap]) -> None:
    """Record gaps; one that is known (source, span and reason) is written over."""
    statements.replace(tx, gap, [_row(item) for item in dict.fromkeys(found)])


def extend(tx: Transaction, found: Gap) -> Gap:
    """Record a gap, or prolong the open one of the same cause that it goes on with; what is recorded now.

    An outage is one row, however often the source was asked in vain meanwhile; the row keeps its first reason.
    """
    same = (gap.c.source == found.source, gap.c.cause == found.cause.value, gap.c.filled_at.is_(None))
    touching = (gap.c.starts_at <= found.ends_at, gap.c.ends_at >= found.starts_at)
    rows = tx.execute(select(*_COLUMNS).where(*same, *touching).order_by(gap.c.starts_at)).all()
    known = [_record(row) for row in rows]
    for old in known:
        tx.execute(delete(gap).where(*(gap.c[name] == getattr(old, name) for name in _KEY)))
    starts_at = min(item.starts_at for item in (*known, found))
    ends_at = max(item.ends_at for item in (*known, found))
    whole = replace(known[0] if known else found, starts_at=starts_at, ends_at=ends_at)
    add(tx, [whole])
    return whole


def fill(tx: Transaction, source: str, since: datetime, until: datetime, at: datetime) -> list[Gap]:
    """Mark the source's gaps that lie within `[since, until]` as read after all; those that were.

    What the source itself could not give (`GapCause.SOURCE`) stays missing.
    """
    within = (
        gap.c.source == source,
        gap.c.starts_at >= since,
        gap.c.ends_at <= until,
        gap.c.filled_at.is_(None),
        gap.c.cause != GapCause.SOURCE.value,
    )
    filled = [_record(row) for row in tx.execute(select(*_COLUMNS).where(*within).order_by(gap.c.starts_at))]
    if filled:
        tx.execute(update(gap).where(*within).values(filled_at=at))
    return filled


def unfilled(tx: Transaction, source: str | None = None, *, limit: int = 1_000) -> list[Gap]:
    """Gaps of which something is still missing, newest first."""
    statement = select(*_COLUMNS).where(gap.c.filled_at.is_(None))
    if source is not None:
        statement = statement.where(gap.c.source == source)
    ordered = statement.order_by(gap.c.starts_at.desc(), gap.c.source, gap.c.reason).limit(limit)
    return [_record(row) for row in tx.execute(ordered)]


def between(tx: Transaction, since: datetime, until: datetime, source: str | None = None) -> list[Gap]:
    """Gaps that touch `[since, until)`, filled ones too, by begin."""
    span: dict[str, Any] = {"since": since, "until": until}
    rows = tx.execute(_BETWEEN, span) if source is None else tx.execute(_OF_SOURCE, {**span, "source": source})
    return [_record(row) for row in rows]


def coverage(tx: Transaction, sources: Iterable[str], since: datetime, until: datetime) -> dict[str, float]:
    """For every source the share of `[since, until)` that was read, 0 to 1; where gaps overlap the worst counts."""
    missing = [item for item in between(tx, since, until) if item.filled_at is None]
    return {
        source: 1.0 - share_missing([item for item in missing if item.source == source], since, until)
        for source in sources
    }


def _row(item: Gap) -> dict[str, Any]:
    values = {name: getattr(item, name) for name in Gap.__slots__}
    return values | {"cause": item.cause.value, "reason": storable(item.reason)[:_LONGEST_REASON]}


def _record(row: Any) -> Gap:
    source, starts_at, ends_at, reason, share_missing, filled_at, cause = row
    return Gap(source, starts_at, ends_at, reason, share_missing, filled_at, GapCause(cause))


def share_missing(gaps: Sequence[Gap], since: datetime, until: datetime) -> float:
    """The share of `[since, until)` that the gaps take away."""
    if not gaps or until <= since:
        return 0.0
    edges = sorted(
        {since, until, *(min(max(edge, since), until) for item in gaps for edge in (item.starts_at, item.ends_at))}
    )
    lost = 0.0
    for start, end in pairwise(edges):
        worst = max(
            (item.share_missing for item in gaps if item.starts_at <= start and item.ends_at >= end), default=0.0
        )
        lost += worst * (end - start).total_seconds()
    return min(1.0, lost / (until - since).total_seconds())
