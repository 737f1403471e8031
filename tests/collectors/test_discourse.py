"""A Discourse forum."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import discourse
from collectors.contract import CollectorError, Rechecking
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, built
from tests.servers.discourse_api import KEY, DiscourseServer, Written


class DiscourseScenario(Played[DiscourseServer]):
    """A forum with topics."""

    def publish(self) -> set[str]:
        """Some topics of the last minutes."""
        return {self.write(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def write(self, text: str, topic: int | None = None, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One post; without a topic it begins one."""
        written = self.server.written
        number = max(written, default=0) + 1
        topic = topic or number
        place = 1 + sum(post.topic == topic for post in written.values())
        written[number] = Written(number, topic, place, self.clock() - timedelta(minutes=minutes_ago), text, **fields)
        return f"{topic}/{place}"


@contextmanager
def scenario() -> Iterator[DiscourseScenario]:
    """A forum with pages of ten."""
    patch = pytest.MonkeyPatch()
    patch.setattr(discourse, "PAGE", 10)
    patch.setenv("FORUM_KEY", KEY)
    with DiscourseServer(page=10) as server:
        try:
            yield DiscourseScenario(
                server, discourse, Clock(), {"url": server.url, "overlap": "0s", "watch_at_most": 3}
            )
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[DiscourseScenario]:
    with scenario() as given:
        yield given


def topic_of(name: str) -> int:
    return int(name.partition("/")[0])


def test_a_topic_begins_with_a_post_that_has_its_title(world: DiscourseScenario) -> None:
    name = world.write("Norrvik &amp; Co<br>burn", likes=3)
    world.server.titles[topic_of(name)] = "Phones on fire"
    post = world.read(watch_at_most=0).posts[name]
    assert (post.title, post.text, post.kind) == ("Phones on fire", "Norrvik & Co\nburn", PostKind.POST)
    assert (post.author, post.thread_id, post.parent_id) == ("ann", name, None)
    assert post.engagement == Engagement(likes=3, replies=0, views=9)
    assert post.url == f"{world.server.url}/t/{name}"


def test_an_answer_names_its_topic_and_what_it_answers(world: DiscourseScenario) -> None:
    first = world.write("A question")
    second = world.write("An answer", topic_of(first))
    third = world.write("Another", topic_of(first), answers=2)
    posts = world.read().posts
    assert [(posts[name].thread_id, posts[name].parent_id) for name in (second, third)] == [
        (first, first),
        (first, second),
    ]
    assert posts[third].kind is PostKind.REPLY


def test_numbers_that_are_not_for_us_are_passed_over(world: DiscourseScenario) -> None:
    old = world.write("Before", minutes_ago=9)
    for _ in range(35):
        world.write("Among members", is_private=True)
    new = world.write("After")
    assert set(world.read().posts) == {old, new}


def test_members_see_more(world: DiscourseScenario) -> None:
    private = world.write("Among members", is_private=True)
    world.write("For all")
    assert private in world.read(api_key={"env": "FORUM_KEY"}, api_username="ann").posts


@pytest.mark.parametrize(
    "fields", [{"post_type": 3}, {"deleted_at": "2026-03-02"}, {"user_deleted": True}, {"hidden": True}]
)
def test_what_is_taken_away_or_no_post_is_left_out(world: DiscourseScenario, fields: dict[str, Any]) -> None:
    world.write("Norrvik", fields=fields)
    kept = world.write("Norrvik")
    assert set(world.read().posts) == {kept}


def test_an_edit_is_told(world: DiscourseScenario) -> None:
    name = world.write("Norrvik", fields={"version": 2, "updated_at": "2026-03-02T11:58:00Z"})
    edited_at = world.read().posts[name].edited_at
    assert edited_at == world.clock() - timedelta(minutes=2)


def test_topics_that_name_a_brand_are_followed(world: DiscourseScenario) -> None:
    name = world.write("Norrvik phones burn")
    world.write("Something else")
    store = world.read()
    world.server.views[topic_of(name)] = 5000
    world.write("Mine too", topic_of(name))
    world.clock.advance(minutes=5)
    world.read(store)
    assert {sample.external_id for sample in store.samples} == {name}
    assert store.samples[-1].engagement == Engagement(likes=0, replies=1, views=5000)


def test_everything_on_a_companys_own_forum_is_about_it(world: DiscourseScenario) -> None:
    name = world.write("It does not start")
    store = world.read(brand="Norrvik", language="en")
    assert (store.posts[name].brands, store.posts[name].language) == (("Norrvik",), "en")
    assert {sample.external_id for sample in store.samples} == {name}


def test_a_large_forum_is_read_by_its_search(world: DiscourseScenario) -> None:
    old = world.write("Norrvik of old", minutes_ago=2000)
    found = {world.write(f"Norrvik {number} " + "x" * 50) for number in range(12)}
    other = world.write("Something else")
    store = world.read(search=True, watch_at_most=0)
    assert set(store.posts) == found
    assert {old, other}.isdisjoint(store.posts)
    assert all(len(post.text) > 50 for post in store.posts.values()), "the search shows only the beginning"


def test_a_search_with_more_than_its_pages_is_a_gap(world: DiscourseScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discourse, "_SEARCH_PAGES", 2)
    world.publish()
    (gap,) = world.read(search=True, watch_at_most=0).gaps
    assert "after 20 entries" in gap.reason


def test_a_deleted_topic_is_told_and_followed_no_longer(world: DiscourseScenario) -> None:
    name = world.write("Norrvik")
    world.write("Else")
    store = world.read()
    del world.server.written[topic_of(name)]
    source = built(world)
    assert isinstance(source, Rechecking)
    assert source.recheck([store.posts[name]], {}).gone == {name: "deleted"}
    world.read(store)
    assert store.cursor is not None
    assert store.cursor["threads"] == {}


def test_a_wrong_key_is_told(world: DiscourseScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORUM_KEY", "wrong")
    with pytest.raises(CollectorError, match="403") as caught:
        built(world, api_key={"env": "FORUM_KEY"}).probe()
    assert caught.value.permanent
