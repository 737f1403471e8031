"""The timer runs each job when it is due, never twice at once, and says so when one fails."""

from __future__ import annotations

import itertools
import logging
import queue
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
import time_machine

from monitor.scheduler import SteadyScheduler, Timer
from tests.waiting import wait_for

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


def test_a_job_that_is_left_out_is_named_with_the_time_that_it_has_run() -> None:
    seconds, begun, may_end = itertools.count(100.0, 2.5), threading.Event(), threading.Event()

    def long_job() -> None:
        begun.set()
        may_end.wait(PATIENCE)

    with structlog.testing.capture_logs() as logs:
        timer = Timer(uptime=lambda: next(seconds))
        timer.every("long", timedelta(hours=1), long_job)
        timer.start()
        assert begun.wait(PATIENCE)
        timer.run_at("long", datetime.now(UTC))
        wait_for(lambda: timer.skipped)
        may_end.set()
        timer.stop()
    (told,) = [entry for entry in logs if entry.get("job") == "long"]
    assert told["event"] == "job still running when it was due again"
    assert re.fullmatch(r"it has run for \d+\.[05] seconds", told["reason"])


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


def test_what_is_complained_of_is_told_once_and_not_by_the_library_too() -> None:
    assert any(isinstance(handler, logging.NullHandler) for handler in logging.getLogger("apscheduler").handlers)


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


@pytest.mark.parametrize("by", [timedelta(hours=1), timedelta(days=366)])
def test_a_clock_that_is_put_back_delays_no_job(by: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.scheduler.LOOK_EVERY", 0.01)
    runs, told = threading.Semaphore(0), queue.SimpleQueue[timedelta]()
    with time_machine.travel(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), tick=True) as traveller:
        timer = Timer(put_back=told.put)
        timer.start()
        timer.every("often", timedelta(milliseconds=50), runs.release)
        assert runs.acquire(timeout=PATIENCE)
        traveller.shift(-by)
        assert abs(told.get(timeout=PATIENCE) - by) < timedelta(seconds=1)
        for _ in range(3):
            assert runs.acquire(timeout=PATIENCE)
        timer.stop()


def test_a_clock_that_is_put_forward_makes_up_with_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[datetime] = []
    with time_machine.travel(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), tick=True) as traveller:
        monkeypatch.setattr("monitor.scheduler.LOOK_EVERY", 0.01)
        timer = Timer()
        timer.start()
        ran = threading.Semaphore(0)

        def job() -> None:
            runs.append(datetime.now(UTC))
            ran.release()

        timer.every("now and then", timedelta(minutes=10), job)
        assert ran.acquire(timeout=PATIENCE)
        traveller.shift(timedelta(hours=1))
        assert ran.acquire(timeout=PATIENCE)
        timer.run_at("now and then", datetime.now(UTC))
        assert ran.acquire(timeout=PATIENCE)
        timer.stop()
    assert len(runs) == 3, "six intervals have passed; one run makes up for them"


def test_a_clock_that_is_corrected_little_by_little_is_no_jump() -> None:
    told: list[timedelta] = []
    up = [0.0]
    with time_machine.travel(datetime(2026, 3, 2, tzinfo=UTC), tick=False) as traveller:
        scheduler = SteadyScheduler(told.append, lambda: up[0], timezone=UTC)
        for _ in range(100):
            traveller.shift(1.0)
            up[0] += 1.01
            scheduler._process_jobs()
    assert told == []


def test_a_process_that_was_stopped_between_two_looks_at_clocks_sees_no_jump() -> None:
    told: list[timedelta] = []
    up = itertools.cycle([0.0, 0.0, 0.0, 90.0])
    with time_machine.travel(datetime(2026, 3, 2, tzinfo=UTC), tick=False):
        scheduler = SteadyScheduler(told.append, lambda: next(up), timezone=UTC)
        for _ in range(9):
            scheduler._process_jobs()
    assert told == []


def test_a_database_that_cannot_be_written_does_not_end_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.scheduler.LOOK_EVERY", 0.01)

    def put_back(_: timedelta) -> None:
        raise OSError("disk full")

    runs = threading.Semaphore(0)
    with time_machine.travel(datetime(2026, 3, 2, tzinfo=UTC), tick=True) as traveller:
        timer = Timer(put_back=put_back)
        timer.start()
        timer.every("often", timedelta(milliseconds=20), runs.release)
        assert runs.acquire(timeout=PATIENCE)
        traveller.shift(-3600)
        for _ in range(3):
            assert runs.acquire(timeout=PATIENCE)
        timer.stop()
