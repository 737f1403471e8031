"""Finding posts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, exists, or_, select

from storage import search_index, stored_days
from storage.database import Transaction
from storage.records import Label, MentionedPost, Post
from storage.rows import MENTION_COLUMNS, POST_COLUMNS, M, P, to_post, with_mention
from storage.schema import mention, post
from storage.statements import is_one_of

NEAR = 20_000
"""Posts that are looked through from the newest back before SQLite sorts all posts of a source."""


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
    language: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Found | None = None,
    limit: int = 50,
) -> list[Found]:
    """Posts that have all of what is asked for, the newest first, at most `limit`; `before` goes on after a found one.

    `words` are read by `search_index.terms`. With words or an author the newest are those stored last, which is where
    the index ends; without, those published last. `brand` and `label` ask for one mention that has both.
    """
    asked = search_index.terms(words)
    if words.strip() and not asked:
        return []
    time: Column[Any] = P.created_at
    if asked or author:
        numbers = _numbers(tx, since, until, source)
        if numbers is None:
            return []
        statement = _by_words(tx, asked, author, before, numbers).where(*_with_mention(brand, label))
    elif brand is not None:
        statement, time = _by_brand(brand, label, before), M.created_at
    else:
        statement = _by_time(before).where(*_with_mention(brand, label))
    narrowed = statement.where(*_equal(((P.author, author), (P.language, language))), *_within(time, since, until))
    is_along_time = not asked and not author and brand is None
    if source is not None and is_along_time and tx.dialect.name == "sqlite":
        near = _found(tx, _near(tx, narrowed, source).limit(limit))
        if len(near) == limit:
            return near
    narrowed = narrowed.where(*_equal([(P.source, source)]))
    with search_index.one_after_another(tx):
        return _found(tx, narrowed.limit(limit))


def _equal(asked: Iterable[tuple[ColumnElement[Any], Any]]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in asked if value is not None]


def _near(tx: Transaction, along_time: Select[Any], source: str) -> Select[Any]:
    """What is asked for of a source, among the `NEAR` posts before the end of its last day that come first.

    SQLite has no statistics here: it would sort all posts of the source, however many, to find the newest.
    """
    until_its_end = along_time.where(P.created_at < stored_days.end(tx, source))
    begin = tx.scalar(until_its_end.with_only_columns(P.created_at).offset(NEAR).limit(1))
    near = until_its_end.where(P.source.concat("") == source)  # so that the index of the source is left alone
    return near if begin is None else near.where(P.created_at >= begin)


def _within(time: Column[Any], since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(time >= since)
    if until is not None:
        conditions.append(time < until)
    return conditions


def _with_mention(brand: str | None, label: Label | None) -> list[ColumnElement[bool]]:
    asked = _of_mention(brand, label)
    return [exists().where(M.post_id == P.id, *asked)] if asked else []


def _of_mention(brand: str | None, label: Label | None) -> list[ColumnElement[bool]]:
    return _equal(((M.brand, brand), (M.label, label)))


EVERY_NUMBER = (0, 2**63 - 1)


def _numbers(
    tx: Transaction, since: datetime | None, until: datetime | None, source: str | None
) -> tuple[int, int] | None:
    """Where in the index of words the span may lie: a common word would be followed through all of it otherwise."""
    if since is None and until is None:
        return EVERY_NUMBER
    return stored_days.numbers(tx, since, until, source)


def _by_words(
    tx: Transaction,
    asked: Sequence[search_index.Term],
    author: str | None,
    before: Found | None,
    numbers: tuple[int, int],
) -> Select[Any]:
    number = search_index.index_id(tx)
    conditions: list[ColumnElement[bool]] = [search_index.matches(tx, asked, author)]
    if numbers != EVERY_NUMBER:
        conditions += [number >= numbers[0], number <= numbers[1]]
    if before is not None:
        conditions.append(number < before.number)
    if search_index.are_few(tx, conditions, author):
        found = select(number.label("id")).select_from(search_index.INDEX).where(*conditions).cte("found")
        found = found.prefix_with("MATERIALIZED", dialect="postgresql")
        return select(P.id, *POST_COLUMNS).select_from(found.join(post, P.id == found.c.id)).order_by(found.c.id.desc())
    joined = search_index.INDEX.join(post, P.id == number)
    return select(P.id, *POST_COLUMNS).select_from(joined).where(*conditions).order_by(number.desc())


def _by_time(before: Found | None) -> Select[Any]:
    statement = select(P.id, *POST_COLUMNS).order_by(P.created_at.desc(), P.id.desc())
    return statement.where(*_earlier(P.created_at, P.id, before))


def _by_brand(brand: str, label: Label | None, before: Found | None) -> Select[Any]:
    # Along the brand's own index: a brand that few write about would be looked for in every post otherwise.
    statement = select(P.id, *POST_COLUMNS).select_from(mention.join(post, P.id == M.post_id))
    statement = statement.where(*_of_mention(brand, label), *_earlier(M.created_at, M.post_id, before))
    return statement.order_by(M.created_at.desc(), M.post_id.desc())


def _earlier(time: Column[Any], number: Column[Any], before: Found | None) -> list[ColumnElement[bool]]:
    if before is None:
        return []
    at = before.post.created_at
    return [time <= at, or_(time < at, number < before.number)]


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
