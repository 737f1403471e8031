"""Reddit: submissions that a search finds, the comments of named subreddits, and the threads that they belong to.

Limits: the free tier allows 100 requests a minute per client, counted over ten minutes, and any use needs Reddit's
approval. A listing ends after about 1,000 entries, a search after about 250, 100 a request, newest first; there is no
search in comments and none by time. So a listing that ends before it reaches what was read the turn before is a gap.
r/all gives search but no dependable stream of comments: comments are read from named subreddits, and from the threads
of submissions that were found. A thread is read to `more_per_thread` requests beyond its first 500 comments; what is
left out is a gap. Nothing here counts views.

praw does the talking, but prawcore beneath it sleeps before requests as the rate limit's headers tell it (up to ten
minutes), tries again after failures with further sleeps, and praw asks PyPI for news of itself. All three are switched
off: the headers are read and kept from it, and a failure comes up as an error that it does not know, which it passes on
at once. When to ask again is decided by the one who schedules. Listings are taken as plain JSON: made into praw's
objects, one odd entry would make the whole page unreadable. Threads are praw's own, for it knows how to fetch the
comments that are left out at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import structlog
from pydantic import Field

from collectors.contract import CollectorError, Page, Recheck, SourceContext, SourceOptions, Tariff
from collectors.moments import from_epoch
from collectors.queries import Dialect, queries
from collectors.reddit_client import LOOKED_UP_AT_ONCE, Client, UnreadableError, asked_of
from collectors.reddit_shapes import Found, Things, found_in, gone_in, is_gone, post_of
from collectors.rounds import Listing, Reading, Round, kept_entry
from collectors.terms import naming
from config.durations import Duration
from config.references import SecretReference
from storage.records import EngagementSample, Gap, Post

REQUESTS_PER_DAY = 100 * 60 * 24
SEARCH_ENDS_AFTER, LISTING_ENDS_AFTER = 225, 950
"""Entries after which the end of a listing is taken to be Reddit's and not the posts'."""

_DIALECT = Dialect(limit=500, exclude="-{}", both=" AND ")

log = structlog.get_logger(__name__)


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `reddit`."""

    client_id: SecretReference
    """The app's client id."""
    client_secret: SecretReference
    """The app's secret."""
    user_agent: str = Field(default="python:tocsin (brand monitor)", min_length=7)
    """How the program calls itself to Reddit; its rules ask for the account's name in it."""
    subreddits: list[Annotated[str, Field(pattern=r"^\w{2,21}$")]] = Field(default_factory=list)
    """Subreddits (without r/) that are searched and whose comments are read."""
    search_all: bool = True
    """Whether all of Reddit is searched as well."""
    queries: list[Annotated[str, Field(min_length=1, max_length=500)]] = Field(default_factory=list)
    """Queries of your own beside those made from the brands, in Reddit's syntax."""
    lookback: Duration = timedelta(days=1)
    """How far back the first turn reads."""
    overlap: Duration = timedelta(minutes=10)
    """How much is read again at every turn, for posts that were indexed late."""
    watch_for: Duration = timedelta(days=2)
    """How long the score and comments of found submissions are followed."""
    watch_at_most: int = Field(default=200, ge=0, le=1000)
    """How many submissions are followed at a time, newest first."""
    threads_per_run: int = Field(default=20, ge=0)
    """Threads of which comments are read in one turn, those that grew most first."""
    more_per_thread: int = Field(default=4, ge=0)
    """Requests for further comments of one thread."""
    oauth_url: str = Field(default="https://oauth.reddit.com", pattern=r"^https?://")
    """Address of the interface."""
    reddit_url: str = Field(default="https://www.reddit.com", pattern=r"^https?://")
    """Address where the app signs in."""


class Reddit:
    """Reads submissions, comments, and how threads grow."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock
        self._named = naming(context.brands)
        asked = list(dict.fromkeys((*queries(context.brands, _DIALECT), *options.queries)))
        self._listings = _listings(options, asked)
        self._client = Client(options, context.clock)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read every listing back to where it was read before; then how the found threads have grown."""
        now = self._clock()
        first = (now - self._options.lookback).timestamp()
        reading = Reading.at(_of_rounds(cursor or {}), self._listings, first)
        with self._client.session():
            for listing in self._listings:
                yield from self._read(listing, reading, now)
            yield from self._read_threads(reading, now)
        yield Page(reading.cursor(), requests=self._client.asked(), complete=True)

    def probe(self) -> str:
        """Sign in and read one entry."""
        if not self._listings:
            raise CollectorError(
                "there is nothing to ask Reddit for: no brand, no queries, no subreddits", permanent=True
            )
        with self._client.session():
            self._client.listing(self._listings[0].path, asked_of(self._listings[0], Round(0.0), self._clock()))
        return f"Reddit accepts the app; {len(self._listings)} listing(s) to read"

    def tariff(self) -> Tariff:
        """Free within 100 requests a minute."""
        return Tariff(requests_per_turn=len(self._listings) + 1, requests_per_day=REQUESTS_PER_DAY)

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        """The submission, then its comments as Reddit ranks them, with what the post answers among them."""
        now, root = self._clock(), post.thread_id or post.external_id
        with self._client.session():
            names = list(dict.fromkeys(name for name in (root, post.parent_id) if name))
            found = found_in(self._client.looked_up(names), self.name, now)
            yield Page({}, found.posts, quarantined=found.bad, requests=self._client.asked())
            comments, _ = self._client.comments(root, 0, sort="top", most=min(max(most, 1), 500))
            found = found_in(comments, self.name, now)
            ranked = sorted(found.posts, key=lambda each: -(each.engagement.likes or 0))[:most]
            yield Page({}, ranked, quarantined=found.bad, requests=self._client.asked())

    @property
    def recheck_at_once(self) -> int:
        """Ten requests' worth."""
        return 10 * LOOKED_UP_AT_ONCE

    @property
    def rechecks_mentions_only(self) -> bool:
        """Whatever is stored is to be kept up to date."""
        return False

    def recheck(self, posts: Sequence[Post], state: Mapping[str, Any]) -> Recheck:  # noqa: ARG002  (answers at once)
        """Look the posts up, a hundred a request; what Reddit does not know any more, or shows emptied, is gone."""
        names = [post.external_id for post in posts]
        with self._client.session():
            things = list(self._client.looked_up(names).things)
        now = self._clock()
        gone = gone_in(names, things)
        found = found_in(Things(things), self.name, now).posts
        there = [post for post in found if post.external_id not in gone]
        return Recheck(there, gone=gone, requests=self._client.asked())

    def reread(self, raw: bytes) -> list[Post]:
        """A submission or comment that was set aside."""
        now = self._clock()
        return kept_entry(raw, lambda thing, _: None if is_gone(thing) else post_of(thing, self.name, now))

    # -- listings ------------------------------------------------------------------------------------------------------

    def _read(self, listing: Listing, reading: Reading, now: datetime) -> Iterator[Page]:
        state = reading.rounds[listing.key]
        state.begin(now.timestamp(), self._options.overlap.total_seconds())
        seen, is_resumed = {state.place}, bool(state.place)
        while True:
            found = self._page(listing, state, now)
            if is_resumed and not found.posts and not found.bad:
                state.begin_anew(now.timestamp())
                seen, is_resumed = {""}, False
                continue
            is_resumed = False
            is_loop = bool(found.after) and found.after in seen
            gaps, ended = self._advance(listing, state, found, now, is_loop=is_loop)
            seen.add(found.after)
            posts = self._about_brands(found.posts, listing, reading)
            yield Page(reading.cursor(), posts, (), gaps, found.bad, self._client.asked())
            if is_loop:
                raise CollectorError(f"Reddit gave the same page of {listing.path} twice; it is read anew next turn")
            if ended:
                return

    def _page(self, listing: Listing, state: Round, now: datetime) -> Found:
        return found_in(self._client.listing(listing.path, asked_of(listing, state, now)), self.name, now)

    def _advance(
        self, listing: Listing, state: Round, found: Found, now: datetime, *, is_loop: bool
    ) -> tuple[list[Gap], bool]:
        """Move the state past a page; returns gaps, and whether the round is over."""
        state.newest, state.seen = max(state.newest, found.newest), state.seen + found.given
        if is_loop:
            state.begin_anew(now.timestamp())
            return [], True
        if found.after and (found.given == 0 or found.oldest > state.floor):
            state.place = found.after
            return [], False
        gaps = [] if found.oldest <= state.floor else self._cut(listing, state, found)
        state.end()
        return gaps, True

    def _cut(self, listing: Listing, state: Round, found: Found) -> list[Gap]:
        """A gap where the listing was so long that Reddit ended it before what was read the turn before."""
        if listing.ends_after is None or state.seen < listing.ends_after or not found.given:
            return []
        reason = f"Reddit ends {listing.path} after {state.seen} entries"
        log.warning("listing_ended_early", source=self.name, listing=listing.key, entries=state.seen)
        return [Gap(self.name, from_epoch(state.floor), from_epoch(found.oldest), reason, 1 / len(self._listings))]

    def _about_brands(self, posts: Sequence[Post], listing: Listing, reading: Reading) -> list[Post]:
        """The posts of a search; of a subreddit's comments those that name a brand. The threads of all are followed."""
        named = self._named
        kept = [post for post in posts if listing.query or (named is not None and named.search(post.text))]
        for post in kept:
            if post.thread_id:
                reading.threads.setdefault(post.thread_id, [post.created_at.timestamp(), 0])
        return kept

    # -- threads -------------------------------------------------------------------------------------------------------

    def _read_threads(self, reading: Reading, now: datetime) -> Iterator[Page]:
        oldest = (now - self._options.watch_for).timestamp()
        young = sorted((item for item in reading.threads.items() if item[1][0] >= oldest), key=lambda item: -item[1][0])
        reading.threads = dict(young[: self._options.watch_at_most])
        if not reading.threads:
            return
        roots = found_in(self._client.looked_up(list(reading.threads)), self.name, now).posts
        reading.threads = {post.external_id: reading.threads[post.external_id] for post in roots}
        samples = [EngagementSample(self.name, post.external_id, now, post.engagement) for post in roots]
        yield Page(reading.cursor(), roots, samples, requests=self._client.asked())
        grown = {post.external_id: (post.engagement.replies or 0) for post in roots}
        for thread in self._most_grown(reading, grown):
            try:
                yield self._comments(thread, grown, reading, now)
            except CollectorError as error:
                if not (isinstance(error, UnreadableError) or error.status in (403, 404)):
                    raise
                yield self._closed(thread, grown, reading, now, error)

    def _closed(
        self, thread: str, counts: Mapping[str, int], reading: Reading, now: datetime, error: CollectorError
    ) -> Page:
        """A gap for a thread that cannot be read, which is left alone until it grows further."""
        log.warning("thread_unreadable", source=self.name, thread=thread, error=str(error))
        share = (counts[thread] - reading.threads[thread][1]) / sum(counts.values())
        reading.threads[thread][1] = counts[thread]
        since = from_epoch(reading.threads[thread][0])
        gap = Gap(self.name, since, now, f"the comments of {thread} cannot be read", share)
        return Page(reading.cursor(), gaps=[gap], requests=self._client.asked())

    def _most_grown(self, reading: Reading, counts: Mapping[str, int]) -> list[str]:
        growth = {name: count - reading.threads[name][1] for name, count in counts.items()}
        grown = [name for name in sorted(growth, key=lambda name: -growth[name]) if growth[name] > 0]
        return grown[: self._options.threads_per_run]

    def _comments(self, thread: str, counts: Mapping[str, int], reading: Reading, now: datetime) -> Page:
        comments, missing = self._client.comments(thread, self._options.more_per_thread)
        found = found_in(comments, self.name, now)
        gaps = []
        if missing:
            share = min(missing / max(sum(counts.values()), missing), 1.0)
            since = min((post.created_at for post in found.posts), default=now)
            reason = f"comments of {thread} were left out, see more_per_thread"
            gaps = [Gap(self.name, min(since, now), now, reason, share)]
        reading.threads[thread][1] = counts[thread]
        return Page(reading.cursor(), found.posts, (), gaps, found.bad, self._client.asked())


def _of_rounds(cursor: Mapping[str, Any]) -> Mapping[str, Any]:
    """A cursor as it is kept now; the earlier form called rounds `listings`, and the place in one `after`."""
    if "listings" not in cursor:
        return cursor
    rounds = {key.strip(): _as_round(**state) for key, state in cursor["listings"].items()}
    return {"rounds": rounds, "threads": cursor.get("threads", {})}


def _as_round(*, read_until: float, after: str, newest: float, seen: int) -> dict[str, Any]:
    return {"read_until": read_until, "floor": read_until, "place": after, "newest": newest, "seen": seen}


def _listings(options: Options, asked: Sequence[str]) -> list[Listing]:
    places = ["+".join(options.subreddits)] if options.subreddits else []
    searched = [*places, *(["all"] if options.search_all else [])]
    found = [Listing(f"r/{place}/search", query, SEARCH_ENDS_AFTER) for place in searched for query in asked]
    return found + [Listing(f"r/{place}/comments", ends_after=LISTING_ENDS_AFTER) for place in places]


def build(options: Options, context: SourceContext) -> Reddit:
    """The source as configured."""
    return Reddit(options, context)
