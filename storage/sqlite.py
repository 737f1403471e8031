"""What SQLite wants to be told, and what is looked at before one of its files is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from storage.errors import CorruptDatabaseError, ReadOnlyDatabaseError, StorageError, StorageUnavailableError

BUSY_SECONDS = 30.0
"""How long a writer waits for another process's transaction."""

CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are checked whole when they are opened (about a second)."""

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs"}
)


def configure(connection: sqlite3.Connection, _record: object) -> None:
    """Make a new connection durable and strict; transactions are begun by ourselves (storage/database.py)."""
    connection.isolation_level = None
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",  # NORMAL may lose the last commits when the power fails
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16384",  # 16 MB while a transaction lasts (`give_up_pages`); the system keeps the file in memory
        "journal_size_limit=67108864",
        "secure_delete=FAST",
    ):
        connection.execute(f"PRAGMA {setting}").close()


def give_up_pages(connection: sqlite3.Connection | None, _record: object) -> None:
    """Let go of the pages of the file that a transaction needed, when its connection rests.

    The next one to use it would throw them away, had another written meanwhile; and each of several idle connections
    would keep as much as the largest work it ever did, which grows with the history up to `cache_size`.
    """
    if connection is not None:  # what was found broken
        connection.execute("PRAGMA shrink_memory").close()


def refuse_writing(connection: sqlite3.Connection, _record: object) -> None:
    """Make a connection fail at whatever would change the database."""
    connection.execute("PRAGMA query_only=ON").close()


def path_of(url: URL) -> Path | None:
    """The file of the database, or None in memory."""
    return None if url.database in (None, "", ":memory:") else Path(str(url.database))


class OpenedFile:
    """The file that was opened, which somebody may take away.

    SQLite does not notice: open connections go on in a file that no longer has a name and is gone with them, and new
    ones begin an empty file in its place.
    """

    def __init__(self, url: URL) -> None:
        """Note which file it is; of a database in memory there is none."""
        path = path_of(url)
        self._path = path.absolute() if path else None
        self._identity = self._found()

    def must_be_there(self) -> None:
        """Raise `StorageUnavailableError` when another file, or none, has its name by now."""
        if self._identity is not None and (found := self._found()) != self._identity:
            what = "replaced by another file" if found else "deleted or moved"
            raise StorageUnavailableError(
                f"the database {self._path} was {what} while the program runs; put it back, or restore a backup and "
                "start the program again"
            )

    def _found(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat() if self._path else None
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if status else None


def examine(url: URL) -> None:
    """Raise `StorageError` when the file cannot be a database that we may write."""
    path = path_of(url)
    if path is None:
        return
    if not path.parent.is_dir():
        raise StorageError(f"the folder of the database {path} does not exist; create it or change database.url")
    _refuse_network(path)
    if path.exists() and path.stat().st_size:
        _refuse_damage(path)
    writable = os.access(path if path.exists() else path.parent, os.W_OK) and os.access(path.parent, os.W_OK)
    if not writable:
        raise ReadOnlyDatabaseError(
            f"the database {path} cannot be written; check the permissions of it and its folder, or name another place "
            "in database.url"
        )


def _refuse_damage(path: Path) -> None:
    try:
        found = _quick_check(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) and "malformed" not in str(error):
            raise StorageError(f"the database {path} cannot be read: {error}") from error
        found = str(error)
    if found != "ok":
        raise CorruptDatabaseError(
            f"the database {path} is damaged ({found.splitlines()[0]}); restore it from a backup"
        )


def _quick_check(path: Path) -> str:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if path.stat().st_size > CHECKED_BYTES:
            return "ok"
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        connection.close()


def _refuse_network(path: Path) -> None:
    kind = file_system(path.resolve())
    if kind in _NETWORK:
        raise StorageError(
            f"the database {path} is on a network file system ({kind}), where SQLite's locks cannot be trusted; "
            "move it to a local disk or use postgresql://"
        )


def file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that the path is on, empty where nobody says."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""  # no such list outside Linux
    best: tuple[int, str] = (-1, "")
    for line in lines:
        fields = line.split(" ")
        point = fields[1].replace("\\040", " ")
        if path == Path(point) or Path(point) in path.parents:
            best = max(best, (len(point), fields[2]))
    return best[1]


def pragma(connection: Any, name: str) -> Any:
    """The value of a pragma."""
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()
