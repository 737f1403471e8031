"""Looking after the database: checks, backups, and giving back room."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from storage import outbox, receipts
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.records import DeliveryState
from storage.schema import bin_, delivery, incident_event, metadata
from storage.sqlite import BUSY_SECONDS, path_of

UNFINISHED = ".unfinished"
"""Ends the name of a copy while it is made."""
_BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file, by the end of its name."""


def counts(database: Database) -> dict[str, int]:
    """Rows of every table."""
    with database.read() as tx:
        return {
            table.name: int(tx.scalar(select(func.count()).select_from(table)) or 0) for table in metadata.sorted_tables
        }


def check(database: Database) -> list[str]:
    """What is wrong with the stored data, a line each; nothing when all is well. Reads the whole of a SQLite file."""
    problems: list[str] = []
    with database.read() as tx:
        if tx.dialect.name == "sqlite":
            found = tx.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
            problems += [f"damaged: {line}" for line in found if line != "ok"]
            orphans = tx.exec_driver_sql("PRAGMA foreign_key_check").all()
            problems += [f"a row of {row[0]} refers to nothing in {row[2]}" for row in orphans]
        events = incident_event.c
        counted = select(events.incident_id).group_by(events.incident_id).having(func.max(events.seq) != func.count())
        problems += [f"the timeline of incident {name} has holes" for name in tx.scalars(counted)]
        negative = tx.scalar(select(func.count()).select_from(bin_).where(bin_.c.posts < 0))
        problems += [f"{negative} bins count less than nothing"] if negative else []
        if untold := receipts.load(tx):
            problems.append(
                f"an erasure of {untold.since:%Y-%m-%d %H:%M} UTC goes on or was cut off: its receipt is not printed, "
                'and bytes of what it erased may be in the files; run the same "tocsin db forget" again'
            )
    return problems


def backup(database: Database, to: Path) -> None:
    """Copy a SQLite database into a new file while it is in use, and check the copy."""
    source = path_of(database.engine.url)
    if database.engine.dialect.name != "sqlite" or source is None:
        raise StorageError(f"{database.place} is not a SQLite file; back it up with pg_dump")
    if to.exists():
        raise StorageError(f"the backup {to} exists already; give another name")
    unfinished = to.with_name(f"{to.name}{UNFINISHED}")
    try:
        _make(unfinished)
        with closing(_connected(source)) as origin, closing(_connected(unfinished)) as copy:
            origin.backup(copy, pages=1_000)
            copy.execute("PRAGMA journal_mode=DELETE")
            found: Any = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise StorageError(f"the backup {to} is damaged ({found}); check the disk")
        unfinished.rename(to)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"the backup {to} could not be written: {error}") from error
    finally:
        _remove(unfinished)


def restore(backup: Path, to: Path, now: datetime) -> int:
    """Put a backup where a database file shall be; nothing may be there. The backup is checked whole, and stays.

    The copy is finished under another name, its tables brought up to date and its messages doubted (`doubt_waiting`):
    whoever is cut off before leaves no database that would send them unawares. Returns the number of those messages.
    Raises `StorageError` when the backup is missing, damaged, no database of ours or newer than the program, and when
    `to` exists.
    """
    for taken in (to, *(to.with_name(f"{to.name}{ending}") for ending in _BESIDE)):
        if taken.exists():
            raise StorageError(f"{taken} exists; stop Tocsin and move it away first, so that nothing is overwritten")
    if not backup.is_file():
        raise StorageError(f"there is no backup {backup}")
    unfinished = to.with_name(f"{to.name}{UNFINISHED}")
    try:
        _make(unfinished)
        shutil.copyfile(backup, unfinished)
        _refuse_unsound(backup, unfinished)
        with Database.open(f"sqlite:///{unfinished}") as database, database.write() as tx:
            doubted = doubt_waiting(tx, now)
        _put_in_place(unfinished, to)
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{backup} could not be restored: {error}") from error
    finally:
        _remove(unfinished)
    return doubted


def _put_in_place(unfinished: Path, to: Path) -> None:
    """Give a database its name once all of it is in the file and the file is on the disk."""
    with closing(_connected(unfinished)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    _write_down(unfinished)
    unfinished.rename(to)
    _write_down(to.parent)


def _write_down(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def doubt_waiting(tx: Transaction, now: datetime) -> int:
    """Doubt that what is due in a restored backup has not arrived, since it may have been sent after the copy was made.

    Returns the number of messages. A digest gathers only what surely waits, so its messages are left as they are.
    """
    unsent = delivery.c.state.in_([DeliveryState.PENDING.value, DeliveryState.RETRY.value])
    due = (outbox.is_unfinished(delivery.c), unsent, delivery.c.due_at <= now, delivery.c.digest.is_(None))
    return int(tx.execute(update(delivery).where(*due).values(state=DeliveryState.AMBIGUOUS.value)).rowcount)


def _make(file: Path) -> None:
    """Make an empty file that only its owner reads; what root makes belongs to whom its folder belongs to, as what
    SQLite adds to a database does: a program without rights has to write what was restored in the middle of the night.

    What somebody left who was cut off goes first: SQLite would take the rest of that for a part of this file.
    """
    _remove(file)
    file.touch(mode=0o600)
    if os.geteuid() == 0:
        folder = file.parent.stat()
        os.chown(file, folder.st_uid, folder.st_gid)


def _remove(file: Path) -> None:
    """Remove a file of SQLite and what SQLite keeps beside it."""
    for ending in ("", *_BESIDE):
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


def _refuse_unsound(backup: Path, copy: Path) -> None:
    with closing(_connected(copy)) as connection:
        found: Any = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise StorageError(f"the backup {backup} is damaged ({found}); try an older one")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            raise StorageError(f"{backup} is a SQLite file, but no database of Tocsin")


def purge(database: Database) -> None:
    """Rewrite the files, so that nothing of what was deleted is left in them. Takes time and, for its while, room."""
    if database.engine.dialect.name == "sqlite":
        with database.write() as tx:
            tx.exec_driver_sql("INSERT INTO post_search (post_search) VALUES ('optimize')")
        steps = ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"]
    else:
        steps = ["ANALYZE", "VACUUM FULL"]  # statistics hold samples of what stood in columns
    database.run_outside_transactions(steps)


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS)
