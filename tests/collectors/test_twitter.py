"""X by tweepy, which talks to a local server that refuses what X refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any, ClassVar

import pytest

from collectors import twitter
from collectors.contract import CollectorError, Rereads
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.web import Feed, Reply, as_json
from tests.servers.x_api import TOKEN, Tweet, XServer, snowflake

SEARCH = "/2/tweets/search/recent"
STREAM = "/2/tweets/search/stream"


@dataclass
class TwitterScenario:
    """An app with a token, and a server that has what it finds."""

    server: XServer
    clock: Clock
    module: ModuleType = twitter
    options: dict[str, Any] = field(default_factory=dict)
    made: int = 0

    def publish(self) -> set[str]:
        """A hundred posts, of which X gives 30 a page."""
        return {self.tweet(3 + number / 100).number_text for number in range(100)}

    def tweet(self, minutes_ago: float, **fields: Any) -> NamedTweet:
        """One more post."""
        at = self.clock() - timedelta(minutes=minutes_ago)
        self.made += 1
        tweet = NamedTweet(snowflake(at, self.made % 4096), at, fields.pop("text", f"Norrvik {self.made}"), **fields)
        self.server.tweets[tweet.number] = tweet
        return tweet

    def fail_next(self, *replies: Reply) -> None:
        """Faults of X."""
        self.server.faults.clear()
        self.server.faults.extend(replies)

    def asked(self) -> int:
        """Requests so far."""
        return len(self.server.requests)

    def asked_of(self, path: str) -> list[dict[str, str]]:
        """The queries that a path was asked with."""
        return [dict(request.query) for request in self.server.requests if request.path == path]


class NamedTweet(Tweet):
    """A post with its identity as text."""

    @property
    def number_text(self) -> str:
        """As `external_id` has it."""
        return str(self.number)


@contextmanager
def scenario() -> Iterator[TwitterScenario]:
    """Nothing is read twice, and no conversation followed."""
    clock = Clock()
    with XServer(clock, page=30) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("X_TOKEN", TOKEN)
        options = {"bearer_token": {"env": "X_TOKEN"}, "base_url": server.url, "overlap": "0s"}
        yield TwitterScenario(server, clock, options=options)


class TwitterStream(TwitterScenario):
    """X with an app that listens to the filtered stream."""

    silent: ClassVar[dict[str, Any]] = {"stream": False}

    @property
    def feed(self) -> Feed:
        """Who listens."""
        return self.server.feed

    def say(self, *, told: bool = True) -> str:
        """A post of this moment."""
        tweet = self.tweet(0)
        if told:
            self.server.tell(tweet)
        return tweet.number_text

    def repeat(self, name: str) -> None:
        """The same again."""
        self.server.tell(self.server.tweets[int(name)])

    def garble(self) -> None:
        """Half a line."""
        self.feed.tell(b'{"data": {"id": "1", "te\r\n')

    def keep_alive(self) -> None:
        """An empty line."""
        self.feed.tell(b"\r\n")

    def shorten_silence(self, patch: pytest.MonkeyPatch) -> None:
        """A fifth of a second."""
        patch.setattr("collectors.twitter_line._SILENCE", 0.2)

    def fail_stream(self, *replies: Reply) -> None:
        """Faults of the stream alone."""
        self.server.failing = STREAM
        self.fail_next(*replies)

    def is_list(self, path: str) -> bool:
        """Searches."""
        return path == SEARCH


@contextmanager
def streaming() -> Iterator[TwitterStream]:
    """The same with the stream."""
    with scenario() as given:
        yield TwitterStream(given.server, given.clock, options={**given.options, "stream": True})


@pytest.fixture
def world() -> Iterator[TwitterScenario]:
    with scenario() as given:
        yield given


def turn(world: TwitterScenario, store: Store, **options: Any) -> list[str]:
    """The identities that a turn brings."""
    return [post.external_id for page in store.run(built(world, **options)) for post in page.posts]


@pytest.mark.parametrize("vocabulary", ["tweet", "post"])
def test_a_post_in_the_vocabulary_of_tweets_and_of_posts(vocabulary: str) -> None:
    with scenario() as world:
        world.server.vocabulary = vocabulary
        root = world.tweet(9)
        tweet = world.tweet(
            5, text="@norrvik it &amp; melts", conversation=root.number, replied_to=root.number, likes=7, replies=3
        )
        store = Store()
        turn(world, store, vocabulary=vocabulary)
        post = store.posts[tweet.number_text]
        assert (post.text, post.kind, post.language) == ("@norrvik it & melts", PostKind.REPLY, "en")
        assert (post.thread_id, post.parent_id) == (root.number_text, root.number_text)
        assert post.engagement == Engagement(likes=7, shares=3, replies=3, views=500)
        assert post.created_at == tweet.at.replace(microsecond=tweet.at.microsecond // 1000 * 1000)
        assert post.url == f"https://x.com/i/web/status/{tweet.number}"
        assert (post.author, post.author_name, post.author_reach) == ("7001", None, None)


def test_answers_in_the_other_vocabulary_are_understood_too(world: TwitterScenario) -> None:
    reposted = world.tweet(9)
    new = {
        "data": [
            {
                "id": str(snowflake(world.clock() - timedelta(minutes=4))),
                "text": "RT",
                "created_at": "2026-03-02T11:56:00.000Z",
                "public_metrics": {"repost_count": 5, "like_count": 1},
                "referenced_posts": [{"type": "reposted", "id": reposted.number_text}],
                "note_post": {"text": "the long form"},
            }
        ],
        "meta": {"result_count": 1},
    }
    world.fail_next(as_json(new))
    store = Store()
    turn(world, store)
    (post,) = store.posts.values()
    assert (post.kind, post.repost_of, post.text) == (PostKind.REPOST, reposted.number_text, "the long form")
    assert post.engagement == Engagement(likes=1, shares=5)


def test_authors_are_asked_for_only_when_they_are_to_be_paid(world: TwitterScenario) -> None:
    tweet = world.tweet(5, author="88")
    store = Store()
    turn(world, store, authors=True)
    post = store.posts[tweet.number_text]
    assert (post.author, post.author_name, post.author_reach) == ("88", "user88", 1234)


def test_an_edited_post_stays_the_post_it_was(world: TwitterScenario) -> None:
    first = snowflake(world.clock() - timedelta(minutes=9))
    tweet = world.tweet(5, edits=[first])
    store = Store()
    turn(world, store)
    post = store.posts[str(first)]
    assert (post.created_at, post.edited_at) == (world.clock() - timedelta(minutes=9), tweet.at)


@pytest.mark.parametrize(("code", "language"), [("de", "de"), ("in", "id"), ("und", None), ("zxx", None)])
def test_a_language_is_stored_by_its_usual_name_or_as_unknown(
    world: TwitterScenario, code: str, language: str | None
) -> None:
    tweet = world.tweet(5, lang=code)
    store = Store()
    turn(world, store)
    assert store.posts[tweet.number_text].language == language


def test_the_next_turn_asks_for_what_is_newer_only(world: TwitterScenario) -> None:
    newest = max(world.tweet(number).number for number in (5, 6, 7))
    store = Store()
    turn(world, store)
    world.clock.advance(minutes=5)
    later = world.tweet(2)
    assert turn(world, store) == [later.number_text]
    assert world.asked_of(SEARCH)[-1]["since_id"] == str(newest)


def test_the_overlap_finds_what_was_indexed_late(world: TwitterScenario) -> None:
    world.tweet(5)
    store = Store()
    turn(world, store)
    world.clock.advance(minutes=5)
    late = world.tweet(10.3)
    turn(world, store, overlap="30s")
    assert late.number_text in store.posts


def test_pages_are_followed_to_the_end_by_token(world: TwitterScenario) -> None:
    published = world.publish()
    store = Store()
    assert sorted(turn(world, store)) == sorted(published)
    assert [query.get("next_token") for query in world.asked_of(SEARCH)] == [None, "t30", "t60", "t90"]


def test_a_token_that_is_no_longer_accepted_starts_the_window_anew(world: TwitterScenario) -> None:
    published = world.publish()
    store = Store()
    store.run(built(world), pages=1)
    world.fail_next(as_json({"errors": [{"message": "invalid next_token"}]}, 400))
    turn(world, store)
    assert set(store.posts) == published


def test_a_repeated_token_ends_the_turn_and_loses_nothing(world: TwitterScenario) -> None:
    published = world.publish()
    answer = {"data": [], "meta": {"result_count": 0, "next_token": "again"}}
    world.fail_next(*[as_json(answer)] * 50)
    store = Store()
    with pytest.raises(CollectorError, match="token of a page that was read already"):
        turn(world, store)
    assert world.asked() <= 3
    world.fail_next()
    turn(world, store)
    assert set(store.posts) == published


def test_a_page_that_holds_less_than_it_announces_is_a_gap(world: TwitterScenario) -> None:
    short = {"data": [{"id": "1", "text": "x", "created_at": "2026-03-02T11:50:00Z"}], "meta": {"result_count": 4}}
    world.fail_next(as_json(short))
    store = Store()
    turn(world, store)
    (gap,) = store.gaps
    assert gap.share_missing == 0.75


def test_a_post_that_makes_no_sense_is_set_aside(world: TwitterScenario) -> None:
    sound = {"id": "1", "text": "x", "created_at": "2026-03-02T11:50:00Z"}
    world.fail_next(as_json({"data": [sound, {"id": "2"}, "three"], "meta": {"result_count": 3}}))
    store = Store()
    turn(world, store)
    assert set(store.posts) == {"1"}
    assert sum(len(page.quarantined) for page in store.pages) == 2


def test_a_post_that_was_set_aside_is_read_again_with_its_author(world: TwitterScenario) -> None:
    sound = {"id": "1", "text": "x", "created_at": "2026-03-02T11:50:00Z"}
    odd = {"id": "2", "author_id": "9", "text": "Shame", "created_at": "at noon"}
    users = [{"id": "9", "username": "ann"}, {"id": "8", "username": "bo"}]
    world.fail_next(as_json({"data": [sound, odd], "includes": {"users": users}, "meta": {"result_count": 2}}))
    store = Store()
    turn(world, store)
    raws = [item.raw for page in store.pages for item in page.quarantined]
    assert raws[0] is not None
    assert b"bo" not in raws[0]
    source = built(world)
    assert isinstance(source, Rereads)
    with pytest.raises(ValueError, match="at noon"):
        source.reread(raws[0])
    (post,) = source.reread(raws[0].replace(b"at noon", b"2026-03-02T11:51:00Z"))
    assert isinstance(post, Post)
    assert (post.external_id, post.author_name, post.text) == ("2", "ann", "Shame")
    with pytest.raises(ValueError, match="KeyError"):
        source.reread(b'{"data": {"id": "2"}}')


def test_a_conversation_with_many_answers_is_read_whole(world: TwitterScenario) -> None:
    root = world.tweet(50, text="Our statement, from Norrvik", replies=40)
    answers = [world.tweet(40 - number, text="liars", conversation=root.number) for number in range(5)]
    world.server.finds = lambda query, tweet: (
        tweet.conversation == root.number if query.startswith("conversation_id:") else "Norrvik" in tweet.text
    )
    store = Store()
    turn(world, store)
    assert set(store.posts) == {root.number_text, *(answer.number_text for answer in answers)}
    assert [(sample.external_id, sample.engagement.replies) for sample in store.samples] == [(root.number_text, 40)]


def test_a_conversation_is_read_on_only_when_it_has_grown(world: TwitterScenario) -> None:
    root = world.tweet(50, text="Our statement, from Norrvik", replies=40)
    store = Store()
    turn(world, store)
    asked = len(world.asked_of(SEARCH))
    world.clock.advance(minutes=20)
    turn(world, store)
    assert len(world.asked_of(SEARCH)) == asked + 1
    root.replies = 41
    world.clock.advance(minutes=20)
    turn(world, store)
    assert len(world.asked_of(SEARCH)) == asked + 3


def test_a_conversation_whose_first_post_is_gone_is_followed_no_longer(world: TwitterScenario) -> None:
    root = world.tweet(50, text="Our statement, from Norrvik", replies=40)
    store = Store()
    turn(world, store)
    del world.server.tweets[root.number]
    world.clock.advance(minutes=20)
    turn(world, store)
    assert store.cursor is not None
    assert store.cursor["threads"] == {}


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"x-rate-limit-reset": "{in_90}"}, 90),
        ({"retry-after": "12"}, 12),
        ({"retry-after": "Mon, 02 Mar 2026 12:02:00 GMT"}, 120),
        ({"x-rate-limit-reset": "{ago_90}"}, 60),
        ({"x-rate-limit-reset": "soon"}, 60),
        ({"x-rate-limit-reset": "99999999999"}, 3600),
        ({}, 60),
    ],
)
def test_a_full_rate_limit_costs_one_request_and_says_when(
    world: TwitterScenario, headers: dict[str, str], wait: float
) -> None:
    now = int(world.clock().timestamp())
    told = {name: value.format(in_90=now + 90, ago_90=now - 90) for name, value in headers.items()}
    world.fail_next(*[Reply(429, headers=told)] * 1000)
    with pytest.raises(CollectorError) as caught:
        turn(world, Store())
    assert (caught.value.retry_after, caught.value.permanent) == (wait, False)
    assert world.asked() == 1


def test_queries_are_within_the_limit_and_ask_for_every_term(world: TwitterScenario) -> None:
    world.tweet(5)
    turn(world, Store())
    assert [query["query"] for query in world.asked_of(SEARCH)] == [
        '(Norrvik OR "Fjord Phone" OR @norrvik) -is:retweet'
    ]


def test_a_missing_token_is_told_with_its_place(world: TwitterScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TOKEN")
    with pytest.raises(CollectorError, match="X_TOKEN is not set") as caught:
        turn(world, Store())
    assert caught.value.permanent


def test_the_token_is_in_no_message(world: TwitterScenario, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    world.tweet(5)
    turn(world, Store())
    world.fail_next(Reply(500))
    with pytest.raises(CollectorError) as caught:
        turn(world, Store())
    assert TOKEN not in caplog.text
    assert TOKEN not in f"{caught.value!r} {built(world)!r}"


def test_the_probe_counts_and_reads_nothing(world: TwitterScenario) -> None:
    world.publish()
    assert built(world).probe() == "X answers: 100 posts of the last day match the first of 1 queries"
    assert world.asked_of(SEARCH) == []
