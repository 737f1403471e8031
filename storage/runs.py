"""Runs of collectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import select

from storage.database import Transaction
from storage.records import CollectorRun, RunOutcome
from storage.schema import run
from storage.statements import replace

_COLUMNS = tuple(
    run.c[name] for name in ("source", "started_at", "ended_at", "outcome", "posts", "new_posts", "requests", "error")
)


def add(tx: Transaction, done: CollectorRun) -> None:
    """Record a run; the same run (source and begin) is written over."""
    replace(tx, run, [{**asdict(done), "outcome": done.outcome.value}])


def recent(
    tx: Transaction, source: str | None = None, *, since: datetime | None = None, limit: int = 50
) -> list[CollectorRun]:
    """Runs, newest first."""
    statement = select(*_COLUMNS).order_by(run.c.started_at.desc(), run.c.source).limit(limit)
    if source is not None:
        statement = statement.where(run.c.source == source)
    if since is not None:
        statement = statement.where(run.c.started_at >= since)
    return [_record(row) for row in tx.execute(statement)]


def _record(row: Sequence[Any]) -> CollectorRun:
    source, started_at, ended_at, outcome, *rest = row
    return CollectorRun(source, started_at, ended_at, RunOutcome(outcome), *rest)
