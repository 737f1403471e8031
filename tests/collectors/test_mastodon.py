"""Mastodon by Mastodon.py."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
import yaml
from pydantic import ValidationError

from collectors import mastodon
from collectors.contract import CollectorError, Rechecking, SourceContext, ThreadReader
from collectors.streamed import Streamed
from storage.records import Engagement, PostKind
from tests.collectors.listening import Impatient, listening
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.mastodon_api import TOKEN, MastodonServer, Toot
from tests.servers.web import Feed, Reply, Request, WebServer
from tests.waiting import wait_for


class MastodonScenario(Played[MastodonServer]):
    """An instance on which people speak of a brand."""

    def publish(self) -> set[str]:
        """Some posts of the last minutes."""
        return {self.write(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def write(self, text: str, minutes_ago: float = 5.0, **fields: Any) -> str:
        """One post."""
        number = 1000 + len(self.server.toots)
        at = self.clock() - timedelta(minutes=minutes_ago)
        self.server.toots[number] = Toot(number, at, text, **fields)
        return str(number)


@contextmanager
def scenario() -> Iterator[MastodonScenario]:
    """An instance with full-text search."""
    clock = Clock()
    patch = pytest.MonkeyPatch()
    patch.setenv("MASTODON_TOKEN", TOKEN)
    with MastodonServer(clock, page=10) as server:
        options = {"instance": server.url, "access_token": {"env": "MASTODON_TOKEN"}, "overlap": "0s"}
        try:
            yield MastodonScenario(server, mastodon, clock, options)
        finally:
            patch.undo()


class MastodonStream(MastodonScenario):
    """The same, listened to."""

    silent: ClassVar[dict[str, Any]] = {"stream": "off"}

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
        self.server.tell(self.server.toots[int(name)])

    def garble(self) -> None:
        """A post without what a post has."""
        self.feed.tell(b'event: update\ndata: {"id": "1", "visibility": "public"}\n\n')

    def keep_alive(self) -> None:
        """A comment."""
        self.feed.tell(b":thump\n")

    def shorten_silence(self, patch: pytest.MonkeyPatch) -> None:
        """A fifth of a second."""
        patch.setattr("collectors.mastodon_stream.SILENCE", 0.2)

    def fail_stream(self, *replies: Reply) -> None:
        """Faults of the stream alone."""
        self.server.failing = "/streaming/"
        self.fail_next(*replies)

    def is_list(self, path: str) -> bool:
        """Searches and hashtags."""
        return path == "/api/v2/search" or "/timelines/tag/" in path


@contextmanager
def streaming() -> Iterator[MastodonStream]:
    """The same with its stream."""
    with scenario() as given:
        options = {**given.options, "stream": "public"}
        yield MastodonStream(given.server, mastodon, given.clock, options)


@pytest.fixture
def world() -> Iterator[MastodonScenario]:
    with scenario() as given:
        yield given


def paths(world: MastodonScenario) -> list[str]:
    return [request.path for request in world.server.requests]


def test_a_post_carries_words_author_engagement_and_its_thread(world: MastodonScenario) -> None:
    number = world.write("Norrvik &amp; Co<br>burns", favourites=9)
    post = world.read().posts[number]
    assert (post.text, post.kind, post.language) == ("Norrvik & Co\nburns", PostKind.POST, "en")
    assert (post.author, post.author_name, post.author_reach) == ("ann@social.example", "Ann", 40)
    assert post.engagement == Engagement(likes=9, shares=2, replies=0)
    assert (post.thread_id, post.parent_id) == (number, None)
    assert post.url == f"https://social.example/@ann/{number}"


def test_an_answer_stands_in_the_thread_of_its_first_post(world: MastodonScenario) -> None:
    first = world.write("What is this?")
    second = world.write("No idea", answers=int(first))
    third = world.write("A Norrvik", answers=int(second))
    store = world.read()
    assert (store.posts[third].thread_id, store.posts[third].parent_id) == (first, second)
    assert store.posts[third].kind is PostKind.REPLY
    assert set(store.posts) == {first, second, third}, "the thread that it belongs to is read"


def test_a_post_that_has_words_in_its_picture_alone_is_read_by_them(world: MastodonScenario) -> None:
    number = world.write("Norrvik", fields={"content": "", "media_attachments": [{"description": "a burnt Norrvik"}]})
    assert world.read().posts[number].text == "a burnt Norrvik"


def test_an_edit_is_told(world: MastodonScenario) -> None:
    number = world.write("Norrvik", edited_at=world.clock() - timedelta(minutes=1))
    assert world.read().posts[number].edited_at == world.clock() - timedelta(minutes=1)


def test_what_is_not_public_is_left_out(world: MastodonScenario) -> None:
    world.write("Norrvik, between us", visibility="direct")
    assert world.read().posts == {}


def test_hashtags_are_read_without_an_account(world: MastodonScenario) -> None:
    tagged = world.write("Look", tags=["norrvik"])
    store = world.read(access_token=None, hashtags=["#Norrvik"])
    assert set(store.posts) == {tagged}
    assert "/api/v2/search" not in paths(world)


def test_growth_and_answers_of_a_thread_are_followed(world: MastodonScenario) -> None:
    root = world.write("Norrvik phones burn")
    store = world.read()
    reply = world.write("Mine too", answers=int(root))
    world.server.toots[int(root)].favourites = 80
    world.clock.advance(minutes=5)
    world.read(store)
    assert store.samples[-1].engagement == Engagement(likes=80, shares=2, replies=1)
    assert (store.posts[reply].thread_id, store.posts[reply].parent_id) == (root, root)


def test_a_deleted_post_is_followed_no_longer(world: MastodonScenario) -> None:
    root = world.write("Norrvik")
    store = world.read()
    del world.server.toots[int(root)]
    world.read(store)
    assert store.cursor is not None
    assert store.cursor["threads"] == {}


def test_an_older_instance_is_asked_for_posts_one_by_one(world: MastodonScenario) -> None:
    world.server.knows_ids = False
    root = world.write("Norrvik")
    assert [sample.external_id for sample in world.read().samples] == [root]


def test_answers_to_answers_are_read_though_the_first_post_has_no_more_of_its_own(world: MastodonScenario) -> None:
    root = world.write("Norrvik phones burn")
    first = world.write("Mine too", answers=int(root))
    store = world.read()
    below = world.write("And mine", answers=int(first))
    world.clock.advance(minutes=5)
    world.read(store)
    assert store.posts[below].thread_id == root


def test_many_threads_are_looked_up_in_requests_of_twenty(world: MastodonScenario) -> None:
    world.publish()
    assert len(world.read().samples) == 25
    assert paths(world).count("/api/v1/statuses") == 2


def test_the_allowance_used_up_is_told_with_its_end(world: MastodonScenario) -> None:
    world.server.remaining = 0
    with pytest.raises(CollectorError) as caught:
        world.read()
    assert caught.value.retry_after == 180


def test_a_page_that_comes_again_ends_the_turn(world: MastodonScenario) -> None:
    world.publish()
    shown = [world.server._json(toot) for toot in list(world.server.toots.values())[:3]]
    again = Reply(200, json.dumps({"statuses": shown}).encode(), {"content-type": "application/json"})
    world.fail_next(again, again)
    with pytest.raises(CollectorError, match="the same page"):
        world.read()


def test_one_list_that_is_refused_does_not_hold_up_the_others(world: MastodonScenario) -> None:
    tagged = world.write("Look", tags=["norrvik"])
    world.fail_next(Reply(403))
    store = Store()
    with pytest.raises(CollectorError, match="403"):
        world.read(store, hashtags=["norrvik"])
    assert set(store.posts) == {tagged}
    assert not any(page.complete for page in store.pages)


def test_a_turn_reads_so_many_pages_and_the_next_goes_on(world: MastodonScenario) -> None:
    published = world.publish()
    store = world.read(pages_per_run=2)
    assert not store.pages[-1].complete
    world.read(store, pages_per_run=2)
    assert set(store.posts) == published


def test_an_answer_that_is_looked_up_again_stays_in_its_thread(world: MastodonScenario) -> None:
    first = world.write("What is this?")
    second = world.write("No idea", answers=int(first))
    third = world.write("A Norrvik", answers=int(second))
    known = world.read().posts
    world.server.toots[int(third)].text = "A Norrvik, I think"
    del world.server.toots[int(second)]
    source = built(world)
    assert isinstance(source, Rechecking)
    answer = source.recheck(list(known.values()), {})
    assert answer.gone == {second: "deleted"}
    assert {post.external_id: post.thread_id for post in answer.posts} == {first: first, third: first}
    assert "A Norrvik, I think" in {post.text for post in answer.posts}


def test_a_thread_is_given_with_what_leads_to_the_post_and_what_matters_most(world: MastodonScenario) -> None:
    root = world.write("Norrvik?")
    above = world.write("No", answers=int(root))
    post = world.write("Yes", answers=int(above))
    loud = world.write("Oh", answers=int(root), favourites=90)
    world.write("Hm", answers=int(root))
    source = built(world)
    assert isinstance(source, ThreadReader)
    pages = list(source.thread(world.read().posts[post], 3))
    assert [each.external_id for page in pages for each in page.posts] == [root, post, above, loud]


def test_a_missing_token_is_told(world: MastodonScenario) -> None:
    with pytest.raises(CollectorError, match="NO_SUCH_VARIABLE") as caught:
        world.read(access_token={"env": "NO_SUCH_VARIABLE"})
    assert caught.value.permanent


def test_a_wrong_token_is_told_by_the_probe(world: MastodonScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASTODON_TOKEN", "another")
    with pytest.raises(CollectorError, match="401"):
        built(world).probe()


# -- recorded traffic -------------------------------------------------------------------------------------------------

CASSETTES = os.environ.get("TOCSIN_MASTODON_CASSETTES", "")
"""The folder `tests/cassettes` of Mastodon.py's source distribution, which records real traffic of an instance."""


class Playback(WebServer):
    """Gives recorded answers in their order, to questions of their path."""

    def __init__(self, interactions: list[dict[str, Any]]) -> None:
        super().__init__()
        self.interactions = interactions

    def answer(self, request: Request) -> Reply:
        fitting = (each for each in self.interactions if urlsplit(each["request"]["uri"]).path == request.path)
        recording = next(fitting, None)
        if recording is None:
            return Reply(404)
        self.interactions.remove(recording)
        response = recording["response"]
        kept = ("x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-limit", "content-type")
        headers = {name: value[0] for name, value in response["headers"].items() if name.lower() in kept}
        return Reply(response["status"]["code"], response["body"]["string"].encode(), headers)


def recorded(name: str, path: str) -> list[dict[str, Any]]:
    """The recorded questions whose address has `path` in it, with their answers."""
    cassette = yaml.safe_load((Path(CASSETTES) / name).read_text(encoding="utf-8"))
    return [each for each in cassette["interactions"] if path in each["request"]["uri"]]


needs_recordings = pytest.mark.skipif(
    not CASSETTES, reason="TOCSIN_MASTODON_CASSETTES does not name a folder with Mastodon.py's recorded traffic"
)


@contextmanager
def played(interactions: list[dict[str, Any]]) -> Iterator[mastodon.Mastodon]:
    """The platform over recorded answers."""
    with Playback(interactions) as server:
        options = mastodon.Options(instance=server.url)
        platform = mastodon.Mastodon(options, SourceContext("somewhere", clock=Clock(Clock().now.replace(year=2027))))
        with platform.session():
            yield platform


@needs_recordings
@pytest.mark.parametrize(
    ("name", "path", "listing"),
    [
        ("test_hashtag_tl.yaml", "/timelines/tag/", mastodon.Listing("hoot")),
        ("test_search.yaml", "/api/v2/search", mastodon.Listing("search", "x")),
    ],
)
def test_recorded_lists_are_understood(name: str, path: str, listing: mastodon.Listing) -> None:
    interactions = recorded(name, path)
    assert interactions
    with played(interactions) as platform:
        while interactions:
            found = platform.page(listing, mastodon.Round(0.0))
            assert found.bad == []


@needs_recordings
def test_a_recorded_context_is_understood() -> None:
    interactions = recorded("test_status_context.yaml", "/context")
    root = urlsplit(interactions[0]["request"]["uri"]).path.split("/")[-2]
    with played(interactions) as platform:
        assert platform._ask(lambda client: client.status_context(root)["descendants"]) == []
    assert interactions == []


def recorded_posts() -> Iterator[dict[str, Any]]:
    """Every public post that an instance answered with in recordings of posts, threads and timelines."""
    for cassette in sorted(Path(CASSETTES).glob("test_[sthq]*.yaml")):
        for each in yaml.load(cassette.read_text(encoding="utf-8"), yaml.CSafeLoader).get("interactions", []):
            with contextlib.suppress(ValueError, TypeError):
                content = json.loads(each["response"]["body"]["string"])
                posts = content if isinstance(content, list) else [content]
                yield from (post for post in posts if {"visibility", "content", "account"} <= set(post))


@needs_recordings
def test_recorded_posts_are_understood() -> None:
    statuses = list(recorded_posts())
    with played([]) as platform:
        found = platform._found(statuses)
    assert len(statuses) > 100
    assert found.bad == []
    assert any(post.edited_at for post in found.posts)
    assert any(post.repost_of for post in found.posts)
    assert any(post.parent_id for post in found.posts)


# -- streams ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stream() -> Iterator[MastodonStream]:
    with streaming() as given:
        yield given


def test_of_everything_public_what_names_a_brand_is_kept(stream: MastodonStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        stream.repeat(stream.write("nothing of interest"))
        stream.repeat(stream.write("Norrvik, between us", visibility="direct"))
        name = stream.say()
        ear.called()
        store.run(source, pages=1)
    assert list(store.posts) == [name]
    assert "/api/v1/streaming/public" in paths(stream)


def test_every_hashtag_has_a_connection_and_all_have_to_stand(stream: MastodonStream) -> None:
    source, store = built(stream, stream="hashtags", hashtags=["#norrvik", "#fjord"]), Store()
    assert isinstance(source, Streamed)
    with listening(source, stream.feed) as ear:
        ear.connected()
        ear.connected()
        name = stream.write("Look at this", tags=["fjord"])
        stream.repeat(name)
        ear.called()
        store.run(source, pages=1)
        wait_for(lambda: source._hearing.standing() is not None)
    tags = [dict(request.query)["tag"] for request in stream.server.requests if request.path.endswith("/hashtag")]
    assert sorted(tags) == ["fjord", "norrvik"]
    assert name in store.posts
    assert source._hearing.standing() is None


def test_an_edit_is_told_by_the_stream(stream: MastodonStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.write("Norrvik, sorry", edited_at=stream.clock())
        stream.server.tell(stream.server.toots[int(name)], event="status.update")
        ear.called()
        store.run(source, pages=1)
    assert store.posts[name].edited_at == stream.clock()


def test_an_edit_that_takes_the_name_out_is_told_of_posts_that_are_stored(stream: MastodonStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name, strangers = stream.say(), stream.write("nothing of interest")
        for each, words in ((strangers, "still nothing"), (name, "Never mind")):
            toot = stream.server.toots[int(each)]
            toot.text, toot.edited_at = words, stream.clock()
            stream.server.tell(toot, event="status.update")
        while name not in store.posts or store.posts[name].edited_at is None:
            ear.called()
            store.run(source, pages=1)
    assert list(store.posts) == [name]
    assert store.posts[name].text == "Never mind"


def test_a_deletion_is_told_by_the_stream(stream: MastodonStream) -> None:
    source, store = built(stream), Store()
    with listening(source, stream.feed) as ear:
        ear.connected()
        name = stream.say()
        ear.called()
        store.run(source, pages=1)
        assert list(store.posts) == [name]
        stream.server.take_back(int(name))
        ear.called()
        (page,) = store.run(source, pages=1)
    assert (page.gone, store.posts) == ({name: "deleted"}, {})


def test_an_answer_that_was_told_stands_in_its_thread(stream: MastodonStream) -> None:
    source, store = built(stream), Store()
    first = stream.write("What is this?")
    second = stream.write("No idea", answers=int(first))
    with listening(source, stream.feed) as ear:
        ear.connected()
        third = stream.write("A Norrvik", answers=int(second))
        stream.repeat(third)
        ear.called()
        store.run(source, pages=1)
    assert (store.posts[third].thread_id, store.posts[third].parent_id) == (first, second)


def test_listening_needs_a_token() -> None:
    with pytest.raises(ValidationError, match="needs an access_token"):
        mastodon.Options(stream="public")


def test_a_line_without_an_end_is_not_read_to_it(
    stream: MastodonStream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("collectors.mastodon_stream.LARGEST", 1000)
    stopping = Impatient(1)
    with listening(built(stream), stream.feed, stopping) as ear:
        ear.connected()
        stream.feed.tell(b"x" * 2000)
        stopping.done.wait(20)
    assert "a line of more than 1000 bytes" in capsys.readouterr().out
