"""A source's job stores page after page with its cursor, and keeps the books when the source fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.contract import CollectorError, Count, Page, Tariff
from config.settings import Settings
from monitor.assembly import assemble
from monitor.collecting import ABSENT, BUDGET_SPENT, LONGEST_PAUSE, PERMANENT_PAUSE, SourceJob
from monitor.judging_again import JUDGE_AGAIN
from monitor.sources.budget import Budget
from monitor.sources.pace import Pace
from storage import cursors, gaps, posts, runs, schedule, spending, state
from storage.database import Database
from storage.records import Gap, GapCause, Post, RunOutcome, Spent

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik Mobile"}]})


def post(number: int) -> Post:
    return Post("forum", f"p{number}", NOW - timedelta(minutes=number), f"Norrvik Mobile again, number {number}")


def asked_to_judge_since(database: Database) -> datetime | None:
    with database.read() as tx:
        return state.seen_until(tx, JUDGE_AGAIN)


class Scripted:
    """A source that gives what it was told to give; the outermost edge."""

    name = "forum"

    def __init__(self, *steps: Page | Exception) -> None:
        self.steps: Sequence[Page | Exception] = steps
        self.cursors: list[Mapping[str, Any] | None] = []

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        self.cursors.append(cursor)
        for step in self.steps:
            if isinstance(step, Exception):
                raise step
            yield step

    def probe(self) -> str:
        return "there"


@pytest.fixture
def job(database: Database) -> Callable[[Scripted], SourceJob]:
    pipeline = assemble(SETTINGS, database)
    with database.write() as tx:
        schedule.plan(tx, "forum", EVERY, NOW)
    return lambda source: SourceJob(source, EVERY, database, pipeline, clock=lambda: NOW)


@pytest.fixture
def light_job(sqlite_database: Database) -> Callable[[Scripted], SourceJob]:
    """The same on SQLite alone, for tests that run many turns."""
    pipeline = assemble(SETTINGS, sqlite_database)
    with sqlite_database.write() as tx:
        schedule.plan(tx, "forum", EVERY, NOW)
    return lambda source: SourceJob(source, EVERY, sqlite_database, pipeline, clock=lambda: NOW)


def test_every_page_is_stored_with_its_cursor(job: Callable[[Scripted], SourceJob], database: Database) -> None:
    source = Scripted(Page({"n": 1}, [post(1)], requests=1), Page({"n": 2}, [post(2)], requests=1, complete=True))
    assert job(source).run() == NOW + EVERY
    with database.read() as tx:
        position = cursors.get(tx, "forum")
        assert position is not None
        assert position.position == {"n": 2}
        assert [found.external_id for found in posts.get(tx, [("forum", "p1"), ("forum", "p2")])] == ["p1", "p2"]
        (run,) = runs.recent(tx, "forum")
    assert (run.outcome, run.posts, run.new_posts, run.requests) == (RunOutcome.COMPLETE, 2, 2, 2)


def test_the_next_run_goes_on_from_the_stored_cursor(job: Callable[[Scripted], SourceJob]) -> None:
    source = Scripted(Page({"n": 7}, complete=True))
    job(source).run()
    job(source).run()
    assert source.cursors == [None, {"n": 7}]


def test_pages_read_before_a_failure_stand(job: Callable[[Scripted], SourceJob], database: Database) -> None:
    source = Scripted(Page({"n": 1}, [post(1)]), CollectorError("the forum answered 502; it is tried again"))
    job(source).run()
    with database.read() as tx:
        position = cursors.get(tx, "forum")
        assert position is not None
        assert position.position == {"n": 1}
        (run,) = runs.recent(tx, "forum")
    assert run.outcome is RunOutcome.FAILED
    assert run.error == "the forum answered 502; it is tried again"


@pytest.mark.parametrize("surprise", [ValueError("no such shape"), RecursionError("too deep"), MemoryError()])
def test_what_nobody_foresaw_is_booked_like_any_failure(
    light_job: Callable[[Scripted], SourceJob], sqlite_database: Database, surprise: Exception
) -> None:
    source = Scripted(Page({"n": 1}, [post(1)]), surprise)
    broken = light_job(source)
    assert [broken.run() - NOW for _ in range(3)] == [EVERY, 2 * EVERY, 4 * EVERY]
    with sqlite_database.read() as tx:
        position = cursors.get(tx, "forum")
        run = runs.recent(tx, "forum")[0]
    assert position is not None
    assert position.position == {"n": 1}
    assert run.outcome is RunOutcome.FAILED
    assert type(surprise).__name__ in (run.error or "")


def test_failures_in_a_row_are_tried_ever_more_rarely_up_to_an_hour(job: Callable[[Scripted], SourceJob]) -> None:
    broken = job(Scripted(CollectorError("refused")))
    pauses = [broken.run() - NOW for _ in range(8)]
    assert pauses[:4] == [EVERY, 2 * EVERY, 4 * EVERY, 8 * EVERY]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_success_ends_the_row_of_failures(job: Callable[[Scripted], SourceJob]) -> None:
    source = Scripted(CollectorError("refused"))
    broken = job(source)
    for _ in range(4):
        broken.run()
    source.steps = (Page({}, complete=True),)
    assert broken.run() == NOW + EVERY
    source.steps = (CollectorError("refused"),)
    assert broken.run() == NOW + EVERY


def test_a_source_that_asks_for_patience_gets_it(job: Callable[[Scripted], SourceJob]) -> None:
    assert job(Scripted(CollectorError("too many requests", retry_after=5400))).run() == NOW + timedelta(minutes=90)


def test_a_source_that_a_person_must_mend_is_probed_every_five_minutes(job: Callable[[Scripted], SourceJob]) -> None:
    broken = job(Scripted(CollectorError("the token was revoked; set a new one", permanent=True)))
    assert [broken.run() - NOW for _ in range(7)][-1] == PERMANENT_PAUSE


def test_the_span_in_which_a_source_failed_is_a_gap_until_it_is_read(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    source = Scripted(Page({"n": 1}, complete=True))
    reader = job(source)
    reader.run()
    later = NOW + EVERY
    reader.clock = lambda: later
    source.steps = (CollectorError("no route to the forum"),)
    reader.run()
    with database.read() as tx:
        (gap,) = gaps.between(tx, NOW, later)
    assert (gap.starts_at, gap.ends_at, gap.filled_at) == (NOW, later, None)
    assert gap.reason == "no route to the forum"
    source.steps = (Page({"n": 2}, complete=True),)
    reader.run()
    with database.read() as tx:
        (gap,) = gaps.between(tx, NOW, later)
    assert gap.filled_at == later


def test_a_gap_that_the_source_itself_tells_of_is_not_filled_by_its_own_run(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    source = Scripted(Page({"n": 1}, complete=True))
    reader = job(source)
    reader.run()
    later = NOW + EVERY
    reader.clock = lambda: later
    source.steps = (Page({"n": 2}, gaps=[Gap("forum", NOW, later, "the listing was cut")], complete=True),)
    reader.run()
    with database.read() as tx:
        (gap,) = gaps.between(tx, NOW, later)
    assert gap.filled_at is None


def test_a_run_that_stops_before_the_last_page_says_that_it_is_partial(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    reader = job(Scripted(Page({"n": 1}, [post(1)]), Page({"n": 2}, [post(2)], complete=True)))
    reader.stopping.set()
    reader.run()
    with database.read() as tx:
        (run,) = runs.recent(tx, "forum")
    assert (run.outcome, run.posts) == (RunOutcome.PARTIAL, 1)


# -- no span goes unaccounted for --------------------------------------------------------------------------------------


@dataclass
class Hours:
    """A clock that the tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


def test_hours_in_which_nobody_ran_are_a_gap_until_the_source_is_read_to_the_end(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    source, clock = Scripted(Page({"n": 1}, complete=True)), Hours()
    reader = job(source)
    reader.clock = clock
    reader.run()
    clock.now = NOW + timedelta(hours=6)
    source.steps = (Page({"n": 2}, [post(-300)]), CollectorError("the forum is still waking up"))
    reader.run()
    with database.read() as tx:
        absence, failure = gaps.unfilled(tx)
    assert (absence.starts_at, absence.ends_at, absence.reason) == (NOW, clock.now, ABSENT)
    assert (absence.cause, failure.cause) == (GapCause.ABSENCE, GapCause.FAILURE)
    assert asked_to_judge_since(database) is None
    clock.now += EVERY
    source.steps = (Page({"n": 3}, [post(-301)], complete=True),)
    reader.run()
    assert asked_to_judge_since(database) == NOW
    with database.read() as tx:
        assert gaps.unfilled(tx) == []
        assert gaps.coverage(tx, ["forum"], NOW, clock.now) == {"forum": 1.0}


def test_a_turn_that_is_a_little_late_is_no_absence(job: Callable[[Scripted], SourceJob], database: Database) -> None:
    clock, reader = Hours(), job(Scripted(Page({"n": 1}, complete=True)))
    reader.clock = clock
    reader.run()
    clock.now = NOW + EVERY + timedelta(seconds=50)
    reader.run()
    with database.read() as tx:
        assert gaps.between(tx, NOW, clock.now) == []


def test_a_long_outage_is_one_gap_from_the_last_good_run_on(
    light_job: Callable[[Scripted], SourceJob], sqlite_database: Database
) -> None:
    clock, source = Hours(), Scripted(Page({"n": 1}, complete=True))
    reader = light_job(source)
    reader.clock = clock
    clock.now = reader.run()
    source.steps = (CollectorError("no route to the forum"),)
    for _ in range(70):
        clock.now = reader.run()
    with sqlite_database.read() as tx:
        (gap,) = gaps.unfilled(tx)
        (latest,) = runs.recent(tx, "forum", limit=1)
    assert (gap.starts_at, gap.ends_at, gap.reason) == (NOW, latest.ended_at, "no route to the forum")


def test_a_gap_that_the_source_told_of_in_a_run_that_failed_stays_open(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    source = Scripted(Page({"n": 1}, complete=True))
    reader = job(source)
    reader.run()
    lost = Gap("forum", NOW, NOW + EVERY, "the listing was cut", 0.5)
    reader.clock = lambda: NOW + EVERY
    source.steps = (Page({"n": 2}, gaps=[lost]), CollectorError("the forum answered 502"))
    reader.run()
    source.steps = (Page({"n": 3}, complete=True),)
    reader.run()
    with database.read() as tx:
        assert gaps.unfilled(tx) == [lost]


class Metered(Scripted):
    """A source that is paid for and can count."""

    waiting = 0
    counted = 0

    def tariff(self) -> Tariff:
        return Tariff(requests_per_turn=1, dollars_per_post=0.01, dollars_per_count=0.001)

    def count(self, _cursor: Mapping[str, Any] | None) -> Count:
        self.counted += 1
        return Count(self.waiting, 1)


def test_what_a_run_took_is_remembered_for_the_day(job: Callable[[Scripted], SourceJob], database: Database) -> None:
    job(Metered(Page({"n": 1}, [post(1), post(2)], requests=3, complete=True))).run()
    with database.read() as tx:
        assert spending.on(tx, "forum", NOW.date()) == Spent("forum", NOW.date(), 3, 2, 0.02)


def test_a_day_whose_budget_is_spent_is_a_gap_that_the_next_day_fills(
    job: Callable[[Scripted], SourceJob], database: Database
) -> None:
    clock, source = Hours(), Metered(Page({"n": 1}, [post(1)], requests=1, complete=True))
    reader = job(source)
    reader.clock, reader.budget = clock, Budget(dollars=0.02, reserve=0.5)
    clock.now = reader.run()
    source.steps = (Page({"n": 2}, [post(-700)], complete=True),)
    for _ in range(5):
        clock.now = reader.run()
    with database.read() as tx:
        (gap,) = gaps.unfilled(tx)
    assert (gap.starts_at, gap.cause, gap.reason) == (NOW, GapCause.BUDGET, BUDGET_SPENT)
    assert len(source.cursors) == 1
    clock.now = NOW + timedelta(hours=12)
    reader.run()
    assert len(source.cursors) == 2
    with database.read() as tx:
        assert gaps.unfilled(tx) == []


@pytest.mark.parametrize(("waiting", "readings"), [(2, 1), (60, 2)])
def test_between_readings_that_the_budget_allows_posts_are_counted_and_read_when_they_are_many(
    job: Callable[[Scripted], SourceJob], database: Database, waiting: int, readings: int
) -> None:
    clock, source = Hours(), Metered(Page({"n": 1}, [post(1), post(2)], requests=1, complete=True))
    reader = job(source)
    reader.clock, reader.budget = clock, Budget(dollars=1.0, reserve=0.0)
    reader.run()
    source.waiting, clock.now = waiting, NOW + EVERY
    reader.run()
    assert source.counted == 1
    assert len(source.cursors) == readings
    with database.read() as tx:
        assert spending.on(tx, "forum", NOW.date()).dollars == pytest.approx(0.001 + 0.02 * readings)


def test_a_run_with_more_to_read_goes_on_soon(
    light_job: Callable[[Scripted], SourceJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.collecting.PAGES_A_RUN", 3)
    reader = light_job(Scripted(*[Page({"n": n}) for n in range(4)], Page({"n": 999}, complete=True)))
    reader.pace = Pace(EVERY, timedelta(minutes=1), EVERY)
    assert reader.run() == NOW + timedelta(minutes=1)
