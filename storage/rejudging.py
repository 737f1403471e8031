"""Judging stored posts again: their mentions are replaced, and the bins stay the exact counts of what is stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from msgspec import structs
from sqlalchemy import and_, or_, select

from storage import post_rows
from storage.bins import add_differences
from storage.database import Transaction
from storage.reading import PostState
from storage.records import MentionedPost, Post, PostKey
from storage.rows import POST_COLUMNS, P, to_post


class Position(NamedTuple):
    """How far a walk through the stored posts has come."""

    created_at: datetime
    id: int


class Page(NamedTuple):
    """Some stored posts in order of their publication, and where the next ones begin; `None` at the end."""

    posts: list[Post]
    position: Position | None


class Change(NamedTuple):
    """A mention before and after it was judged again; `None` where there was or is none."""

    before: MentionedPost | None
    after: MentionedPost | None


Judge = Callable[[Sequence[Post]], Iterable[MentionedPost]]
"""Finds the mentions in posts."""


def page(
    tx: Transaction,
    after: Position | None = None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 500,
    newest_first: bool = False,
) -> Page:
    """The next stored posts published in `[since, until)`, mentions or not, the oldest or the newest first."""
    statement = select(*POST_COLUMNS, P.id)
    if since is not None:
        statement = statement.where(P.created_at >= since)
    if until is not None:
        statement = statement.where(P.created_at < until)
    if after is not None:
        at, number = after
        if newest_first:
            further = or_(P.created_at < at, and_(P.created_at == at, P.id < number))
            statement = statement.where(P.created_at <= at, further)
        else:
            further = or_(P.created_at > at, and_(P.created_at == at, P.id > number))
            statement = statement.where(P.created_at >= at, further)
    order = (P.created_at.desc(), P.id.desc()) if newest_first else (P.created_at, P.id)
    rows = tx.execute(statement.order_by(*order).limit(limit)).all()
    last = Position(rows[-1].created_at, rows[-1].id) if len(rows) == limit else None
    return Page([to_post(row[:-1]) for row in rows], last)


def judge_again(
    tx: Transaction,
    keys: Collection[PostKey],
    judge: Judge,
    brands: Collection[str] | None = None,
    *,
    store: bool = True,
) -> list[Change]:
    """Replace the mentions of posts by those that `judge` finds in them now; what changed, by post and brand.

    With `brands`, the mentions of others stay. Without `store` nothing is written, and the answer is what would change.
    """
    if store:
        post_rows.lock(tx, (source for source, _ in keys))
    before = post_rows.load(tx, keys)
    found: dict[PostKey, dict[str, MentionedPost]] = {key: {} for key in before}
    for item in judge([before[key].post for key in keys if key in before]):
        if brands is None or item.mention.brand in brands:
            found[item.post.key][item.mention.brand] = item
    after = {key: _judged(state, found[key], brands) for key, state in before.items()}
    changed = [(before[key], after[key]) for key in sorted(before) if before[key].mentions != after[key].mentions]
    if store and changed:
        post_rows.update(tx, changed)
        add_differences(tx, _mentions(old for old, _ in changed), _mentions(new for _, new in changed))
    return [change for old, new in changed for change in _changes(old, new)]


def _judged(state: PostState, found: Mapping[str, MentionedPost], brands: Collection[str] | None) -> PostState:
    """The state with these mentions. Each keeps the rank of the reading that it came with; the wording is the same."""
    kept = {} if brands is None else {brand: item for brand, item in state.mentions.items() if brand not in brands}
    for brand, item in found.items():
        rank = state.mentions[brand][1] if brand in state.mentions else state.rank
        kept[brand] = (structs.replace(item, post=state.post), rank)
    return replace(state, mentions=kept)


def _mentions(states: Iterable[PostState]) -> list[MentionedPost]:
    return [mentioned for state in states for mentioned, _ in state.mentions.values()]


def _changes(old: PostState, new: PostState) -> list[Change]:
    found = []
    for brand in sorted({*old.mentions, *new.mentions}):
        before, after = (state.mentions[brand][0] if brand in state.mentions else None for state in (old, new))
        if before != after:
            found.append(Change(before, after))
    return found
