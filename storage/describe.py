"""The tables in words, for docs/database.md: `python -m storage.describe docs/database.md` brings the page up to date.

What stands between the page's two marks is made from storage/schema.py; the rest is written by
hand. A test compares, so that the page cannot fall behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import metadata

BEGIN = "<!-- tables -->"
END = "<!-- end of tables -->"

_SQLITE = sqlite.dialect()
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


def page(text: str) -> str:
    """The page with its tables as they are now; ValueError when a mark is missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} … {END}; put both where the tables shall stand")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


def tables() -> str:
    """Every table in Markdown, in the order of storage/schema.py."""
    return "\n".join(line for table in metadata.tables.values() for line in _table(table))


def _table(table: Table) -> Iterator[str]:
    yield f"### {table.name}"
    yield ""
    yield f"{table.comment}."
    yield ""
    yield "| column | SQLite | PostgreSQL | what it holds |"
    yield "| --- | --- | --- | --- |"
    for column in table.columns:
        yield f"| {_name(column)} | {_type(column, _SQLITE)} | {_type(column, _POSTGRESQL)} | {column.comment} |"
    yield ""


def _name(column: Column[object]) -> str:
    return f"**`{column.name}`**" if column.primary_key else f"`{column.name}`"


def _type(column: Column[object], dialect: object) -> str:
    spelled = column.type.compile(dialect=dialect).lower()  # type: ignore[arg-type]
    named = spelled.replace("timestamp with time zone", "timestamptz").replace("float", "double precision")
    return named if column.nullable is False else f"{named}, may be null"


def main() -> None:
    """Bring the page named on the command line up to date."""
    path = Path(sys.argv[1])
    path.write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
