"""A source's job stores page after page with its cursor, and keeps the books when the source fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collectors.contract import CollectorError, Page
from config.settings import Settings
from monitor.app import assemble
from monitor.collecting import LONGEST_PAUSE, PERMANENT_PAUSE, SourceJob
from storage import cursors, gaps, posts, runs, schedule
from storage.database import Database
from storage.records import Gap, Post, RunOutcome

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik Mobile"}]})


def post(number: int) -> Post:
    return Post("forum", f"p{number}", NOW - timedelta(minutes=number), f"Norrvik Mobile again, number {number}")


class Scripted:
    """A source that gives what it was told to give; the outermost edge."""

    name = "forum"

    def __init__(self, *steps: Page | CollectorError) -> None:
        self.steps: Sequence[Page | CollectorError] = steps
        self.cursors: list[Mapping[str, Any] | None] = []

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        self.cursors.append(cursor)
        for step in self.steps:
            if isinstance(step, CollectorError):
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
    later = NOW + timedelta(minutes=30)
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
    later = NOW + timedelta(minutes=30)
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
