"""Runs of collectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from storage.columns import storable
from storage.database import Transaction
from storage.records import Brought, CollectorRun, RunOutcome
from storage.schema import run
from storage.statements import replace

_COLUMNS = tuple(run.c[name] for name in CollectorRun.__slots__)


def add(tx: Transaction, done: CollectorRun) -> None:
    """Record a run; the same run (source and begin) is written over."""
    error = storable(done.error) if done.error else done.error  # it may quote what a platform said
    replace(tx, run, [{**asdict(done), "outcome": done.outcome.value, "error": error}])


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


def brought(tx: Transaction, source: str | None = None, *, since: datetime) -> Brought:
    """What the runs since a moment brought together, of one source or of all; added up where they are stored."""
    sums = (func.coalesce(func.sum(run.c[name]), 0) for name in Brought.__slots__)
    statement = select(*sums).where(run.c.started_at >= since)
    if source is not None:
        statement = statement.where(run.c.source == source)
    return Brought(*map(int, tx.execute(statement).one()))


def last_complete(tx: Transaction, source: str) -> CollectorRun | None:
    """The newest run that read the source to the end, however long ago."""
    statement = select(*_COLUMNS).where(run.c.source == source, run.c.outcome == RunOutcome.COMPLETE.value)
    found = tx.execute(statement.order_by(run.c.started_at.desc()).limit(1)).first()
    return None if found is None else _record(found)


def was_read(tx: Transaction, source: str) -> bool:
    """Whether a run ever read the source, whole or in part."""
    statement = select(run.c.started_at).where(run.c.source == source, run.c.outcome != RunOutcome.FAILED.value)
    return tx.execute(statement.limit(1)).first() is not None


def latest(tx: Transaction, source: str) -> CollectorRun | None:
    """The newest run of a source, however it ended."""
    return next(iter(recent(tx, source, limit=1)), None)


def arrivals(tx: Transaction, source: str, since: datetime) -> list[datetime]:
    """When runs of a source ended that brought something new, in order."""
    statement = select(run.c.ended_at).where(run.c.source == source, run.c.started_at >= since, run.c.new_posts > 0)
    return list(tx.scalars(statement.order_by(run.c.started_at)))


def last_arrival(tx: Transaction, source: str) -> datetime | None:
    """When the last run ended that brought something new."""
    statement = select(run.c.ended_at).where(run.c.source == source, run.c.new_posts > 0)
    found: datetime | None = tx.scalar(statement.order_by(run.c.started_at.desc()).limit(1))
    return found


def forget_before(tx: Transaction, before: datetime) -> int:
    """Delete the runs that ended before a time, but for the last complete one of each source; how many."""
    complete = select(run.c.source, func.max(run.c.started_at)).where(run.c.outcome == RunOutcome.COMPLETE.value)
    kept = {tuple(row) for row in tx.execute(complete.group_by(run.c.source))}
    old = tx.execute(select(run.c.source, run.c.started_at).where(run.c.ended_at < before)).all()
    doomed = [tuple(row) for row in old if tuple(row) not in kept]
    for source, started_at in doomed:
        tx.execute(delete(run).where(run.c.source == source, run.c.started_at == started_at))
    return len(doomed)


def _record(row: Sequence[Any]) -> CollectorRun:
    source, started_at, ended_at, outcome, *rest = row
    return CollectorRun(source, started_at, ended_at, RunOutcome(outcome), *rest)
