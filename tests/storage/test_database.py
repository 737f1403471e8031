"""Opening databases, and their transactions."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from storage import bins, cursors, posts, sqlite, state
from storage.database import Database
from storage.errors import (
    CorruptDatabaseError,
    ReadOnlyDatabaseError,
    SchemaError,
    StorageError,
    StorageUnavailableError,
)
from storage.ingest import Intake, write
from storage.records import Cursor
from tests.storage.examples import NOON, mentioned, post
from tests.storage.fixtures import CONFIGURE


def test_a_connection_in_use_while_the_others_are_given_up_is_closed_after_it(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path / 'tocsin.db'}") as database:
        with database.read() as tx:
            used = tx.connection.dbapi_connection
            database.let_go()
            assert tx.exec_driver_sql("SELECT 1").scalar() == 1
        assert isinstance(used, sqlite3.Connection)
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            used.execute("SELECT 1")
        with database.read() as tx:
            assert tx.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_new_file_gets_its_tables(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with Database.open(f"sqlite:///{path}") as database, database.read() as tx:
        assert posts.earliest(tx) is None
    assert path.exists()


def test_what_was_committed_is_there_after_reopening(database_url: str) -> None:
    with Database.open(database_url) as database, database.write() as tx:
        write(tx, Intake(posts=[post()]))
    with Database.open(database_url, migrate=False) as database, database.read() as tx:
        assert posts.latest(tx) == NOON


def test_in_memory_all_threads_see_the_same(tmp_path: Path) -> None:
    with Database.open("sqlite://") as database:
        with database.write() as tx:
            write(tx, Intake(posts=[post()]))
        found: list[object] = []

        def look() -> None:
            with database.read() as tx:
                found.append(posts.latest(tx))

        other = threading.Thread(target=look)
        other.start()
        other.join()
    assert found == [NOON]


def test_a_plain_postgresql_address_is_enough(postgresql_url: str) -> None:
    assert postgresql_url.startswith("postgresql://")
    with Database.open(postgresql_url) as database:
        assert database.engine.dialect.driver == "psycopg"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("tocsin.db", "is not one; write sqlite:///tocsin.db"),
        ("mysql://localhost/tocsin", "'mysql' are not supported"),
        ("sqlite:////nowhere/tocsin.db", "folder of the database /nowhere/tocsin.db does not exist"),
        ("sqlite+nothing:///x.db", "unknown driver"),
    ],
)
def test_addresses_that_are_none_are_explained(url: str, told: str) -> None:
    with pytest.raises(StorageError, match=told):
        Database.open(url)


@pytest.mark.postgresql
def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StorageUnavailableError, match="does not answer") as raised:
        Database.open("postgresql://user:secret@127.0.0.1:1/tocsin?connect_timeout=2")
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.db"
    path.write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(CorruptDatabaseError, match="restore it from a backup"):
        Database.open(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear Sir")


def test_a_damaged_file_is_refused(sqlite_url: str, tmp_path: Path) -> None:
    path = tmp_path / "tocsin.db"
    with Database.open(sqlite_url) as database, database.write() as tx:
        write(tx, Intake(posts=[post(str(number), text="Acme " * 200) for number in range(200)]))
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 8192)
    with pytest.raises(CorruptDatabaseError, match="is damaged"):
        Database.open(sqlite_url)


def test_a_newer_schema_is_refused_and_left_alone(sqlite_url: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tocsin.db", isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match=r"newer version of the program \(schema 9999"):
        Database.open(sqlite_url)


def test_an_empty_database_is_only_filled_when_asked(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="run: tocsin db upgrade"):
        Database.open(f"sqlite:///{tmp_path}/new.db", migrate=False)


def test_another_programs_tables_are_not_built_upon(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "blog.db", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE post (title TEXT)")
    with pytest.raises(SchemaError, match="tables that another program made"):
        Database.open(f"sqlite:///{tmp_path}/blog.db")


def test_a_read_only_file_is_refused(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sqlite.os.access", lambda *_: False)  # file modes do not stop root, who may run this
    with pytest.raises(ReadOnlyDatabaseError, match="cannot be written"):
        Database.open(sqlite_url)


def test_writing_a_read_only_database_says_so(database: Database) -> None:
    with pytest.raises(ReadOnlyDatabaseError, match="cannot be written"):
        write_where_nothing_may(database)


def write_where_nothing_may(database: Database) -> None:
    with database.write() as tx:
        tx.exec_driver_sql("PRAGMA query_only=1" if tx.dialect.name == "sqlite" else "SET TRANSACTION READ ONLY")
        write(tx, Intake(posts=[post()]))


@pytest.mark.parametrize(
    ("mounts", "kind"),
    [
        ("/dev/sda / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n", "nfs4"),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /other nfs4 rw 0 0\n", "ext4"),
        ("server:/x / nfs rw 0 0\n/dev/sda /srv ext4 rw 0 0\n", "ext4"),
        ("", ""),
    ],
)
def test_the_file_system_of_a_path_is_the_innermost_mount(tmp_path: Path, mounts: str, kind: str) -> None:
    listed = tmp_path / "mounts"
    listed.write_text(mounts)
    assert sqlite.file_system(Path("/srv/tocsin/tocsin.db"), listed) == kind


def test_network_file_systems_are_refused(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sqlite.file_system", lambda _: "nfs4")
    with pytest.raises(StorageError, match=r"network file system \(nfs4\)"):
        Database.open(sqlite_url)


def test_sqlite_is_told_to_be_durable(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "configure", CONFIGURE)
    with Database.open(sqlite_url) as database, database.read() as tx:
        found = {
            name: sqlite.pragma(tx, name) for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_a_reader_sees_one_moment(database: Database) -> None:
    with database.read() as reading:
        assert posts.latest(reading) is None
        with database.write() as tx:
            write(tx, Intake(posts=[post()]))
        assert posts.latest(reading) is None
    with database.read() as reading:
        assert posts.latest(reading) == NOON


def test_a_second_transaction_of_the_same_thread_is_refused_at_once(sqlite_database: Database) -> None:
    with sqlite_database.write(), pytest.raises(StorageError, match="has a transaction already"):
        sqlite_database.write().__enter__()
    with Database.open("sqlite://") as in_memory, in_memory.write(), pytest.raises(StorageError, match="already"):
        in_memory.read().__enter__()


def test_a_reader_cannot_write(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database, pytest.raises(ReadOnlyDatabaseError), database.read() as tx:
        state.save(tx, "judge", NOON, b"")


def test_failures_leave_as_errors_of_storage(database: Database) -> None:
    with pytest.raises(StorageError, match="nowhere"), database.read() as tx:
        tx.exec_driver_sql("SELECT * FROM nowhere")


def test_a_value_too_large_for_an_index_is_called_so_and_not_tried_again(postgresql_url: str) -> None:
    name = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz", k=20_000))
    with (
        Database.open(postgresql_url) as database,
        pytest.raises(StorageError, match=r"no place for a value of such a length.*enabled = false") as raised,
        database.write() as tx,
    ):
        state.save(tx, name, NOON, b"")
    assert not isinstance(raised.value, StorageUnavailableError)


def test_threads_that_write_the_same_posts_agree(database: Database) -> None:
    pages = [
        Intake(mentions=[mentioned(post(str(number))) for number in range(start, start + 30)]) for start in range(5)
    ]
    failures: list[BaseException] = []

    def write_all(mine: list[Intake]) -> None:
        try:
            for page in mine:
                with database.write() as tx:
                    write(tx, page)
        except BaseException as error:  # noqa: BLE001  # a thread's failure must reach the test
            failures.append(error)

    threads = [
        threading.Thread(target=write_all, args=(order,)) for order in (pages, pages[::-1], pages[2:] + pages[:2])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with database.read() as tx:
        assert len(posts.window(tx, NOON, NOON.replace(hour=13))) == 34


def test_another_file_in_the_place_of_the_one_that_was_opened_is_not_taken_for_it(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.db"
    with Database.open(f"sqlite:///{file}") as database:
        file.rename(tmp_path / "old.db")
        Database.open(f"sqlite:///{file}").close()
        with pytest.raises(StorageUnavailableError, match="replaced by another file"), database.write():
            pass
        with pytest.raises(StorageUnavailableError, match="restore a backup"), database.read():
            pass


def test_a_full_disk_undoes_the_transaction_and_harms_nothing(sqlite_database: Database) -> None:
    def fill(limit: int) -> None:
        with sqlite_database.write() as tx:
            tx.exec_driver_sql(f"PRAGMA max_page_count={limit}")
            write(tx, Intake(posts=[post(str(number), text="Acme " * 500) for number in range(200)]))

    with pytest.raises(StorageUnavailableError, match="full"):
        fill(150)
    with sqlite_database.read() as tx:
        assert posts.latest(tx) is None
    fill(2**30)
    with sqlite_database.read() as tx:
        assert posts.latest(tx) == NOON


READER = """
import sys
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Cursor
from tests.storage.examples import NOON, mentioned, post

with Database.open(sys.argv[1]) as database:
    page = 0
    while True:
        page += 1
        with database.write() as tx:
            read = [mentioned(post(f"{page}-{number}")) for number in range(20)]
            write(tx, Intake(mentions=read, cursor=Cursor("forum", {"page": page}, NOON)))
        print(page, flush=True)
"""


def test_a_process_killed_while_it_writes_leaves_whole_pages_with_their_cursor(database_url: str) -> None:
    with subprocess.Popen([sys.executable, "-c", READER, database_url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        committed = [int(process.stdout.readline()) for _ in range(15)]
        process.kill()
    with Database.open(database_url) as database, database.read() as tx:
        cursor = cursors.get(tx, "forum")
        stored = {each.post.external_id for each in posts.window(tx, NOON, NOON.replace(hour=13))}
        [counted] = bins.series(tx, "Acme", NOON, NOON.replace(hour=13))
    assert cursor is not None
    pages = cursor.position["page"]
    assert pages >= committed[-1]
    assert stored == {f"{page}-{number}" for page in range(1, pages + 1) for number in range(20)}
    assert counted.posts == 20 * pages


COUNTER = """
import sys
from storage import cursors
from storage.database import Database
from storage.records import Cursor
from tests.storage.examples import NOON

with Database.open(sys.argv[1]) as database:
    for _ in range(40):
        with database.write() as tx:
            before = cursors.get(tx, "forum")
            cursors.save(tx, Cursor("forum", {"n": before.position["n"] + 1}, NOON))
"""


def test_processes_that_read_and_then_write_do_not_lock_one_another_out(sqlite_url: str) -> None:
    with Database.open(sqlite_url) as database, database.write() as tx:
        cursors.save(tx, Cursor("forum", {"n": 0}, NOON))
    started = [subprocess.Popen([sys.executable, "-c", COUNTER, sqlite_url]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in started] == [0, 0]
    with Database.open(sqlite_url) as database, database.read() as tx:
        counted = cursors.get(tx, "forum")
    assert counted == Cursor("forum", {"n": 80}, NOON)
