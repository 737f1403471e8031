"""Where judging is much work, as long a rest follows it, in which posts are read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from config.settings import Settings
from monitor.app import App
from monitor.resting import LONGEST_REST
from storage.records import Alert
from tests.storage.examples import NOON


class Program:
    """One that leads, whose looks take as long as the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.takes, self.looks = NOON, timedelta(0), 0
        settings: dict[str, Any] = {"brands": [{"name": "Acme"}], "database": {"url": "sqlite://"}}
        self.app = App(Settings.model_validate(settings), clock=lambda: self.now)
        monkeypatch.setattr(self.app.pipeline, "advance", self._look)
        self.app.lead()

    def _look(self, _now: Any, *, early: bool) -> list[Alert]:
        self.looks += early
        self.now += self.takes
        return []

    def looks_after(self, seconds: float) -> bool:
        """Whether there is a look when so much time has passed."""
        before = self.looks
        self.now += timedelta(seconds=seconds)
        self.app.lead()
        self.app.judge()
        return self.looks > before


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    made = Program(monkeypatch)
    yield made
    made.app.stop()


def test_a_short_look_needs_no_rest(program: Program) -> None:
    program.takes = timedelta(seconds=0.5)
    assert program.looks_after(0)
    assert program.looks_after(0)


def test_after_a_long_look_posts_are_read_for_as_long(program: Program) -> None:
    program.takes = timedelta(seconds=4)
    assert program.looks_after(0)
    assert not program.looks_after(3)
    assert program.looks_after(1)


def test_a_clock_that_is_put_back_ends_the_rest(program: Program) -> None:
    program.takes = timedelta(seconds=4)
    assert program.looks_after(0)
    assert program.looks_after(-1)


def test_a_clock_that_is_put_forward_during_a_look_blinds_nobody(program: Program) -> None:
    program.takes = timedelta(hours=1)
    assert program.looks_after(0)
    program.takes = timedelta(0)
    assert not program.looks_after(LONGEST_REST.total_seconds() - 1)
    assert program.looks_after(1)
