"""Engagement of posts over time.

The newest count of a post stands in its row, with the moment at which it was read; most posts are read once, and need
no other place for it. Here are those before it, and those of posts that nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, select

from storage import edition
from storage.database import Transaction
from storage.reading import largest
from storage.records import Engagement, EngagementSample, PostKey
from storage.rows import NEWEST_SAMPLE_COLUMNS, SAMPLE_COLUMNS, P, to_sample
from storage.schema import engagement_sample
from storage.statements import Question, by_source, engine_time, upsert_bulk

_NAMES = tuple(engagement_sample.columns.keys())
_S = engagement_sample.c
_OF_POSTS = Question(select(*SAMPLE_COLUMNS), _S.source, _S.external_id)
_UNTIL = Question(select(*SAMPLE_COLUMNS).where(_S.at <= bindparam("at")).order_by(_S.at), _S.source, _S.external_id)
_NEWEST = Question(select(*NEWEST_SAMPLE_COLUMNS).where(P.engagement_at <= bindparam("at")), P.source, P.external_id)
_ANY = select(_S.source).where(_S.source == bindparam("source")).limit(1)
_COUNTS = ("likes", "shares", "replies", "views")


def write(tx: Transaction, samples: Sequence[EngagementSample]) -> None:
    """Store samples; of two at the same moment the larger count remains, whichever came first."""
    if not samples:
        return
    edition.renew(tx)
    time = engine_time(tx)
    joined: dict[tuple[str, str, Any], Engagement] = {}
    for sample in samples:
        key, engagement = (sample.source, sample.external_id, time(sample.at)), sample.engagement
        known = joined.setdefault(key, engagement)
        if known is not engagement:
            joined[key] = largest(known, engagement)
    # SQLite's max() of two values is NULL when either is; PostgreSQL's greatest() is not, and does no harm.
    larger = "max" if tx.dialect.name == "sqlite" else "greatest"
    kept = dict.fromkeys(_COUNTS, f"{larger}(coalesce({{old}}, {{new}}), coalesce({{new}}, {{old}}))")
    rows = [(*key, of.likes, of.shares, of.replies, of.views) for key, of in joined.items()]
    upsert_bulk(tx, engagement_sample, _NAMES, rows, kept)


def remove(tx: Transaction, samples: Iterable[EngagementSample]) -> None:
    """Delete samples."""
    columns = engagement_sample.c
    for sample in samples:
        of_post = columns.source == sample.source, columns.external_id == sample.external_id
        tx.execute(delete(engagement_sample).where(*of_post, columns.at == sample.at))


def newest(samples: Iterable[EngagementSample]) -> dict[PostKey, tuple[datetime, Engagement]]:
    """The newest sample of each post; of several at the same moment the larger of each count."""
    found: dict[PostKey, tuple[datetime, Engagement]] = {}
    for sample in samples:
        key, at = (sample.source, sample.external_id), sample.at
        known = found.get(key)
        if known is None or at > known[0]:
            found[key] = (at, sample.engagement)
        elif at == known[0]:
            found[key] = (at, largest(known[1], sample.engagement))
    return found


def counted_at(tx: Transaction, keys: Collection[PostKey], at: datetime) -> dict[PostKey, Engagement]:
    """What was known at `at` of the engagement of the posts; those of which nothing was known are left out."""
    found: dict[PostKey, Engagement] = {}
    for source, ids in by_source(keys).items():
        rows = _UNTIL.ask(tx, source, ids, at=at).all() if _has_any(tx, source) else []
        for row in (*rows, *_NEWEST.ask(tx, source, ids, at=at)):
            found[source, row.external_id] = Engagement(*row[3:])
    return found


def between(tx: Transaction, since: datetime, until: datetime) -> list[EngagementSample]:
    """Engagement read in `[since, until)`, by (at, source, external_id)."""
    columns = engagement_sample.c
    older = select(*SAMPLE_COLUMNS).where(columns.at >= since, columns.at < until)
    newest = select(*NEWEST_SAMPLE_COLUMNS).where(P.engagement_at >= since, P.engagement_at < until)
    # Databases of before schema 0013 have the newest in both places; what stands with the post is never the smaller.
    found = {(row[2], row[0], row[1]): row for statement in (older, newest) for row in tx.execute(statement).all()}
    return [to_sample(found[key]) for key in sorted(found)]


def of_posts(tx: Transaction, keys: Collection[PostKey]) -> list[EngagementSample]:
    """The samples of posts that are not stored."""
    return [
        to_sample(row)
        for source, ids in by_source(keys).items()
        if _has_any(tx, source)
        for row in _OF_POSTS.ask(tx, source, ids)
    ]


def _has_any(tx: Transaction, source: str) -> bool:
    return tx.scalar(_ANY, {"source": source}) is not None
