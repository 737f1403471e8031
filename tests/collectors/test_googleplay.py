"""Reviews on Google Play by its Developer API, with the sign-in of a service account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import googleplay
from collectors.contract import CollectorError
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, built
from tests.servers.app_stores import PlayServer, Review
from tests.servers.web import Reply


class PlayScenario(Played[PlayServer]):
    """An app of ours."""

    empty_answers = (b"{}",)

    def publish(self) -> set[str]:
        """Some reviews of the last minutes."""
        return {self.write(minutes_ago=5 - number / 10) for number in range(25)}

    def write(self, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One review."""
        number = 100 + len(self.server.reviews)
        self.server.reviews.append(Review(number, self.clock() - timedelta(minutes=minutes_ago), **fields))
        return f"gp:{number}"


@contextmanager
def scenario() -> Iterator[PlayScenario]:
    """Ten reviews a page."""
    clock = Clock()
    patch = pytest.MonkeyPatch()
    patch.setattr(googleplay, "PER_PAGE", 10)
    with PlayServer(clock) as server:
        patch.setenv("TEST_ACCOUNT", server.account())
        options = {
            "apps": [{"id": "com.example.app", "brand": "Norrvik"}],
            "service_account": {"env": "TEST_ACCOUNT"},
            "url": server.url,
            "overlap": "0s",
        }
        try:
            yield PlayScenario(server, googleplay, clock, options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[PlayScenario]:
    with scenario() as given:
        yield given


def test_a_review_carries_its_stars_words_votes_language_and_answer(world: PlayScenario) -> None:
    name = world.write(title="No sound", text="Since the update", stars=2, votes=9, answer="Sorry")
    post = world.read().posts[name]
    assert (post.kind, post.title, post.text) == (PostKind.REVIEW, "★★☆☆☆ No sound", "Since the update")
    assert (post.author_name, post.language, post.brands) == ("Ann", "en", ("Norrvik",))
    assert post.engagement == Engagement(likes=9, replies=1)


def test_an_edited_review_comes_again_with_its_new_words(world: PlayScenario) -> None:
    name = world.write(stars=5)
    store = world.read()
    world.clock.advance(minutes=30)
    world.server.reviews[0].stars, world.server.reviews[0].at = 1, world.clock()
    world.read(store)
    assert store.posts[name].title.startswith("★☆☆☆☆")


def test_a_token_serves_for_its_hour(world: PlayScenario) -> None:
    world.publish()
    collector = built(world)
    list(collector.collect(None))
    list(collector.collect(None))
    assert world.server.tokens == 1
    world.clock.advance(minutes=59)
    list(collector.collect(None))
    assert world.server.tokens == 2


def test_a_token_that_is_refused_is_not_used_again(world: PlayScenario) -> None:
    world.publish()
    collector = built(world)
    world.fail_next(Reply(401, b"{}"))
    with pytest.raises(CollectorError, match="401"):
        list(collector.collect(None))
    list(collector.collect(None))
    assert world.server.tokens == 2


def test_an_account_that_google_does_not_know_is_permanent(
    world: PlayScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_ACCOUNT", world.server.account(client_email="stranger@example.org"))
    with pytest.raises(CollectorError, match="account not found") as caught:
        world.read()
    assert caught.value.permanent


@pytest.mark.parametrize("content", ["", "{}", "key", '{"client_email": 1}'])
def test_a_file_that_is_no_key_is_permanent(world: PlayScenario, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("TEST_ACCOUNT", content)
    with pytest.raises(CollectorError, match="service account") as caught:
        world.read()
    assert caught.value.permanent


def test_a_private_key_that_cannot_sign_is_permanent(world: PlayScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_ACCOUNT", world.server.account(private_key="nonsense"))
    with pytest.raises(CollectorError, match="cannot sign") as caught:
        world.read()
    assert caught.value.permanent


def test_an_app_of_others_is_said(world: PlayScenario) -> None:
    with pytest.raises(CollectorError, match="404") as caught:
        world.read(apps=["com.other.app"])
    assert caught.value.permanent


def test_the_probe_tells_the_newest_review(world: PlayScenario) -> None:
    assert built(world).probe() == "Google Play gives reviews of com.example.app, none in the last seven days"
    world.write()
    assert built(world).probe().endswith("the newest: ★☆☆☆☆ Broken")
