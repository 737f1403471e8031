"""Finding posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from storage import search_index
from storage.database import Transaction
from storage.records import Label, MentionedPost, Post
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, to_post, with_mention
from storage.schema import mention, post
from storage.statements import is_one_of


@dataclass(frozen=True, slots=True)
class Found:
    """A post with its mentions; `number` is its place in the order of storing."""

    number: int
    post: Post
    mentions: tuple[MentionedPost, ...] = ()


def search(
    tx: Transaction,
    words: str = "",
    *,
    brand: str | None = None,
    label: Label | None = None,
    source: str | None = None,
    author: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Found | None = None,
    limit: int = 50,
) -> list[Found]:
    """Posts that have all of what is asked for, the newest first, at most `limit`; `before` goes on after a found one.

    `words` are read by `search_index.terms`. With words the newest are those stored last, which is where the index
    ends; without, those published last. `brand` and `label` ask for one mention that has both.
    """
    conditions = [
        *_of_post(source, author, since, until),
        *_of_mention(brand, label),
    ]
    asked = search_index.terms(words)
    if words.strip() and not asked:
        return []
    ordered = _by_words(tx, asked, before) if asked else _by_time(before)
    return _found(tx, ordered.where(*conditions).limit(limit))


def _of_post(
    source: str | None, author: str | None, since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if source is not None:
        conditions.append(P.source == source)
    if author is not None:
        conditions.append(P.author == author)
    if since is not None:
        conditions.append(P.created_at >= since)
    if until is not None:
        conditions.append(P.created_at < until)
    return conditions


def _of_mention(brand: str | None, label: Label | None) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if brand is not None:
        asked.append(M.brand == brand)
    if label is not None:
        asked.append(M.label == label.value)
    return [exists().where(M.post_id == P.id, *asked)] if asked else []


def _by_words(tx: Transaction, asked: Sequence[search_index.Term], before: Found | None) -> Select[Any]:
    number = search_index.index_id(tx)
    joined = search_index.INDEX.join(post, P.id == number)
    statement = select(P.id, *POST_COLUMNS).select_from(joined).where(search_index.matches(tx, asked))
    if before is not None:
        statement = statement.where(number < before.number)
    return statement.order_by(number.desc())


def _by_time(before: Found | None) -> Select[Any]:
    statement = select(P.id, *POST_COLUMNS).order_by(P.created_at.desc(), P.id.desc())
    if before is None:
        return statement
    at = before.post.created_at
    return statement.where(or_(P.created_at < at, and_(P.created_at == at, P.id < before.number)))


def _found(tx: Transaction, statement: Select[Any]) -> list[Found]:
    posts = {row[0]: to_post(row[1:]) for row in tx.execute(statement)}
    mentions: dict[int, list[MentionedPost]] = {number: [] for number in posts}
    if posts:
        rows = tx.execute(
            select(M.post_id, *MENTION_COLUMNS).select_from(mention).where(is_one_of(tx, M.post_id, list(posts)))
        )
        for row in rows:
            mentions[row[0]].append(with_mention(posts[row[0]], row[1:]))
    return [Found(number, of, tuple(_sorted(mentions[number]))) for number, of in posts.items()]


def _sorted(mentions: list[MentionedPost]) -> list[MentionedPost]:
    return sorted(mentions, key=lambda each: each.mention.brand)
