"""The timer: one job per source and a few for upkeep, run by APScheduler.

Jobs are due by the wall clock, which is put right now and then. When it is put back, every job would wait for that much
longer, all of them at once; so it is compared with a clock that nobody sets (decision 161), and the jobs are moved with
it. When it is put forward, what is overdue runs once.

The schedule itself (when each source is due, how often it failed) is kept in the database (`storage.schedule`); the
timer only ticks. APScheduler's own persistent job store is left alone on purpose: two processes that share one fire
jobs twice, and it keeps pickles of jobs that the configuration no longer has.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from alerts.deadline import uptime

_log = structlog.get_logger(__name__)
logging.getLogger("apscheduler").addHandler(logging.NullHandler())  # its complaints are ours (`_complain`), not twice

_COMPLAINTS = {
    EVENT_JOB_ERROR: "job failed",
    EVENT_JOB_MAX_INSTANCES: "job still running when it was due again",
    EVENT_JOB_MISSED: "job started too late and was left out",
}


LOOK_EVERY = 1.0
"""Seconds after which the clocks are compared at the latest."""
LONGEST_LOOK = 0.2
"""Seconds within which both clocks are read, or a process that was stopped in between would see a jump."""
SMALLEST_JUMP = timedelta(seconds=1)
"""Less is the slow correction of a clock, or the time between two looks."""


class SteadyScheduler(BackgroundScheduler):  # type: ignore[misc]  # APScheduler has no types
    """APScheduler's, with jobs that keep their distance from now when the wall clock is put back."""

    def __init__(self, put_back: Callable[[timedelta], None], uptime: Callable[[], float], **options: Any) -> None:
        """`put_back` is told by how much the clock was; `uptime` is a clock that nobody sets, in seconds."""
        super().__init__(**options)
        self._put_back, self._uptime = put_back, uptime
        self._offset = self._apart(0.0)

    def _apart(self, otherwise: float) -> float:
        """How far the wall clock is before the other; `otherwise` where the two cannot be read at one moment."""
        for _ in range(5):
            began, wall = self._uptime(), datetime.now(UTC).timestamp()
            if self._uptime() - began < LONGEST_LOOK:
                return wall - began
        return otherwise

    def _process_jobs(self) -> float:
        before, self._offset = self._offset, self._apart(self._offset)
        jump = timedelta(seconds=before - self._offset)
        if jump >= SMALLEST_JUMP:
            self._follow(jump)
        wait = super()._process_jobs()
        return LOOK_EVERY if wait is None else min(wait, LOOK_EVERY)

    def _follow(self, jump: timedelta) -> None:
        _log.warning("the clock was put back; what waits is moved with it", seconds=round(jump.total_seconds(), 1))
        for job in self.get_jobs():
            job.modify(next_run_time=job.next_run_time - jump)
        try:
            self._put_back(jump)
        except Exception:  # noqa: BLE001  (a timer that ends silently would end everything)
            _log.exception("what is stored could not be moved with the clock")


class Timer:
    """Runs named jobs in threads, each one never twice at once."""

    def __init__(
        self,
        threads: int = 8,
        put_back: Callable[[timedelta], None] = lambda _: None,
        uptime: Callable[[], float] = uptime,
    ) -> None:
        """Prepare a timer with at most `threads` jobs at once; nothing runs before `start`.

        `put_back` is told when the wall clock was put back, and by how much, before the next job runs.
        """
        self._scheduler = SteadyScheduler(
            put_back,
            uptime,
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(threads)},
            # One catch-up run after a pause, however long it was; APScheduler's default drops what is a second late.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(self._complain, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        self._uptime = uptime
        self.skipped = 0
        self._idle = threading.Condition()
        self._began: dict[str, float] = {}
        """When each job that runs began, by the clock that nobody sets."""
        self._stopping = False

    def every(
        self, name: str, interval: timedelta, job: Callable[[], object], first_at: datetime | None = None
    ) -> None:
        """Run `job` each `interval`, first at `first_at` (default: at once). A job of the same name is replaced."""
        self._scheduler.add_job(
            partial(self._run, name, job),
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
            self._idle.wait_for(lambda: not self._began)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _run(self, name: str, job: Callable[[], object]) -> None:
        with self._idle:
            if self._stopping:
                return
            self._began[name] = self._uptime()
        try:
            job()
        finally:
            with self._idle:
                del self._began[name]
                self._idle.notify_all()

    def _complain(self, event: JobEvent) -> None:
        self.skipped += event.code == EVENT_JOB_MAX_INSTANCES
        _log.warning(_COMPLAINTS[event.code], job=event.job_id, reason=self._reason(event))

    def _reason(self, event: JobEvent) -> str:
        """What went wrong; of a job that still runs, for how long."""
        error: BaseException | None = getattr(event, "exception", None)
        if error is not None:
            return repr(error)
        began = self._began.get(event.job_id)
        if began is None:
            return "it waits for a thread, or has ended this moment"
        return f"it has run for {self._uptime() - began:.1f} seconds"
