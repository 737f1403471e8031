"""A source that gives the posts of the bad day as they were written, in small pages; one for each place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.contract import Page, SourceContext, SourceOptions
from storage.records import EngagementSample, Post
from tests.scenarios.days import Event, bad_day, when

PAGE = 10


class Options(SourceOptions):
    """There is nothing to choose."""


def on_page(_name: str, _number: int) -> None:
    """What happens before a page is given; for tests to take the place of."""


@dataclass
class Shelf:
    """The posts and figures of one place."""

    context: SourceContext

    @property
    def name(self) -> str:
        return self.context.name

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        given = [event for event in bad_day() if event.source == self.name and when(event) <= self.context.clock()]
        place = cursor["given"] if cursor else 0
        while True:
            on_page(self.name, place)
            told: list[Event] = given[place : place + PAGE]
            place += len(told)
            posts = [event for event in told if isinstance(event, Post)]
            samples = [event for event in told if isinstance(event, EngagementSample)]
            yield Page({"given": place}, posts, samples, requests=1, complete=place == len(given))
            if place == len(given):
                return

    def probe(self) -> str:
        return "there"


def build(_options: Options, context: SourceContext) -> Shelf:
    """One place."""
    return Shelf(context)
