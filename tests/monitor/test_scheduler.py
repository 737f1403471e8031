"""The timer runs each job when it is due, never twice at once, and says so when one fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from monitor.scheduler import Timer

PATIENCE = 10.0
"""Seconds after which a test gives up; nothing here waits that long when it works."""


@pytest.fixture
def timer() -> Iterator[Timer]:
    timer = Timer(threads=2)
    timer.start()
    yield timer
    timer.stop()


def test_a_job_runs_at_once_and_again_after_its_interval(timer: Timer) -> None:
    runs = threading.Semaphore(0)
    timer.every("often", timedelta(milliseconds=10), runs.release)
    assert runs.acquire(timeout=PATIENCE)
    assert runs.acquire(timeout=PATIENCE)


def test_a_job_planned_for_later_does_not_run_before_it_is_moved_up(timer: Timer) -> None:
    ran = threading.Event()
    timer.every("later", timedelta(hours=1), ran.set, first_at=datetime.now(UTC) + timedelta(hours=1))
    assert not ran.is_set()
    timer.run_at("later", datetime.now(UTC))
    assert ran.wait(PATIENCE)


def test_a_job_of_the_same_name_replaces_the_first(timer: Timer) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    timer.every("one", timedelta(hours=1), lambda: None, first_at=tomorrow)
    timer.every("one", timedelta(hours=1), lambda: None, first_at=tomorrow)
    timer.every("two", timedelta(hours=1), lambda: None, first_at=tomorrow)
    assert timer.names() == ["one", "two"]


def test_a_job_that_is_still_running_is_not_started_again_and_that_is_counted(timer: Timer) -> None:
    begun, may_end = threading.Semaphore(0), threading.Event()

    def long_job() -> None:
        begun.release()
        may_end.wait(PATIENCE)

    timer.every("long", timedelta(milliseconds=5), long_job)
    assert begun.acquire(timeout=PATIENCE)
    deadline = datetime.now(UTC) + timedelta(seconds=PATIENCE)
    while not timer.skipped and datetime.now(UTC) < deadline:
        threading.Event().wait(0.005)
    assert timer.skipped > 0
    assert not begun.acquire(blocking=False)
    may_end.set()


def test_a_job_that_fails_is_named_with_its_reason_and_runs_again() -> None:
    runs = threading.Semaphore(0)

    def broken() -> None:
        runs.release()
        raise ValueError("no such thing")

    with structlog.testing.capture_logs() as logs:
        timer = Timer()
        timer.start()
        timer.every("broken", timedelta(milliseconds=10), broken)
        assert runs.acquire(timeout=PATIENCE)
        assert runs.acquire(timeout=PATIENCE)
        timer.stop()
    told = [entry for entry in logs if entry.get("job") == "broken" and entry["event"] == "job failed"]
    assert told
    assert "no such thing" in told[0]["reason"]


def test_stopping_waits_for_a_job_that_moves_its_own_next_run() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    timer = Timer()

    def job() -> None:
        begun.set()
        may_end.wait(PATIENCE)
        timer.run_at("moving", datetime.now(UTC) + timedelta(hours=1))
        ended.set()

    timer.start()
    timer.every("moving", timedelta(hours=1), job)
    assert begun.wait(PATIENCE)
    stopping = threading.Thread(target=timer.stop)
    stopping.start()
    may_end.set()
    stopping.join(PATIENCE)
    assert not stopping.is_alive()
    assert ended.is_set()
