"""A source that is read by lists, newest first, and by the threads that were found in them.

What is the same for Mastodon, Bluesky, forums and the like stands here: rounds that may be broken off, gaps where a
platform ends a list early, threads whose growth is followed. What is not (addresses, shapes, limits) is a `Platform`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol

import structlog
from pydantic import Field

from collectors.contract import CollectorError, Page, Recheck, SourceContext, SourceOptions, Tariff
from collectors.interface import Interface
from collectors.moments import from_epoch
from collectors.rounds import ODD, Found, Listing, Reading, ReadsEntries, Round, filed_as, kept_entry
from collectors.terms import naming
from config.durations import Duration
from storage.records import EngagementSample, Gap, Post

log = structlog.get_logger(__name__)

_LONGEST_PLACE = 2_000
_OF_ONE_LIST = (400, 403, 404, 410, 422)
"""Refusals that may concern one list alone: the others are read before they are told."""


class ListedOptions(SourceOptions):
    """Keys that every source of lists has."""

    queries: list[Annotated[str, Field(min_length=1, max_length=500)]] = Field(default_factory=list)
    """Queries of your own beside those made from the brands, in the platform's syntax."""
    lookback: Duration = timedelta(days=1)
    """How far back the first turn reads."""
    overlap: Duration = timedelta(minutes=10)
    """How much is read again at every turn, for posts that were indexed late."""
    pages_per_run: int = Field(default=50, ge=1)
    """Pages of lists read in one turn; what is left is read in the next."""
    watch_for: Duration = timedelta(days=2)
    """How long the engagement and answers of what was found are followed."""
    watch_at_most: int = Field(default=100, ge=0, le=1000)
    """How many threads are followed at a time, newest first."""
    threads_per_run: int = Field(default=20, ge=0)
    """Threads of which answers are read in one turn, those that grew most first."""


class Platform(Protocol):
    """What a source of lists knows of its platform. Each question is one or more requests, all inside `session`."""

    service: str
    """Its name in messages."""
    kept: dict[str, Any]
    """What it keeps in the cursor beside the rest: JSON types, read and written inside `session`."""
    requests_per_day: int | None
    """What its limits come to in a day, `None` where it states none."""
    at_once: int
    """How many posts are looked up in one recheck at the most."""
    counts_below: bool
    """Whether a post's number of answers counts those to its answers too."""

    def session(self) -> AbstractContextManager[None]:
        """Be signed in for the questions inside."""

    def asked(self) -> int:
        """Requests since this was last asked."""

    def page(self, listing: Listing, state: Round) -> Found:
        """The page of a list at `state.place`; what is older than `state.floor` is not needed."""

    def looked_up(self, names: Sequence[str]) -> Found:
        """Posts as they stand now; those that are gone are missing."""

    def replies(self, root: Post, unread: int) -> Found:
        """The answers in a thread, of which so many are new."""

    def probe(self, listing: Listing) -> str:
        """One sentence on what the platform says."""


class Asked:
    """What is the same of platforms that are asked through an `Interface`."""

    counts_below = True

    def __init__(self, interface: Interface, context: SourceContext) -> None:
        self.kept: dict[str, Any] = {}
        self._interface, self._source, self._clock = interface, context.name, context.clock

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep a connection for the questions inside."""
        self.prepare()
        with self._interface.session():
            yield

    def prepare(self) -> None:
        """Read the secrets, at every session anew, so that they may be rotated."""

    def asked(self) -> int:
        """Requests since this was last asked."""
        return self._interface.asked()


class SpentError(Exception):
    """The platform's allowance permits no further question for now; what is left is read when it has filled up."""


class Listed:
    """Reads the lists of a platform, and the threads that were found in them."""

    def __init__(
        self, platform: Platform, listings: Sequence[Listing], options: ListedOptions, context: SourceContext
    ) -> None:
        self.name = context.name
        self._platform, self._listings, self._options = platform, listings, options
        self._clock = context.clock
        self._named = naming(context.brands)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read every list back to what is known; then how the threads have grown."""
        now = self._clock()
        reading = Reading.at(cursor or {}, self._listings, (now - self._options.lookback).timestamp())
        failures: list[CollectorError] = []
        left = self._options.pages_per_run
        self._platform.kept = reading.kept
        with self._platform.session():
            for listing in self._listings:
                try:
                    left = yield from self._read(listing, reading, now, left)
                except SpentError:
                    left = 0
                except CollectorError as error:
                    failures.append(self._of_one_list(error, listing))
                except ODD as error:
                    failures.append(self._senseless(error))
            try:
                yield from self._read_threads(reading, now)
            except SpentError:
                left = 0
            except ODD as error:
                failures.append(self._senseless(error))
        if failures:
            yield Page(reading.cursor(), requests=self._platform.asked())
            raise failures[0]
        yield Page(reading.cursor(), requests=self._platform.asked(), complete=left > 0)

    def _senseless(self, error: Exception) -> CollectorError:
        return CollectorError(f"{self._platform.service} gave an answer that makes no sense: {error!r:.200}")

    def probe(self) -> str:
        """Ask for something small."""
        if not self._listings:
            raise CollectorError(
                f"there is nothing to ask {self._platform.service} for: no brand, no queries and no lists",
                permanent=True,
            )
        with self._platform.session():
            return self._platform.probe(self._listings[0])

    def tariff(self) -> Tariff:
        """Free; a turn asks once for every list, and once for the threads that are followed."""
        return Tariff(len(self._listings) + 1, self._platform.requests_per_day)

    # -- posts and threads that are asked for --------------------------------------------------------------------------

    @property
    def recheck_at_once(self) -> int:
        """Posts in one call."""
        return self._platform.at_once

    @property
    def rechecks_mentions_only(self) -> bool:
        """Looking up is paid for in requests, so only what matters is looked up."""
        return True

    def recheck(self, posts: Sequence[Post], _state: Mapping[str, Any]) -> Recheck:
        """Look the posts up; what is missing from an answer of which all could be read is gone."""
        names = [post.external_id for post in posts]
        try:
            with self._platform.session():
                found = self._platform.looked_up(names)
        except SpentError:
            return Recheck(requests=self._platform.asked())
        present = {post.external_id: post for post in found.posts}
        missing = [] if found.bad else [name for name in names if name not in present and name not in found.untold]
        there = [filed_as(present[post.external_id], post) for post in posts if post.external_id in present]
        return Recheck(there, gone=dict.fromkeys(missing, "deleted"), requests=self._platform.asked())

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        """The root of the post's thread, and its answers: those that lead to the post, then the most engaged."""
        with self._platform.session():
            for root in self._platform.looked_up([post.thread_id or post.external_id]).posts[:1]:
                yield Page({}, [root], requests=self._platform.asked())
                found = self._platform.replies(root, most)
                yield Page({}, _telling(found.posts, post, most), (), (), found.bad, self._platform.asked())

    def reread(self, raw: bytes) -> list[Post]:
        """An entry that was set aside, of a platform that can read it apart from its list; no other keeps one."""
        if not isinstance(self._platform, ReadsEntries):
            raise CollectorError(f"{self._platform.service} cannot be read by single entries")
        return kept_entry(raw, self._platform.read)

    # -- lists ---------------------------------------------------------------------------------------------------------

    def _of_one_list(self, error: CollectorError, listing: Listing) -> CollectorError:
        if error.status not in _OF_ONE_LIST or len(self._listings) == 1:
            raise error
        log.warning("list_refused", source=self.name, list=listing.key, error=str(error))
        return CollectorError(
            f"{listing.key}: {error}", permanent=error.permanent, retry_after=error.retry_after, status=error.status
        )

    def _read(self, listing: Listing, reading: Reading, now: datetime, left: int) -> Generator[Page, None, int]:
        """Pages back to what is known, at most `left`; returns how many of them were not needed.

        A round that was broken off is read to its end first, and then what was written since it was begun.
        """
        state = reading.rounds[listing.key]
        rounds = 2 if state.place else 1
        for _ in range(rounds):
            left = yield from self._round(listing, reading, now, left)
            if not left:
                return 0
        return left

    def _round(self, listing: Listing, reading: Reading, now: datetime, left: int) -> Generator[Page, None, int]:
        """A round, or the rest of one."""
        state = reading.rounds[listing.key]
        state.begin(now.timestamp(), self._options.overlap.total_seconds())
        seen, is_resumed = {state.place}, bool(state.place)
        while left:
            found = self._resumed(listing, state, now) if is_resumed else self._platform.page(listing, state)
            seen, is_resumed = seen if state.place else {""}, False
            left -= 1
            if not _can_be_asked_for(found.place):
                raise CollectorError(f"{self._platform.service} gave a next page of {listing.key} that cannot be one")
            is_loop = bool(found.place) and found.place in seen
            seen.add(found.place)
            posts = state.note(found)
            gaps = self._advance(listing, state, found)
            self._follow(posts, listing, reading)
            if is_loop:
                state.begin_anew(now.timestamp())
            yield Page(reading.cursor(), posts, (), gaps, found.bad, self._platform.asked())
            if is_loop:
                message = f"{self._platform.service} gave the same page of {listing.key} twice; anew next turn"
                raise CollectorError(message)
            if not state.place:
                return max(left, 1)
        return 0

    def _resumed(self, listing: Listing, state: Round, now: datetime) -> Found:
        """The page at which a round was broken off; the round is begun anew where that place is known no longer."""
        try:
            found = self._platform.page(listing, state)
        except CollectorError as error:
            if error.status not in (400, 404, 422):
                raise
            log.warning("place_refused", source=self.name, list=listing.key, error=str(error))
            found = Found()
        except ODD as error:  # a place that makes no sense would keep the list from being read for ever
            log.warning("place_refused", source=self.name, list=listing.key, error=repr(error))
            found = Found()
        if found.given or found.place:
            return found
        state.begin_anew(now.timestamp())
        return self._platform.page(listing, state)

    def _advance(self, listing: Listing, state: Round, found: Found) -> list[Gap]:
        """Move the round past a page, to its end where the page reaches what is known; a gap where it never will."""
        is_known, is_cut = found.last <= state.floor, self._is_cut(listing, state)
        if found.place and not is_known and not is_cut:
            return []
        gaps = []
        if found.posts and not is_known and is_cut:
            reason = f"{self._platform.service} ends {listing.key} after {state.seen} entries"
            log.warning("list_ended_early", source=self.name, list=listing.key, entries=state.seen)
            since, until = from_epoch(state.floor), from_epoch(found.last)
            gaps = [Gap(self.name, since, until, reason, 1 / len(self._listings))]
        state.end()
        return gaps

    def _is_cut(self, listing: Listing, state: Round) -> bool:
        return listing.ends_after is not None and state.seen >= listing.ends_after

    # -- threads -------------------------------------------------------------------------------------------------------

    def _follow(self, posts: Sequence[Post], listing: Listing, reading: Reading) -> None:
        """Note the threads of posts that are about a brand."""
        named = self._named
        for post in posts:
            words = f"{post.title}\n{post.text}"
            is_about = listing.is_search or bool(post.brands) or (named is not None and bool(named.search(words)))
            if is_about and listing.is_followed and post.thread_id:
                reading.threads.setdefault(post.thread_id, [post.created_at.timestamp(), 0])

    def _read_threads(self, reading: Reading, now: datetime) -> Iterator[Page]:
        oldest = (now - self._options.watch_for).timestamp()
        young = sorted((item for item in reading.threads.items() if item[1][0] >= oldest), key=lambda item: -item[1][0])
        reading.threads = dict(young[: self._options.watch_at_most])
        if not reading.threads:
            return
        found = self._platform.looked_up(list(reading.threads))
        roots = {post.external_id: post for post in found.posts if post.external_id in reading.threads}
        if not found.bad:
            reading.threads = {name: reading.threads[name] for name in reading.threads if name in roots}
        samples = [EngagementSample(self.name, name, now, post.engagement) for name, post in roots.items()]
        yield Page(reading.cursor(), list(roots.values()), samples, (), found.bad, self._platform.asked())
        for root in self._most_grown(roots, reading):
            yield self._answers(root, reading, now, sum(_replies(post) for post in roots.values()))

    def _most_grown(self, roots: Mapping[str, Post], reading: Reading) -> list[Post]:
        """Those that have grown, most first; then, where answers below answers are not counted, others in turn."""
        growth = {name: _replies(post) - reading.threads[name][1] for name, post in roots.items()}
        chosen = sorted((name for name, more in growth.items() if more > 0), key=lambda name: -growth[name])
        if not self._platform.counts_below:
            others = [name for name, more in growth.items() if more <= 0 and _replies(roots[name])]
            chosen += sorted(others, key=lambda name: reading.threads[name][2:])
        return [roots[name] for name in chosen[: self._options.threads_per_run]]

    def _answers(self, root: Post, reading: Reading, now: datetime, total: int) -> Page:
        """The answers of a thread; a gap for those that cannot be read, until it grows further.

        A thread's place in the cursor: when its root was written, its answers, when and how many were out of reach.
        """
        name, thread = root.external_id, reading.threads[root.external_id]
        unread, unreachable = max(int(_replies(root) - thread[1]), 0), sum(thread[3:4])
        try:
            found = self._platform.replies(root, unread)
        except CollectorError as error:
            if error.status not in _OF_ONE_LIST:
                raise
            log.warning("thread_unreadable", source=self.name, thread=name, error=str(error))
            found = Found(missing=unread)
        gaps = []
        if found.missing and (unread or found.missing > unreachable):
            since = min(from_epoch(thread[0]), now)
            share = min(found.missing / max(total, found.missing), 1.0)
            gaps = [Gap(self.name, since, now, f"{found.missing} answers in {name} could not be read", share)]
        thread[1:] = [_replies(root), now.timestamp(), found.missing]
        return Page(reading.cursor(), found.posts, (), gaps, found.bad, self._platform.asked())


def _telling(replies: Sequence[Post], post: Post, most: int) -> list[Post]:
    """The answers between the root and `post`, with it, and at most `most` of all, those with most engagement first."""
    by_name = {reply.external_id: reply for reply in replies}
    above: list[Post] = []
    at = by_name.get(post.external_id)
    while at is not None and at not in above:
        above.append(at)
        at = by_name.get(at.parent_id or "")
    others = sorted((reply for reply in replies if reply not in above), key=_weight, reverse=True)
    return [*above, *others[: max(most - len(above), 0)]]


def _weight(post: Post) -> int:
    engagement = post.engagement
    return sum(count or 0 for count in (engagement.likes, engagement.shares, engagement.replies))


def _replies(post: Post) -> int:
    return post.engagement.replies or 0


def _can_be_asked_for(place: str) -> bool:
    """Whether a place is one: what is kept and asked for anew at each turn may not be what no server understands."""
    return place.isprintable() and len(place) <= _LONGEST_PLACE
