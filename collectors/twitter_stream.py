"""X read by its filtered stream as well: posts are told as they are written, and searched for only where it broke.

Rules are made from the brands as queries are. What the stream has told since it stands is taken as read; the span
before that, from where the search had come to, is searched. A post is paid for once a day, told or found.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from collectors.contract import Count, Page, SourceContext, Tariff
from collectors.streams import TRUSTED_AFTER, Hearing, Standing, listen
from collectors.twitter import Options, Twitter
from collectors.twitter_queries import asked_for
from collectors.twitter_state import DELAY, Reading, moment

if TYPE_CHECKING:
    from collectors.twitter_line import Line

A_PAGE = 500
LONGEST_RULE = 1024


class StreamedTwitter(Twitter):
    """Listens, and searches for what was missed."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(options, context)
        self._hearing = Hearing(context.name, context.clock)
        self._rules = asked_for(context, options.queries, LONGEST_RULE, options.languages_only, options.reposts)
        self._line: Line | None = None
        self._read_at: datetime | None = None

    def watch(self, news: Callable[[], None], stopping: threading.Event) -> None:
        """Listen to the filtered stream."""
        listen([self._the_line()], self._hearing, news, stopping)

    def probe(self) -> str:
        """Count as ever (one paid request), and let X check the rules (free)."""
        counted = super().probe()
        return f"{counted}; it accepts the {self._the_line().try_rules()} rules of the stream"

    def tariff(self) -> Tariff:
        """As ever, but a turn asks for nothing while the stream stands."""
        tariff = super().tariff()
        return replace(tariff, requests_per_turn=1)

    def count(self, cursor: Mapping[str, Any] | None) -> Count:
        """What waits to be stored, for nothing, while the stream stands; otherwise what X counts."""
        standing = self._hearing.standing()
        read = [moment(state.read_until) for state in self._resumed(cursor or {}, self._clock()).queries.values()]
        if standing is not None and cursor and all(until >= standing.since for until in read):
            return Count(self._hearing.count, 0)
        return super().count(cursor)

    def _read_all(self, reading: Reading, now: datetime) -> Iterator[Page]:
        """Store what was told; search up to where the stream stands since, and take the rest as read."""
        standing = self._hearing.standing()
        yield from self._told(reading)
        gap = self._hearing.missed(self._read_at)
        if gap is not None:
            yield Page(reading.cursor(), gaps=[gap])
        self._take_as_read(reading, standing)
        self._leap(reading, now)
        end = now if standing is None else min(now, standing.since + TRUSTED_AFTER + DELAY)
        for query, state in reading.queries.items():
            yield from self._read(query, state, reading, now, end)
        self._take_as_read(reading, standing)
        yield from self._catch_up(reading, now)
        self._the_line().grant(int(reading.allowance.left))
        self._read_at = now

    def _take_as_read(self, reading: Reading, standing: Standing | None) -> None:
        """What was read up to where the stream is trusted is read up to its last sign of life."""
        if standing is None:
            return
        for state in reading.queries.values():
            if moment(state.read_until) >= _trusted(standing):
                state.was_told(standing.until - DELAY)

    def _told(self, reading: Reading) -> Iterator[Page]:
        reading.allowance.spend(self._the_line().spent())
        while (found := self._hearing.waiting(A_PAGE)).given:
            self._follow(found.posts, reading)
            yield Page(reading.cursor(), found.posts, quarantined=found.bad)
            self._hearing.stored(found)

    def _the_line(self) -> Line:
        if self._line is None:
            from collectors.twitter_line import Line  # noqa: PLC0415  (tweepy is slow to import)

            options = self._options
            self._line = Line(
                self.name,
                self._rules,
                options.bearer_token,
                options.base_url,
                options.vocabulary,
                self._clock,
                authors=options.authors,
                backfill_minutes=options.backfill_minutes,
            )
        return self._line


def _trusted(standing: Standing) -> datetime:
    return (standing.since + TRUSTED_AFTER).replace(microsecond=0)
