"""The timer: one job per source and a few for upkeep, run by APScheduler.

The schedule itself (when each source is due, how often it failed) is kept in the database (`storage.schedule`); the
timer only ticks. APScheduler's own persistent job store is left alone on purpose: two processes that share one fire
jobs twice, and it keeps pickles of jobs that the configuration no longer has.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

_log = structlog.get_logger(__name__)

_COMPLAINTS = {
    EVENT_JOB_ERROR: "job failed",
    EVENT_JOB_MAX_INSTANCES: "job still running when it was due again",
    EVENT_JOB_MISSED: "job started too late and was left out",
}


class Timer:
    """Runs named jobs in threads, each one never twice at once."""

    def __init__(self, threads: int = 8) -> None:
        """Prepare a timer with at most `threads` jobs at once; nothing runs before `start`."""
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(threads)},
            # One catch-up run after a pause, however long it was; APScheduler's default drops what is a second late.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._complain, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        self.skipped = 0
        self._idle = threading.Condition()
        self._running = 0
        self._stopping = False

    def every(
        self, name: str, interval: timedelta, job: Callable[[], object], first_at: datetime | None = None
    ) -> None:
        """Run `job` each `interval`, first at `first_at` (default: at once). A job of the same name is replaced."""
        self._scheduler.add_job(
            partial(self._run, job),
            "interval",
            seconds=interval.total_seconds(),
            id=name,
            name=name,
            replace_existing=True,
            next_run_time=first_at or datetime.now(UTC),
        )

    def run_at(self, name: str, moment: datetime) -> None:
        """Move the next run of the job `name` to `moment`; the interval goes on from there."""
        self._scheduler.modify_job(name, next_run_time=moment)

    def names(self) -> list[str]:
        """The jobs there are."""
        return sorted(job.id for job in self._scheduler.get_jobs())

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Start no further job, and wait for those that run."""
        # APScheduler's own waiting holds the lock that a job needs in order to move its next run: they would wait for
        # each other for ever.
        with self._idle:
            self._stopping = True
            self._idle.wait_for(lambda: self._running == 0)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _run(self, job: Callable[[], object]) -> None:
        with self._idle:
            if self._stopping:
                return
            self._running += 1
        try:
            job()
        finally:
            with self._idle:
                self._running -= 1
                self._idle.notify_all()

    def _complain(self, event: JobEvent) -> None:
        self.skipped += event.code == EVENT_JOB_MAX_INSTANCES
        reason = getattr(event, "exception", None)
        _log.warning(_COMPLAINTS[event.code], job=event.job_id, reason=repr(reason) if reason else None)
