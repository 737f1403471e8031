"""The rows of a database, taken out of one and put into another of either engine."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, inspect, select, text

from storage import search_index
from storage.schema import metadata

Row = dict[str, Any]
Rows = dict[str, list[Row]]
AUTHORS_INDEXED, NAMES_INDEXED = "0016", "0017"
_OURS = ("alembic_version", "post_search")
"""Beginnings of names of tables that hold nothing of their own."""
_TABLES: dict[tuple[object, ...], Table] = {}


def file_of(version: str) -> Path:
    """Where the database of a version is kept."""
    return Path(__file__).with_name(f"{version}.json")


def save(version: str, found: Mapping[str, Sequence[Row]]) -> None:
    """Keep the rows of a version."""
    words = json.dumps(found, default=_plain, ensure_ascii=False, indent=1, sort_keys=True)
    file_of(version).write_text(f"{words}\n", encoding="utf-8")


def saved(version: str) -> Rows:
    """The rows that a version holds."""
    found: Rows = json.loads(file_of(version).read_text(encoding="utf-8"), object_hook=_value)
    return found


def of(connection: Connection) -> Rows:
    """Every row of every table, in an order of its own."""
    with connection.begin():
        tables = tables_of(connection)
        found = {table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables}
    return {name: sorted(rows, key=_order) for name, rows in sorted(found.items())}


def load(connection: Connection, rows: Mapping[str, Sequence[Row]], version: str) -> None:
    """Put the rows of a version into an empty database of that version, with the index of words as it was."""
    with connection.execution_options(tocsin_writes=True).begin():
        for table in tables_of(connection):
            if rows[table.name]:
                connection.execute(table.insert(), list(rows[table.name]))
        search_index.add(
            connection,
            [
                (
                    row["id"],
                    row["title"],
                    row["text"],
                    row["author"] if version >= AUTHORS_INDEXED else None,
                    row["author_name"] if version >= NAMES_INDEXED else None,
                )
                for row in rows["post"]
            ],
        )
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval('post_id', (SELECT max(id) FROM post))"))


def empty(connection: Connection) -> None:
    """Take every row out again."""
    with connection.execution_options(tocsin_writes=True).begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("INSERT INTO post_search (post_search) VALUES ('delete-all')")
        for table in reversed(tables_of(connection)):
            connection.execute(table.delete())


def tables_of(connection: Connection) -> list[Table]:
    """The tables there are, owners first, with the types that the program reads them with where it knows them."""
    found = inspect(connection).get_multi_columns()
    columns = {name: there for (_, name), there in found.items() if not name.startswith(_OURS)}
    ordered = dict.fromkeys([table.name for table in metadata.sorted_tables if table.name in columns])
    return [_table(name, columns[name]) for name in (ordered | dict.fromkeys(columns))]


def _table(name: str, columns: Sequence[Any]) -> Table:
    """One and the same for the same columns: what is asked of it is then put together once."""
    known = metadata.tables[name].columns if name in metadata.tables else {}
    key = (name, *((one["name"], None if one["name"] in known else repr(one["type"])) for one in columns))
    if key not in _TABLES:
        types = {one["name"]: known[one["name"]].type if one["name"] in known else one["type"] for one in columns}
        _TABLES[key] = Table(name, MetaData(), *(Column(one, kind) for one, kind in types.items()))
    return _TABLES[key]


def _order(row: Row) -> str:
    return json.dumps(row, default=_plain, sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"bytes": b64encode(bytes(value)).decode()}
    raise TypeError(f"{type(value).__name__} cannot be saved")


def _value(found: dict[str, Any]) -> Any:
    if set(found) == {"moment"}:
        return datetime.fromisoformat(found["moment"])
    return b64decode(found["bytes"]) if set(found) == {"bytes"} else found
