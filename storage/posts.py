"""Reading posts, their mentions and their engagement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import chain
from operator import attrgetter

from sqlalchemy import bindparam, func, select

from storage import search_index
from storage.database import Transaction
from storage.records import MAY_SURFACE_LATE, MentionedPost, Post, PostKey
from storage.rows import POST_COLUMNS, M, P, select_mentioned, to_mentioned_post, to_post
from storage.samples import between as samples
from storage.schema import engagement_sample, mention, post
from storage.search import Found, search
from storage.statements import Question, by_source, is_constantly_in, is_one_of

__all__ = [
    "Found",
    "authors",
    "by_authors",
    "count",
    "earliest",
    "get",
    "in_order",
    "latest",
    "matched_terms",
    "samples",
    "search",
    "thread",
    "window",
]

_ORDER = [*map(attrgetter, ("mention.brand", "post.external_id", "post.source", "post.judged_at"))]
_NAMED = Question(select(*POST_COLUMNS), P.source, P.external_id)
_WORDINGS = (
    select(M.content_key, P.title, P.text)
    .select_from(mention.join(post, P.id == M.post_id))
    .where(M.brand == bindparam("brand"), M.created_at >= bindparam("since"), M.created_at < bindparam("until"))
    .order_by(M.created_at.desc(), P.source.desc(), P.external_id.desc())
    .limit(bindparam("most"))
)
AT_ONCE = 5_000
"""Rows that are in memory beside what was made of them."""
AUTHORS_AT_ONCE = 100
"""Authors of one question."""


def get(tx: Transaction, keys: Collection[PostKey]) -> list[Post]:
    """Those of the posts that are stored, in the order of the keys."""
    found = {
        (row.source, row.external_id): to_post(row)
        for source, ids in by_source(keys).items()
        for row in _NAMED.ask(tx, source, ids)
    }
    return [found[key] for key in keys if key in found]


def authors(tx: Transaction, source: str) -> set[str]:
    """Everybody by whom a post of the source is stored."""
    return set(tx.scalars(select(P.author).where(P.source == source, P.author.is_not(None)).distinct()))


def by_authors(tx: Transaction, source: str, names: Collection[str]) -> dict[str, str]:
    """The authors of what is stored of some, by the names of the posts."""
    found: dict[str, str] = {}
    given = sorted(names)
    for some in (given[start : start + AUTHORS_AT_ONCE] for start in range(0, len(given), AUTHORS_AT_ONCE)):
        theirs = search_index.written_by(tx, some)
        statement = select(P.external_id, P.author).select_from(theirs.join(post, P.id == theirs.c.id))
        rows = tx.execute(statement.where(P.source == source, is_one_of(tx, P.author, some)))
        found.update({row.external_id: row.author for row in rows})
    return found


def thread(tx: Transaction, source: str, thread_id: str) -> list[Post]:
    """The thread's root and replies, oldest first."""
    members = select(P.id).where(P.source == source, P.thread_id == thread_id, P.external_id != P.thread_id)
    root = select(P.id).where(P.source == source, P.external_id == thread_id)
    statement = select(*POST_COLUMNS).where(P.id.in_(members.union(root)))  # an OR of the two would use no index
    return [to_post(row) for row in tx.execute(statement.order_by(P.created_at, P.external_id))]


def window(tx: Transaction, since: datetime, until: datetime, brand: str | None = None) -> list[MentionedPost]:
    """Mentioned posts created in `[since, until)`, of one brand or all, by (created_at, source, external_id, brand)."""
    at = P.created_at if brand is None else M.created_at  # the same moment, and the brand's own index
    statement = select_mentioned().where(at >= since, at < until)
    if brand is not None:
        statement = statement.where(M.brand == brand)
    ordered = statement.order_by(at, P.source, P.external_id, M.brand)
    if tx.dialect.name == "postgresql" and _counted(tx, since, until, brand) > AT_ONCE:
        # else the driver holds all of it as well
        ordered = ordered.execution_options(stream_results=True, max_row_buffer=AT_ONCE)
    parts = tx.execute(ordered).partitions(AT_ONCE)  # row by row costs a tenth more, and all at once their memory
    return [to_mentioned_post(row) for rows in parts for row in rows]


def _counted(tx: Transaction, since: datetime, until: datetime, brand: str | None) -> int:
    """How many posts a window may have. Of one brand its mentions are counted, not all posts: a tick is read brand by
    brand."""
    if brand is None:
        return count(tx, since, until)
    asked = select(func.count()).where(M.brand == brand, M.created_at >= since, M.created_at < until)
    return int(tx.scalar(asked) or 0)


def wordings(tx: Transaction, since: datetime, until: datetime, brand: str, most: int) -> list[str]:
    """Title and text of every distinct wording among the last `most` mentions of a brand in `[since, until)`."""
    asked = {"brand": brand, "since": since, "until": until, "most": most}
    found: dict[str, str] = {}
    for key, title, text in tx.execute(_WORDINGS, asked):
        found.setdefault(key, f"{title} {text}")
    return list(found.values())


def judged(
    tx: Transaction, since: datetime, until: datetime, brands: Collection[str] | None = None
) -> list[MentionedPost]:
    """Mentioned posts that count for detection in `[since, until)` (`Post.judged_at`), in the order of that moment.

    Those of all brands, or of some.
    """
    named: Iterable[str | None] = [None] if brands is None else brands
    written = chain.from_iterable(window(tx, since, until, brand) for brand in named)
    surfaced = select_mentioned().where(
        P.collected_at >= since,
        P.collected_at < until,
        is_constantly_in(P.kind, (kind.value for kind in MAY_SURFACE_LATE)),
        P.collected_at.is_not(None),
    )
    if brands is not None:
        surfaced = surfaced.where(is_one_of(tx, M.brand, brands))
    older = [to_mentioned_post(row) for row in tx.execute(surfaced).all() if row.created_at < since]
    return in_order(item for item in chain(written, older) if since <= item.post.judged_at < until)


def count_by_brand(tx: Transaction, since: datetime, until: datetime, brands: Collection[str]) -> dict[str, int]:
    """How many mentions of each of the brands `judged` reads, or a few more: some count at another time."""
    written = select(M.brand, func.count()).where(M.created_at >= since, M.created_at < until)
    surfaced = (
        select(M.brand, func.count())
        .select_from(mention.join(post, P.id == M.post_id))
        .where(
            P.collected_at >= since,
            P.collected_at < until,
            is_constantly_in(P.kind, (kind.value for kind in MAY_SURFACE_LATE)),
            P.collected_at.is_not(None),
        )
    )
    found: Counter[str] = Counter()
    for statement in (written, surfaced):
        for brand, number in tx.execute(statement.where(is_one_of(tx, M.brand, brands)).group_by(M.brand)):
            found[brand] += number
    return found


def in_order(found: Iterable[MentionedPost]) -> list[MentionedPost]:
    """In the order of the moments at which they count, then of their posts and brands."""
    ordered = list(found)
    for last_first in _ORDER:  # one after another, since a key made of all would be as large as what is sorted
        ordered.sort(key=last_first)
    return ordered


def count(tx: Transaction, since: datetime, until: datetime) -> int:
    """How many posts were created in `[since, until)`, mentions or not."""
    return int(tx.scalar(select(func.count()).where(P.created_at >= since, P.created_at < until)) or 0)


def newest_moment(tx: Transaction) -> datetime | None:
    """The last moment at which a stored post, or a count of its reactions, counts for detection; `None` without any."""
    surfaced = is_constantly_in(P.kind, (kind.value for kind in MAY_SURFACE_LATE)), P.collected_at.is_not(None)
    moments = (
        tx.scalar(select(func.max(P.created_at))),
        tx.scalar(select(func.max(P.collected_at)).where(*surfaced)),
        tx.scalar(select(func.max(P.engagement_at)).where(P.engagement_at.is_not(None))),
        tx.scalar(select(func.max(engagement_sample.c.at))),
    )
    return max((at for at in moments if at is not None), default=None)


def matched_terms(tx: Transaction) -> dict[str, set[str]]:
    """For each brand the terms by which stored mentions were found; reads all mentions."""
    found: dict[str, set[str]] = {}
    for brand, matched in tx.execute(select(M.brand, M.matched).distinct()).yield_per(1_000):
        found.setdefault(brand, set()).update(matched)
    return found


def earliest(tx: Transaction) -> datetime | None:
    """When the oldest stored post was published."""
    oldest: datetime | None = tx.scalar(select(func.min(P.created_at)).select_from(post))
    return oldest


def latest(tx: Transaction) -> datetime | None:
    """When the newest stored post was published."""
    newest: datetime | None = tx.scalar(select(func.max(P.created_at)).select_from(post))
    return newest
