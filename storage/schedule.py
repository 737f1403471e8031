"""When every source is due. The schedule lives here, so that a restart neither forgets nor repeats a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update

from storage import runs
from storage.database import Transaction
from storage.records import CollectorRun, RunOutcome
from storage.schema import schedule
from storage.statements import insert


@dataclass(frozen=True, slots=True)
class Planned:
    """A source's place in the schedule; `failures` counts those since the last run that did not fail."""

    source: str
    every: timedelta
    next_at: datetime
    failures: int = 0
    last_outcome: RunOutcome | None = None
    last_ended_at: datetime | None = None


def plan(tx: Transaction, source: str, every: timedelta, next_at: datetime, *, sooner: bool = True) -> None:
    """Put a source on the schedule. One that is there keeps its turn; with `sooner`, unless `next_at` is earlier."""
    statement = insert(tx, schedule).values(
        source=source, every_seconds=every.total_seconds(), next_at=next_at, failures=0
    )
    known = tx.scalar(select(schedule.c.next_at).where(schedule.c.source == source))
    turn = next_at if known is None else min(known, next_at) if sooner else known
    changed = {"every_seconds": every.total_seconds(), "next_at": turn}
    tx.execute(statement.on_conflict_do_update(index_elements=[schedule.c.source], set_=changed))


def due(tx: Transaction, now: datetime) -> list[Planned]:
    """Sources whose turn has come, the longest waiting first."""
    return _planned(tx, schedule.c.next_at <= now)


def every(tx: Transaction) -> list[Planned]:
    """All sources on the schedule, the next first."""
    return _planned(tx, True)


def finish(tx: Transaction, source: str, run: CollectorRun, next_at: datetime) -> None:
    """Record a run, and when the source is due next."""
    runs.add(tx, run)
    failures = schedule.c.failures + 1 if run.outcome is RunOutcome.FAILED else 0
    tx.execute(
        update(schedule)
        .where(schedule.c.source == source)
        .values(next_at=next_at, failures=failures, last_outcome=run.outcome.value, last_ended_at=run.ended_at)
    )


def postpone(tx: Transaction, source: str, next_at: datetime) -> None:
    """Put off a source's turn without a run."""
    tx.execute(update(schedule).where(schedule.c.source == source).values(next_at=next_at))


def of(tx: Transaction, source: str) -> Planned | None:
    """A source's place in the schedule."""
    return next(iter(_planned(tx, schedule.c.source == source)), None)


def keep(tx: Transaction, sources: Collection[str]) -> None:
    """Take every other source off the schedule."""
    tx.execute(delete(schedule).where(schedule.c.source.not_in(list(sources))))


def _planned(tx: Transaction, condition: object) -> list[Planned]:
    columns = schedule.c
    statement = select(
        columns.source,
        columns.every_seconds,
        columns.next_at,
        columns.failures,
        columns.last_outcome,
        columns.last_ended_at,
    ).where(condition)  # type: ignore[arg-type]
    return [
        Planned(source, timedelta(seconds=seconds), next_at, failures, RunOutcome(last) if last else None, ended_at)
        for source, seconds, next_at, failures, last, ended_at in tx.execute(
            statement.order_by(columns.next_at, columns.source)
        )
    ]
