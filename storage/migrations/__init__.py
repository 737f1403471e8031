"""Bringing the tables up to date.

Alembic is imported only when there is something to do: it would cost every start of the program half a second.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, inspect

from storage.errors import SchemaError
from storage.schema import metadata

NEWEST = "0018"
"""The schema version of this program: the last step in `versions/`."""


def prepare(connection: Connection, *, migrate: bool, place: str) -> None:
    """Raise `SchemaError` unless the tables are, or with `migrate` become, those of this version."""
    with connection.begin():
        tables = set(inspect(connection).get_table_names())
    found = current(connection)
    if found == NEWEST:
        return
    if found is None and tables & metadata.tables.keys():
        raise SchemaError(
            f"{place} holds tables that another program made ({', '.join(sorted(tables & metadata.tables.keys()))}); "
            "give this one a database of its own in database.url"
        )
    if found is not None and found not in known():
        raise SchemaError(
            f"{place} was written by a newer version of the program (schema {found}, this one knows {NEWEST}); "
            "install that version"
        )
    if not migrate:
        raise SchemaError(
            f"{place} has the schema {found or 'of an empty database'}, not {NEWEST}; run: tocsin db upgrade"
        )
    from storage.migrations import steps  # noqa: PLC0415  # half a second, and rarely needed

    steps.upgrade(connection)


def current(connection: Connection) -> str | None:
    """The schema version of the database, None when it was never prepared."""
    with connection.begin():
        if not inspect(connection).has_table("alembic_version"):
            return None
        version: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return version


def known() -> set[str]:
    """Every schema version that this program can bring up to date."""
    names = (path.stem for path in (Path(__file__).parent / "versions").glob("*.py"))
    return {name.partition("_")[0] for name in names if re.match(r"\d{4}_", name)}
