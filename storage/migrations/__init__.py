"""Bringing the tables up to date."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from storage.errors import SchemaError

_LOCK = 7_233_041
"""Key of the advisory lock that makes processes migrate one after another on PostgreSQL."""


def prepare(connection: Connection, *, migrate: bool, place: str) -> None:
    """Raise `SchemaError` unless the tables are, or with `migrate` become, those of this version."""
    config = configuration(connection)
    script = ScriptDirectory.from_config(config)
    newest = script.get_current_head()
    found = current(connection)
    if found == newest:
        return
    if found is not None and found not in {step.revision for step in script.walk_revisions()}:
        raise SchemaError(
            f"{place} was written by a newer version of the program (schema {found}); install that version"
        )
    if not migrate:
        raise SchemaError(
            f"{place} has the schema {found or 'of an empty database'}, not {newest}; run: tocsin db upgrade"
        )
    upgrade(connection)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for this connection; there is no ini file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    return config


def current(connection: Connection) -> str | None:
    """The schema version of the database, None when it is empty."""
    with connection.begin():
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection, to: str = "head") -> None:
    """Bring the tables up to the version `to`, in one transaction."""
    _run(connection, lambda config: command.upgrade(config, to))


def downgrade(connection: Connection, to: str) -> None:
    """Bring the tables back to the version `to` (`base` removes them), in one transaction."""
    _run(connection, lambda config: command.downgrade(config, to))


def _run(connection: Connection, change: Callable[[Config], None]) -> None:
    is_sqlite = connection.dialect.name == "sqlite"
    if is_sqlite:
        # Rebuilding a table drops the old one, which would take the rows that refer to it along.
        _set_foreign_keys(connection, on=False)
    try:
        writer = connection.execution_options(tocsin_writes=True)
        with writer.begin():
            if not is_sqlite:
                writer.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            change(configuration(writer))
    finally:
        if is_sqlite:
            _set_foreign_keys(connection, on=True)


def _set_foreign_keys(connection: Connection, *, on: bool) -> None:
    # Past SQLAlchemy, which would begin a transaction, where this setting has no effect.
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")
