"""Copies of a SQLite database by themselves, each one checked, the oldest given up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import structlog

from alerts.system import Failing, SystemIncidents
from config.settings import Settings
from storage import upkeep
from storage.database import Database
from storage.errors import StorageError

_log = structlog.get_logger(__name__)

_NAME = re.compile(r"tocsin-(\d{8}T\d{6})Z\.db")
_CUT_OFF = re.compile(rf"{_NAME.pattern}{re.escape(upkeep.UNFINISHED)}(-\w+)?")
_STAMP = "%Y%m%dT%H%M%S"
TOPIC = "backup"


@dataclass(frozen=True, slots=True)
class Backups:
    """Makes a copy into `folder` each `every`, and keeps the `kept` newest."""

    folder: Path
    every: timedelta
    kept: int

    @classmethod
    def build(cls, settings: Settings) -> Self | None:
        """As the operator configured it; None without a folder."""
        chosen = settings.database
        return cls(chosen.backup_folder, chosen.backup_every, chosen.backups_kept) if chosen.backup_folder else None

    def made(self) -> list[tuple[datetime, Path]]:
        """The copies there are with the moment of each, the oldest first."""
        found = ((_NAME.fullmatch(path.name), path) for path in self.folder.glob("tocsin-*.db"))
        return sorted((datetime.strptime(name[1], _STAMP).replace(tzinfo=UTC), path) for name, path in found if name)

    def is_due(self, now: datetime) -> bool:
        """Whether the newest copy is older than it should be. One from the future (a wrong clock) does not count."""
        return not any(timedelta(0) <= now - at < self.every for at, _ in self.made())

    def run(self, database: Database, system: SystemIncidents, now: datetime) -> Path | None:
        """Make a copy if one is due, and give up the oldest beyond those kept.

        That a copy cannot be made is told to the operators, and so is the first that can be made again.
        """
        if not self.is_due(now):
            return None
        try:
            copy = self._copied(database, now)
        except (StorageError, OSError) as error:
            _log.error("the database could not be copied", reason=str(error))
            failing = Failing(
                TOPIC, "The database could not be copied", f"{error}; every copy before it is still there"
            )
            with database.write() as tx:
                system.report(tx, failing, now)
            return None
        with database.write() as tx:
            system.recovered(tx, TOPIC, now, "the database has been copied")
        return copy

    def _copied(self, database: Database, now: datetime) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._remove_what_was_cut_off()
        copy = self.folder / f"tocsin-{now.astimezone(UTC):{_STAMP}}Z.db"
        upkeep.backup(database, copy)
        _log.info("database copied", to=str(copy))
        for _, old in self.made()[: -self.kept]:
            old.unlink()
        return copy

    def _remove_what_was_cut_off(self) -> None:
        """Remove what is left of a copy during which the program was killed: each is as large as the database."""
        for left in self.folder.iterdir():
            if _CUT_OFF.fullmatch(left.name):
                left.unlink()
