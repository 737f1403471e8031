"""Questions to the posts that people keep, for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from storage.database import Transaction
from storage.schema import saved_view
from storage.statements import replace


@dataclass(frozen=True, slots=True)
class SavedView:
    """A question with a name; `query` is that of the page's address."""

    name: str
    author: str
    query: str
    saved_at: datetime


_COLUMNS = tuple(saved_view.c[name] for name in SavedView.__slots__)


def save(tx: Transaction, view: SavedView) -> None:
    """Keep a view; one of the same name is written over."""
    replace(tx, saved_view, [{name: getattr(view, name) for name in SavedView.__slots__}])


def every(tx: Transaction) -> list[SavedView]:
    """All views, by name."""
    return [SavedView(*row) for row in tx.execute(select(*_COLUMNS).order_by(saved_view.c.name))]


def remove(tx: Transaction, name: str) -> bool:
    """Remove a view; False when there is none of this name."""
    return bool(tx.execute(delete(saved_view).where(saved_view.c.name == name)).rowcount)
