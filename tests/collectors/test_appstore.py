"""Reviews in the App Store, by its feeds and by App Store Connect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from collectors import appstore
from collectors.contract import CollectorError
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.app_stores import AppStoreServer, ConnectServer, Review


class FeedScenario(Played[AppStoreServer]):
    """An app that people are not content with."""

    def publish(self) -> set[str]:
        """Some reviews of the last minutes."""
        return {self.write(minutes_ago=5 - number / 10) for number in range(25)}

    def write(self, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One review."""
        number = 100 + len(self.server.reviews)
        self.server.reviews.append(Review(number, self.clock() - timedelta(minutes=minutes_ago), **fields))
        return str(number)


@contextmanager
def scenario() -> Iterator[FeedScenario]:
    """The feed of one country, ten a page."""
    patch = pytest.MonkeyPatch()
    patch.setattr(appstore, "PER_PAGE", 10)
    with AppStoreServer(per_page=10) as server:
        options = {"apps": [{"id": "310633997", "brand": "Norrvik"}], "feed_url": server.url, "overlap": "0s"}
        try:
            yield FeedScenario(server, appstore, Clock(), options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[FeedScenario]:
    with scenario() as given:
        yield given


def test_a_review_carries_its_stars_words_votes_and_brand(world: FeedScenario) -> None:
    number = world.write(title="No sound", text="Since the update", stars=2, votes=9)
    post = world.read().posts[number]
    assert (post.kind, post.title, post.text) == (PostKind.REVIEW, "★★☆☆☆ No sound", "Since the update")
    assert (post.author, post.author_name, post.brands) == (f"id{1000 + int(number)}", "Ann", ("Norrvik",))
    assert post.engagement == Engagement(likes=9, replies=0)
    assert post.created_at == world.clock() - timedelta(minutes=5)
    assert post.url == "https://itunes.apple.com/us/review?id=1&type=App"


def test_a_single_review_and_the_app_before_reviews_are_understood(world: FeedScenario) -> None:
    number = world.write()
    assert set(world.read().posts) == {number}
    world.server.shows_app_first = True
    assert set(world.read().posts) == {number}


def test_an_edited_review_comes_again(world: FeedScenario) -> None:
    number = world.write(minutes_ago=60, stars=5, text="Fine")
    store = world.read()
    world.server.reviews[0].stars, world.server.reviews[0].text = 1, "No longer"
    world.clock.advance(minutes=30)
    world.server.reviews[0].at = world.clock()
    world.read(store)
    assert (store.posts[number].title[:5], store.posts[number].text) == ("★☆☆☆☆", "No longer")


def test_more_reviews_than_the_feed_shows_are_a_gap(world: FeedScenario) -> None:
    for number in range(150):
        world.write(minutes_ago=number)
    store = world.read()
    assert len(store.posts) == 100
    (gap,) = store.gaps
    assert gap.ends_at == world.clock() - timedelta(minutes=99)
    assert "ends /us/rss/customerreviews 310633997 after 100 entries" in gap.reason


def test_a_feed_that_comes_empty_where_there_were_reviews_is_a_failure(world: FeedScenario) -> None:
    published = world.publish()
    store = world.read()
    world.server.reviews, kept = [], world.server.reviews
    with pytest.raises(CollectorError, match="where there were some before") as caught:
        world.read(store)
    assert not caught.value.permanent
    world.server.reviews = kept
    world.read(store)
    assert set(store.posts) == published


def test_an_app_without_reviews_is_no_failure(world: FeedScenario) -> None:
    assert world.read(countries=["se"]).posts == {}
    assert built(world, countries=["se"]).probe() == "the App Store shows no review of 310633997 in se"


def test_a_review_of_no_known_shape_is_set_aside(world: FeedScenario) -> None:
    sound, odd = world.write(), world.write(stars=11)
    store = world.read()
    assert set(store.posts) == {sound}
    assert odd
    ((bad,),) = [page.quarantined for page in store.pages if page.quarantined]
    assert "no rating of one to five stars" in bad.reason


# -- App Store Connect -------------------------------------------------------------------------------------------------


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Played[ConnectServer]]:
    clock = Clock()
    with ConnectServer(clock) as server:
        monkeypatch.setenv("TEST_KEY", server.key_file)
        monkeypatch.setattr(appstore, "CONNECT_PER_PAGE", 10)
        options = {
            "apps": [{"id": "310633997", "brand": "Norrvik"}],
            "connect_url": server.url,
            "overlap": "0s",
            "issuer_id": "ISSUER",
            "key_id": "KEY1",
            "private_key": {"env": "TEST_KEY"},
        }
        yield Played(server, appstore, clock, options)


def write(connect: Played[ConnectServer], count: int = 1, **fields: Any) -> None:
    for number in range(count):
        connect.server.reviews.append(Review(number, connect.clock() - timedelta(minutes=number), **fields))


def test_connect_gives_all_reviews_and_which_were_answered(connect: Played[ConnectServer]) -> None:
    write(connect, 35, stars=3, answer="Sorry")
    store = connect.read()
    assert len(store.posts) == 35
    post = store.posts["0000-0"]
    assert (post.title, post.author) == ("★★★☆☆ Broken", "Ann")
    assert post.engagement == Engagement(replies=1)
    assert store.gaps == []
    connect.read(store)
    assert store.pages[-1].complete


def test_a_key_that_is_none_or_anothers_is_said(
    connect: Played[ConnectServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CollectorError, match="401") as caught:
        connect.read(key_id="KEY2")
    assert caught.value.permanent
    monkeypatch.setenv("TEST_KEY", "not a key")
    with pytest.raises(CollectorError, match=r"AuthKey_….p8") as caught:
        connect.read()
    assert caught.value.permanent
    assert "not a key" not in str(caught.value)


def test_the_probe_tells_the_newest_review(connect: Played[ConnectServer]) -> None:
    write(connect)
    assert built(connect).probe() == (  # type: ignore[arg-type]
        "App Store Connect gives reviews of 310633997, the newest: ★☆☆☆☆ Broken"
    )


def test_half_a_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="issuer_id, key_id and private_key together"):
        appstore.Options(apps=["1"], key_id="K")
    assert Store().posts == {}
