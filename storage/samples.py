"""Engagement of posts over time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from storage.database import Transaction
from storage.reading import largest
from storage.records import Engagement, EngagementSample, PostKey
from storage.rows import SAMPLE_COLUMNS, to_sample
from storage.schema import engagement_sample
from storage.statements import by_source, engine_time, is_one_of, upsert_bulk

_NAMES = tuple(engagement_sample.columns.keys())
_COUNTS = ("likes", "shares", "replies", "views")


def write(tx: Transaction, samples: Sequence[EngagementSample]) -> None:
    """Store samples; of two at the same moment the larger count remains, whichever came first."""
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
    columns = engagement_sample.c
    counts = [columns[name] for name in _COUNTS]
    found: dict[PostKey, Engagement] = {}
    for source, ids in by_source(keys).items():
        if _has_any(tx, source):
            of_source = columns.source == source, is_one_of(tx, columns.external_id, ids), columns.at <= at
            for row in tx.execute(select(columns.external_id, *counts).where(*of_source).order_by(columns.at)):
                found[source, row[0]] = Engagement(*row[1:])
    return found


def of_posts(tx: Transaction, keys: Collection[PostKey]) -> list[EngagementSample]:
    """Every sample of the posts."""
    columns = engagement_sample.c
    return [
        to_sample(row)
        for source, ids in by_source(keys).items()
        if _has_any(tx, source)
        for row in tx.execute(
            select(*SAMPLE_COLUMNS).where(columns.source == source, is_one_of(tx, columns.external_id, ids))
        )
    ]


def _has_any(tx: Transaction, source: str) -> bool:
    columns = engagement_sample.c
    return tx.scalar(select(columns.source).where(columns.source == source).limit(1)) is not None
