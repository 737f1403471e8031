"""While nothing can be stored, the operators are told past the outbox."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from monitor.app import App
from storage.errors import StorageUnavailableError
from tests.monitor.cli import letterbox
from tests.storage.examples import NOON

SETTINGS: dict[str, Any] = {
    "brands": [{"name": "Acme"}],
    "channels": [
        {"type": "letterbox.channel", "name": "bells", "rooms": ["hall"]},
        {"type": "letterbox.channel", "name": "tower", "rooms": ["tower", "roof"], "refuses": "tower"},
        {"type": "letterbox.channel", "name": "press", "rooms": ["office"]},
    ],
    "operations": {"channels": ["bells", "tower"]},
}
FULL = "tocsin.db does not answer: database or disk is full"


class Installation:
    """A program whose clock and database are in the test's hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, url: str = "sqlite://") -> None:
        self.now = NOON
        self.app = App(Settings.model_validate({**SETTINGS, "database": {"url": url}}), clock=lambda: self.now)
        self._write = self.app.database.write
        self._patch = monkeypatch
        self.app.lead()

    def fill_the_disk(self) -> None:
        """Nothing can be written from now on."""

        @contextmanager
        def refuse() -> Iterator[Any]:
            raise StorageUnavailableError(FULL)
            yield

        self._patch.setattr(self.app.database, "write", refuse)

    def make_room(self) -> None:
        """Everything can be written again."""
        self._patch.setattr(self.app.database, "write", self._write)

    def go_on(self, **span: float) -> None:
        """Time passes, and the leader looks after its lease."""
        self.now += timedelta(**span)
        try:
            self.app.lead()
        except StorageUnavailableError:
            return


@pytest.fixture
def bells(monkeypatch: pytest.MonkeyPatch) -> None:
    """The channels, which have rung for nothing yet."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    letterbox.sent.clear()


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, bells: None) -> Iterator[Installation]:
    """One that works."""
    made = Installation(monkeypatch)
    yield made
    made.make_room()
    made.app.stop()


def heard() -> list[tuple[str, str]]:
    return [(message.target, message.page.headline) for message in letterbox.sent]


def test_a_full_disk_is_told_to_the_operators_by_every_way_that_is_open(program: Installation) -> None:
    program.fill_the_disk()
    program.go_on(seconds=3)
    program.go_on(seconds=26)
    assert heard() == [], "a short refusal is no news"
    program.go_on(seconds=4)
    assert heard() == [("hall", "Nothing can be stored"), ("roof", "Nothing can be stored")]
    page = letterbox.sent[0].page
    assert FULL in page.why[0]
    assert "docs/runbooks/database.md" in page.why[1]
    assert page.severity.value == "critical"


def test_it_is_said_once_an_hour_while_it_lasts(program: Installation) -> None:
    program.fill_the_disk()
    program.go_on(seconds=1)
    for _ in range(180):
        program.go_on(minutes=1)
    assert [target for target, _ in heard()].count("hall") == 3


def test_that_it_is_over_is_told_once_by_the_outbox(program: Installation) -> None:
    program.fill_the_disk()
    program.go_on(seconds=1)
    program.go_on(minutes=10)
    letterbox.sent.clear()
    program.make_room()
    for _ in range(3):
        program.go_on(seconds=3)
        program.app.send()
        assert program.app.sender.drain(10)
    assert heard().count(("hall", "What is found can be stored again")) == 1
    assert "Nothing can be stored" not in [headline for _, headline in heard()]
    assert "10 minutes" in letterbox.sent[0].page.why[0]


def test_a_short_refusal_is_never_spoken_of(program: Installation) -> None:
    program.fill_the_disk()
    program.go_on(seconds=10)
    program.make_room()
    program.go_on(seconds=10)
    program.fill_the_disk()
    program.go_on(seconds=25)
    program.make_room()
    program.go_on(seconds=10)
    program.app.send()
    assert program.app.sender.drain(10)
    assert heard() == []


def test_when_nobody_takes_it_it_is_tried_again_soon(program: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the rope is torn")

    program.fill_the_disk()
    program.go_on(seconds=1)
    with monkeypatch.context() as torn:
        torn.setattr(letterbox.Bells, "send", broken)
        program.go_on(seconds=40)
    assert heard() == []
    program.go_on(seconds=31)
    assert ("hall", "Nothing can be stored") in heard()


def test_a_database_that_is_taken_away_is_told_and_not_made_anew(
    monkeypatch: pytest.MonkeyPatch, bells: None, tmp_path: Path
) -> None:
    file, elsewhere = tmp_path / "tocsin.db", tmp_path / "elsewhere.db"
    program = Installation(monkeypatch, f"sqlite:///{file}")
    file.rename(elsewhere)
    program.go_on(seconds=3)
    program.go_on(seconds=40)
    assert heard() == [("hall", "Nothing can be stored"), ("roof", "Nothing can be stored")]
    assert f"{file} was deleted or moved while the program runs" in letterbox.sent[0].page.why[0]
    assert not file.exists()
    elsewhere.rename(file)
    program.go_on(seconds=3)
    program.app.send()
    assert program.app.sender.drain(10)
    assert ("hall", "What is found can be stored again") in heard()
    file.unlink()
    program.app.stop()
    assert not file.exists()
