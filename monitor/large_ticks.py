"""Ticks with more in them than is to be in memory at once, read from the database in portions while they are judged.

At ten times a large load five minutes hold half a million posts. Judging needs each of them once, and then only what is
known of companies, voices and threads; so it reads the mentions of some companies at a time, and samples span by span.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from monitor.detectors.contract import TICK, LargeTick
from storage import bins as bin_store
from storage import posts as post_store
from storage.database import Transaction
from storage.records import EngagementSample, MentionedPost

PORTION = 20_000
"""Posts that are read at once to be judged, unless more are about one company in one tick."""


def spans(
    tx: Transaction, brands: Sequence[str], start: datetime | None, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The time up to `end` in spans of which the posts fit into memory, whole ticks each."""
    if start is None or start >= end:
        return
    if end - start <= TICK or post_store.count(tx, start, end) <= PORTION:
        yield start, end
        return
    counts = bin_store.totals(tx, brands, start, end)
    size, at = 0, start
    while at < end:
        posts = counts.get(at, (0,))[0]
        if size and size + posts > PORTION:
            yield start, at
            start, size = at, 0
        size, at = size + posts, at + TICK
    yield start, end


def large_tick(
    tx: Transaction, brands: Collection[str], start: datetime, until: datetime, coverage: Mapping[str, float]
) -> LargeTick | None:
    """The tick that begins at `start`, as far as `until`, to be read in portions; `None` where it fits into one."""
    posts = post_store.count(tx, start, until)
    if posts <= PORTION:
        return None
    return LargeTick(
        start + TICK,
        coverage=coverage,
        counts=post_store.count_by_brand(tx, start, until, brands),
        most=PORTION,
        read=partial(_mentions, tx, start, until),
        read_samples=partial(_samples, tx, start, until, posts // PORTION + 1),
    )


def _mentions(
    tx: Transaction, start: datetime, until: datetime, brands: Sequence[str]
) -> dict[str, list[MentionedPost]]:
    found: dict[str, list[MentionedPost]] = {}
    for item in post_store.judged(tx, start, until, brands):
        found.setdefault(item.mention.brand, []).append(item)
    return found


def _samples(tx: Transaction, start: datetime, until: datetime, pieces: int) -> Iterator[EngagementSample]:
    ends = [start + (until - start) * number / pieces for number in range(pieces)]
    for since, end in zip(ends, [*ends[1:], until], strict=True):
        yield from post_store.samples(tx, since, end)
