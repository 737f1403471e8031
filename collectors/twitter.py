"""X (Twitter) by the v2 interface: recent search, conversations, and counts where posts may not all be read.

Limits: recent search reaches back seven days and gives at most 100 posts a request, newest first, some 30 s after they
were written; a query has at most 512 characters, so brands are packed into several; 450 searches and 300 counts in
15 minutes. Every post read is paid for, and a request for its author's account as much again and more, so posts are
read within a daily allowance; what it does not cover is counted (one paid request) and recorded as a gap. Since May
2026 search no longer returns reposts: how far a post was carried is in its `public_metrics` alone.

tweepy does the talking, in plain JSON. It is given a deadline, a limit of size and the address, all of which it lacks
(collectors/transport.py), and it never waits by itself: after a 429 without a reset time it would ask again at once,
without end.

With `stream` the filtered stream is listened to (collectors/twitter_stream.py), and only what it missed is searched.

Time is read in windows, oldest first; within a window X gives the newest first, page by page to the end, and each page
is committed with its token (tokens do not expire). After an absence the newest half hour is read first, then what was
missed, as far as the allowance goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import structlog
from pydantic import Field

from collectors.allowance import Allowance
from collectors.contract import CollectorError, Count, Page, Recheck, SourceContext, SourceOptions, Tariff
from collectors.twitter_client import Client
from collectors.twitter_jobs import JOB_AT_ONCE, begin_job, by_lookup, take_job
from collectors.twitter_queries import QUERY_LIMIT, asked_for
from collectors.twitter_shapes import Answer, answer_of, count_of, id_at, looked_up, moment_of, read_again
from collectors.twitter_state import DELAY, Reading, State, Thread, moment
from config.durations import Duration
from config.references import SecretReference
from storage.records import EngagementSample, Gap, Post

REACH = timedelta(days=7) - timedelta(minutes=2)
"""How far back recent search reaches, less the time that a request takes."""
SMALLEST_PAGE, LARGEST_PAGE = 10, 100
SEARCHES_PER_DAY = 450 * 4 * 24
DOLLARS_PER_POST, DOLLARS_PER_AUTHOR, DOLLARS_PER_COUNT = 0.005, 0.010, 0.005
HIGHEST = 5
"""Answers upon answers that are followed up from a post toward its root."""

log = structlog.get_logger(__name__)


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `twitter`."""

    bearer_token: SecretReference
    """The app's bearer token."""
    queries: list[Annotated[str, Field(min_length=1, max_length=QUERY_LIMIT)]] = Field(default_factory=list)
    """Queries of your own beside those made from the brands, in X's syntax, at most 512 characters each."""
    languages_only: bool = False
    """Whether only posts in the brands' languages are asked for."""
    reposts: bool = False
    """Whether reposts are asked for; search has not returned them since May 2026."""
    authors: bool = False
    """Whether the author's name and followers are asked for; X charges twice a post's price for each."""
    posts_per_day: int = Field(default=4000, ge=20)
    """Posts that may be read, and paid for, in any 24 hours."""
    lookback: Duration = timedelta(hours=1)
    """How far back the first turn reads, at most seven days."""
    overlap: Duration = timedelta(seconds=30)
    """How much is read again at every turn, for posts that were indexed late."""
    threads: int = Field(default=5, ge=0, le=50)
    """How many conversations are followed at a time, those with most answers first; 0 for none."""
    thread_replies: int = Field(default=20, ge=1)
    """Answers from which a conversation is followed."""
    watch_for: Duration = timedelta(days=1)
    """How long a conversation is followed."""
    watch_every: Duration = timedelta(minutes=15)
    """How often the growth of followed conversations is read."""
    recheck_by_lookup: int = Field(default=100, ge=0, le=1000)
    """Posts up to which each is looked up (paid, shows edits) to see whether it is still there; more go in one job."""
    stream: bool = False
    """Whether the filtered stream is listened to; only what it missed is searched for then."""
    backfill_minutes: int = Field(default=0, ge=0, le=5)
    """Minutes that the stream tells again after a break, where X's plan has that; 0 where it has not."""
    vocabulary: Literal["tweet", "post"] = "tweet"
    """Names of fields that X is asked with; its answers are understood in both."""
    base_url: str = Field(default="https://api.x.com", pattern=r"^https?://")
    """Address of the interface."""


class AllowanceSpentError(Exception):
    """No more posts may be read for now."""


class Twitter:
    """Reads posts that the brands' queries find, and the conversations that they set off."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock
        self._queries = asked_for(context, options.queries, QUERY_LIMIT, options.languages_only, options.reposts)
        self._client = Client(
            options.bearer_token, options.base_url, options.vocabulary, authors=options.authors, clock=context.clock
        )

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read every query to the end, or to the end of the allowance; then the followed conversations."""
        now = self._clock()
        reading = self._resumed(cursor or {}, now)
        with self._client.session():
            yield from self._read_all(reading, now)
            if self._options.threads:
                yield from self._read_threads(reading, now)
        yield Page(reading.cursor(), requests=self._client.asked(), complete=True)

    def probe(self) -> str:
        """Count the last day's posts of the first query (one paid request)."""
        if not self._queries:
            raise CollectorError(
                "there is nothing to ask X for: no brand and no queries are configured", permanent=True
            )
        end = (self._clock() - DELAY).replace(microsecond=0)
        with self._client.session():
            total = count_of(self._client.count(self._queries[0], end - timedelta(days=1), end))
        return f"X answers: {total} posts of the last day match the first of {len(self._queries)} queries"

    def tariff(self) -> Tariff:
        """Prices of 2026; 450 searches in 15 minutes."""
        return Tariff(
            requests_per_turn=len(self._queries),
            requests_per_day=SEARCHES_PER_DAY,
            posts_per_day=self._options.posts_per_day,
            dollars_per_post=DOLLARS_PER_POST + (DOLLARS_PER_AUTHOR if self._options.authors else 0.0),
            dollars_per_count=DOLLARS_PER_COUNT,
        )

    def count(self, cursor: Mapping[str, Any] | None) -> Count:
        """Posts behind the cursor, one paid request for each query."""
        now = self._clock()
        reading, end = self._resumed(cursor or {}, now), (now - DELAY).replace(microsecond=0)
        total = 0
        with self._client.session():
            for query, state in reading.queries.items():
                start = max(moment(state.read_until), _second(now - REACH) + timedelta(seconds=1))
                total += count_of(self._client.count(query, start, end)) if start < end else 0
            return Count(total, self._client.asked())

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        """The root and what the post answers by lookup, its conversation by search, in X's order of relevance."""
        now, root = self._clock(), post.thread_id or post.external_id
        with self._client.session():
            above = list(dict.fromkeys(name for name in (root, post.parent_id) if name))
            yield self._above(above, now)
            since = max(_second(moment_of(int(root))), _second(now - REACH) + timedelta(seconds=1))
            order: dict[str, Any] = {"start_time": since, "sort_order": "relevancy"}
            token, left = "", most
            while left > 0 and since < now - DELAY:
                size = min(max(left, SMALLEST_PAGE), LARGEST_PAGE)
                found = self._client.search(f"conversation_id:{root}", now - DELAY, size, token, **order)
                answer = answer_of(found, self.name, now)
                yield Page({}, answer.posts, quarantined=answer.bad, requests=self._client.asked())
                left -= answer.given
                if answer.token in (None, token):
                    return
                token = answer.token or ""

    def _above(self, names: list[str], now: datetime) -> Page:
        """Posts by id, and what they answer, up to the root."""
        found: dict[str, Post] = {}
        for _ in range(HIGHEST):
            posts = looked_up(self._client.lookup(names), self.name, now)
            found |= {post.external_id: post for post in posts}
            names = [post.parent_id for post in posts if post.parent_id and post.parent_id not in found]
            if not names:
                break
        return Page({}, list(found.values()), requests=self._client.asked())

    @property
    def recheck_at_once(self) -> int:
        """As many as one job takes."""
        return JOB_AT_ONCE

    @property
    def rechecks_mentions_only(self) -> bool:
        """Whatever is stored is to be kept up to date."""
        return False

    def recheck(self, posts: Sequence[Post], state: Mapping[str, Any]) -> Recheck:
        """By lookup for a few; by a compliance job for many, whose answer comes at a later call."""
        with self._client.session():
            if state:
                return take_job(self._client, state)
            if len(posts) <= self._options.recheck_by_lookup:
                return by_lookup(self._client, posts, self.name, self._clock())
            try:
                return begin_job(self._client, posts)
            except CollectorError as error:
                if error.status != 403 or not self._options.recheck_by_lookup:
                    raise
                log.warning("compliance_jobs_refused", source=self.name, error=str(error))
                return by_lookup(self._client, posts[: self._options.recheck_by_lookup], self.name, self._clock())

    # -- queries -------------------------------------------------------------------------------------------------------

    def reread(self, raw: bytes) -> list[Post]:
        """A post that was set aside, of a search or of the stream."""
        return read_again(raw, self.name, self._clock())

    def _resumed(self, cursor: Mapping[str, Any], now: datetime) -> Reading:
        """The reading that the cursor tells; a query that is new takes over from those that it has replaced."""
        kept = {query: State(**state) for query, state in cursor.get("queries", {}).items()}
        missed = {query: [State(**state) for state in states] for query, states in cursor.get("missed", {}).items()}
        left = [*kept.items(), *((query, state) for query, states in missed.items() for state in states)]
        replaced = [moment(state.read_until) for query, state in left if query not in self._queries]
        start = min([now - min(self._options.lookback, REACH), *replaced]).replace(microsecond=0).isoformat()
        states = {query: kept.get(query) or State(start) for query in self._queries}
        threads = {
            name: Thread(**{**thread, "state": State(**thread["state"])})
            for name, thread in cursor.get("threads", {}).items()
        }
        allowance = Allowance.of(cursor.get("allowance"), self._options.posts_per_day, now)
        missed = {query: spans for query, spans in missed.items() if query in states}
        return Reading(states, threads, allowance, cursor.get("grown_at", 0.0), missed, frozenset(kept))

    def _read_all(self, reading: Reading, now: datetime) -> Iterator[Page]:
        """The newest of all queries first, then what was missed of them, oldest first."""
        self._leap(reading, now)
        for query, state in reading.queries.items():
            yield from self._read(query, state, reading, now)
        yield from self._catch_up(reading, now)

    def _leap(self, reading: Reading, now: datetime) -> None:
        for query, state in reading.queries.items():
            if query in reading.known and (missed := state.leap(now)) is not None:
                reading.missed.setdefault(query, []).append(missed)

    def _catch_up(self, reading: Reading, now: datetime) -> Iterator[Page]:
        """What was missed, as far as the allowance goes."""
        waiting = [(query, state) for query, states in reading.missed.items() for state in states]
        for query, state in sorted(waiting, key=lambda each: each[1].read_until):
            end = moment(state.until)
            yield from self._beyond_reach(state, reading, now)
            try:
                while moment(state.read_until) < end and state.open_window(end + DELAY):
                    yield from self._window(query, state, reading, now)
            except AllowanceSpentError:
                yield self._given_up(query, state, reading, end + DELAY)
            reading.caught_up(query, state)

    def _read(
        self, query: str, state: State, reading: Reading, now: datetime, end: datetime | None = None
    ) -> Iterator[Page]:
        """Read a query up to now, or as it would be read at the moment `end`."""
        yield from self._beyond_reach(state, reading, now)
        while state.open_window(end or now):
            try:
                yield from self._window(query, state, reading, now)
            except AllowanceSpentError:
                yield self._given_up(query, state, reading, now)

    def _beyond_reach(self, state: State, reading: Reading, now: datetime) -> Iterator[Page]:
        """A gap for what is older than search reaches, and the state moved to where it does."""
        bound = (now - REACH).replace(microsecond=0)
        bound = min(bound, moment(state.until)) if state.until else bound
        if moment(state.read_until) >= bound:
            return
        reason = "older than the seven days that search reaches"
        gap = Gap(self.name, moment(state.read_until), bound, reason, 1 / len(self._queries))
        state.read_until, state.since_id, state.window_end = bound.isoformat(), 0, ""
        yield Page(reading.cursor(), gaps=[gap])

    def _window(self, query: str, state: State, reading: Reading, now: datetime) -> Iterator[Page]:
        seen = {state.token}
        while True:
            answer = self._page(query, state, reading, now)
            if not state.token:  # the window's beginning, or its beginning anew
                seen = {""}
            reading.allowance.spend(answer.given)
            state.newest, state.given = max(state.newest, answer.newest), state.given + answer.given
            gaps = self._short(answer, state)
            is_loop = answer.token in seen
            if answer.token is None:
                state.close_window()
            else:
                state.token = "" if is_loop else answer.token
                seen.add(answer.token)
            self._follow(answer.posts, reading)
            yield Page(reading.cursor(), answer.posts, (), gaps, answer.bad, self._client.asked())
            if is_loop:
                raise CollectorError(
                    "X gave the token of a page that was read already; the window is read anew next turn"
                )
            if answer.token is None:
                return

    def _page(self, query: str, state: State, reading: Reading, now: datetime) -> Answer:
        left = int(reading.allowance.left)
        if left < SMALLEST_PAGE:
            raise AllowanceSpentError
        floor: dict[str, Any] = {"start_time": moment(state.read_until)}
        since_id = state.since_id - (int(self._options.overlap / timedelta(milliseconds=1)) << 22)
        if state.since_id and moment_of(max(since_id, 0)) > now - REACH:
            floor = {"since_id": since_id}
        ask = self._client.search
        end, size = moment(state.window_end), min(left, LARGEST_PAGE)
        try:
            return answer_of(ask(query, end, size, state.token, **floor), self.name, now)
        except CollectorError as error:
            if not (state.token and error.status == 400):
                raise
            log.warning("token_refused", source=self.name, query=query)
            state.token = ""
            return answer_of(ask(query, end, size, "", **floor), self.name, now)

    def _short(self, answer: Answer, state: State) -> list[Gap]:
        """A gap where X announced more posts than it gave."""
        if answer.announced <= answer.given:
            return []
        share = (answer.announced - answer.given) / answer.announced / len(self._queries)
        reason = "a page held fewer posts than it announced"
        return [Gap(self.name, moment(state.read_until), moment(state.window_end), reason, share)]

    def _given_up(self, query: str, state: State, reading: Reading, now: datetime) -> Page:
        """A gap for the rest of the windows: reading goes on with what is new, which matters more than what is old."""
        start, end = moment(state.read_until), (now - DELAY).replace(microsecond=0)
        total = count_of(self._client.count(query, start, end))
        share = max(1 - state.given / total, 0.0) if total else 0.0
        gap = Gap(self.name, start, end, "the allowance of posts_per_day is spent", share / len(self._queries))
        log.warning("allowance_spent", source=self.name, posts=total, read=state.given)
        state.window_end = end.isoformat()
        state.close_window()
        return Page(reading.cursor(), gaps=[gap] if share else [], requests=self._client.asked())

    # -- conversations -------------------------------------------------------------------------------------------------

    def _follow(self, posts: list[Post], reading: Reading) -> None:
        """Note the conversations whose first post has enough answers, or in which enough answers were found."""
        for post in posts:
            thread, replies = post.thread_id, post.engagement.replies or 0
            if thread == post.external_id and replies >= self._options.thread_replies:
                fresh = Thread(State(_second(post.created_at).isoformat()))
                reading.threads.setdefault(thread, fresh).replies = replies

    def _read_threads(self, reading: Reading, now: datetime) -> Iterator[Page]:
        reading.threads = self._still_followed(reading.threads, now)
        if reading.threads and now.timestamp() - reading.grown_at >= self._options.watch_every.total_seconds():
            yield self._growth(reading, now)
        for name, thread in list(reading.threads.items()):
            if thread.is_to_be_read:
                replies = thread.replies
                try:
                    while thread.state.open_window(now):
                        yield from self._window(f"conversation_id:{name}", thread.state, reading, now)
                except AllowanceSpentError:
                    return
                thread.replies_read = replies

    def _still_followed(self, threads: dict[str, Thread], now: datetime) -> dict[str, Thread]:
        oldest = id_at(now - self._options.watch_for)
        young = [item for item in threads.items() if int(item[0]) >= oldest]
        return dict(sorted(young, key=lambda item: -item[1].replies)[: self._options.threads])

    def _growth(self, reading: Reading, now: datetime) -> Page:
        """How the first posts of followed conversations stand now; those that are gone are followed no longer."""
        posts: list[Post] = []
        if reading.allowance.left >= len(reading.threads):
            found = looked_up(self._client.lookup(list(reading.threads)), self.name, now)
            reading.allowance.spend(len(found))
            posts = [post for post in found if post.external_id in reading.threads]
            reading.threads = {post.external_id: reading.threads[post.external_id] for post in posts}
        for post in posts:
            reading.threads[post.external_id].replies = post.engagement.replies or 0
        reading.grown_at = now.timestamp()
        samples = [EngagementSample(self.name, post.external_id, now, post.engagement) for post in posts]
        return Page(reading.cursor(), posts, samples, requests=self._client.asked())


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def build(options: Options, context: SourceContext) -> Twitter:
    """The source as configured."""
    if options.stream:
        from collectors.twitter_stream import StreamedTwitter  # noqa: PLC0415  (it is made from this one)

        return StreamedTwitter(options, context)
    return Twitter(options, context)
