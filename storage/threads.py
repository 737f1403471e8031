"""What a thread is about: a reply counts for the brands of its root, whether or not it names them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, func, select

from storage import posts
from storage.database import Transaction
from storage.records import Label, Post, PostKey
from storage.rows import POST_COLUMNS, M, P, to_post
from storage.schema import mention, post
from storage.statements import Question, by_source, is_one_of

_MENTIONED = select(P.external_id, M.brand, M.relevance).select_from(mention.join(post, P.id == M.post_id))
_BRANDS = Question(_MENTIONED, P.source, P.external_id)
_ANSWERED = Question(select(P.thread_id).distinct().where(P.external_id != P.thread_id), P.source, P.thread_id)


def brands_of(tx: Transaction, keys: Collection[PostKey]) -> dict[PostKey, dict[str, float]]:
    """For each of the posts that is stored with mentions: its brands, with the relevance of each."""
    found: dict[PostKey, dict[str, float]] = {}
    for source, ids in by_source(keys).items():
        for row in _BRANDS.ask(tx, source, ids):
            found.setdefault((source, row[0]), {})[row[1]] = row[2]
    return found


def answered(tx: Transaction, keys: Collection[PostKey]) -> set[PostKey]:
    """Those of the posts that have replies stored."""
    return {
        (source, thread_id)
        for source, ids in by_source(keys).items()
        for thread_id in _ANSWERED.ask(tx, source, ids).scalars()
    }


def replies(tx: Transaction, roots: Collection[PostKey]) -> list[PostKey]:
    """The stored replies in the threads of these roots, oldest first."""
    found = [
        (row.created_at, source, row.external_id)
        for source, ids in by_source(roots).items()
        for row in tx.execute(
            select(P.external_id, P.created_at).where(
                P.source == source, is_one_of(tx, P.thread_id, ids), P.external_id != P.thread_id
            )
        )
    ]
    return [(source, external_id) for _, source, external_id in sorted(found)]


def replies_without(tx: Transaction, root: PostKey, brand: str) -> list[Post]:
    """Replies in the thread of `root` that are stored and do not count for `brand`, oldest first."""
    source, thread_id = root
    counted = exists().where(M.post_id == P.id, M.brand == brand)
    statement = select(*POST_COLUMNS).where(
        P.source == source, P.thread_id == thread_id, P.external_id != P.thread_id, ~counted
    )
    return [to_post(row) for row in tx.execute(statement.order_by(P.created_at, P.external_id))]


@dataclass(frozen=True, slots=True)
class Discussed:
    """A thread with what was said of a brand in it in a span; `post` is its root, or what was stored first of it."""

    post: Post
    mentions: int
    negative: int
    scored: int

    @property
    def negative_share(self) -> float | None:
        """Share of negative ones among those that were judged; None when none was."""
        return self.negative / self.scored if self.scored else None


def discussed(
    tx: Transaction, brand: str, since: datetime, until: datetime, *, at_least: int = 2, limit: int = 5
) -> list[Discussed]:
    """Threads in which most was said of the brand in `[since, until)`, the largest first.

    Threads with fewer than `at_least` mentions in that time are left out.
    """
    root = func.coalesce(P.thread_id, P.external_id)
    count = func.count()
    negative = func.sum(case((M.label == Label.NEGATIVE.value, 1), else_=0))
    scored = func.sum(case((M.label != Label.UNSCORED.value, 1), else_=0))
    first = func.min(P.id)
    statement = (
        select(P.source, root, count, negative, scored, first)
        .select_from(mention.join(post, P.id == M.post_id))
        .where(M.brand == brand, M.created_at >= since, M.created_at < until)
        .group_by(P.source, root)
        .having(count >= at_least)
        .order_by(count.desc(), first)
        .limit(limit)
    )
    rows = tx.execute(statement).all()
    roots = {found.key: found for found in posts.get(tx, [(row[0], row[1]) for row in rows])}
    firsts = select(P.id, *POST_COLUMNS).where(P.id.in_([row[5] for row in rows]))
    stored_first = {row[0]: to_post(row[1:]) for row in tx.execute(firsts)}
    return [Discussed(roots.get((row[0], row[1])) or stored_first[row[5]], *map(int, row[2:5])) for row in rows]
