"""A source that is refused, fails, falls silent or makes no sense is an incident of the program's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.system import SystemIncidents
from collectors.contract import CollectorError, Page, Quarantined
from config.settings import Settings
from monitor.assembly import assemble
from monitor.collecting import SourceJob
from monitor.sources.health import Known, SourceHealth, diagnose, silence_allowed
from storage import incidents, schedule
from storage.database import Database
from storage.records import SYSTEM, Gap, GapCause, Post, Severity

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
HOUR = timedelta(hours=1)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})
WELL = Known("forum", EVERY, silent_for=HOUR, silence_allowed=2 * HOUR, read=100)


def test_a_source_that_is_read_and_gives_as_usual_is_well() -> None:
    assert diagnose(WELL) is None


@pytest.mark.parametrize(
    ("changes", "headline"),
    [
        ({"error": "401", "is_refused": True}, "forum cannot be read until somebody mends it"),
        ({"error": "no route", "failing_for": timedelta(minutes=16)}, "forum has not been read for 16 minutes"),
        ({"silent_for": 3 * HOUR}, "forum has had nothing new for 3 hours"),
        ({"read": 94, "odd": 6}, "forum gives what cannot be read"),
        ({"is_budget_spent": True}, "the budget for forum is spent for today"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(changes: dict[str, Any], headline: str) -> None:
    told = diagnose(replace(WELL, **changes))
    assert told is not None
    assert (told.headline, told.topic) == (headline, "source:forum")


@pytest.mark.parametrize(
    "changes",
    [
        {"error": "no route", "failing_for": timedelta(minutes=14)},
        {"error": "busy", "failing_for": timedelta(minutes=50), "every": timedelta(minutes=20)},
        {"read": 100, "odd": 5},
        {"read": 10, "odd": 9},
        {"silent_for": 30 * HOUR, "silence_allowed": None},
    ],
    ids=["fails for a moment", "fails for few turns", "few odd items", "few items", "its habit is not known"],
)
def test_what_is_not_yet_wrong(changes: dict[str, Any]) -> None:
    assert diagnose(replace(WELL, **changes)) is None


# -- the habit of a source


def arrivals(days: int, *, every: timedelta, night: timedelta = timedelta(hours=8)) -> list[datetime]:
    """Something new each `every` by day, nothing at night."""
    found: list[datetime] = []
    for day in range(days):
        morning = NOON.replace(hour=0) + timedelta(days=day) + night
        found += [morning + every * number for number in range(int((timedelta(days=1) - night) / every))]
    return found


def test_nights_belong_to_the_habit() -> None:
    allowed = silence_allowed(arrivals(7, every=HOUR), [], EVERY)
    assert allowed is not None
    assert 20 * HOUR < allowed <= 3 * 9 * HOUR


def test_a_weekend_belongs_to_the_habit() -> None:
    with_weekend = [at for at in arrivals(9, every=HOUR) if (at - NOON).days not in (4, 5)]
    allowed = silence_allowed(with_weekend, [], EVERY)
    assert allowed is not None
    assert allowed >= 48 * HOUR


def test_a_source_that_is_new_has_no_habit() -> None:
    assert silence_allowed(arrivals(2, every=HOUR), [], EVERY) is None
    assert silence_allowed([], [], EVERY) is None


def test_silence_in_which_nobody_read_teaches_nothing() -> None:
    told = arrivals(6, every=timedelta(minutes=10), night=timedelta(minutes=30))
    with_hole = [at for at in told if not NOON + timedelta(days=2) < at < NOON + timedelta(days=2, hours=9)]
    hole = Gap("forum", NOON + timedelta(days=2), NOON + timedelta(days=2, hours=9), "down", cause=GapCause.FAILURE)
    assert silence_allowed(with_hole, [hole], EVERY) == silence_allowed(told, [], EVERY)
    assert silence_allowed(with_hole, [], EVERY) == pytest.approx(timedelta(hours=9), abs=timedelta(minutes=11))


@given(
    st.lists(st.integers(0, 24 * 8), min_size=12),
    st.lists(st.tuples(st.integers(0, 24 * 8), st.integers(0, 30)), max_size=8),
)
def test_of_many_spans_each_takes_the_silences_that_it_falls_into(
    told: list[int], holes: list[tuple[int, int]]
) -> None:
    heard = [NOON + hour * HOUR for hour in sorted(told)]
    unread = [
        Gap("forum", NOON + at * HOUR, NOON + (at + hours) * HOUR, "down", cause=GapCause.FAILURE)
        for at, hours in holes
    ]
    longest: dict[date, timedelta] = {}
    for begin, end in pairwise(heard):
        if not any(gap.starts_at < end and gap.ends_at > begin for gap in unread):
            longest[end.date()] = max(longest.get(end.date(), timedelta()), end - begin)
    expected = None
    if len(longest) >= 3:
        expected = max(3 * median(longest.values()), *longest.values(), 3 * EVERY)
    assert silence_allowed(heard, unread, EVERY) == expected


# -- in the running program


@dataclass
class Forum:
    """A source that gives what it is told to."""

    name: str = "forum"
    news: bool = True
    odd: int = 0
    error: CollectorError | None = None
    number: int = 0

    def collect(self, _cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        if self.error:
            raise self.error
        self.number += 1
        told = [Post("forum", f"p{self.number}", NOON, "anything")] if self.news else []
        bad = [Quarantined("item", "no sense", f"{self.number}-{n}") for n in range(self.odd)]
        yield Page({}, told, quarantined=bad, complete=True)

    def probe(self) -> str:
        return "there"


@dataclass
class World:
    """A forum that is read in turns, and looked after."""

    database: Database
    now: datetime = NOON
    forum: Forum = field(default_factory=Forum)

    def __post_init__(self) -> None:
        pipeline = assemble(SETTINGS, self.database)
        with self.database.write() as tx:
            schedule.plan(tx, "forum", HOUR, NOON)
        self.job = SourceJob(self.forum, HOUR, self.database, pipeline, lambda: self.now)
        system = SystemIncidents.build(SETTINGS)
        self.health = SourceHealth({"forum": self.job}, self.database, system, lambda: self.now)

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.now = self.job.run()

    def live(self) -> list[str]:
        self.health.look()
        with self.database.read() as tx:
            return [incident.headline for incident in incidents.live(tx, SYSTEM)]


@pytest.fixture
def world(sqlite_database: Database) -> World:
    return World(sqlite_database)


def test_refused_credentials_are_an_incident_until_they_are_mended(world: World) -> None:
    world.turns(2)
    assert world.live() == []
    world.forum.error = CollectorError("it does not accept the credentials; renew them", permanent=True)
    world.turns(1)
    assert world.live() == ["forum cannot be read until somebody mends it"]
    with world.database.read() as tx:
        (incident,) = incidents.live(tx, SYSTEM)
    assert (incident.severity, incident.facts["why"]) == (Severity.WARNING, str(world.forum.error))
    assert world.live() == ["forum cannot be read until somebody mends it"]
    world.forum.error = None
    world.turns(1)
    assert world.live() == []


def test_a_source_that_answers_and_has_nothing_for_too_long_is_an_incident(world: World) -> None:
    world.turns(24 * 4)
    world.forum.news = False
    world.turns(3)
    assert world.live() == []
    world.turns(2)
    assert world.live() == ["forum has had nothing new for 5 hours"]
    world.forum.news = True
    world.turns(1)
    assert world.live() == []


def test_a_source_that_changed_its_ways_is_an_incident(world: World) -> None:
    world.forum.odd = 30
    world.turns(1)
    assert world.live() == ["forum gives what cannot be read"]
