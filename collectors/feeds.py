"""RSS, Atom and JSON feeds, with the comment feed of an article as its thread.

Limits: a feed shows its newest entries only, how many is its maker's choice (a comment feed of WordPress: ten), so
entries that came and went between two turns are lost; where nothing of the turn before is left in a feed, that is a
gap. All comments of a WordPress are had by its own interface instead (collectors/wordpress.py). Feeds have no
engagement but the number of comments (RSS `slash:comments`, RFC 4685 `thr:total`). An entry that disappears was not
deleted, it has only moved out. Feeds are asked with `ETag` and `Last-Modified`, so that an unchanged one costs next to
nothing, but for those that say how many comments a new article about a brand has: WordPress says that nothing changed
there while people comment (`python -m benchmarks.real_comments` shows it on the real one). Bodies are read to 8 MiB,
5,000 entries, 200 KiB an entry.

Addresses come from users, feeds and redirects, so all go through collectors/egress.py; bodies are parsed as bytes by
collectors/feed_parsing.py, never by handing a string to feedparser, which would open files and addresses.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urldefrag

import structlog
from pydantic import BeforeValidator, Field

from collectors.contract import CollectorError, Page, Recheck, SourceContext, SourceOptions, Tariff
from collectors.egress import Answer, Egress, EgressRules, host_of
from collectors.feed_entries import Entry, readable, web_address
from collectors.feed_finding import feeds_of, is_page
from collectors.feed_parsing import FeedParser
from collectors.feed_places import FeedState, Reading, Thread
from collectors.isso import is_isso, whole
from collectors.moments import from_epoch
from collectors.rounds import kept_entry
from collectors.terms import naming
from collectors.wordpress import Blog, Place
from config.durations import Duration
from storage.records import Engagement, EngagementSample, Gap, Post

_KEPT_IDS = 500
_NO_FEED = ("image/", "video/", "audio/", "application/pdf", "application/zip")

log = structlog.get_logger(__name__)


class FeedOptions(SourceOptions):
    """One feed."""

    url: str = Field(pattern=r"^https?://")
    """Its address, or that of a page that says where its feed is."""
    brand: str | None = None
    """The brand that everything in it is about, such as for a company's own blog."""
    language: str | None = Field(default=None, min_length=2, max_length=2)
    """The language it is written in."""
    comments: bool = True
    """Whether the comments of its articles are read, where it says where they are."""
    wordpress: str | None = Field(default=None, pattern=r"^https?://[^?]+(\?rest_route=/)?$")
    """The interface of its WordPress, such as "https://blog.example/wp-json", or "https://blog.example/?rest_route=/"
    where addresses are plain: all comments of the blog are read there, where comment feeds show ten."""


def _as_table(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `feeds`."""

    feeds: list[Annotated[FeedOptions, BeforeValidator(_as_table, json_schema_input_type=str | FeedOptions)]] = Field(
        min_length=1, examples=[["https://example.com/feed.xml"]]
    )
    """Addresses, or tables with `url` and what else is known of the feed."""
    watch_for: Duration = timedelta(days=3)
    """How long the comments of articles that name a brand are read."""
    comment_feeds_per_run: int = Field(default=20, ge=0)
    """Comment feeds read in one turn."""
    allow_private_hosts: list[str] = Field(default_factory=list)
    """Hosts of your own network that may be read; all others must be public."""
    allow_ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(default_factory=list)
    """Ports that may be read beside 80 and 443."""


class Feeds:
    """Reads a list of feeds, and the comments of the articles in them."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock
        self._named = naming(context.brands)
        rules = EgressRules(frozenset(options.allow_private_hosts), frozenset({80, 443, *options.allow_ports}))
        self._egress = Egress(rules, context.clock)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """A page for every feed and comment feed; one that fails does not keep the others from being read."""
        reading = Reading.at(cursor or {})
        reading.feeds = {feed.url: reading.feeds.get(feed.url) or FeedState() for feed in self._options.feeds}
        failures: list[tuple[str, CollectorError]] = []
        with self._egress.session(), FeedParser() as parser:
            for feed in self._options.feeds:
                try:
                    yield self._read_feed(feed, reading, parser)
                except CollectorError as error:
                    self._wait(reading.feeds[feed.url], error)
                    failures.append((feed.url, error))
                    yield Page(reading.cursor(), requests=self._asked())
            is_whole = yield from self._read_threads(reading, parser)
            for feed in self._options.feeds:
                try:
                    is_whole &= yield from self._read_blog(feed, reading)
                except CollectorError as error:
                    failures.append((feed.wordpress or feed.url, error))
        yield Page(reading.cursor(), complete=is_whole and not failures)
        if failures:
            raise self._summary(failures)

    def probe(self) -> str:
        """Read the first entries of every feed."""
        with self._egress.session(), FeedParser() as parser:
            counts = [len(self._entries(self._found(feed.url, FeedState()), parser)) for feed in self._options.feeds]
        return f"{len(counts)} feed(s) answer, with {sum(counts)} entries"

    def tariff(self) -> Tariff:
        """Free; one request for each feed."""
        return Tariff(requests_per_turn=len(self._options.feeds))

    @property
    def recheck_at_once(self) -> int:
        """Each is a request, to the page of an article."""
        return 20

    @property
    def rechecks_mentions_only(self) -> bool:
        """Articles that name nobody are let be."""
        return True

    def recheck(self, posts: Sequence[Post], state: Mapping[str, Any]) -> Recheck:  # noqa: ARG002  (answers at once)
        """Ask for the articles' own pages: one that answers "not found" or "gone" was taken back by its publisher.

        Nothing else says so: an entry that leaves a feed has only moved out.
        """
        pages = {post.external_id: urldefrag(post.url).url for post in posts if post.url}
        with self._egress.session():
            there = {page: self._is_there(page) for page in dict.fromkeys(pages.values())}
        kept = [name for name, page in pages.items() if there[page]]
        gone = {name: "deleted" for name, page in pages.items() if there[page] is False}
        return Recheck(kept=kept, gone=gone, requests=self._asked())

    def _is_there(self, page: str) -> bool | None:
        """Whether a page still stands; `None` where its server does not tell."""
        try:
            self._egress.fetch(page)
        except CollectorError as error:
            return False if error.status in (404, 410) else None
        return True

    def _summary(self, failures: list[tuple[str, CollectorError]]) -> CollectorError:
        """One error for all feeds that failed; permanent, or to be left alone, only when that holds for every feed."""
        errors = [error for _, error in failures]
        is_all = len(failures) == len(self._options.feeds)
        told = "; ".join(f"{host_of(url)}: {error}" for url, error in failures[:5])
        return CollectorError(
            f"{len(failures)} of {len(self._options.feeds)} feeds failed: {told}",
            permanent=is_all and all(error.permanent for error in errors),
            retry_after=min(error.retry_after or 0 for error in errors) or None if is_all else None,
        )

    # -- feeds ---------------------------------------------------------------------------------------------------------

    def _read_feed(self, feed: FeedOptions, reading: Reading, parser: FeedParser) -> Page:
        state = reading.feeds[feed.url]
        now = self._clock()
        if now.timestamp() < state.not_before:
            return Page(reading.cursor())
        answer = self._found(feed.url, state)
        if answer.status == 304:
            state.read_at = now.timestamp()
            return Page(reading.cursor(), requests=self._asked())
        answer, told = self._whole(answer, state, parser)
        entries = [
            readable(entry, host=host_of(feed.url), source=self.name, now=now, language=feed.language) for entry in told
        ]
        brands = (feed.brand,) if feed.brand else ()
        news, samples, gaps = self._news(entries, state, now)
        if feed.comments and not feed.wordpress:
            self._follow(entries, brands, reading)
        if feed.wordpress:
            self._blog(feed).note(entries, reading.blogs.setdefault(feed.wordpress, Place()))
        self._keep(answer, state, now)
        if any(entry.comments is not None and self._is_watched(entry, brands) for entry in entries):
            state.etag = state.modified = ""
        posts = [entry.article(brands, state.seen[entry.identifier][1]) for entry in news]
        return Page(reading.cursor(), posts, samples, gaps, requests=self._asked())

    def _news(
        self, entries: list[Entry], state: FeedState, now: datetime
    ) -> tuple[list[Entry], list[EngagementSample], list[Gap]]:
        """Entries that are new or changed, readings of their comment counts, and what moved out unseen."""
        at = now.timestamp()
        gaps = self._overflow(entries, state, now)
        news: list[Entry] = []
        samples: list[EngagementSample] = []
        for entry in entries:
            digest, first_at, comments = state.seen.pop(entry.identifier, ("", at, None))
            if digest != entry.digest:
                news.append(entry)
            if entry.comments is not None and entry.comments != comments:
                samples.append(EngagementSample(self.name, entry.identifier, now, Engagement(replies=entry.comments)))
            state.seen[entry.identifier] = [entry.digest, first_at, entry.comments]
        for stale in list(state.seen)[: -max(_KEPT_IDS, 2 * len(entries))]:
            del state.seen[stale]
        return news, samples, gaps

    def _overflow(self, entries: list[Entry], state: FeedState, now: datetime) -> list[Gap]:
        if not state.seen or not entries or any(entry.identifier in state.seen for entry in entries):
            return []
        since = from_epoch(state.read_at)
        oldest = min((entry.published_at for entry in entries if entry.published_at), default=now)
        reason = "every entry of a feed is new: others came and went in between"
        return [Gap(self.name, since, oldest, reason, 1 / len(self._options.feeds))] if oldest > since else []

    def _found(self, url: str, state: FeedState) -> Answer:
        """The feed at the address, or the one that the page there names."""
        answer = self._fetch(state.address or url, state)
        if answer.status == 304 or not is_page(answer.body, answer.headers.get("content-type", "")):
            return answer
        found = [address for address in feeds_of(answer.body, answer.url) if address != answer.url]
        if not found:
            return answer
        state.address, state.etag, state.modified = found[0], "", ""
        log.info("feed_found", source=self.name, page=url, feed=found[0])
        return self._fetch(found[0], state)

    def _fetch(self, url: str, state: FeedState) -> Answer:
        kinds = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
        headers = {"accept": kinds}
        if state.etag:
            headers["if-none-match"] = state.etag
        if state.modified:
            headers["if-modified-since"] = state.modified
        return self._egress.fetch(url, headers=headers)

    def _entries(self, answer: Answer, parser: FeedParser) -> list[dict[str, Any]]:
        content_type = answer.headers.get("content-type", "")
        if content_type.lower().startswith(_NO_FEED):
            raise CollectorError(f"{host_of(answer.url)} answered with {content_type!r:.60} and not with a feed")
        return parser.entries(answer.body, content_type, host_of(answer.url))

    def _whole(self, answer: Answer, state: FeedState, parser: FeedParser) -> tuple[Answer, list[dict[str, Any]]]:
        """An answer and its entries; Isso is asked again for those that it leaves out, and never whether it changed."""
        entries = self._entries(answer, parser)
        if not is_isso(entries):
            return answer, entries
        if answer.url != whole(answer.url):
            state.address = whole(answer.url)
            answer = self._fetch(state.address, state)
            entries = self._entries(answer, parser)
        return replace(answer, headers={}), entries

    def _keep(self, answer: Answer, state: FeedState, now: datetime) -> None:
        state.etag, state.modified = answer.headers.get("etag", ""), answer.headers.get("last-modified", "")
        state.read_at, state.not_before = now.timestamp(), 0.0

    def _wait(self, state: FeedState, error: CollectorError) -> None:
        """Leave a feed alone for as long as its server asked, whatever the schedule says."""
        log.warning("feed_failed", source=self.name, error=str(error))
        state.address = ""  # the page may name another one by now
        if error.retry_after:
            state.not_before = self._clock().timestamp() + error.retry_after

    # -- comments ------------------------------------------------------------------------------------------------------

    def _follow(self, entries: list[Entry], brands: tuple[str, ...], reading: Reading) -> None:
        """Note the comment feeds of articles that are about a brand."""
        for entry in entries:
            url = web_address(entry.comments_feed)
            if url is None or not self._is_watched(entry, brands):
                continue
            written_at = (entry.published_at or self._clock()).timestamp()
            thread = reading.threads.setdefault(url, Thread(entry.identifier, written_at))
            thread.comments, thread.brands, thread.language = entry.comments, list(brands), entry.language

    def _is_watched(self, entry: Entry, brands: tuple[str, ...]) -> bool:
        """Whether an article is about a brand, and new enough that its comments matter."""
        oldest = self._clock() - self._options.watch_for
        is_named = bool(brands) or (self._named is not None and self._named.search(entry.words) is not None)
        return is_named and (entry.published_at is None or entry.published_at >= oldest)

    def _read_threads(self, reading: Reading, parser: FeedParser) -> Generator[Page, None, bool]:
        """A page for every comment feed that is due; returns whether none is left to be read after all."""
        now = self._clock().timestamp()
        oldest = now - self._options.watch_for.total_seconds()
        reading.threads = {url: thread for url, thread in reading.threads.items() if thread.written_at >= oldest}
        due = [item for item in reading.threads.items() if item[1].has_grown and now >= item[1].state.not_before]
        due.sort(key=lambda item: item[1].state.read_at)
        failures = 0
        for url, thread in due[: self._options.comment_feeds_per_run]:
            try:
                yield self._read_thread(url, thread, reading, parser)
            except CollectorError as error:
                self._wait(thread.state, error)
                if error.permanent:
                    thread.state.not_before = thread.written_at + self._options.watch_for.total_seconds()
                else:
                    failures += 1
        return not failures

    def _read_blog(self, feed: FeedOptions, reading: Reading) -> Generator[Page, None, bool]:
        """The comments of a blog by its own interface; returns whether none is left."""
        if not feed.wordpress:
            return True
        place = reading.blogs.setdefault(feed.wordpress, Place())
        blog = self._blog(feed)
        is_whole = False
        for page in blog.read(self._egress, place, self._clock(), self._options.watch_for):
            is_whole = page.is_last
            yield Page(reading.cursor(), page.posts, quarantined=page.bad, requests=self._asked())
        return is_whole

    def _blog(self, feed: FeedOptions) -> Blog:
        return Blog(feed.wordpress or "", self.name, (feed.brand,) if feed.brand else (), feed.language)

    def reread(self, raw: bytes) -> list[Post]:
        """A comment of a blog that was set aside; entries of feeds never are, since all of them can be read."""
        return kept_entry(raw, self._read_comment)

    def _read_comment(self, comment: Any, of: str) -> Post:
        feed = next((feed for feed in self._options.feeds if feed.wordpress == of), None)
        if feed is None:
            raise ValueError(f"no feed of the configuration has the blog {of} any more")
        return self._blog(feed).comment(comment, self._clock(), {})

    def _read_thread(self, url: str, thread: Thread, reading: Reading, parser: FeedParser) -> Page:
        now, state = self._clock(), thread.state
        if thread.comments is not None:  # there are more by the article's feed, whatever this one says of its age
            state.etag = state.modified = ""
        answer = self._fetch(state.address or url, state)
        if answer.status == 304:
            state.read_at = now.timestamp()
            return Page(reading.cursor(), requests=self._asked())
        answer, told = self._whole(answer, state, parser)
        entries = [
            readable(entry, host=host_of(url), source=self.name, now=now, language=thread.language) for entry in told
        ]
        gaps = self._missed(thread, entries, now)
        news, _, overflow = self._news(entries, state, now)
        self._keep(answer, state, now)
        thread.comments_read = thread.comments
        posts = [entry.comment(thread.article, tuple(thread.brands), state.seen[entry.identifier][1]) for entry in news]
        return Page(reading.cursor(), posts, (), overflow or gaps, requests=self._asked())

    def _missed(self, thread: Thread, entries: list[Entry], now: datetime) -> list[Gap]:
        """A gap where the article has more comments than were read with those that its feed shows now."""
        seen = thread.state.seen
        before = (thread.comments_read or 0 if seen else 0) if thread.known is None else thread.known
        known = before + sum(entry.identifier not in seen for entry in entries)
        thread.known = max(known, thread.comments or 0)
        if thread.comments is None or thread.comments <= known:
            return []
        oldest = min((entry.published_at for entry in entries if entry.published_at), default=now)
        since = from_epoch(thread.written_at)
        share = (thread.comments - known) / thread.comments / len(self._options.feeds)
        reason = f"of {thread.comments} comments {thread.comments - known} were never in their feed"
        return [Gap(self.name, since, oldest, reason, share)] if oldest > since else []

    def _asked(self) -> int:
        asked, self._egress.requests = self._egress.requests, 0
        return asked


def build(options: Options, context: SourceContext) -> Feeds:
    """The source as configured."""
    return Feeds(options, context)
