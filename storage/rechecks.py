"""Posts to be looked up again, in the order in which they were stored, and how far each source's round has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import exists, select

from storage import state
from storage.database import Transaction
from storage.records import Post
from storage.rows import POST_COLUMNS, M, P, to_post


@dataclass(frozen=True, slots=True)
class Round:
    """One pass over the posts of a source: the number of the last post asked about, and an answer on its way."""

    begun_at: datetime
    after: int = 0
    asked: int = 0
    gone: int = 0
    changed: int = 0
    ended_at: datetime | None = None
    answer: Mapping[str, Any] = field(default_factory=dict)


def load(tx: Transaction, source: str) -> Round | None:
    """The last round of a source, `None` before the first."""
    found = state.load(tx, _name(source))
    return None if found is None else msgspec.json.decode(found[1], type=Round)


def save(tx: Transaction, source: str, now: Round) -> None:
    """Keep how far a source's round has come."""
    state.save(tx, _name(source), now.begun_at, msgspec.json.encode(now))


def following(tx: Transaction, source: str, after: int, limit: int, *, mentions_only: bool) -> list[tuple[int, Post]]:
    """The next posts of a source with their numbers; with `mentions_only` those alone that are about a brand."""
    statement = select(P.id, *POST_COLUMNS).where(P.source == source, P.id > after)
    if mentions_only:
        statement = statement.where(exists().where(M.post_id == P.id))
    return [(row[0], to_post(row[1:])) for row in tx.execute(statement.order_by(P.id).limit(limit))]


def _name(source: str) -> str:
    return f"recheck:{source}"
