"""What the runs of each source came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from storage.database import Transaction
from storage.records import RunOutcome
from storage.schema import run


@dataclass(frozen=True, slots=True)
class RunTotals:
    """Runs of one source since a moment, added up."""

    source: str
    runs: int
    failed: int
    requests: int
    posts: int
    new_posts: int


def totals(tx: Transaction, since: datetime) -> dict[str, RunTotals]:
    """The runs of each source that began since a moment."""
    columns = run.c
    failed = func.sum(case((columns.outcome == RunOutcome.FAILED.value, 1), else_=0))
    sums = (func.count(), failed, func.sum(columns.requests), func.sum(columns.posts), func.sum(columns.new_posts))
    statement = select(columns.source, *sums).where(columns.started_at >= since).group_by(columns.source)
    return {row[0]: RunTotals(row[0], *map(int, row[1:])) for row in tx.execute(statement)}


def first_runs(tx: Transaction) -> dict[str, datetime]:
    """When each source was read for the first time that is on record."""
    statement = select(run.c.source, func.min(run.c.started_at)).group_by(run.c.source)
    return {row[0]: row[1] for row in tx.execute(statement)}
