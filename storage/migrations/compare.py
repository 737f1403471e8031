"""How the tables of a database are compared with those of storage/schema."""

from __future__ import annotations

from typing import Any, Literal

from alembic.autogenerate.api import AutogenContext

from storage.columns import Instant


def options() -> dict[str, Any]:
    """Arguments of Alembic's `configure`."""
    return {
        "include_object": _is_ours,
        "render_item": _render,
        "render_as_batch": True,
        "compare_type": True,
    }


def _is_ours(_item: object, name: str | None, _kind: str, _reflected: bool, _counterpart: object) -> bool:
    # The search index is written by hand in the migrations: a virtual table on SQLite, a tsvector on PostgreSQL.
    return not (name or "").startswith("post_search")


def _render(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, Instant):
        context.imports.add("from storage.columns import Instant")
        return "Instant()"
    return False
