"""Checks and backups."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from storage import incidents, posts, upkeep
from storage.database import Database
from storage.errors import SchemaError, StorageError
from storage.ingest import Intake, write
from tests.storage.examples import NOON, incident, mentioned, post

ROOT = Path(__file__).parent.parent.parent


def test_a_sound_database_has_no_problems(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post())]))
        incidents.insert(tx, incident())
        incidents.append_event(tx, "i1", NOON, "opened")
    assert upkeep.check(database) == []
    assert upkeep.counts(database)["mention"] == 1


def test_a_check_tells_what_is_wrong_with_stored_data(database: Database) -> None:
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


def backed_up(database: Database, to: Path) -> Path:
    """A backup with one post in it."""
    with database.write() as tx:
        write(tx, Intake(posts=[post()]))
    upkeep.backup(database, to)
    return to


def test_a_backup_is_restored_as_it_was(sqlite_database: Database, tmp_path: Path) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    upkeep.restore(copy, tmp_path / "new.db", NOON)
    with Database.open(f"sqlite:///{tmp_path}/new.db") as restored, restored.read() as tx:
        assert posts.get(tx, [("forum", "1")]) == [post()]
    assert copy.exists()


def test_copies_are_for_their_owner_alone(sqlite_database: Database, tmp_path: Path) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    copy.chmod(0o644)
    upkeep.restore(copy, tmp_path / "new.db", NOON)
    upkeep.backup(sqlite_database, tmp_path / "another.db")
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new.db", "another.db")] == [0o600, 0o600]


def test_what_root_restores_belongs_to_the_owner_of_the_folder(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, given = backed_up(sqlite_database, tmp_path / "copy.db"), []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda path, user, group: given.append((path.name, user, group)))
    upkeep.restore(copy, tmp_path / "new.db", NOON)
    folder = tmp_path.stat()
    assert given == [("new.db.unfinished", folder.st_uid, folder.st_gid)]


@pytest.mark.parametrize("taken", ["new.db", "new.db-wal", "new.db-shm", "new.db-journal"])
def test_nothing_is_restored_over_a_database(sqlite_database: Database, tmp_path: Path, taken: str) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    (tmp_path / taken).write_text("precious")
    with pytest.raises(StorageError, match="move it away first"):
        upkeep.restore(copy, tmp_path / "new.db", NOON)
    assert (tmp_path / taken).read_text() == "precious"


CUT_OFF = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from storage import upkeep

def die(tx, now):
    tx.exec_driver_sql("DELETE FROM post")
    tx.commit()
    os.kill(os.getpid(), 9)

upkeep.doubt_waiting = die
upkeep.restore(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))
"""
"""Dies by kill -9 between the copying and the doubting, when something is in the write-ahead log already."""


def test_a_restore_that_is_killed_leaves_no_database_and_the_next_one_restores_all(
    sqlite_database: Database, tmp_path: Path
) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    command = [sys.executable, "-c", CUT_OFF, str(copy), str(tmp_path / "new.db")]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert {path.name for path in tmp_path.glob("new.db*")} >= {"new.db.unfinished", "new.db.unfinished-wal"}
    assert not (tmp_path / "new.db").exists()
    upkeep.restore(copy, tmp_path / "new.db", NOON)
    with Database.open(f"sqlite:///{tmp_path}/new.db") as restored, restored.read() as tx:
        assert posts.get(tx, [("forum", "1")]) == [post()]
    assert [path.name for path in tmp_path.glob("new.db.unfinished*")] == []


def test_a_backup_of_a_newer_program_is_not_restored(sqlite_database: Database, tmp_path: Path) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="newer version of the program"):
        upkeep.restore(copy, tmp_path / "new.db", NOON)
    assert sorted(path.name for path in tmp_path.glob("new.db*")) == []


def test_a_damaged_backup_is_not_restored(sqlite_database: Database, tmp_path: Path) -> None:
    copy = backed_up(sqlite_database, tmp_path / "copy.db")
    content = bytearray(copy.read_bytes())
    content[8192:12288] = bytes(4096)
    copy.write_bytes(content)
    with pytest.raises(StorageError, match=r"is damaged|could not be restored"):
        upkeep.restore(copy, tmp_path / "new.db", NOON)
    assert sorted(path.name for path in tmp_path.glob("new.db*")) == []


def test_what_is_no_backup_is_not_restored(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no backup"):
        upkeep.restore(tmp_path / "copy.db", tmp_path / "new.db", NOON)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x (y)").connection.close()
    with pytest.raises(StorageError, match="no database of Tocsin"):
        upkeep.restore(tmp_path / "other.db", tmp_path / "new.db", NOON)
