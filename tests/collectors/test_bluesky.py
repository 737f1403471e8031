"""Bluesky by XRPC."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from collectors import bluesky
from collectors.contract import CollectorError
from storage.records import Engagement, GapCause, PostKind
from tests.collectors.listening import Impatient, listening
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.bluesky_api import HANDLE, JETSTREAM, PASSWORD, BlueskyServer, Skeet
from tests.servers.web import Feed, Reply, as_json


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


class BlueskyStream(BlueskyScenario):
    """The same, listened to."""

    silent: ClassVar[dict[str, Any]] = {"stream": False}

    @property
    def feed(self) -> Feed:
        """Who listens."""
        return self.server.feed

    def say(self, *, told: bool = True) -> str:
        """A post of this moment."""
        name = self.write("Norrvik at last", minutes_ago=0)
        if told:
            self.repeat(name)
        return name

    def repeat(self, name: str) -> None:
        """The same again."""
        self.server.tell(self.server.skeets[name])

    def garble(self) -> None:
        """A post without what a post has."""
        self.server.tell_event("commit", operation="create", collection="app.bsky.feed.post", rkey="1")

    def keep_alive(self) -> None:
        """An event that is no post."""
        self.server.tell_event("identity", did="did:plc:bo")

    def shorten_silence(self, patch: pytest.MonkeyPatch) -> None:
        """A fifth of a second."""
        patch.setattr("collectors.bluesky_stream._SILENCE", 0.2)

    def fail_stream(self, *replies: Reply) -> None:
        """Faults of the stream alone."""
        self.server.failing = JETSTREAM
        self.fail_next(*replies)

    def is_list(self, path: str) -> bool:
        """Searches and hashtags."""
        return path.endswith("searchPosts")


@contextmanager
def streaming() -> Iterator[BlueskyStream]:
    """The same with its stream."""
    with scenario() as given:
        options = {**given.options, "stream": True, "stream_url": f"{given.server.url.replace('http', 'ws')}/xrpc"}
        yield BlueskyStream(given.server, bluesky, given.clock, options)


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


def test_a_quotation_beside_a_picture_is_one_too(world: BlueskyScenario) -> None:
    quoted = {"record": {"uri": "at://did:plc:bo/app.bsky.feed.post/1", "cid": "c"}}
    address = world.write("", embed={"record": quoted, "media": {"images": [{"alt": "a burnt Norrvik"}]}})
    world.server.finds = lambda query, _skeet: query == "Norrvik"
    post = world.read().posts[address]
    assert (post.parent_id, post.text) == ("at://did:plc:bo/app.bsky.feed.post/1", "a burnt Norrvik")


def test_answers_to_answers_are_read_though_the_first_post_has_no_more_of_its_own(world: BlueskyScenario) -> None:
    roots = [world.write(f"Norrvik, {number}") for number in range(2)]
    firsts = [world.write("A pity", answers=root, root=root) for root in roots]
    store = world.read()
    below = {world.write("Is it?", answers=first, root=root) for first, root in zip(firsts, roots, strict=True)}
    for _ in roots:
        assert not below <= set(store.posts)
        world.clock.advance(minutes=5)
        world.read(store, threads_per_run=1)
    assert below <= set(store.posts)


def test_answers_that_are_kept_from_the_account_are_a_gap_once(world: BlueskyScenario) -> None:
    root = world.write("Norrvik, what now")
    kept = world.write("Not for you", answers=root, root=root)
    world.write("For all", answers=root, root=root)
    world.server.blocked = {kept}
    store = world.read()
    world.clock.advance(minutes=5)
    world.read(store)
    assert [(gap.reason, gap.share_missing) for gap in store.gaps] == [(f"1 answers in {root} could not be read", 0.5)]


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


# -- Jetstream -----------------------------------------------------------------------------------------------------


@pytest.fixture
def stream() -> Iterator[BlueskyStream]:
    with streaming() as given:
        yield given


def connections(stream: BlueskyStream) -> list[dict[str, str]]:
    return [dict(request.query) for request in stream.server.requests if request.path.endswith(JETSTREAM)]


def test_only_posts_are_asked_for_and_only_those_that_name_a_brand_are_kept(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.repeat(stream.write("nothing of interest", minutes_ago=0))
        stream.server.tell(stream.server.skeets[stream.write("Norrvik", minutes_ago=0)], operation="delete")
        name = stream.say()
        ear.called()
        store.run(source, pages=1)
    assert list(store.posts) == [name]
    (asked,) = connections(stream)
    assert asked["collections"] == "app.bsky.feed.post"
    (request,) = [one for one in stream.server.requests if one.path.endswith(JETSTREAM)]
    assert [value for name, value in request.pairs if name == "kinds"] == ["commit", "account"]


def test_a_deletion_that_was_told_calls_for_a_turn_where_the_post_was_told_too(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name, strangers = stream.say(), stream.write("nothing of interest", minutes_ago=0)
        ear.called()
        store.run(source, pages=1)
        assert list(store.posts) == [name]
        for each in (strangers, name):
            stream.server.tell(stream.server.skeets[each], operation="delete")
        ear.called()
        (page,) = store.run(source, pages=1)
    assert page.gone == {strangers: "deleted", name: "deleted"}
    assert store.posts == {}


@pytest.mark.parametrize(
    ("status", "is_gone"),
    [("deleted", True), ("takendown", True), ("suspended", True), ("deactivated", True), ("throttled", False)],
)
def test_an_account_that_is_gone_takes_its_posts_with_it(stream: BlueskyStream, status: str, is_gone: bool) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.say()
        ear.called()
        store.run(source, pages=1)
        did = name.removeprefix("at://").partition("/")[0]
        stream.server.tell_event("account", did="did:plc:back", account={"did": "did:plc:back", "active": True})
        stream.server.tell_event("account", did=did, account={"did": did, "active": False, "status": status})
        stream.say()
        ear.called()
        (page,) = store.run(source, pages=1)
    assert list(page.left) == ([did] if is_gone else [])
    assert (name in store.posts) is not is_gone


def test_a_wording_that_was_told_anew_is_passed_on(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.say()
        ear.called()
        store.run(source, pages=1)
        stream.server.tell_event("commit", did="d", operation="update", collection="app.bsky.feed.post", rkey="odd")
        stream.server.skeets[name].text = "Never mind"
        stream.server.tell(stream.server.skeets[name], operation="update")
        ear.called()
        (page,) = store.run(source, pages=1)
    assert not page.quarantined  # a stranger's update need not make sense
    assert store.posts[name].text == "Never mind"


def test_a_deletion_that_names_nothing_is_set_aside(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.server.tell_event("commit", operation="delete", collection="app.bsky.feed.post")
        ear.called()
        (page,) = store.run(source, pages=1)
    assert (len(page.quarantined), page.gone) == (1, {})


def test_a_picture_or_a_link_can_name_a_brand(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.write("Look", minutes_ago=0, embed={"external": {"title": "Norrvik recalls", "description": ""}})
        stream.repeat(name)
        ear.called()
        store.run(source, pages=1)
    assert list(store.posts) == [name]


def test_a_new_connection_goes_on_where_the_last_one_ended(stream: BlueskyStream) -> None:
    source = built(stream)
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.feed.hang_up()
        ear.connected()
    assert [asked.get("cursor") for asked in connections(stream)] == [None, "1"]


def test_where_jetstream_has_forgotten_it_is_listened_to_from_now_on(stream: BlueskyStream) -> None:
    source = built(stream)
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.server.oldest_event = 100
        stream.feed.hang_up()
        ear.connected()
    assert [asked.get("cursor") for asked in connections(stream)] == [None, "1", None]


def test_a_consumer_that_is_too_slow_is_told_so(stream: BlueskyStream, capsys: pytest.CaptureFixture[str]) -> None:
    stopping = Impatient(1)
    with listening(built(stream), stream.feed, stopping) as ear:
        ear.connected()
        stream.feed.tell(json.dumps({"$type": "error", "error": "ConsumerTooSlow", "message": "bye"}).encode())
        stopping.done.wait(20)
    assert "ConsumerTooSlow" in capsys.readouterr().out


def test_lists_are_read_at_leisure_while_the_stream_stands(stream: BlueskyStream) -> None:
    source, store = built(stream, lists_every="10m"), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.clock.advance(minutes=1)
        assert store.run(source)[-1].complete, "lists are read once the stream stands"
        stream.clock.advance(minutes=9)
        assert not store.run(source)[-1].complete
        stream.clock.advance(minutes=1)
        assert store.run(source)[-1].complete


def test_lists_that_fail_leave_a_gap_since_they_were_read(stream: BlueskyStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.say()
        ear.called()
        stream.clock.advance(minutes=1)
        store.run(source)
        read_at = stream.clock()
        stream.clock.advance(minutes=3)
        store.run(source)
        stream.clock.advance(minutes=3)
        stream.server.failing = "searchPosts"
        stream.fail_next(Reply(503))
        with pytest.raises(CollectorError, match="503"):
            store.run(source)
    (gap,) = store.gaps
    assert (gap.starts_at, gap.ends_at, gap.cause) == (read_at, stream.clock(), GapCause.FAILURE)
