"""A source of lists that is listened to as well (decision 160): what is told is stored at once.

While the stream stands, a turn that it has called for stores what waits and says that it was not a whole one; lists are
read every `lists_every`, for growth and for what the stream does not tell. After a break they are read at the next
turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from collectors.contract import CollectorError, Page, SourceContext
from collectors.listed import Listed, ListedOptions, Platform
from collectors.rounds import Found, Listing, Reading
from collectors.streams import TRUSTED_AFTER, Connection, Hearing, Standing, listen
from config.durations import Duration
from storage.records import Gap, GapCause, Post

A_PAGE = 100
_TOLD = Listing("stream")

Place = Callable[[Sequence[Post]], Sequence[Post]]
"""Puts posts that were told into the threads that they stand in, where the platform has to be asked for those."""


class StreamedOptions(ListedOptions):
    """Keys that every source of lists has that can be listened to."""

    lists_every: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10))
    """How often lists are read while the stream stands."""


class Streamed(Listed):
    """Listens to a platform, and reads its lists for what was missed."""

    def __init__(
        self,
        platform: Platform,
        listings: Sequence[Listing],
        options: StreamedOptions,
        context: SourceContext,
        connections: Sequence[Connection],
        place: Place = tuple,
    ) -> None:
        super().__init__(platform, listings, options, context)
        self._connections, self._place = connections, place
        self._lists_every = options.lists_every
        self._hearing = Hearing(context.name, context.clock, parts=len(connections))
        self._read_at: datetime | None = None
        self._listed_at: datetime | None = None

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        """Listen to all connections."""
        listen(self._connections, self._hearing, news, stopping)

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Store what was told; then read the lists, unless the stream stands and they were read a short time ago."""
        now, standing = self._clock(), self._hearing.standing()
        reading = Reading.at(cursor or {}, self._listings, (now - self._options.lookback).timestamp())
        yield from self._told(reading)
        missed = self._hearing.missed(self._read_at)
        self._read_at = now
        if missed is not None:
            yield Page(reading.cursor(), gaps=[missed])
        if self._is_told(standing, now):
            yield Page(reading.cursor())
            return
        yield from self._listed(reading.cursor(), now)

    def _told(self, reading: Reading) -> Iterator[Page]:
        while (found := self._hearing.waiting(A_PAGE)).given:
            placed = self._placed(found)
            self._follow(placed.posts, _TOLD, reading)
            yield Page(
                reading.cursor(),
                placed.posts,
                quarantined=found.bad,
                requests=self._platform.asked(),
                gone=found.gone,
                left=found.left,
                changed=found.changed,
            )
            self._hearing.stored(found)

    def _placed(self, found: Found) -> Found:
        if not any(post.parent_id for post in found.posts):
            return replace(found, posts=list(self._place(found.posts)))
        with self._platform.session():
            return replace(found, posts=list(self._place(found.posts)))

    def _listed(self, cursor: Mapping[str, Any], now: datetime) -> Iterator[Page]:
        is_whole = False
        try:
            for page in super().collect(cursor):
                cursor, is_whole = page.cursor, page.complete
                yield page
        except CollectorError as error:
            if self._listed_at is not None:  # turns that only stored what was told have not read the lists since
                gap = Gap(self.name, self._listed_at, now, str(error), cause=GapCause.FAILURE)
                yield Page(cursor, gaps=[gap] if self._listed_at < now else [])
            raise
        if is_whole:
            self._listed_at = now

    def _is_told(self, standing: Standing | None, now: datetime) -> bool:
        """Whether the stream has told everything since the lists were read, and that is not long ago."""
        read = self._listed_at
        if standing is None or read is None or read < standing.since + TRUSTED_AFTER:
            return False
        return now - read < self._lists_every
