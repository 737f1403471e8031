"""Opening the database, and its transactions.

    with Database.open("sqlite:///tocsin.db") as database, database.write() as tx:
        posts.get(tx, keys)

SQLite and PostgreSQL behave alike: a write transaction sees what was committed before it began and no other writer
comes between; a read transaction sees one moment. Every failure of the engine leaves as a `StorageError`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from storage import migrations, sqlite
from storage.columns import json_text, json_value
from storage.errors import ReadOnlyDatabaseError, StorageError, StorageUnavailableError

Transaction = Connection
"""A transaction, for the functions of this package; others pass it on and do not look inside."""

_WRITING = {"tocsin_writes": True}


class Database:
    """A database that is open and has the tables that this version knows. Safe to share between threads."""

    def __init__(self, engine: Engine, *, read_only: bool = False) -> None:
        self.engine = engine
        self._is_read_only = read_only
        self._is_shared_connection = isinstance(engine.pool, StaticPool)
        self._turn = _Turn(self.place)
        self._file: sqlite.OpenedFile | None = None

    @classmethod
    def open(cls, url: str, *, migrate: bool = True, read_only: bool = False) -> Self:
        """The database at `url`, its tables brought up to date when `migrate` is true; `read_only` refuses to write.

        `sqlite:///file.db`, `sqlite://` (in memory) or `postgresql://user@host/name`. Raises `StorageError` with one
        line that says what is wrong and what to do: unreadable, damaged, read-only, newer than this program.
        """
        engine = _engine(_parsed(url), read_only=read_only)
        database = cls(engine, read_only=read_only)
        try:
            database._prepare(migrate=migrate and not read_only)
        except BaseException:
            engine.dispose()
            raise
        return database

    @property
    def place(self) -> str:
        """Where the database is: the file, or the address without its password."""
        url = self.engine.url.set(drivername=self.engine.dialect.name)
        file = sqlite.path_of(url) if url.drivername == "sqlite" else None
        return str(file or url.render_as_string(hide_password=True))

    @property
    def address(self) -> str:
        """Where it is, with its password: for another process of ours, and never to be shown."""
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def engine_name(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @property
    def is_in_memory(self) -> bool:
        """Whether no other process can open it."""
        return self._is_shared_connection

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """A transaction that may write; it is committed at the end, and rolled back when an exception leaves it."""
        if self._is_read_only:
            raise ReadOnlyDatabaseError(f"{self.place} cannot be written: it was opened to be read only")
        with self._writers_turn(), self._errors(), self._connection(**_WRITING) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that sees the database as it was at one moment."""
        with self._readers_turn(), self._errors(), self._connection(**self._reading) as connection, connection.begin():
            yield connection

    def run_outside_transactions(self, statements: Iterable[str]) -> None:
        """Run statements that no transaction may hold (VACUUM), one after another, while no other of ours writes."""
        options = {} if self.engine.dialect.name == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        with self._writers_turn(), self._errors(), self._connection(tocsin_begins=False, **options) as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def let_go(self) -> None:
        """Give up SQLite's connections that nobody uses, and with them what they keep of the file."""
        if self.engine.dialect.name == "sqlite" and not self._is_shared_connection:
            self.engine.dispose()

    def close(self) -> None:
        """Give up every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _prepare(self, *, migrate: bool) -> None:
        with self._errors():
            if self.engine.dialect.name == "sqlite":
                sqlite.examine(self.engine.url)
            with self.engine.connect() as connection:
                migrations.prepare(connection, migrate=migrate, place=self.place)
            if self.engine.dialect.name == "sqlite":
                self._file = sqlite.OpenedFile(self.engine.url)

    @property
    def _reading(self) -> dict[str, Any]:
        if self.engine.dialect.name == "sqlite":
            return {}
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @contextmanager
    def _connection(self, **options: Any) -> Iterator[Connection]:
        if self._file is not None:
            self._file.must_be_there()
        pool = self.engine.pool
        with self.engine.connect() as connection:
            try:
                yield connection.execution_options(**options)
            finally:
                if self.engine.pool is not pool:
                    _give_up(connection)

    def _writers_turn(self) -> AbstractContextManager[None]:
        # SQLite lets one writer in at a time and makes the others sleep and try again; a lock wakes the next at once.
        return self._turn.taken() if self.engine.dialect.name == "sqlite" else nullcontext()

    def _readers_turn(self) -> AbstractContextManager[None]:
        return self._turn.taken() if self._is_shared_connection else nullcontext()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise _translated(error, self.place) from error


class _Turn:
    """One thread at a time. A thread that asks twice would wait for itself; it is told so instead."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._holder: int | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._holder == me:
            raise StorageError(
                f"{self._place}: this thread has a transaction already; pass it on instead of a second one"
            )
        with self._lock:
            self._holder = me
            try:
                yield
            finally:
                self._holder = None


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StorageError(
            f"the database address {url!r} is not one; write sqlite:///tocsin.db or postgresql://user@host/name"
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "sqlite":
        return parsed.set(drivername="sqlite+pysqlite")
    return parsed


def _engine(url: URL, *, read_only: bool = False) -> Engine:
    choices: dict[str, Any] = {"json_serializer": json_text, "json_deserializer": json_value}
    name = url.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise StorageError(f"databases of the type {name!r} are not supported; use sqlite:/// or postgresql://")
    if name == "sqlite":
        choices["connect_args"] = {"timeout": sqlite.BUSY_SECONDS, "check_same_thread": False}
        if url.database in (None, "", ":memory:"):
            choices["poolclass"] = StaticPool
        else:
            choices["pool_use_lifo"] = True  # the same few connections, not all in turn
    else:
        # Not the server's default: what a writer reads after it waited for its turn must be what the last one wrote.
        choices.update(pool_pre_ping=True, isolation_level="READ COMMITTED")
    try:
        engine = create_engine(url, **choices)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise StorageError(f"the database address names an unknown driver: {error}") from error
    if name == "sqlite":
        event.listen(engine, "connect", sqlite.configure)
        if choices.get("poolclass") is not StaticPool:
            event.listen(engine, "checkin", sqlite.give_up_pages)
        if read_only:
            event.listen(engine, "connect", sqlite.refuse_writing)
        event.listen(engine, "begin", _begin_on_sqlite)
    return engine


def _give_up(connection: Connection) -> None:
    """Let the connection be closed after use: the pool to which it would go back was given up meanwhile (`let_go`).

    There it would stay, with two files and the pages that it keeps, until Python looks for circles of objects.
    """
    if not connection.closed and not connection.invalidated:
        connection.detach()


def _begin_on_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once when another wrote in between, whatever the
    # busy timeout: so writers say at the start that they are.
    options = connection.get_execution_options()
    if options.get("tocsin_begins", True):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("tocsin_writes", False) else "BEGIN")


def _translated(error: SQLAlchemyError, place: str) -> StorageError:
    reason = str(error.orig if isinstance(error, DBAPIError) else error).strip().splitlines()[0]
    if "readonly database" in reason or "read-only transaction" in reason:
        return ReadOnlyDatabaseError(f"{place} cannot be written: {reason}; check permissions and the disk")
    if isinstance(error, DBAPIError) and _is_too_large(error.orig):
        return StorageError(
            f"{place} has no place for a value of such a length: {reason}; nothing of this step was stored: switch off"
            " the source that delivers it (enabled = false), and report it, for such values are to be cut before"
        )
    if isinstance(error, DBAPIError) and (error.connection_invalidated or type(error).__name__ == "OperationalError"):
        return StorageUnavailableError(f"{place} does not answer: {reason}")
    return StorageError(f"{place}: {reason}")


def _is_too_large(error: BaseException | None) -> bool:
    """Whether the engine answered well, but keeps nothing so large: PostgreSQL's class 54, SQLite's SQLITE_TOOBIG."""
    state = getattr(error, "sqlstate", None) or ""
    return state.startswith("54") or getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_TOOBIG
