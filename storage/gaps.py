"""Spans in which sources were not, or not wholly, read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select, update

from storage.database import Transaction
from storage.records import Gap
from storage.schema import gap
from storage.statements import replace

_COLUMNS = tuple(gap.c[name] for name in ("source", "starts_at", "ends_at", "reason", "share_missing", "filled_at"))


def add(tx: Transaction, found: Sequence[Gap]) -> None:
    """Record gaps; one that is known (source, span and reason) is written over."""
    replace(tx, gap, [{name: getattr(item, name) for name in Gap.__slots__} for item in dict.fromkeys(found)])


def fill(tx: Transaction, source: str, since: datetime, until: datetime, at: datetime) -> int:
    """Mark the source's gaps that lie within `[since, until]` as read after all; how many there were."""
    within = (gap.c.source == source, gap.c.starts_at >= since, gap.c.ends_at <= until, gap.c.filled_at.is_(None))
    return tx.execute(update(gap).where(*within).values(filled_at=at)).rowcount


def between(tx: Transaction, since: datetime, until: datetime, source: str | None = None) -> list[Gap]:
    """Gaps that touch `[since, until)`, filled ones too, by begin."""
    statement = select(*_COLUMNS).where(gap.c.starts_at < until, gap.c.ends_at > since)
    if source is not None:
        statement = statement.where(gap.c.source == source)
    ordered = statement.order_by(gap.c.starts_at, gap.c.source, gap.c.ends_at, gap.c.reason)
    return [Gap(*row) for row in tx.execute(ordered)]


def coverage(tx: Transaction, sources: Iterable[str], since: datetime, until: datetime) -> dict[str, float]:
    """For every source the share of `[since, until)` that was read, 0 to 1; where gaps overlap the worst counts."""
    missing = [item for item in between(tx, since, until) if item.filled_at is None]
    return {
        source: 1.0 - share_missing([item for item in missing if item.source == source], since, until)
        for source in sources
    }


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
