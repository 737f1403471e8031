"""Views and tables in words, for docs/database.md: `python -m storage.describe docs/database.md` brings it up to date.

What stands between the page's marks is made from storage/views.py and storage/schema; the rest is written by hand.
A test compares, so that the page cannot fall behind.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite

from storage.schema import metadata
from storage.views import VIEWS, View

_SQLITE = sqlite.dialect()
_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]


def page(text: str) -> str:
    """The page with its views and tables as they are now; ValueError when a mark is missing."""
    return _between(_between(text, "views", views()), "tables", tables())


def _between(text: str, name: str, made: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"the page has no {begin} … {end}; put both where the {name} shall stand")
    return f"{before}{begin}\n\n{made}\n{end}{after}"


def views() -> str:
    """Every view in Markdown."""
    return "\n".join(line for view in VIEWS for line in _view(view))


def _view(view: View) -> Iterator[str]:
    yield f"### {view.name}"
    yield ""
    yield f"{view.comment}."
    yield ""
    yield "| column | what it holds |"
    yield "| --- | --- |"
    for column in view.columns:
        yield f"| `{column.name}` | {column.comment} |"
    yield ""


def tables() -> str:
    """Every table in Markdown, in the order of storage/schema."""
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
