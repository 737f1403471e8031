"""Engagement of posts over time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

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
    joined: dict[tuple[str, str, datetime], Engagement] = {}
    for sample in samples:
        key = (sample.source, sample.external_id, sample.at)
        known = joined.get(key)
        joined[key] = sample.engagement if known is None else largest(known, sample.engagement)
    # SQLite's max() of two values is NULL when either is; PostgreSQL's greatest() is not, and does no harm.
    larger = "max" if tx.dialect.name == "sqlite" else "greatest"
    kept = dict.fromkeys(_COUNTS, f"{larger}(coalesce({{old}}, {{new}}), coalesce({{new}}, {{old}}))")
    time = engine_time(tx)
    rows = [(*key[:2], time(key[2]), of.likes, of.shares, of.replies, of.views) for key, of in joined.items()]
    upsert_bulk(tx, engagement_sample, _NAMES, rows, kept)


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
