"""Running the steps in `versions/` on a connection."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from storage import views
from storage.errors import StorageError
from storage.migrations import NEWEST

_LOCK = 7_233_041
"""Key of the advisory lock that makes processes migrate one after another on PostgreSQL."""


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for this connection; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables up to the version `to`, in one transaction."""
    run(connection, lambda config: command.upgrade(config, to))


def downgrade(connection: Connection, to: str) -> None:
    """Bring the tables back to the version `to` (`base` removes them), in one transaction."""
    run(connection, lambda config: command.downgrade(config, to))


def run(connection: Connection, change: Callable[[Config], object]) -> None:
    """Make a change of tables in one transaction, one process at a time; nothing of it stays when it fails."""
    writer = connection.execution_options(tocsin_writes=True)
    if connection.dialect.name == "postgresql":
        with writer.begin():
            writer.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            _change(writer, change)
        return
    # Rebuilding a table drops the old one, which would take the rows that refer to it along.
    _set_foreign_keys(connection, on=False)
    try:
        with writer.begin():
            _change(writer, change)
            _refuse_broken_references(writer)
    finally:
        _set_foreign_keys(connection, on=True)


def _change(writer: Connection, change: Callable[[Config], object]) -> None:
    """Make the change with the views out of the way; they come back where the tables are those of this version."""
    grants = views.remove(writer)
    change(configuration(writer))
    found = writer.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found == NEWEST:
        views.create(writer, grants)


def _set_foreign_keys(connection: Connection, *, on: bool) -> None:
    # Past SQLAlchemy, which would begin a transaction, where this setting has no effect.
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _refuse_broken_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if broken:
        raise StorageError(
            f"a schema change would leave rows of {broken[0]} without their {broken[2]}; nothing was changed"
        )
