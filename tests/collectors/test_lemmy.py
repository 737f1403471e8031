"""A Lemmy instance."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import lemmy
from collectors.contract import CollectorError, Rechecking
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.lemmy_api import Entry, LemmyServer
from tests.servers.web import as_json


class LemmyScenario(Played[LemmyServer]):
    """An instance on which people speak of a brand."""

    def publish(self) -> set[str]:
        """Some posts and comments of the last minutes."""
        posts = [self.post(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(12)]
        return {*posts, *(self.comment(posts[0], f"Norrvik {number}", minutes_ago=number / 10) for number in range(12))}

    def post(self, title: str, text: str = "", minutes_ago: float = 5.0, **fields: Any) -> str:
        """One post."""
        number = len(self.server.posts) + 1
        self.server.posts[number] = Entry(number, self.ago(minutes_ago), text, title, **fields)
        return f"post-{number}"

    def comment(self, below: str, text: str, minutes_ago: float = 1.0, **fields: Any) -> str:
        """One comment, below a post or another comment."""
        number = len(self.server.comments) + 1
        kind, above = below.split("-")
        entry = None if kind == "post" else self.server.comments[int(above)]
        path = f"{entry.path if entry else '0'}.{number}"
        post = entry.post if entry else int(above)
        self.server.comments[number] = Entry(number, self.ago(minutes_ago), text, post=post, path=path, **fields)
        return f"comment-{number}"

    def ago(self, minutes: float) -> Any:
        """That many minutes ago."""
        return self.clock() - timedelta(minutes=minutes)


@contextmanager
def scenario() -> Iterator[LemmyScenario]:
    """An instance with pages of ten."""
    patch = pytest.MonkeyPatch()
    patch.setattr(lemmy, "PAGE", 10)
    with LemmyServer(page=10) as server:
        try:
            yield LemmyScenario(server, lemmy, Clock(), {"instance": server.url, "overlap": "0s", "watch_at_most": 3})
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[LemmyScenario]:
    with scenario() as given:
        yield given


def test_a_post_carries_title_words_votes_and_author(world: LemmyScenario) -> None:
    name = world.post("Norrvik burns", "See **this**", votes=7)
    post = world.read().posts[name]
    assert (post.title, post.text, post.kind) == ("Norrvik burns", "See **this**", PostKind.POST)
    assert (post.author, post.author_name) == ("https://lemmy.example/u/ann", "Ann")
    assert post.engagement == Engagement(likes=7, replies=0)
    assert (post.thread_id, post.url) == (name, "https://lemmy.example/post/1")


def test_a_comment_names_its_post_and_what_it_answers(world: LemmyScenario) -> None:
    post = world.post("Phones")
    first = world.comment(post, "Mine too")
    second = world.comment(first, "A Norrvik?")
    posts = world.read().posts
    assert set(posts) == {post, first, second}, "the thread of a comment that names the brand is read"
    assert [(posts[name].parent_id, posts[name].thread_id) for name in (first, second)] == [(post, post), (first, post)]
    assert posts[first].engagement == Engagement(likes=1, replies=1)


def test_what_was_deleted_or_removed_is_left_out(world: LemmyScenario) -> None:
    world.post("Norrvik", deleted=True)
    world.post("Norrvik", removed=True)
    assert world.read().posts == {}


def test_an_edit_is_told(world: LemmyScenario) -> None:
    name = world.post("Norrvik", updated=world.ago(1))
    assert world.read().posts[name].edited_at == world.ago(1)


def test_communities_are_read_whole_and_followed_where_they_name_a_brand(world: LemmyScenario) -> None:
    world.post("Elsewhere", community="cats")
    plain, named = world.post("Something"), world.post("Norrvik")
    store = world.read(search=False, communities=["gadgets"])
    assert set(store.posts) == {plain, named}
    assert {sample.external_id for sample in store.samples} == {named}


def test_an_unknown_community_is_told_and_the_rest_is_read(world: LemmyScenario) -> None:
    name = world.post("Norrvik")
    store = Store()
    with pytest.raises(CollectorError, match="it knows no such community") as caught:
        world.read(store, communities=["gadgetz@lemmy.example"])
    assert caught.value.permanent
    assert set(store.posts) == {name}


def test_growth_of_a_thread_is_followed(world: LemmyScenario) -> None:
    post = world.post("Norrvik burns")
    store = world.read()
    comment = world.comment(post, "Mine too")
    world.server.posts[1].votes = 900
    world.clock.advance(minutes=5)
    world.read(store)
    assert store.samples[-1].engagement == Engagement(likes=900, replies=1)
    assert comment in store.posts


def test_more_comments_than_are_read_in_a_turn_are_a_gap(world: LemmyScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lemmy, "_REPLY_PAGES", 2)
    post = world.post("Norrvik burns")
    for number in range(30):
        world.comment(post, f"Comment {number}")
    (gap,) = world.read().gaps
    assert gap.reason == f"10 answers in {post} could not be read"


@pytest.mark.parametrize("is_old", [False, True])
def test_what_is_gone_is_told_whatever_the_version(world: LemmyScenario, is_old: bool) -> None:
    world.server.is_old = is_old
    gone, kept = world.post("Norrvik"), world.post("Norrvik")
    posts = world.read().posts
    del world.server.posts[1]
    source = built(world)
    assert isinstance(source, Rechecking)
    answer = source.recheck(list(posts.values()), {})
    assert answer.gone == {gone: "deleted"}
    assert [post.external_id for post in answer.posts] == [kept]


def test_a_removed_post_is_told_as_gone(world: LemmyScenario) -> None:
    name = world.post("Norrvik")
    posts = world.read().posts
    world.server.posts[1].removed = True
    source = built(world)
    assert isinstance(source, Rechecking)
    assert source.recheck(list(posts.values()), {}).gone == {name: "deleted"}


def test_a_limit_that_older_versions_tell_by_name_is_understood(world: LemmyScenario) -> None:
    world.fail_next(as_json({"error": "rate_limit_error"}, 400))
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert (caught.value.retry_after, caught.value.permanent) == (60, False)


def test_the_probe_says_what_it_found(world: LemmyScenario) -> None:
    world.post("Norrvik")
    assert built(world).probe() == f"{world.server.url} answers with 1 entries of Posts Norrvik"
