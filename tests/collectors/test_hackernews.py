"""Hacker News by its search and its items."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from collectors import hackernews, hackernews_items
from collectors.contract import CollectorError, Rereads
from collectors.egress import Egress, EgressRules
from collectors.hackernews_items import Items
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.hackernews_api import HackerNewsServer, Item
from tests.servers.web import Reply, as_json


@dataclass
class HackerNewsScenario:
    """A day of stories and comments."""

    server: HackerNewsServer
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = hackernews
    options: dict[str, Any] = field(default_factory=dict)

    def publish(self) -> set[str]:
        """A story every eight minutes for twelve hours, with comments."""
        first = max(self.server.shelf.items, default=100) + 1
        now = int(self.clock().timestamp())
        for number in range(first, first + 90):
            is_story = number % 3 == first % 3
            parent = None if is_story else max(n for n, item in self.server.shelf.items.items() if item.kind == "story")
            kind, time = ("story" if is_story else "comment"), now - (first + 90 - number) * 15
            title = f"Story {number}" if is_story else ""
            self.server.shelf.items[number] = Item(number, time, kind, title, f"Words of {number}", parent)
        return {str(number) for number in range(first, first + 90)}

    def fail_next(self, *replies: Reply) -> None:
        """Faults of the search."""
        self.server.faults.clear()
        self.server.faults.extend(replies)

    def asked(self) -> int:
        """Requests so far."""
        return len(self.server.requests)

    def add(self, number: int, minutes_ago: float, **fields: Any) -> Item:
        """One item."""
        time = int(self.clock().timestamp() - minutes_ago * 60)
        item = self.server.shelf.items[number] = Item(number, time, **fields)
        return item


@contextmanager
def scenario() -> Iterator[HackerNewsScenario]:
    """The search with slices of at most 40 posts, and no help from the items."""
    with HackerNewsServer() as server:
        options = {
            "algolia_url": server.url,
            "firebase_url": f"{server.url}/items",
            "overlap": "0s",
            "lookback": "2h",
            "fallback": False,
        }
        given = HackerNewsScenario(server, options=options)
        server.shelf.cap = 40
        given.module = hackernews
        patch = pytest.MonkeyPatch()
        patch.setattr(hackernews, "HITS", 40)
        try:
            yield given
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[HackerNewsScenario]:
    with scenario() as given:
        yield given


def searched(world: HackerNewsScenario) -> list[str]:
    return [request.query["numericFilters"] for request in world.server.requests if request.path == "/search_by_date"]


def test_a_story_carries_title_words_points_and_its_own_thread(world: HackerNewsScenario) -> None:
    world.add(
        1, 5, title="Norrvik &amp; Co recall", text="<p>First.</p><p>It&#x27;s on fire</p>", points=12, comments=3
    )
    store = Store()
    store.run(built(world))
    post = store.posts["1"]
    assert (post.kind, post.title, post.text) == (PostKind.STORY, "Norrvik & Co recall", "First.\nIt's on fire")
    assert (post.thread_id, post.parent_id) == ("1", None)
    assert post.engagement == Engagement(likes=12, replies=3)
    assert post.url == "https://news.ycombinator.com/item?id=1"


def test_a_comment_names_its_story_and_what_it_answers(world: HackerNewsScenario) -> None:
    world.add(1, 9, title="A story")
    world.add(2, 8, kind="comment", text="yes", parent=1)
    world.add(3, 7, kind="comment", text="no", parent=2)
    store = Store()
    store.run(built(world))
    assert (store.posts["3"].kind, store.posts["3"].thread_id, store.posts["3"].parent_id) == (
        PostKind.COMMENT,
        "1",
        "2",
    )


def test_a_link_without_words_is_read_by_its_title(world: HackerNewsScenario) -> None:
    world.add(1, 5, title="Norrvik in trouble")
    store = Store()
    store.run(built(world))
    assert store.posts["1"].text == "Norrvik in trouble"


def test_time_is_cut_until_each_slice_is_below_the_cap(world: HackerNewsScenario) -> None:
    published = {str(world.add(number, number / 10, title="x").number) for number in range(1, 200)}
    store = Store()
    pages = store.run(built(world))
    assert set(store.posts) == published
    assert max(len(page.posts) for page in pages) <= 40
    assert store.gaps == []


def test_slices_are_read_oldest_first(world: HackerNewsScenario) -> None:
    world.publish()
    store = Store()
    times = [post.created_at for page in store.run(built(world)) for post in page.posts]
    assert times == sorted(times)


def test_after_an_absence_the_newest_is_read_before_what_was_missed(world: HackerNewsScenario) -> None:
    world.add(1, 5)
    store = Store()
    store.run(built(world))
    world.clock.advance(hours=6)
    missed = {str(number): world.add(number, 360 - number) for number in range(10, 350, 10)}
    pages = [page for page in store.run(built(world)) if page.posts]
    assert {post.external_id for post in pages[0].posts} == {"340"}
    firsts = [page.posts[0].created_at for page in pages[1:]]
    assert firsts == sorted(firsts), "then oldest first"
    assert set(store.posts) >= set(missed)
    assert store.gaps == []


def test_one_second_with_more_posts_than_the_search_gives_is_a_gap(world: HackerNewsScenario) -> None:
    for number in range(1, 81):
        world.add(number, 5, title="x")
    store = Store()
    store.run(built(world))
    assert len(store.posts) == 40
    (gap,) = store.gaps
    assert gap.share_missing == 0.5
    assert (gap.ends_at - gap.starts_at).total_seconds() == 1


def test_late_posts_are_found_in_the_overlap(world: HackerNewsScenario) -> None:
    world.add(1, 10, title="first")
    late = world.add(2, 11, title="late", is_indexed=False)
    store = Store()
    store.run(built(world, overlap="15m"))
    late.is_indexed = True
    store.run(built(world, overlap="15m"))
    assert "2" in store.posts


def test_reading_advances_only_to_the_newest_post_seen(world: HackerNewsScenario) -> None:
    world.add(1, 60, title="first")
    stuck = world.add(2, 30, title="indexed an hour late", is_indexed=False)
    store = Store()
    store.run(built(world))
    world.clock.advance(minutes=60)
    stuck.is_indexed = True
    store.run(built(world))
    assert "2" in store.posts


def test_a_search_that_announces_more_than_it_gives_is_not_believed(world: HackerNewsScenario) -> None:
    world.add(1, 5, title="x")
    world.fail_next(as_json({"hits": [], "nbHits": 7}))
    with pytest.raises(CollectorError, match="announced 7 posts and gave 0"):
        Store().run(built(world))


def test_a_hit_that_makes_no_sense_is_set_aside_and_the_rest_kept(world: HackerNewsScenario) -> None:
    sound = {"objectID": "5", "created_at_i": int(world.clock().timestamp()) - 9, "title": "sound", "_tags": ["story"]}
    world.fail_next(as_json({"hits": [sound, {"objectID": "6", "created_at_i": "soon"}], "nbHits": 2}))
    store = Store()
    store.run(built(world))
    assert set(store.posts) == {"5"}
    ((broken,),) = [page.quarantined for page in store.pages if page.quarantined]
    assert broken.where == "hit 6"
    assert "sound" not in repr(broken)


def test_an_item_that_was_set_aside_is_read_again_by_its_number(world: HackerNewsScenario) -> None:
    story = world.add(1, 5, title="Norrvik recalls ovens")
    number = world.add(2, 4, kind="comment", parent=story.number, text="Shame").number
    store, source = Store(), built(world)
    store.run(source)
    assert isinstance(source, Rereads)
    odd = {"id": number, "type": "comment", "text": "Shame", "by": "ann", "parent": story.number, "time": "soon"}
    with pytest.raises(ValueError, match="TypeError"):
        source.reread(json.dumps(odd).encode())
    (post,) = source.reread(json.dumps({**odd, "time": int(world.clock().timestamp()) - 240}).encode())
    assert isinstance(post, Post)
    assert (post.external_id, post.thread_id, post.parent_id) == (str(number), str(story.number), str(story.number))


def test_posts_dated_into_the_future_are_taken_as_of_now(world: HackerNewsScenario) -> None:
    ahead = {"objectID": "5", "created_at_i": int(world.clock().timestamp()) + 999, "title": "x", "_tags": ["story"]}
    world.fail_next(as_json({"hits": [ahead], "nbHits": 1}))
    store = Store()
    store.run(built(world))
    assert store.posts["5"].created_at == world.clock()


def test_requests_of_one_turn_are_bounded_and_the_rest_follows(world: HackerNewsScenario) -> None:
    published = {str(world.add(number, number / 60, title="x").number) for number in range(1, 1600)}
    collector, store = built(world, requests_per_run=20), Store()
    turns = 0
    for turns in range(1, 20):  # noqa: B007  (the number of the last turn is looked at)
        asked = world.asked()
        last = store.run(collector)[-1]
        assert world.asked() - asked <= 20
        if last.complete:
            break
    assert turns > 1
    assert set(store.posts) == published


def test_the_items_stand_in_when_the_search_fails(world: HackerNewsScenario) -> None:
    world.add(1, 9, title="A story")
    store = Store()
    store.run(built(world, fallback=True))
    world.add(2, 8, kind="comment", text="&quot;yes&quot;", parent=1)
    world.add(3, 7, kind="comment", text="no", parent=2)
    world.add(4, 6, title="Killed", dead=True)
    world.fail_next(*[Reply(503)] * 9)
    store.run(built(world, fallback=True))
    assert set(store.posts) == {"1", "2", "3"}
    assert (store.posts["3"].thread_id, store.posts["3"].parent_id, store.posts["2"].text) == ("1", "2", '"yes"')


def test_of_items_that_are_read_one_by_one_for_weeks_only_so_many_are_remembered(
    world: HackerNewsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hackernews_items, "KEPT", 4)
    egress = Egress(EgressRules.trusting(world.server.url), world.clock)
    items = Items("hn", f"{world.server.url}/items", egress, world.clock)
    numbers = [world.add(1, 60, title="A story").number]
    numbers += [world.add(number, 59, kind="comment", text="Words", parent=number - 1).number for number in range(2, 7)]
    with egress.session():
        for number in numbers:
            assert [post.thread_id for post in items.read([number])[0]] == ["1"]
            assert len(items) <= 4


def test_the_search_fills_in_afterwards_what_the_items_left_out(world: HackerNewsScenario) -> None:
    world.add(1, 90, title="A story")
    world.fail_next(*[Reply(503)] * 9)
    store = Store()
    store.run(built(world, fallback=True))
    world.add(2, 30, title="Made meanwhile")
    world.fail_next()
    store.run(built(world, fallback=True))
    assert set(store.posts) == {"1", "2"}


def test_a_search_that_stands_still_is_noticed(world: HackerNewsScenario) -> None:
    world.add(1, 60, title="A story")
    store = Store()
    store.run(built(world, fallback=True))
    world.add(2, 20, title="Never indexed", is_indexed=False)
    store.run(built(world, fallback=True))
    assert "2" in store.posts


def test_stories_that_name_a_brand_are_followed(world: HackerNewsScenario) -> None:
    story = world.add(1, 30, title="Norrvik phones catch fire", points=5, comments=1)
    world.add(2, 29, title="Something else")
    store = Store()
    store.run(built(world))
    story.points, story.comments = 300, 80
    world.clock.advance(minutes=5)
    store.run(built(world))
    followed = [(sample.external_id, sample.engagement) for sample in store.samples]
    assert followed == [("1", Engagement(5, None, 1)), ("1", Engagement(300, None, 80))]
    assert store.samples[-1].at == world.clock()


def test_a_comment_that_names_a_brand_has_its_story_followed(world: HackerNewsScenario) -> None:
    world.add(1, 30, title="A long story")
    world.add(2, 20, kind="comment", text="my fjord phone melted", parent=1)
    store = Store()
    store.run(built(world))
    assert [sample.external_id for sample in store.samples] == ["1"]


def test_old_stories_are_followed_no_longer(world: HackerNewsScenario) -> None:
    world.add(1, 30, title="Norrvik")
    store = Store()
    store.run(built(world, watch_for="1h"))
    world.clock.advance(hours=1)
    store.run(built(world, watch_for="1h"))
    assert len(store.samples) == 1


def test_the_first_turn_looks_back_as_far_as_asked(world: HackerNewsScenario) -> None:
    world.add(1, 119, title="within")
    world.add(2, 121, title="before")
    store = Store()
    store.run(built(world))
    assert set(store.posts) == {"1"}


def test_the_probe_says_how_old_the_newest_post_is(world: HackerNewsScenario) -> None:
    world.add(1, 3, title="x")
    assert built(world).probe() == "Hacker News answers; its newest post is 3 minutes old"
