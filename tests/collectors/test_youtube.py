"""YouTube by its Data API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import youtube
from collectors.contract import CollectorError, Recheck, Rechecking
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Played, built
from tests.servers.web import as_json
from tests.servers.youtube_api import KEY, Comment, Video, YouTubeServer


class YouTubeScenario(Played[YouTubeServer]):
    """Videos about a brand, with comments."""

    def publish(self) -> set[str]:
        """Some videos of the last minutes."""
        return {self.film(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def film(self, title: str, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One video."""
        name = f"video-{len(self.server.videos):05}"
        self.server.videos[name] = Video(name, self.clock() - timedelta(minutes=minutes_ago), title, **fields)
        return name

    def comment(self, video: str, text: str, answers: str = "", edited: bool = False) -> str:
        """One comment, just now."""
        comments = self.server.videos[video].comments
        name = f"{answers or video}.{len(comments)}"
        at = self.clock() - timedelta(seconds=60 - len(comments) / 100)
        comments[name] = Comment(name, at, text, answers, self.clock() if edited else None)
        return name


@contextmanager
def scenario() -> Iterator[YouTubeScenario]:
    """The interface with pages of ten, and all of its quota for the asking."""
    clock = Clock()
    patch = pytest.MonkeyPatch()
    patch.setenv("YOUTUBE_KEY", KEY)
    with YouTubeServer(clock, page=10) as server:
        options = {"api_key": {"env": "YOUTUBE_KEY"}, "base_url": server.url, "overlap": "0s"}
        try:
            yield YouTubeScenario(server, youtube, clock, options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[YouTubeScenario]:
    with scenario() as given:
        yield given


def asked(world: YouTubeScenario, path: str) -> int:
    return sum(request.path == path for request in world.server.requests)


def test_a_video_carries_words_channel_and_plays(world: YouTubeScenario) -> None:
    name = world.film("Norrvik burns", description="See it burn", views=900)
    post = world.read().posts[name]
    assert (post.title, post.text, post.language) == ("Norrvik burns", "See it burn", "en")
    assert (post.author, post.author_name) == ("UC7", "Ann films")
    assert post.engagement == Engagement(likes=4, replies=0, views=900)
    assert (post.thread_id, post.url) == (name, f"https://www.youtube.com/watch?v={name}")


def test_all_terms_are_asked_for_in_one_search(world: YouTubeScenario) -> None:
    world.read()
    assert [request.query["q"] for request in world.server.requests] == ['Norrvik|"Fjord Phone"']


def test_comments_and_their_answers_stand_in_the_thread_of_the_video(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    comment = world.comment(video, "Mine too")
    answer = world.comment(video, "Really?", answers=comment)
    store = world.read()
    assert (store.posts[comment].kind, store.posts[comment].parent_id) == (PostKind.COMMENT, video)
    assert (store.posts[answer].thread_id, store.posts[answer].parent_id) == (video, comment)
    assert store.posts[answer].engagement == Engagement(likes=3)
    assert store.posts[answer].edited_at is None


def test_an_edited_comment_says_so(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    comment = world.comment(video, "Mine too", edited=True)
    assert world.read().posts[comment].edited_at == world.clock()


def test_more_answers_than_are_shown_are_asked_for(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    comment = world.comment(video, "Mine too")
    answers = {world.comment(video, f"Answer {number}", answers=comment) for number in range(9)}
    store = world.read()
    assert set(store.posts) == {video, comment, *answers}
    assert store.gaps == []


def test_comments_beyond_the_requests_of_a_turn_are_a_gap(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    for number in range(50):
        world.comment(video, f"Comment {number}")
    store = world.read(requests_per_thread=2)
    assert asked(world, "/commentThreads") == 2
    (gap,) = store.gaps
    assert (gap.reason, gap.share_missing) == (f"30 answers in {video} could not be read", 0.6)


def test_growth_is_followed_and_comments_only_when_there_are_more(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    world.comment(video, "First")
    store = world.read()
    world.server.videos[video].views = 5000
    world.clock.advance(minutes=30)
    world.read(store)
    assert store.samples[-1].engagement == Engagement(likes=4, replies=1, views=5000)
    assert asked(world, "/commentThreads") == 1


def test_a_video_without_comments_is_no_failure(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns", has_comments=False)
    store = world.read()
    assert store.posts[video].engagement.replies is None
    assert store.pages[-1].complete


def test_comments_switched_off_meanwhile_are_a_gap(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    world.comment(video, "First")
    world.read(threads_per_run=0)
    store = world.read(threads_per_run=0)
    reply = as_json({"error": {"code": 403, "errors": [{"reason": "commentsDisabled"}]}}, 403)
    answer = world.server.answer
    world.server.answer = lambda request: reply if request.path == "/commentThreads" else answer(request)  # type: ignore[method-assign]
    world.read(store)
    assert [gap.reason for gap in store.gaps] == [f"1 answers in {video} could not be read"]


def test_a_video_that_is_gone_is_followed_no_longer(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    store = world.read()
    del world.server.videos[video]
    world.read(store)
    assert store.cursor is not None
    assert store.cursor["threads"] == {}


def test_searches_are_spread_over_the_day(world: YouTubeScenario) -> None:
    store = world.read()
    for _ in range(24 * 12):
        world.clock.advance(minutes=5)
        world.read(store)
    assert 90 <= asked(world, "/search") <= 100


def test_a_spent_allowance_of_searches_still_lets_growth_be_read(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    store = world.read(searches_per_day=2)
    world.server.videos[video].views = 70
    world.clock.advance(minutes=5)
    world.read(store, searches_per_day=2)
    assert store.samples[-1].engagement.views == 70
    assert not store.pages[-1].complete, "what was published meanwhile is not known"


def test_a_quota_that_others_have_spent_is_waited_for_until_midnight_in_california(world: YouTubeScenario) -> None:
    world.server.searches = 0
    with pytest.raises(CollectorError, match="quota of the day is spent") as caught:
        world.read()
    assert caught.value.retry_after == 20 * 3600, "12:00 in London is 4:00 there"
    assert not caught.value.permanent


def test_a_search_that_ends_early_is_a_gap(world: YouTubeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(youtube, "ENDS_AFTER", 20)
    world.server.gives = 20
    world.publish()
    (gap,) = world.read().gaps
    assert gap.reason.startswith("YouTube ends search")


def test_a_wrong_key_is_told_in_words(world: YouTubeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOUTUBE_KEY", "wrong")
    with pytest.raises(CollectorError, match="400: it does not accept the API key") as caught:
        built(world).probe()
    assert caught.value.permanent


def test_the_probe_takes_no_search(world: YouTubeScenario) -> None:
    assert built(world).probe() == 'YouTube accepts the key; it will be searched for Norrvik|"Fjord Phone"'
    assert world.server.searches == 100


def recheck(world: YouTubeScenario, posts: list[Post]) -> Recheck:
    source = built(world)
    assert isinstance(source, Rechecking)
    return source.recheck(posts, {})


def test_videos_and_comments_are_looked_up_again(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    kept, gone = world.comment(video, "Mine too"), world.comment(video, "Oh")
    known = list(world.read().posts.values())
    world.server.videos[video].comments[kept].text = "Mine as well"
    del world.server.videos[video].comments[gone]
    answer = recheck(world, known)
    assert answer.gone == {gone: "deleted"}
    assert {(post.external_id, post.thread_id) for post in answer.posts} == {(video, video), (kept, video)}
    assert "Mine as well" in {post.text for post in answer.posts}


def test_a_recheck_beyond_the_allowance_tells_nothing(world: YouTubeScenario) -> None:
    video = world.film("Norrvik burns")
    known = world.read().posts[video]
    source = built(world, units_per_day=100)
    assert isinstance(source, Rechecking)
    assert [len(source.recheck([known], {}).posts) for _ in range(52)] == [1] * 50 + [0] * 2
