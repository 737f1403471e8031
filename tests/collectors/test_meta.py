"""Facebook and Instagram by the Graph API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import meta
from collectors.contract import CollectorError, Rechecking
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.graph_api import INSTAGRAM_ID, PAGE_ID, SECRET, TOKEN, GraphServer, Node

FEED, TAGGED = f"{PAGE_ID}/feed", f"{PAGE_ID}/tagged"
MEDIA, TAGS = f"{INSTAGRAM_ID}/media", f"{INSTAGRAM_ID}/tags"


class MetaScenario(Played[GraphServer]):
    """A page and an account."""

    def publish(self) -> set[str]:
        """Some posts of the last minutes."""
        return {self.add(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def add(self, text: str, edge: str = FEED, minutes_ago: float = 5.0, **fields: Any) -> str:
        """A post, or media of Instagram, in a list."""
        is_media = edge in (MEDIA, TAGS, "")
        number = self.node(text, edge, minutes_ago, **{"kind": "media" if is_media else "post", **fields})
        return f"{'ig' if edge == MEDIA else 'igx' if is_media else 'fb'}-{number}"

    def comment(self, below: str, text: str, **fields: Any) -> str:
        """A comment on a post or on media."""
        number = below.partition("-")[2]
        kind = "comment" if below.startswith("fb-") else "reply"
        return f"{below}:{self.node(text, f'{number}/comments', 1.0, kind=kind, **fields)}"

    def node(self, text: str, edge: str, minutes_ago: float, **fields: Any) -> str:
        """Anything."""
        number = str(1000 + len(self.server.nodes))
        at = self.clock() - timedelta(minutes=minutes_ago)
        self.server.nodes[number] = Node(number, at, text, (edge,), **fields)
        return number


@contextmanager
def scenario() -> Iterator[MetaScenario]:
    """A page alone, with lists of ten."""
    patch = pytest.MonkeyPatch()
    patch.setenv("META_TOKEN", TOKEN)
    patch.setenv("META_SECRET", SECRET)
    clock = Clock()
    with GraphServer(clock, page=10) as server:
        options = {
            "access_token": {"env": "META_TOKEN"},
            "page_id": PAGE_ID,
            "base_url": server.url,
            "overlap": "0s",
            "watch_at_most": 5,
        }
        try:
            yield MetaScenario(server, meta, clock, options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[MetaScenario]:
    with scenario() as given:
        yield given


def account(world: MetaScenario, **options: Any) -> Store:
    """A turn that reads the account of Instagram alone."""
    return world.read(page_id=None, instagram_id=INSTAGRAM_ID, **options)


def test_a_post_carries_words_reactions_shares_and_the_brand(world: MetaScenario) -> None:
    name = world.add("Norrvik burns", likes=40)
    post = world.read(brand="Norrvik").posts[name]
    assert (post.text, post.author, post.author_name, post.brands) == ("Norrvik burns", "55", "Ann", ("Norrvik",))
    assert post.engagement == Engagement(likes=40, shares=2, replies=0)
    assert post.created_at == world.clock() - timedelta(minutes=5)


def test_what_the_page_is_tagged_in_is_read_as_well(world: MetaScenario) -> None:
    name = world.add("Look at this", TAGGED)
    assert set(world.read().posts) == {name}


def test_comments_and_answers_stand_in_the_thread_of_their_post(world: MetaScenario) -> None:
    post = world.add("News")
    comment = world.comment(post, "It burns")
    answer = world.comment(post, "Mine too", above=comment.partition(":")[2])
    posts = world.read().posts
    assert (posts[comment].kind, posts[comment].parent_id, posts[comment].thread_id) == (PostKind.COMMENT, post, post)
    assert (posts[answer].parent_id, posts[answer].thread_id) == (comment, post)


def test_what_is_hidden_or_without_words_is_left_out(world: MetaScenario) -> None:
    world.add("Rude", is_hidden=True)
    world.add("")
    assert world.read().posts == {}


def test_growth_is_followed_and_what_is_gone_is_told(world: MetaScenario) -> None:
    kept, gone = world.add("Norrvik"), world.add("Norrvik again")
    comment = world.comment(kept, "Hm")
    store = world.read()
    world.server.nodes[kept.partition("-")[2]].likes = 900
    del world.server.nodes[gone.partition("-")[2]]
    world.clock.advance(minutes=5)
    world.read(store)
    assert store.samples[-1].engagement == Engagement(likes=900, shares=2, replies=1)
    source = built(world)
    assert isinstance(source, Rechecking)
    answer = source.recheck(list(store.posts.values()), {})
    assert answer.gone == {gone: "deleted"}
    assert {post.external_id: post.thread_id for post in answer.posts} == {kept: kept, comment: kept}


def test_media_of_the_account_are_read_with_comments_and_answers(world: MetaScenario) -> None:
    media = world.add("Our new phone", MEDIA)
    stamp = world.clock().strftime("%Y-%m-%dT%H:%M:%S+0000")
    inside = {"id": "77", "text": "No", "timestamp": stamp, "username": "cy", "like_count": 0}
    comment = world.comment(media, "Does it burn?", answers=[inside])
    posts = account(world).posts
    assert set(posts) == {media, comment, f"{media}:77"}
    assert posts[media].engagement == Engagement(likes=3, replies=1)
    assert (posts[f"{media}:77"].parent_id, posts[f"{media}:77"].thread_id) == (comment, media)


def test_media_of_others_are_read_and_never_taken_for_deleted(world: MetaScenario) -> None:
    name = world.add("With my Norrvik", TAGS)
    store = account(world)
    assert set(store.posts) == {name}
    assert store.samples == [], "they cannot be asked for again"
    source = built(world, page_id=None, instagram_id=INSTAGRAM_ID)
    assert isinstance(source, Rechecking)
    assert source.recheck(list(store.posts.values()), {}).gone == {}


def test_hashtags_are_read_to_the_end_though_their_cursor_stays_the_same(world: MetaScenario) -> None:
    found = {world.add(f"#norrvik {number}", "", minutes_ago=5 - number / 10) for number in range(25)}
    store = account(world, hashtags=["#Norrvik"])
    assert set(store.posts) == found
    assert store.gaps == []


def test_the_number_of_a_hashtag_is_asked_for_once(world: MetaScenario) -> None:
    store = account(world, hashtags=["norrvik"])
    world.read(store, page_id=None, instagram_id=INSTAGRAM_ID, hashtags=["norrvik"])
    assert world.server.searched == ["norrvik"]


def test_more_hashtags_than_a_week_permits_wait(world: MetaScenario) -> None:
    tags = [f"tag{number}" for number in range(30)]
    store = account(world, hashtags=tags)
    with pytest.raises(CollectorError, match="#other has to wait"):
        world.read(store, page_id=None, instagram_id=INSTAGRAM_ID, hashtags=["other"])
    world.clock.advance(days=7)
    world.read(store, page_id=None, instagram_id=INSTAGRAM_ID, hashtags=["other"])
    assert world.server.searched == [*tags, "other"]


def test_a_hashtag_with_more_than_is_read_is_a_gap(world: MetaScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meta, "_HASHTAG_PAGES", 2)
    monkeypatch.setattr(meta, "_MEDIA_PAGE", 10)
    for number in range(25):
        world.add(f"#norrvik {number}", "", minutes_ago=5 - number / 10)
    (gap,) = account(world, hashtags=["norrvik"]).gaps
    assert "ends hashtag norrvik" in gap.reason


def test_near_the_end_of_what_may_be_asked_the_program_pauses(world: MetaScenario) -> None:
    world.publish()
    world.server.used, world.server.regain_minutes = 95, 20
    store = world.read()
    assert world.asked() == 1
    assert not store.pages[-1].complete
    world.clock.advance(minutes=19)
    world.read(store)
    assert world.asked() == 1
    world.server.used = 1
    world.clock.advance(minutes=2)
    world.read(store)
    assert len(store.posts) == 25


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (4, 400, {"status": 429, "retry_after": 600.0, "permanent": False}),
        (17, 400, {"status": 429, "permanent": False}),
        (32, 403, {"status": 429, "permanent": False}),
        (613, 400, {"status": 429, "permanent": False}),
        (80001, 400, {"status": 429, "permanent": False}),
        (368, 400, {"status": 429, "retry_after": 3600.0, "permanent": False}),
        (2, 500, {"status": 503, "permanent": False}),
        (190, 400, {"status": 401, "permanent": True}),
        (10, 403, {"status": 403, "permanent": True}),
        (200, 403, {"status": 403, "permanent": True}),
        (100, 400, {"status": 400, "permanent": True}),
    ],
)
def test_errors_are_told_by_their_codes(world: MetaScenario, code: int, status: int, expected: dict[str, Any]) -> None:
    world.fail_next(*[world.server.refused(code, "It went wrong", status)] * 5)
    with pytest.raises(CollectorError, match=rf"code {code}\)") as caught:
        world.read()
    assert {name: getattr(caught.value, name) for name in expected} == expected


def test_the_headers_say_how_long_to_wait_after_too_many_calls(world: MetaScenario) -> None:
    world.server.regain_minutes = 7
    world.fail_next(world.server.refused(80001, "There have been too many calls to this Page account", 400))
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert caught.value.retry_after == 420


def test_an_app_that_asks_for_proof_gets_it(world: MetaScenario) -> None:
    name = world.add("Norrvik")
    world.server.wants_proof = True
    assert set(world.read(app_secret={"env": "META_SECRET"}).posts) == {name}
    assert all(SECRET not in str(request) for request in world.server.requests)


def test_a_token_that_has_run_out_is_told(world: MetaScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("META_TOKEN", "old")
    with pytest.raises(CollectorError, match=r"401 .*the token is no longer good") as caught:
        built(world).probe()
    assert caught.value.permanent


def test_the_probe_says_whose_token_it_is(world: MetaScenario) -> None:
    assert built(world).probe() == "Meta accepts the token of 'Norrvik'; 2 % of what may be asked is used"
