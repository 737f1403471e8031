"""Bluesky by XRPC."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import bluesky
from collectors.contract import CollectorError
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, built
from tests.servers.bluesky_api import HANDLE, PASSWORD, BlueskyServer, Skeet
from tests.servers.web import as_json


class BlueskyScenario(Played[BlueskyServer]):
    """A network on which people speak of a brand."""

    def publish(self) -> set[str]:
        """Some posts of the last minutes."""
        return {self.write(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def write(self, text: str, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One post."""
        address = f"at://did:plc:ann/app.bsky.feed.post/3k{len(self.server.skeets):05}"
        at = self.clock() - timedelta(minutes=minutes_ago)
        self.server.skeets[address] = Skeet(address, at, text, **fields)
        return address


@contextmanager
def scenario() -> Iterator[BlueskyScenario]:
    """A server with pages of ten."""
    clock = Clock()
    patch = pytest.MonkeyPatch()
    patch.setenv("BLUESKY_PASSWORD", PASSWORD)
    patch.setattr(bluesky, "PAGE", 10)
    with BlueskyServer(clock, page=10) as server:
        account = {"identifier": HANDLE, "app_password": {"env": "BLUESKY_PASSWORD"}}
        try:
            yield BlueskyScenario(server, bluesky, clock, {**account, "service_url": server.url, "overlap": "0s"})
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[BlueskyScenario]:
    with scenario() as given:
        yield given


def test_a_post_carries_words_author_engagement_and_address(world: BlueskyScenario) -> None:
    address = world.write("Norrvik burns", likes=9)
    post = world.read().posts[address]
    assert (post.text, post.kind, post.language) == ("Norrvik burns", PostKind.POST, "en")
    assert (post.author, post.author_name) == ("did:plc:ann", "ann.example")
    assert post.engagement == Engagement(likes=9, shares=3, replies=0)
    assert (post.thread_id, post.parent_id) == (address, None)
    assert post.url == f"https://bsky.app/profile/did:plc:ann/post/{address.rsplit('/', 1)[1]}"


def test_an_answer_names_its_thread_and_the_thread_is_read(world: BlueskyScenario) -> None:
    root = world.write("What is this?")
    answer = world.write("A Norrvik", answers=root, root=root)
    below = world.write("Oh", answers=answer, root=root)
    store = world.read()
    assert set(store.posts) == {root, answer, below}
    assert (store.posts[below].thread_id, store.posts[below].parent_id) == (root, answer)
    assert store.posts[answer].kind is PostKind.REPLY


def test_a_quotation_names_what_it_quotes(world: BlueskyScenario) -> None:
    quoted = {"$type": "app.bsky.embed.record", "record": {"uri": "at://did:plc:bo/app.bsky.feed.post/1", "cid": "c"}}
    address = world.write("Norrvik again", embed=quoted)
    assert world.read().posts[address].parent_id == "at://did:plc:bo/app.bsky.feed.post/1"


def test_a_post_without_words_is_read_by_what_it_shows(world: BlueskyScenario) -> None:
    world.server.finds = lambda query, _skeet: query == "Norrvik"
    images = world.write("", embed={"images": [{"alt": "a burnt Norrvik"}]})
    link = world.write("", embed={"external": {"title": "Norrvik recalls", "description": "All of them"}})
    posts = world.read().posts
    assert posts[images].text == "a burnt Norrvik"
    assert posts[link].text == "Norrvik recalls\nAll of them"


def test_a_date_that_the_author_made_up_is_not_believed(world: BlueskyScenario) -> None:
    address = world.write("Norrvik", said_at=world.clock() + timedelta(days=9))
    assert world.read().posts[address].created_at == world.clock() - timedelta(minutes=5)


def test_growth_of_a_thread_is_followed_until_it_is_deleted(world: BlueskyScenario) -> None:
    root = world.write("Norrvik phones burn")
    store = world.read()
    world.write("Mine too", answers=root, root=root)
    world.server.skeets[root].likes = 80
    world.clock.advance(minutes=5)
    world.read(store)
    assert store.samples[-1].engagement == Engagement(likes=80, shares=3, replies=1)
    del world.server.skeets[root]
    world.read(store)
    assert store.cursor is not None
    assert store.cursor["threads"] == {}


def test_one_sign_in_serves_many_turns_and_is_renewed(world: BlueskyScenario) -> None:
    world.write("Norrvik")
    source = built(world)
    list(source.collect(None))
    list(source.collect(None))
    world.server.expire()
    list(source.collect(None))
    assert (world.server.sign_ins, world.server.renewals) == (1, 1)


def test_a_sign_in_that_cannot_be_renewed_is_made_anew(world: BlueskyScenario) -> None:
    source = built(world)
    list(source.collect(None))
    world.server.expire(long=True)
    list(source.collect(None))
    assert world.server.sign_ins == 2


def test_the_cursor_holds_no_token(world: BlueskyScenario) -> None:
    world.publish()
    assert all("short-" not in str(page.cursor) and "long-" not in str(page.cursor) for page in world.read().pages)


def test_beyond_what_cursors_count_a_round_goes_on_by_time(
    world: BlueskyScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bluesky, "_COUNTED", 20)
    world.server.counted = 20
    published = world.publish() | world.publish()
    store = world.read()
    assert set(store.posts) == published
    assert store.gaps == []


def test_the_length_of_a_limit_is_told(world: BlueskyScenario) -> None:
    reset = str(int(world.clock().timestamp()) + 90)
    world.fail_next(
        as_json({"error": "RateLimitExceeded"}, 429, {"ratelimit-reset": reset, "ratelimit-remaining": "0"})
    )
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert caught.value.retry_after == 90


def test_wrong_credentials_are_told_in_words(world: BlueskyScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUESKY_PASSWORD", "wrong")
    with pytest.raises(CollectorError, match="401: the handle and the app password do not belong") as caught:
        built(world).probe()
    assert caught.value.permanent


def test_hashtags_are_asked_for(world: BlueskyScenario) -> None:
    tagged = world.write("look #norrvikgate")
    assert set(world.read(hashtags=["norrvikgate"]).posts) == {tagged}


def test_the_probe_says_what_it_found(world: BlueskyScenario) -> None:
    world.write("Norrvik")
    said = built(world).probe()
    assert said == "Bluesky accepts the account; 1 posts of the last day on the first page of Norrvik"
