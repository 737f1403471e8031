"""The threads of posts that live incidents rest on are fetched, and read again while the incidents live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from collectors.contract import CollectorError, Page, Tariff
from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch
from monitor.sources.budget import Budget
from monitor.sources.threads import LATEST, SOONEST, IncidentThreads, ThreadSource, Visit, following
from storage import incidents, posts, spending
from storage.database import Database
from storage.records import Engagement, IncidentState, Post, PostKind
from tests.storage.examples import incident

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})
ROOT = Post("forum", "root", NOON - timedelta(hours=2), "Norrvik melts", thread_id="root", engagement=Engagement(1))
LOUD = Post("forum", "loud", NOON - timedelta(hours=1), "Norrvik again", thread_id="root", parent_id="root")


@dataclass
class Forum:
    """A forum that gives threads."""

    now: datetime = NOON
    replies: int = 3
    asked: list[tuple[str, int]] = field(default_factory=list)
    fails: Exception | None = None
    name: str = "forum"

    def collect(self, _cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        yield Page({}, complete=True)

    def probe(self) -> str:
        return "there"

    def tariff(self) -> Tariff:
        return Tariff(dollars_per_post=0.01)

    def thread(self, post: Post, most: int) -> Iterator[Page]:
        self.asked.append((post.external_id, most))
        if self.fails:
            raise self.fails
        root = structs.replace(ROOT, engagement=Engagement(likes=10 * self.replies), collected_at=self.now)
        yield Page({}, [root], requests=1)
        kind = PostKind.REPLY
        told = [
            Post("forum", f"r{n}", NOON - timedelta(minutes=n), "so do mine", kind, thread_id="root", parent_id="root")
            for n in range(min(self.replies, most))
        ]
        yield Page({}, told, requests=1)


@dataclass
class World:
    """A live incident that rests on two posts of one thread."""

    database: Database
    forum: Forum
    threads: IncidentThreads

    def end(self) -> None:
        with self.database.write() as tx:
            (live,) = incidents.live(tx)
            ended = replace(live, state=IncidentState.RESOLVED, resolved_at=NOON, version=live.version + 1)
            assert incidents.update(tx, ended, live.version)


@pytest.fixture
def world(database: Database) -> World:
    pipeline = assemble(SETTINGS, database)
    pipeline.ingest(Batch([ROOT, LOUD]))
    with database.write() as tx:
        incidents.insert(tx, incident(brand="Norrvik", evidence=(LOUD.key, ROOT.key), sources=("forum",)))
    forum = Forum()
    sources = {"forum": ThreadSource(forum, replies=2)}
    return World(database, forum, IncidentThreads(sources, database, pipeline, lambda: forum.now))


def test_the_thread_of_an_incident_is_fetched_once_for_all_its_posts(world: World) -> None:
    assert world.threads.step() == 1
    assert world.forum.asked == [("loud", 2)]
    with world.database.read() as tx:
        found = posts.get(tx, [("forum", name) for name in ("root", "r0", "r1", "r2")])
        assert {post.external_id for post in found} == {"root", "r0", "r1"}
        about = posts.window(tx, NOON - timedelta(days=1), NOON + timedelta(minutes=1))
        assert {"r0", "r1"} <= {item.post.external_id for item in about}


def test_its_growth_is_recorded_for_as_long_as_the_incident_lives(world: World) -> None:
    for replies in (3, 9, 40):
        world.forum.replies = replies
        assert world.threads.step() == 1
        world.forum.now += LATEST
    with world.database.read() as tx:
        grown = [
            sample.engagement.likes
            for sample in posts.samples(tx, NOON, NOON + timedelta(days=1))
            if sample.external_id == "root"
        ]
    assert grown == [30, 90, 400]
    world.end()
    assert world.threads.step() == 0


def test_a_thread_is_not_read_before_its_time(world: World) -> None:
    world.threads.step()
    world.forum.now += SOONEST - timedelta(seconds=1)
    assert world.threads.step() == 0
    world.forum.now += timedelta(seconds=1)
    assert world.threads.step() == 1


def test_a_thread_that_grows_is_read_soon_and_one_that_stands_still_ever_more_rarely() -> None:
    visit, pauses = following(None, 10, NOON), []
    for posts_given in (12, 12, 12, 12, 12, 12, 12, 30):
        visit = following(visit, posts_given, visit.next_at)
        pauses.append(visit.next_at - visit.read_at)
    assert pauses == [SOONEST, 2 * SOONEST, 4 * SOONEST, 8 * SOONEST, 16 * SOONEST, LATEST, LATEST, SOONEST]


@pytest.mark.parametrize("fails", [CollectorError("busy"), KeyError("id")])
def test_a_thread_that_cannot_be_read_does_not_keep_others_waiting(world: World, fails: Exception) -> None:
    world.forum.fails = fails
    assert world.threads.step() == 0
    world.forum.fails = None
    assert world.threads.step() == 0
    world.forum.now += LATEST
    assert world.threads.step() == 1


def test_threads_are_paid_from_the_whole_budget_and_never_beyond_it(world: World) -> None:
    for budget, read in ((0.01, 0), (0.02, 1)):
        sources = {"forum": ThreadSource(world.forum, replies=2, budget=Budget(dollars=budget, reserve=0.9))}
        assert replace(world.threads, sources=sources).step() == read
        world.forum.now += LATEST
    with world.database.read() as tx:
        assert spending.on(tx, "forum", NOON.date()).dollars == pytest.approx(0.03)


def test_no_threads_are_read_where_none_are_wanted(world: World) -> None:
    sources = {"forum": ThreadSource(world.forum, replies=0)}
    assert replace(world.threads, sources=sources).step() == 0
    assert world.forum.asked == []


def test_how_a_visit_is_kept_survives_a_restart(world: World) -> None:
    world.threads.step()
    assert replace(world.threads).step() == 0
    assert following(Visit(NOON, NOON + SOONEST, 3), 3, NOON).posts == 3
