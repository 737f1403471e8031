"""Stored posts are looked up again: what is gone is removed everywhere, what was edited is judged anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from alerts.routing import Routing
from collectors.contract import CollectorError, Page, Recheck
from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch
from monitor.sources.budget import Budget
from monitor.sources.rechecks import Rechecks, whole_round
from monitor.sources.upkeep import PAUSE, WAIT, Upkeep
from storage import post_rows, posts, rechecks, spending
from storage.database import Database
from storage.records import Label, Post, Spent

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})


@dataclass
class Forum:
    """A source that knows what became of its posts."""

    there: dict[str, Post]
    name: str = "forum"
    recheck_at_once: int = 10
    rechecks_mentions_only: bool = False
    asked: list[list[str]] = field(default_factory=list)
    fails: Exception | None = None
    later: bool = False

    def collect(self, _cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        yield Page({}, complete=True)

    def probe(self) -> str:
        return "there"

    def recheck(self, given: Sequence[Post], state: Mapping[str, Any]) -> Recheck:
        if self.fails:
            raise self.fails
        names = list(state.get("names", [])) or [post.external_id for post in given]
        self.asked.append(names)
        if self.later and not state:
            return Recheck(state={"names": names}, requests=1)
        gone = {name: "deleted" for name in names if name not in self.there}
        return Recheck([self.there[name] for name in names if name in self.there], gone=gone, requests=1)


@dataclass
class World:
    """A forum of which everything was read."""

    forum: Forum
    one: Rechecks
    database: Database
    now: datetime = NOON

    def post(self, name: str) -> Post | None:
        with self.database.read() as tx:
            return next(iter(posts.get(tx, [("forum", name)])), None)


def written(number: int, text: str = "") -> Post:
    at = NOON - timedelta(minutes=number)
    return Post("forum", f"p{number}", at, text or f"Norrvik again, number {number}", collected_at=at)


@pytest.fixture
def world(sqlite_database: Database) -> World:
    told = [written(number) for number in range(25)]
    pipeline = assemble(SETTINGS, sqlite_database)
    pipeline.ingest(Batch(told))
    forum = Forum({post.external_id: post for post in told})
    one = Rechecks(
        forum, timedelta(hours=6), sqlite_database, pipeline, Routing.build(SETTINGS), lambda: world.now, Budget()
    )
    world = World(forum, one, sqlite_database)
    return world


def test_a_round_asks_about_every_post_once_in_batches(world: World) -> None:
    done, stopped = whole_round(world.one)
    assert done is not None
    assert (done.asked, done.gone, done.changed, stopped) == (25, 0, 0, "")
    assert [len(batch) for batch in world.forum.asked] == [10, 10, 5]
    assert len({name for batch in world.forum.asked for name in batch}) == 25


def test_what_is_gone_is_erased_and_does_not_come_back(world: World) -> None:
    gone = world.forum.there.pop("p3")
    done, _ = whole_round(world.one)
    assert done is not None
    assert done.gone == 1
    assert world.post("p3") is None
    with world.database.read() as tx:
        assert post_rows.erased(tx, [("forum", "p3")])
    world.one.pipeline.ingest(Batch([gone]))
    assert world.post("p3") is None


def test_what_was_edited_is_a_new_wording_and_is_judged_anew(world: World) -> None:
    before = world.forum.there["p3"]
    edited = structs.replace(before, text="Norrvik is great, I love it", edited_at=NOON, collected_at=NOON)
    world.forum.there["p3"] = edited
    done, _ = whole_round(world.one)
    assert done is not None
    assert done.changed == 1
    after = world.post("p3")
    assert after is not None
    assert after.text == edited.text
    with world.database.read() as tx:
        (judged,) = [item for item in posts.window(tx, NOON - timedelta(days=1), NOON) if item.post.external_id == "p3"]
        assert tx.exec_driver_sql("SELECT text FROM revision").scalars().all() == [before.text]
    assert judged.score.label is Label.POSITIVE


def test_a_round_that_was_broken_off_goes_on_in_the_middle(world: World) -> None:
    world.one.step()
    world.forum.fails = CollectorError("busy")
    with pytest.raises(CollectorError):
        world.one.step()
    world.forum.fails = None
    again = replace(world.one)
    whole_round(again)
    assert [len(batch) for batch in world.forum.asked] == [10, 10, 5]


def test_the_next_round_is_due_when_the_last_one_is_old(world: World) -> None:
    assert world.one.is_due()
    whole_round(world.one)
    assert not world.one.is_due()
    world.now = NOON + timedelta(hours=6)
    assert world.one.is_due()


def test_an_answer_that_comes_later_is_taken_later(world: World) -> None:
    world.forum.later, world.forum.recheck_at_once = True, 100
    world.forum.there.pop("p3")
    assert world.one.step().is_waiting
    assert world.post("p3") is not None
    assert replace(world.one).step().gone == 1
    assert world.post("p3") is None


def test_posts_that_name_nobody_are_left_where_only_mentions_can_be_asked_about(world: World) -> None:
    world.one.pipeline.ingest(Batch([written(90, "nothing of interest")]))
    world.forum.rechecks_mentions_only = True
    done, _ = whole_round(world.one)
    assert done is not None
    assert done.asked == 25


def test_looking_up_is_paid_from_the_budget_of_the_day(world: World) -> None:
    poor = replace(world.one, budget=Budget(requests=2))
    done, stopped = whole_round(poor)
    assert done is not None
    assert done.asked == 20
    assert "budget" in stopped
    with world.database.read() as tx:
        assert spending.on(tx, "forum", NOON.date()) == Spent("forum", NOON.date(), 2, 20, 0.0)


class NoThreads:
    """Nothing to read."""

    def step(self) -> int:
        return 0


def test_what_nobody_foresaw_is_a_failure_of_the_source(world: World) -> None:
    world.forum.fails = KeyError("id")
    with pytest.raises(CollectorError, match="nobody foresaw"):
        world.one.step()


def test_a_source_that_fails_is_left_alone_for_a_while(world: World) -> None:
    upkeep = Upkeep([world.one], NoThreads(), {}, world.database, lambda: world.now)  # type: ignore[arg-type]
    world.forum.fails = CollectorError("busy", retry_after=3600)
    upkeep.look_again()
    world.forum.fails = None
    world.now = NOON + PAUSE
    upkeep.look_again()
    assert world.forum.asked == []
    world.now = NOON + timedelta(hours=1)
    upkeep.look_again()
    assert len(world.forum.asked) == 1


def test_an_answer_on_its_way_is_asked_for_every_minute(world: World) -> None:
    upkeep = Upkeep([world.one], NoThreads(), {}, world.database, lambda: world.now)  # type: ignore[arg-type]
    world.forum.later = True
    for _ in range(3):
        upkeep.look_again()
    assert len(world.forum.asked) == 1
    world.now = NOON + WAIT
    upkeep.look_again()
    assert len(world.forum.asked) == 2
    with world.database.read() as tx:
        kept = rechecks.load(tx, "forum")
    assert kept is not None
    assert (kept.asked, kept.answer) == (10, {})
