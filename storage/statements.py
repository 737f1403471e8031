"""Statements that are spelled alike on both engines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Result,
    Select,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY

from storage.columns import json_text, to_micros
from storage.records import PostKey


def insert(tx: Connection, table: Table) -> Any:
    """An INSERT of the transaction's engine, which knows ON CONFLICT."""
    return _insert(tx.dialect.name, table)


def insert_new(tx: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose key is not there yet."""
    if rows:
        tx.execute(_insert_new(tx.dialect.name, table), list(rows))


def insert_if_new(tx: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless that would break a unique key; whether it was inserted."""
    # Not by rowcount, which drivers do not give for inserts.
    return tx.execute(_insert_if_new(tx.dialect.name, table), row).first() is not None


def replace(tx: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows, or overwrite those that have the same primary key."""
    if not rows:
        return
    tx.execute(_replace(tx.dialect.name, table, tuple(rows[0])), list(rows))


# Putting a statement together takes longer than the engine needs to answer it: each is put together once.


def _insert(engine: str, table: Table) -> Any:
    return sqlite.insert(table) if engine == "sqlite" else postgresql.insert(table)


@cache
def _insert_new(engine: str, table: Table) -> Any:
    return _insert(engine, table).on_conflict_do_nothing()


@cache
def _insert_if_new(engine: str, table: Table) -> Any:
    return _insert_new(engine, table).returning(*table.primary_key.columns)


@cache
def _replace(engine: str, table: Table, names: tuple[str, ...]) -> Any:
    statement = _insert(engine, table)
    keys = list(table.primary_key.columns)
    changed = {name: statement.excluded[name] for name in names if name not in {key.name for key in keys}}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def is_one_of(tx: Connection, column: Column[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column of texts or numbers has one of many values.

    They travel as one parameter: a statement with hundreds of marks would be put together anew for every batch.
    """
    return _is_among(tx.dialect.name, column, literal(_listed(tx, values), _list_type(tx.dialect.name, column)))


class Question:
    """What is asked with every batch of one of its sources, put together once: that takes longer than to be answered.

    `selected` is what is asked for, of the rows of `source` whose `name` is one of several.
    """

    def __init__(self, selected: Select[Any], source: Column[Any], name: Column[Any]) -> None:
        """Put it together for each engine."""
        self._by_engine = {
            engine: selected.where(
                source == bindparam("source"),
                _is_among(engine, name, bindparam("names", type_=_list_type(engine, name))),
            )
            for engine in ("sqlite", "postgresql")
        }

    def ask(self, tx: Connection, source: str, names: Collection[Any], **others: Any) -> Result[*tuple[Any, ...]]:
        """The answer of the transaction's engine; `others` are the parameters that `selected` has of its own."""
        return tx.execute(self._by_engine[tx.dialect.name], {"source": source, "names": _listed(tx, names), **others})


def _is_among(engine: str, column: Column[Any], values: BindParameter[Any]) -> ColumnElement[bool]:
    if engine == "sqlite":
        listed = func.json_each(values).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(cast(values, ARRAY(column.type)))


def _list_type(engine: str, column: Column[Any]) -> Any:
    return Text() if engine == "sqlite" else ARRAY(column.type)


def _listed(tx: Connection, values: Collection[Any]) -> Any:
    return json_text(list(values)) if tx.dialect.name == "sqlite" else list(values)


def spans_since(tx: Connection, column: ColumnElement[Any], since: datetime, every: timedelta) -> ColumnElement[int]:
    """How many whole spans of `every` lie between `since` and a later time, counted by the engine."""
    if tx.dialect.name == "sqlite":
        passed = type_coerce(column, BigInteger) - literal(to_micros(since), BigInteger)
        return passed // literal(every // timedelta(microseconds=1), BigInteger)
    seconds = func.extract("epoch", column - literal(since, column.type))
    return cast(func.floor(seconds / every.total_seconds()), BigInteger)


def is_before(first: Column[Any], second: Column[Any], place: tuple[Any, Any]) -> ColumnElement[bool]:
    """Whether a row comes before a place in the order of two columns."""
    return and_(first <= place[0], or_(first < place[0], second < place[1]))


def is_after(first: Column[Any], second: Column[Any], place: tuple[Any, Any]) -> ColumnElement[bool]:
    """Whether a row comes after a place in the order of two columns."""
    return and_(first >= place[0], or_(first > place[0], second > place[1]))


def is_constantly_in(column: Column[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """Whether a column has one of our own words, written out in the statement: only then does SQLite see that a partial
    index has the rows."""
    return column.in_([literal_column(f"'{value}'") for value in values])


def by_source(keys: Iterable[PostKey]) -> dict[str, list[str]]:
    """Names of posts, grouped by their source."""
    grouped: dict[str, list[str]] = {}
    for source, external_id in keys:
        grouped.setdefault(source, []).append(external_id)
    return grouped


def insert_bulk(tx: Connection, table: Table, names: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    """Insert many rows that are known to be new, quickly.

    The rows go to the driver as they are (`engine_time`, JSON as text), because the conversion of every value would
    cost more than storing it. PostgreSQL gets them by COPY.
    """
    if not rows:
        return
    columns = ", ".join(names)
    if tx.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        # The names are those of storage/schema; nothing from outside is in them.
        tx.exec_driver_sql(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", rows)  # noqa: S608
        return
    with tx.connection.cursor() as cursor, cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)


def insert_columns(tx: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> None:
    """Insert many rows that are known to be new, given by column; like `insert_bulk` otherwise.

    Columns without a value are left out: SQLite's driver looks for somebody who adapts each NULL, and a post has many.
    """
    given = {name: values for name, values in columns.items() if not _is_empty(values)}
    insert_bulk(tx, table, tuple(given), list(zip(*given.values(), strict=True)))


def _is_empty(values: Sequence[Any]) -> bool:
    return len(values) > 0 and values[0] is None and values.count(None) == len(values)


def upsert_bulk(
    tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]], kept: Mapping[str, str]
) -> None:
    """Insert rows, or where their primary key is known join them with what is there; like `insert_bulk` otherwise.

    `kept` gives for every column to change what remains, in terms of `{old}` and `{new}`.
    """
    if rows:
        tx.exec_driver_sql(_upsert(tx.dialect.name, table, tuple(names), tuple(kept.items())), list(rows))


@cache
def _upsert(engine: str, table: Table, names: tuple[str, ...], kept: tuple[tuple[str, str], ...]) -> str:
    mark = "?" if engine == "sqlite" else "%s"
    keys = ", ".join(key.name for key in table.primary_key.columns)
    joined = ", ".join(
        f"{name} = {remains.format(old=f'{table.name}.{name}', new=f'excluded.{name}')}" for name, remains in kept
    )
    columns, marks = ", ".join(names), ", ".join([mark] * len(names))
    return f"INSERT INTO {table.name} ({columns}) VALUES ({marks}) ON CONFLICT ({keys}) DO UPDATE SET {joined}"  # noqa: S608


def update_bulk(tx: Connection, table: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Overwrite rows that are known to exist, found by the table's primary key; like `insert_bulk` otherwise."""
    if not rows:
        return
    mark = "?" if tx.dialect.name == "sqlite" else "%s"
    keys = [key.name for key in table.primary_key.columns]
    places = [names.index(name) for name in names if name not in keys] + [names.index(key) for key in keys]
    assigned = ", ".join(f"{name} = {mark}" for name in names if name not in keys)
    found = " AND ".join(f"{key} = {mark}" for key in keys)
    ordered = [tuple(row[place] for place in places) for row in rows]
    tx.exec_driver_sql(f"UPDATE {table.name} SET {assigned} WHERE {found}", ordered)  # noqa: S608


class EngineTimes(dict[datetime | None, Any]):
    """Times as the driver is given them by `insert_bulk`, each worked out once: most stand in a row several times."""

    def __init__(self, tx: Connection) -> None:
        """Those of the transaction's engine; no time is NULL."""
        super().__init__({None: None})
        self._converted = engine_time(tx)

    def __missing__(self, at: datetime) -> Any:
        """A time that was not asked for before."""
        self[at] = converted = self._converted(at)
        return converted

    def column(self, times: Iterable[datetime | None]) -> list[Any]:
        """A column of times."""
        return list(map(self.__getitem__, times))


def engine_time(tx: Connection) -> Callable[[datetime], Any]:
    """What turns a time into what the driver is given by `insert_bulk`."""
    return to_micros if tx.dialect.name == "sqlite" else _same


def _same(at: datetime) -> Any:
    return at
