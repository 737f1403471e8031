"""Copies of the database by themselves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from alerts.system import SystemIncidents
from config.settings import Settings
from monitor.backups import Backups
from storage import incidents
from storage.database import Database
from tests.storage.examples import NOON, after

SYSTEM = SystemIncidents.build(Settings())


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    """A copy a day, two kept."""
    return Backups(tmp_path / "copies", timedelta(days=1), 2)


def test_a_copy_is_made_when_the_last_is_old_enough(sqlite_database: Database, backups: Backups) -> None:
    first = backups.run(sqlite_database, SYSTEM, NOON)
    assert first is not None
    assert first.name == "tocsin-20240501T120000Z.db"
    assert backups.run(sqlite_database, SYSTEM, after(hours=23)) is None
    assert backups.run(sqlite_database, SYSTEM, after(hours=24)) is not None


def test_the_newest_copies_are_kept_and_nothing_else_is_touched(sqlite_database: Database, backups: Backups) -> None:
    backups.folder.mkdir()
    (backups.folder / "tocsin-of-last-year.db").write_text("precious")
    for day in range(4):
        backups.run(sqlite_database, SYSTEM, after(days=day))
    names = sorted(path.name for path in backups.folder.iterdir())
    assert names == ["tocsin-20240503T120000Z.db", "tocsin-20240504T120000Z.db", "tocsin-of-last-year.db"]


def test_what_is_left_of_a_copy_that_was_cut_off_is_removed(sqlite_database: Database, backups: Backups) -> None:
    backups.folder.mkdir()
    cut_off = "tocsin-20240430T120000Z.db.unfinished"
    for name in (cut_off, f"{cut_off}-journal", "by-hand.db.unfinished"):
        (backups.folder / name).write_text("a part of it")
    backups.run(sqlite_database, SYSTEM, NOON)
    names = sorted(path.name for path in backups.folder.iterdir())
    assert names == ["by-hand.db.unfinished", "tocsin-20240501T120000Z.db"]


def test_a_copy_of_a_wrong_clock_does_not_stop_others(sqlite_database: Database, backups: Backups) -> None:
    backups.run(sqlite_database, SYSTEM, after(days=365))
    assert backups.run(sqlite_database, SYSTEM, NOON) is not None


def test_that_no_copy_can_be_made_is_told_until_one_can(sqlite_database: Database, backups: Backups) -> None:
    backups.folder.write_text("a file where the folder should be")
    assert backups.run(sqlite_database, SYSTEM, NOON) is None
    assert backups.run(sqlite_database, SYSTEM, after(minutes=5)) is None
    with sqlite_database.read() as tx:
        (failing,) = incidents.live(tx)
    assert failing.headline == "The database could not be copied"
    backups.folder.unlink()
    assert backups.run(sqlite_database, SYSTEM, after(minutes=10)) is not None
    with sqlite_database.read() as tx:
        assert incidents.live(tx) == []


def test_without_a_folder_there_are_no_copies() -> None:
    assert Backups.build(Settings()) is None
