"""Sources of lists, over a platform that lives in memory: whatever happens, what it had is stored or in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.contract import CollectorError, SourceContext
from collectors.listed import Listed, ListedOptions, SpentError
from collectors.rounds import Found, Listing, Round, found_in
from storage.records import Engagement, Post
from tests.collectors.scenario import BRAND, Clock, Store

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@dataclass
class Memory:
    """A platform with one list, newest first, that fails as it is told. A place is the number of the next entry."""

    clock: Clock
    posts: dict[int, datetime] = field(default_factory=dict)
    replies_of: dict[int, int] = field(default_factory=dict)
    faults: list[Exception | str] = field(default_factory=list)
    page_size: int = 5
    ends_after: int | None = None
    service: str = "Memory"
    kept: dict[str, Any] = field(default_factory=dict)
    requests_per_day: int | None = None
    at_once: int = 10
    counts_below: bool = True
    requests: int = 0

    @contextmanager
    def session(self) -> Iterator[None]:
        """Always."""
        yield

    def asked(self) -> int:
        """Requests since this was last asked."""
        asked, self.requests = self.requests, 0
        return asked

    def page(self, listing: Listing, state: Round) -> Found:
        """Entries older than the place, as they stand now."""
        self.requests += 1
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, Exception):
            raise fault
        if fault == "again" and state.place:
            return found_in([*self._before(state.place)], self._post, service="Memory", place=state.place)
        if fault and fault != "again":
            return found_in([*self._before(state.place)], self._post, service="Memory", place=fault)
        entries = self._before(state.place)
        seen = state.seen + len(entries[: self.page_size])
        is_more = len(entries) > self.page_size and (self.ends_after is None or seen < self.ends_after)
        shown = entries[: self.page_size]
        return found_in(shown, self._post, service="Memory", place=str(shown[-1]) if is_more else "")

    def looked_up(self, names: Sequence[str]) -> Found:
        """Those that are there."""
        return found_in([int(name) for name in names if int(name) in self.posts], self._post, service="Memory")

    def replies(self, root: Post, unread: int) -> Found:
        """None are shown."""
        return Found(missing=unread)

    def probe(self, listing: Listing) -> str:
        """Well."""
        return "Memory is well"

    def publish(self, count: int) -> None:
        """Posts of the time since the last ones."""
        for _ in range(count):
            number = len(self.posts) + 1
            self.posts[number] = self.clock() - timedelta(seconds=1) + timedelta(milliseconds=number)

    def _before(self, place: str) -> list[int]:
        return sorted((number for number in self.posts if number < int(place or 2**40)), reverse=True)

    def _post(self, number: int) -> Post:
        replies = Engagement(replies=self.replies_of.get(number, 0))
        at = min(self.posts[number], self.clock())
        return Post("somewhere", str(number), at, "Norrvik", thread_id=str(number), engagement=replies)


def source(platform: Memory, **options: Any) -> Listed:
    """The source over a platform."""
    given_options = ListedOptions(overlap=timedelta(0), watch_at_most=0, **options)
    context = SourceContext("somewhere", [BRAND], platform.clock)
    return Listed(platform, [Listing("list", ends_after=platform.ends_after)], given_options, context)


FAULTS = st.sampled_from(["", "", "", "again", "503", "400", "spent"])


def fault_of(name: str) -> Exception | str:
    if name == "spent":
        return SpentError()
    return CollectorError(name, status=int(name), permanent=name == "400") if name.isdecimal() else name


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 23), st.lists(FAULTS, max_size=3), st.integers(1, 6)), min_size=1, max_size=8),
    st.integers(1, 7),
)
def test_whatever_fails_and_whenever_it_is_killed_everything_is_read_in_the_end(
    turns: list[tuple[int, list[str], int]], page_size: int
) -> None:
    platform = Memory(Clock(NOON), page_size=page_size)
    store = Store()
    for published, faults, pages in turns:
        platform.publish(published)
        platform.clock.advance(minutes=5)
        platform.faults = [fault_of(name) for name in faults]
        with suppress(CollectorError):
            store.run(source(platform, pages_per_run=4), pages=pages)
    platform.faults = []
    for _ in range(60):
        if store.run(source(platform, pages_per_run=4))[-1].complete:
            break
    assert set(store.posts) == {str(number) for number in platform.posts}
    assert store.gaps == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.integers(5, 30))
def test_what_a_platform_no_longer_gives_lies_in_a_gap(turns: list[int], ends_after: int) -> None:
    platform = Memory(Clock(NOON), ends_after=ends_after)
    store = Store()
    for published in turns:
        platform.publish(published)
        platform.clock.advance(minutes=5)
        store.run(source(platform))
    lost = [at for number, at in platform.posts.items() if str(number) not in store.posts]
    assert all(any(gap.starts_at <= at <= gap.ends_at for gap in store.gaps) for at in lost)


def test_a_post_is_given_once_however_often_the_list_is_read() -> None:
    platform = Memory(Clock(NOON))
    platform.publish(12)
    store = Store()
    for _ in range(3):
        store.run(source(platform))
    assert len([post for page in store.pages for post in page.posts]) == 12


@pytest.mark.parametrize(
    "refusal", [CollectorError("no such place", status=400, permanent=True), ValueError("invalid literal: '1.5'")]
)
def test_a_place_that_is_refused_begins_the_round_anew(refusal: Exception) -> None:
    platform = Memory(Clock(NOON))
    platform.publish(12)
    store = Store()
    store.run(source(platform), pages=1)
    platform.faults = [refusal]
    store.run(source(platform))
    assert len(store.posts) == 12


@pytest.mark.parametrize("place", ["\ud800", "a\x00b", "\u202e", " \n", "9" * 5000])
def test_a_place_that_cannot_be_one_is_never_asked_for(place: str) -> None:
    platform = Memory(Clock(NOON))
    platform.publish(12)
    store = Store()
    platform.faults = [place]
    with pytest.raises(CollectorError, match="next page of list that cannot be one"):
        store.run(source(platform))
    store.run(source(platform))
    assert len(store.posts) == 12


def test_answers_that_cannot_be_read_are_a_gap_once() -> None:
    platform = Memory(Clock(NOON))
    platform.publish(1)
    platform.replies_of[1] = 3
    store = Store()
    for _ in range(2):
        context = SourceContext("somewhere", [BRAND], platform.clock)
        store.run(Listed(platform, [Listing("list")], ListedOptions(), context))
    assert [gap.reason for gap in store.gaps] == ["3 answers in 1 could not be read"]


def test_with_nothing_to_read_the_probe_says_so() -> None:
    empty = Listed(Memory(Clock(NOON)), [], ListedOptions(), SourceContext("somewhere"))
    with pytest.raises(CollectorError, match="nothing to ask Memory for"):
        empty.probe()
