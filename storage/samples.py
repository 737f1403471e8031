"""Engagement of posts over time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, select

from storage.database import Transaction
from storage.reading import largest
from storage.records import Engagement, EngagementSample, PostKey
from storage.rows import SAMPLE_COLUMNS, to_sample
from storage.schema import engagement_sample
from storage.statements import by_source, insert, is_one_of

_COUNTS = ("likes", "shares", "replies", "views")


def write(tx: Transaction, samples: Sequence[EngagementSample]) -> None:
    """Store samples; of two at the same moment the larger count remains, whichever came first."""
    joined: dict[Any, Engagement] = {}
    for sample in samples:
        key = (sample.source, sample.external_id, sample.at)
        joined[key] = largest(joined.get(key, sample.engagement), sample.engagement)
    if not joined:
        return
    statement = insert(tx, engagement_sample)
    keys = list(engagement_sample.primary_key.columns)
    # SQLite's max() of two values is NULL when either is.
    larger = func.max if tx.dialect.name == "sqlite" else func.greatest
    changed = {}
    for name in _COUNTS:
        old, new = engagement_sample.c[name], statement.excluded[name]
        changed[name] = larger(func.coalesce(old, new), func.coalesce(new, old))
    tx.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed), [_row(*item) for item in joined.items()]
    )


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


def _row(key: Any, engagement: Engagement) -> dict[str, Any]:
    source, external_id, at = key
    return {
        "source": source, "external_id": external_id, "at": at, "likes": engagement.likes,
        "shares": engagement.shares, "replies": engagement.replies, "views": engagement.views,
    }  # fmt: skip
