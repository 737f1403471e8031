"""Hacker News: every story and comment, by Algolia's search and, where that fails, by the site's own items.

Limits: Algolia gives at most 1,000 hits to a query, however many pages one asks for, so time is cut into slices by
`created_at_i` until each holds fewer; about 10,000 requests an hour are tolerated per address. Its index may lag by
minutes, so the last `overlap` is read again at every turn and reading advances only as far as the newest post seen.
The items (Firebase) have no search and no published limit: one request each, so they are the fallback, and the way to
read how watched stories grow, 50 a turn. Neither needs an account. Nothing here counts shares or views; points of
comments are not published.

After an absence the newest half hour is read first, then what was missed, oldest first.

Threads: a story and its comments; a comment's `parent_id` is what it answers, `thread_id` the story.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

import structlog
from pydantic import Field

from collectors.contract import (
    CollectorError,
    Page,
    Quarantined,
    Recheck,
    SourceContext,
    SourceOptions,
    Tariff,
    set_aside,
)
from collectors.egress import Egress, EgressRules
from collectors.hackernews_items import Items
from collectors.moments import from_epoch, not_after
from collectors.plain import plain_text
from collectors.terms import naming
from config.durations import Duration
from storage.records import Engagement, EngagementSample, Gap, Post, PostKind

HITS = 1000
"""Hits of one query that Algolia gives at the most, and so the size of our only page."""

REQUESTS_PER_DAY = 10_000 * 24

_FIRST_SLICE, _WIDEST_SLICE = 1800, 6 * 3600
_LIVE, _ABSENCE = 1800, 3600
"""Seconds of the newest that are read first, and of an absence after which they are."""
_SILENCE = 600
"""Seconds without a single post after which the index must be stuck: the site is never that quiet."""

log = structlog.get_logger(__name__)


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `hackernews`."""

    kinds: list[Literal["story", "comment"]] = Field(default=["story", "comment"], min_length=1)
    """What is read: stories, comments, or both."""
    lookback: Duration = timedelta(days=1)
    """How far back the first turn reads."""
    overlap: Duration = timedelta(minutes=15)
    """How much is read again at every turn, for posts that were indexed late."""
    watch_for: Duration = timedelta(days=2)
    """How long the points and comments of stories that name a brand are followed."""
    watch_at_most: int = Field(default=50, ge=0, le=500)
    """How many stories are followed at a time, newest first."""
    requests_per_run: int = Field(default=100, ge=20)
    """Requests to the search in one turn; what is left is read in the next."""
    fallback: bool = True
    """Whether the site's own items are read, one by one, when the search fails or stands still."""
    algolia_url: str = Field(default="https://hn.algolia.com/api/v1", pattern=r"^https?://")
    """Address of the search."""
    firebase_url: str = Field(default="https://hacker-news.firebaseio.com/v0", pattern=r"^https?://")
    """Address of the items."""


@dataclass
class _Reading:
    """How far reading has come: time by the search, number by the items, and the stories followed (with their time).

    `width` is how many seconds a slice may have at present.
    """

    read_until: int
    width: int = _FIRST_SLICE
    last_item: int | None = None
    watched: dict[str, int] = field(default_factory=dict)
    live_at: int | None = None
    """When the newest was read last, `None` before the first turn has come to its end."""
    is_caught_up: bool = True

    @classmethod
    def at(cls, cursor: Mapping[str, Any] | None, first: int) -> _Reading:
        given = cursor or {}
        return cls(
            int(given.get("read_until", first)),
            int(given.get("width", _FIRST_SLICE)),
            given.get("last_item"),
            dict(given.get("watched", {})),
            given.get("live_at"),
        )

    def cursor(self) -> dict[str, Any]:
        return {
            "read_until": self.read_until,
            "width": self.width,
            "last_item": self.last_item,
            "watched": dict(self.watched),
            "live_at": self.live_at,
        }


@dataclass(frozen=True)
class _Slice:
    """What the search gave for a span of time."""

    hits: list[dict[str, Any]]
    total: int

    @property
    def is_capped(self) -> bool:
        return self.total > HITS


class HackerNews:
    """Reads the whole of Hacker News as it is written."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock
        self._named = naming(context.brands)
        self._egress = Egress(EgressRules.trusting(options.algolia_url, options.firebase_url), context.clock)
        self._items = Items(self.name, options.firebase_url, self._egress, context.clock)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read on by time; then by number if need be; then how the watched stories have grown."""
        started_at = self._clock()
        reading = _Reading.at(cursor, int((started_at - self._options.lookback).timestamp()))
        with self._egress.session():
            yield from self._new_posts(reading, started_at)
            yield from self._growth(reading, started_at)

    def probe(self) -> str:
        """Ask the search for its newest post."""
        with self._egress.session():
            answer = self._ask({"tags": self._tags(), "hitsPerPage": "1"})
        if not answer.hits:
            raise CollectorError("the search of Hacker News answers but gives no post")
        age = self._clock() - from_epoch(answer.hits[0]["created_at_i"])
        return f"Hacker News answers; its newest post is {max(age.total_seconds(), 0) / 60:.0f} minutes old"

    def tariff(self) -> Tariff:
        """Free; the search tolerates about 10,000 requests an hour."""
        return Tariff(requests_per_turn=2, requests_per_day=REQUESTS_PER_DAY)

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        """The story and what the post answers by their numbers, then the newest comments by the search.

        Points of comments are not published, so the newest stand for the most engaged.
        """
        root = post.thread_id or post.external_id
        with self._egress.session():
            above = dict.fromkeys(int(name) for name in (root, post.parent_id) if name)
            posts, bad = self._items.read(list(above))
            yield Page({}, posts, quarantined=bad, requests=self._asked())
            size = str(min(max(most, 1), HITS))
            found = self._ask({"tags": f"comment,story_{int(root)}", "hitsPerPage": size})
            posts, bad = self._posts(found.hits)
            yield Page({}, posts, quarantined=bad, requests=self._asked())

    @property
    def recheck_at_once(self) -> int:
        """Each is a request."""
        return 100

    @property
    def rechecks_mentions_only(self) -> bool:
        """The whole site is stored, which one could not ask for number by number."""
        return True

    def recheck(self, posts: Sequence[Post], state: Mapping[str, Any]) -> Recheck:  # noqa: ARG002  (answers at once)
        """Read the items again; deleted and killed ones are gone, and moderators' changes of titles show."""
        with self._egress.session():
            found, bad = self._items.read([int(post.external_id) for post in posts])
        there = {post.external_id for post in found} | {item.where.removeprefix("item ") for item in bad}
        gone = {post.external_id: "deleted" for post in posts if post.external_id not in there}
        return Recheck(found, gone=gone, requests=self._asked())

    def _new_posts(self, reading: _Reading, now: datetime) -> Iterator[Page]:
        try:
            yield from self._newest(reading, int(now.timestamp()))
            is_stuck = yield from self._by_time(reading, int(now.timestamp()))
            if is_stuck and self._options.fallback:
                log.warning("search_stands_still", source=self.name, since=from_epoch(reading.read_until).isoformat())
                yield from self._by_number(reading)
        except CollectorError as error:
            if not self._options.fallback:
                raise
            log.warning("search_failed", source=self.name, error=str(error))
            yield from self._by_number(reading)

    def _newest(self, reading: _Reading, now: int) -> Iterator[Page]:
        """After an absence what is said now, before what was missed; it is read again in its turn, which is free."""
        if reading.live_at is None or now - reading.live_at < _ABSENCE:
            return
        found = self._ask(self._slice(now - _LIVE, now))
        posts, bad = self._posts(found.hits)
        self._watch(posts, reading)
        reading.live_at = now
        yield Page(reading.cursor(), posts, quarantined=bad, requests=self._asked())

    # -- by time -------------------------------------------------------------------------------------------------------

    def _by_time(self, reading: _Reading, now: int) -> Generator[Page, None, bool]:
        """Pages of slices up to now, oldest first; returns whether nothing came where there must be something."""
        start = begin = reading.read_until - int(self._options.overlap.total_seconds())
        hits = 0
        for _ in range(self._options.requests_per_run):
            if start >= now:
                break
            end = min(start + reading.width, now)
            found = self._ask(self._slice(start, end))
            if found.is_capped and end - start > 1:
                reading.width = (end - start) // 2
                continue
            if found.total < HITS // 4:
                reading.width = min(reading.width * 2, _WIDEST_SLICE)
            yield self._page(found, reading, start, end)
            start, hits = end, hits + len(found.hits)
        reading.is_caught_up = start >= now
        return hits == 0 and now - begin >= _SILENCE

    def _slice(self, start: int, end: int) -> dict[str, str]:
        span = f"created_at_i>{start},created_at_i<={end}"
        return {"tags": self._tags(), "numericFilters": span, "hitsPerPage": str(HITS)}

    def _tags(self) -> str:
        return f"({','.join(self._options.kinds)})"

    def _ask(self, query: Mapping[str, str]) -> _Slice:
        answer = self._egress.fetch(
            f"{self._options.algolia_url}/search_by_date?{urlencode(query)}", service="the search of Hacker News"
        )
        try:
            content = json.loads(answer.body)
            hits, total = content["hits"], int(content["nbHits"])
            given = len([hit["objectID"] for hit in hits])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise CollectorError(f"the search of Hacker News gave an answer that cannot be read: {error!r}") from error
        if given < min(total, int(query["hitsPerPage"])):
            raise CollectorError(f"the search of Hacker News announced {total} posts and gave {given}")
        return _Slice(hits, total)

    def _page(self, found: _Slice, reading: _Reading, start: int, end: int) -> Page:
        posts, bad = self._posts(found.hits)
        self._watch(posts, reading)
        newest = max((int(post.created_at.timestamp()) for post in posts), default=reading.read_until)
        reading.read_until = max(reading.read_until, min(newest, end))
        reading.last_item = max((int(post.external_id) for post in posts), default=reading.last_item)
        return Page(reading.cursor(), posts, gaps=self._cut(found, start, end), quarantined=bad, requests=self._asked())

    def _cut(self, found: _Slice, start: int, end: int) -> list[Gap]:
        """A gap, should one second ever hold more posts than the search gives."""
        if not found.is_capped:
            return []
        missing = 1 - len(found.hits) / found.total
        return [Gap(self.name, from_epoch(start), from_epoch(end), "more posts than the search gives", missing)]

    def _posts(self, hits: list[dict[str, Any]]) -> tuple[list[Post], list[Quarantined]]:
        now = self._clock()
        posts: list[Post] = []
        bad: list[Quarantined] = []
        for hit in hits:
            try:
                posts.append(_post_of(hit, self.name, now))
            except (KeyError, TypeError, ValueError) as error:
                bad.append(set_aside(f"hit {hit.get('objectID')}", repr(error), json.dumps(hit)))
        if hits and not posts:
            raise CollectorError(f"no hit of the search of Hacker News could be read: {bad[0].reason}")
        return sorted(posts, key=lambda post: (post.created_at, int(post.external_id))), bad

    def reread(self, raw: bytes) -> list[Post]:
        """A hit of the search, or an item by its number, that was set aside."""
        try:
            kept = json.loads(raw)
            if "objectID" in kept:
                return [_post_of(kept, self.name, self._clock())]
            with self._egress.session():
                return [self._items.again(kept)]
        except (KeyError, TypeError) as error:
            raise ValueError(repr(error)) from error

    # -- by number -----------------------------------------------------------------------------------------------------

    def _by_number(self, reading: _Reading) -> Iterator[Page]:
        for walked in self._items.walk(reading.last_item):
            self._watch(walked.posts, reading)
            reading.last_item = walked.last_item
            yield Page(reading.cursor(), walked.posts, quarantined=walked.bad, requests=self._asked())

    # -- growth --------------------------------------------------------------------------------------------------------

    def _watch(self, posts: list[Post], reading: _Reading) -> None:
        """Note the stories that these posts, where they name a brand, belong to."""
        for post in posts:
            if self._named is not None and post.thread_id and self._named.search(f"{post.title}\n{post.text}"):
                reading.watched.setdefault(post.thread_id, int(post.created_at.timestamp()))

    def _growth(self, reading: _Reading, now: datetime) -> Iterator[Page]:
        oldest = (now - self._options.watch_for).timestamp()
        newest_first = sorted(reading.watched.items(), key=lambda item: -item[1])
        kept = [item for item in newest_first if item[1] >= oldest][: self._options.watch_at_most]
        reading.watched = dict(kept)
        stories, bad = self._items.read([int(story) for story in reading.watched])
        at = self._clock()
        samples = [EngagementSample(self.name, story.external_id, at, story.engagement) for story in stories]
        requests = self._asked()
        reading.live_at = int(now.timestamp()) if reading.is_caught_up else reading.live_at
        yield Page(
            reading.cursor(), stories, samples, quarantined=bad, requests=requests, complete=reading.is_caught_up
        )

    def _asked(self) -> int:
        """Requests since this was last asked."""
        asked, self._egress.requests = self._egress.requests, 0
        return asked


def _post_of(hit: Mapping[str, Any], source: str, now: datetime) -> Post:
    number = str(int(hit["objectID"]))
    is_comment = "comment" in (hit.get("_tags") or ()) or hit.get("comment_text") is not None
    title = "" if is_comment else plain_text(hit.get("title") or "")
    return Post(
        source=source,
        external_id=number,
        created_at=not_after(from_epoch(hit["created_at_i"]), now),
        text=plain_text((hit.get("comment_text") if is_comment else hit.get("story_text")) or "") or title,
        kind=PostKind.COMMENT if is_comment else PostKind.STORY,
        title=title,
        url=f"https://news.ycombinator.com/item?id={number}",
        author=hit.get("author"),
        thread_id=str(int(hit["story_id"])) if is_comment and hit.get("story_id") else None if is_comment else number,
        parent_id=str(int(hit["parent_id"])) if is_comment and hit.get("parent_id") else None,
        engagement=Engagement() if is_comment else Engagement(likes=hit.get("points"), replies=hit.get("num_comments")),
        collected_at=now,
    )


def build(options: Options, context: SourceContext) -> HackerNews:
    """The source as configured."""
    return HackerNews(options, context)
