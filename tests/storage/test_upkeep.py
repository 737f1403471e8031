"""Checks and backups."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import incidents, posts, upkeep
from storage.database import Database
from storage.errors import StorageError
from storage.ingest import Intake, write
from tests.storage.examples import NOON, incident, mentioned, post


def test_a_sound_database_has_no_problems(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post())]))
        incidents.insert(tx, incident())
        incidents.append_event(tx, "i1", NOON, "opened")
    assert upkeep.check(database) == []
    assert upkeep.counts(database)["mention"] == 1


def test_problems_are_told(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post())]))
        incidents.insert(tx, incident())
        for _ in range(3):
            incidents.append_event(tx, "i1", NOON, "note")
        tx.exec_driver_sql("DELETE FROM incident_event WHERE seq = 2")
        tx.exec_driver_sql("UPDATE bin SET posts = -1")
    assert upkeep.check(database) == ["the timeline of incident i1 has holes", "1 bins count less than nothing"]


def test_a_backup_is_a_database_of_its_own(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as tx:
        write(tx, Intake(posts=[post()]))
    with sqlite_database.write() as tx:
        write(tx, Intake(posts=[post("2")]))
        upkeep.backup(sqlite_database, tmp_path / "copy.db")
    with Database.open(f"sqlite:///{tmp_path}/copy.db", migrate=False) as copy, copy.read() as tx:
        assert [each.external_id for each in posts.get(tx, [("forum", "1"), ("forum", "2")])] == ["1"]
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]


def test_a_backup_never_overwrites(sqlite_database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy.db").write_text("precious")
    with pytest.raises(StorageError, match="exists already"):
        upkeep.backup(sqlite_database, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "precious"


def test_a_backup_that_cannot_be_written_says_so(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="could not be written"):
        upkeep.backup(sqlite_database, tmp_path / "nowhere" / "copy.db")


def test_postgresql_has_its_own_backups(postgresql_url: str, tmp_path: Path) -> None:
    with Database.open(postgresql_url) as database, pytest.raises(StorageError, match="pg_dump"):
        upkeep.backup(database, tmp_path / "copy.db")


def test_a_purge_leaves_what_is_there(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(text="Acme is late"))]))
    upkeep.purge(database)
    with database.read() as tx:
        assert len(posts.search(tx, "late")) == 1
