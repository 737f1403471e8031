"""Posts and counts, for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query

from monitor.web.access import Viewer
from monitor.web.api.models import (
    PROBLEMS,
    Asked,
    BinOut,
    BrandOut,
    Cursor,
    Limit,
    Moment,
    PostOut,
    Posts,
    PulseOut,
    Words,
)
from monitor.web.cursors import post_cursor, read_post_cursor
from monitor.web.desk import Desk, desk_of
from monitor.web.seen import by_slot, seen
from storage import limits
from storage import posts as post_store
from storage import pulse as pulse_store
from storage.records import BIN_SECONDS, Label
from storage.search import Found

router = APIRouter(prefix="/api/v1", tags=["posts"], responses=PROBLEMS)

AtDesk = Annotated[Desk, Depends(desk_of)]
LONGEST_ANSWER = timedelta(seconds=5)
MOST_BINS = 10_000
MOST_OF_THREAD = 2_000


class Which(Asked):
    """Which posts are asked for. `q`: words, "words in a row", begin*, -without."""

    q: Words = ""
    brand: Words = ""
    label: Label | None = None
    source: Words = ""
    author: Words = ""
    language: Words = ""
    since: Moment | None = None
    until: Moment | None = None
    before: Cursor = ""
    limit: Limit = 50


class Slots(Asked):
    """Which counts are asked for; `every` is in seconds, whole five minutes."""

    brand: Words
    source: Words = ""
    since: Moment | None = None
    until: Moment | None = None
    every: int = 300


@router.get("/posts")
def search_posts(_: Viewer, desk: AtDesk, which: Annotated[Which, Query()]) -> Posts:
    """Posts that have all of what is asked for, the newest first."""
    with desk.database.read() as tx, limits.within(tx, LONGEST_ANSWER):
        found = post_store.search(
            tx,
            which.q,
            brand=which.brand or None,
            label=which.label,
            source=which.source or None,
            author=which.author or None,
            language=which.language or None,
            since=which.since,
            until=which.until,
            before=read_post_cursor(which.before) if which.before else None,
            limit=which.limit + 1,
        )
    shown = found[: which.limit]
    more = post_cursor(shown[-1]) if len(found) > which.limit else None
    return Posts(items=[PostOut.of(one) for one in shown], next=more)


@router.get("/threads/{source}/{thread_id:path}")
def get_thread(_: Viewer, desk: AtDesk, source: str, thread_id: str) -> list[PostOut]:
    """The root and replies of a thread, the oldest first, two thousand at the most."""
    with desk.database.read() as tx:
        found = post_store.thread(tx, source, thread_id)[:MOST_OF_THREAD]
    if not found:
        raise HTTPException(404, "No post of this thread is stored.")
    return [PostOut.of(Found(0, post)) for post in found]


@router.get("/pulse")
def get_pulse(_: Viewer, desk: AtDesk, slots: Annotated[Slots, Query()]) -> PulseOut:
    """A brand's counts over time; the last day unless asked otherwise."""
    every = slots.every
    if every < BIN_SECONDS or every % BIN_SECONDS or every > 366 * 86_400:
        raise HTTPException(422, "every: give whole five minutes in seconds, such as 300 or 3600")
    end = slots.until or desk.clock()
    since = slots.since or end - timedelta(days=1)
    if since >= end or (end - since) / timedelta(seconds=every) > MOST_BINS:
        raise HTTPException(422, f"since must be before until, and at most {MOST_BINS:,} slots before it")
    start = datetime.fromtimestamp(since.timestamp() // every * every, UTC)
    step = timedelta(seconds=every)
    with desk.database.read() as tx, limits.within(tx, LONGEST_ANSWER):
        counted = pulse_store.pulse(tx, slots.brand, start, end, step, slots.source or None)
        read = seen(tx, desk.settings, start, end, brand=slots.brand, source=slots.source)
        covered = by_slot(tx, read, start, end, step)
    bins = [
        BinOut(
            start=start + place * step,
            posts=one.posts,
            negative=one.negative,
            positive=one.positive,
            unscored=one.unscored,
            coverage=share,
        )
        for place, (one, share) in enumerate(zip(counted, covered, strict=True))
    ]
    return PulseOut(brand=slots.brand, every_seconds=every, coverage=dict(read.shares), bins=bins)


@router.get("/brands")
def list_brands(_: Viewer, desk: AtDesk) -> list[BrandOut]:
    """The brands that are watched."""
    return [BrandOut(name=one.name, aliases=one.aliases, rivals=one.rivals) for one in desk.settings.brands]
