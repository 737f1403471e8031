"""One source's job: read it page by page, store each page with its cursor, and keep the books when it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from collectors.contract import Collector, CollectorError
from monitor.pipeline import Batch, Pipeline
from storage import cursors as cursor_store
from storage import gaps as gap_store
from storage import runs as run_store
from storage import schedule as schedule_store
from storage.database import Database, Transaction
from storage.records import CollectorRun, Cursor, Gap, RunOutcome

_log = structlog.get_logger(__name__)

BACK_OFF = (1, 2, 4, 8, 16, 32)
"""Failures in a row lengthen the interval by these factors."""
LONGEST_PAUSE = timedelta(hours=1)
PERMANENT_PAUSE = timedelta(minutes=5)
"""A source that cannot work until a person mends it is probed this often, so that the mend is noticed."""
PAGES_A_RUN = 500
"""A run that is longer goes on at the next one, so that no source starves the others."""


@dataclass
class Reading:
    """What one run has brought so far."""

    started_at: datetime
    posts: int = 0
    new_posts: int = 0
    requests: int = 0
    complete: bool = False
    gaps: list[Gap] = field(default_factory=list)


@dataclass
class SourceJob:
    """Reads one source when its turn comes; what a source does wrong is said and planned around, not raised."""

    collector: Collector
    every: timedelta
    database: Database
    pipeline: Pipeline
    clock: Callable[[], datetime]
    stopping: threading.Event = field(default_factory=threading.Event)
    failures: int = 0

    def run(self) -> datetime:
        """Read what is new; returns when the source is due again."""
        reading = Reading(self.clock())
        error: CollectorError | None = None
        try:
            self._read(reading)
        except CollectorError as problem:
            error = problem
        ended_at = self.clock()
        next_at = self._next_at(error, ended_at)
        self._book(reading, error, ended_at, next_at)
        return next_at

    def _read(self, reading: Reading) -> None:
        name = self.collector.name
        with self.database.read() as tx:
            cursor = cursor_store.get(tx, name)
        for number, page in enumerate(self.collector.collect(cursor.position if cursor else None), start=1):
            batch = Batch(
                posts=page.posts,
                samples=page.samples,
                gaps=page.gaps,
                cursor=Cursor(name, page.cursor, self.clock()),
            )
            written = self.pipeline.ingest(batch)
            reading.posts += len(page.posts)
            reading.new_posts += written.new_posts
            reading.requests += page.requests
            reading.gaps += page.gaps
            reading.complete = page.complete
            for item in page.quarantined:
                _log.warning(
                    "item could not be read and was left out", source=name, where=item.where, reason=item.reason
                )
            if number >= PAGES_A_RUN or self.stopping.is_set():
                return

    def _next_at(self, error: CollectorError | None, now: datetime) -> datetime:
        if error is None:
            self.failures = 0
            return now + self.every
        factor = BACK_OFF[min(self.failures, len(BACK_OFF) - 1)]
        self.failures += 1
        pause = PERMANENT_PAUSE if error.permanent else min(self.every * factor, LONGEST_PAUSE)
        wanted = timedelta(seconds=error.retry_after or 0)
        return now + max(pause, wanted)

    def _book(self, reading: Reading, error: CollectorError | None, ended_at: datetime, next_at: datetime) -> None:
        name = self.collector.name
        outcome = RunOutcome.COMPLETE if reading.complete and error is None else RunOutcome.PARTIAL
        run = CollectorRun(
            source=name,
            started_at=reading.started_at,
            ended_at=ended_at,
            outcome=RunOutcome.FAILED if error else outcome,
            posts=reading.posts,
            new_posts=reading.new_posts,
            requests=reading.requests,
            error=str(error) if error else None,
        )
        with self.database.write() as tx:
            last_read_at = _last_read_at(tx, name)
            if error and last_read_at:
                (latest,) = run_store.recent(tx, name, limit=1)
                gap_store.add(tx, [Gap(name, latest.started_at, ended_at, str(error))])
            elif run.outcome is RunOutcome.COMPLETE and last_read_at:
                gap_store.fill(tx, name, last_read_at, ended_at, ended_at)
                gap_store.add(tx, reading.gaps)  # what the source itself says it could not give stays lost
            schedule_store.finish(tx, name, run, next_at)
        if error:
            _log.warning("source could not be read", source=name, reason=str(error), again_at=next_at.isoformat())
        else:
            _log.info("source read", source=name, posts=reading.posts, new=reading.new_posts, requests=reading.requests)


def _last_read_at(tx: Transaction, source: str) -> datetime | None:
    """When the source was last read to the end; until then there is nothing that a failure could miss."""
    return next((run.started_at for run in run_store.recent(tx, source) if run.outcome is RunOutcome.COMPLETE), None)
