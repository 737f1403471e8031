"""Reddit by praw, which talks to a local server."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from collectors import reddit
from collectors.contract import CollectorError, Rereads
from collectors.reddit import Client
from collectors.reddit_shapes import found_in, post_of
from storage.records import Engagement, Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.reddit_api import CLIENT_ID, CLIENT_SECRET, RedditServer, Thing
from tests.servers.web import Reply, Request, WebServer, as_json


@dataclass
class RedditScenario:
    """An app that is signed up, and a server with submissions."""

    server: RedditServer
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = reddit
    options: dict[str, Any] = field(default_factory=dict)

    def publish(self) -> set[str]:
        """A hundred submissions, of which Reddit gives 30 a page."""
        return {self.submit(9 - number / 60).name for number in range(100)}

    def submit(self, minutes_ago: float, **fields: Any) -> Thing:
        """One more submission."""
        return self._add("t3", minutes_ago, {"title": f"Norrvik {len(self.server.things)}", "text": "", **fields})

    def comment(self, thread: Thing, minutes_ago: float, **fields: Any) -> Thing:
        """One more comment."""
        return self._add("t1", minutes_ago, {"text": "Norrvik, really?", "thread": thread.name, **fields})

    def _add(self, kind: str, minutes_ago: float, fields: dict[str, Any]) -> Thing:
        at = int((self.clock() - timedelta(minutes=minutes_ago)).timestamp())
        thing = Thing(f"{kind}_{len(self.server.things) + 36:x}", at, **fields)
        self.server.things[thing.name] = thing
        return thing

    def fail_next(self, *replies: Reply) -> None:
        """Faults of Reddit."""
        self.server.faults.clear()
        self.server.faults.extend(replies)

    def asked(self) -> int:
        """Requests so far, sign-in aside."""
        return len(self.paths())

    def paths(self) -> list[str]:
        """What was asked for, sign-in aside."""
        return [r.path for r in self.server.requests if r.path != "/api/v1/access_token"]


@contextmanager
def scenario() -> Iterator[RedditScenario]:
    """Nothing is read twice, and threads are not followed."""
    with RedditServer(page=30) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("REDDIT_ID", CLIENT_ID)
        patch.setenv("REDDIT_SECRET", CLIENT_SECRET)
        options = {
            "client_id": {"env": "REDDIT_ID"},
            "client_secret": {"env": "REDDIT_SECRET"},
            "oauth_url": server.url,
            "reddit_url": server.url,
            "overlap": "0s",
            "watch_at_most": 0,
        }
        yield RedditScenario(server, options=options)


@pytest.fixture
def world() -> Iterator[RedditScenario]:
    with scenario() as given:
        yield given


def turn(world: RedditScenario, store: Store, **options: Any) -> list[str]:
    """The identities that a turn brings."""
    return [post.external_id for page in store.run(built(world, **options)) for post in page.posts]


def test_a_submission_is_a_post_and_the_root_of_its_thread(world: RedditScenario) -> None:
    made = world.submit(5, title="It melted", text="the Fjord Phone", author="ann", score=12, edited=1772451300.0)
    world.comment(made, 4)
    store = Store()
    turn(world, store)
    post = store.posts[made.name]
    assert (post.kind, post.title, post.text, post.author) == (PostKind.POST, "It melted", "the Fjord Phone", "ann")
    assert (post.thread_id, post.parent_id) == (made.name, None)
    assert post.engagement == Engagement(likes=12, shares=0, replies=1)
    assert post.edited_at is not None
    assert post.url == f"https://www.reddit.com/r/gadgets/comments/{made.name[3:]}/"


def test_comments_of_named_subreddits_that_name_a_brand(world: RedditScenario) -> None:
    thread = world.submit(60, title="What phone?")
    about = world.comment(thread, 5, text="not a fjord phone", parent="t1_zz")
    world.comment(thread, 4, text="any other")
    elsewhere = world.submit(50, subreddit="cooking", title="x")
    world.comment(elsewhere, 3, subreddit="cooking")
    store = Store()
    turn(world, store, subreddits=["gadgets"], search_all=False)
    comments = {name: post for name, post in store.posts.items() if post.kind is PostKind.COMMENT}
    assert set(comments) == {about.name}
    assert (comments[about.name].thread_id, comments[about.name].parent_id) == (thread.name, "t1_zz")


def test_named_subreddits_and_all_are_searched(world: RedditScenario) -> None:
    world.submit(5)
    turn(world, Store(), subreddits=["gadgets", "phones"])
    assert world.paths() == ["/r/gadgets+phones/search", "/r/all/search", "/r/gadgets+phones/comments"]


def test_what_was_removed_is_left_out(world: RedditScenario) -> None:
    world.submit(5, removed=True)
    kept = world.submit(4)
    assert turn(world, Store()) == [kept.name]


def test_an_entry_that_makes_no_sense_is_set_aside(world: RedditScenario) -> None:
    made = world.submit(5)
    odd = [{"kind": "t3", "data": {"id": "x", "created_utc": 1772452500}}, {"kind": "t3", "data": None}]
    sound = world.server._json(made)
    world.fail_next(as_json({"kind": "Listing", "data": {"children": [*odd, sound], "after": None}}))
    store = Store()
    assert turn(world, store) == [made.name]
    assert sum(len(page.quarantined) for page in store.pages) == 2


def test_what_was_not_understood_of_a_listing_or_a_thread_is_read_once_it_is(
    world: RedditScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    submissions = [world.submit(9, text=f"words {number}") for number in range(2)]
    comments = [world.comment(submissions[0], 5, text=f"so what {number}?") for number in range(2)]
    odd = {submissions[1].name, comments[1].name}

    def misunderstand(fields: Any, source: str, now: datetime) -> Post:
        post = post_of(fields, source, now)
        if post.external_id in odd:
            raise KeyError("created_utc")
        return post

    with monkeypatch.context() as patch:
        patch.setattr("collectors.reddit_shapes.post_of", misunderstand)
        store = Store()
        turn(world, store, watch_at_most=10)
    assert odd.isdisjoint(store.posts)
    source = built(world)
    assert isinstance(source, Rereads)
    kept = [item.raw for page in store.pages for item in page.quarantined if item.raw]
    again = {post.external_id: post for raw in kept for post in source.reread(raw)}
    assert set(again) == odd
    assert again[comments[1].name].thread_id == submissions[0].name
    assert {post.author for post in again.values()} == {submissions[0].author}


def test_a_turn_stops_where_the_last_one_began(world: RedditScenario) -> None:
    world.publish()
    store = Store()
    turn(world, store)
    asked = world.asked()
    world.clock.advance(minutes=5)
    new = world.submit(1)
    assert new.name in turn(world, store)
    assert world.asked() == asked + 1


def test_the_overlap_finds_what_was_indexed_late(world: RedditScenario) -> None:
    world.submit(5)
    store = Store()
    turn(world, store)
    for number in range(30):
        world.submit(3 - number / 60)
    late = world.submit(9)
    world.clock.advance(minutes=5)
    turn(world, store, overlap="10m")
    assert late.name in store.posts


def test_a_listing_that_reddit_ends_early_is_a_gap(world: RedditScenario) -> None:
    world.submit(30)
    store = Store()
    turn(world, store)
    world.server.ends_after = 240
    first = world.clock()
    world.clock.advance(minutes=60)
    for number in range(300):
        world.submit(50 - number / 10)
    turn(world, store)
    (gap,) = store.gaps
    assert gap.starts_at == first - timedelta(minutes=30)
    assert gap.ends_at == min(post.created_at for post in store.posts.values() if post.created_at > first)
    assert "after 240 entries" in gap.reason


def test_a_page_that_comes_again_ends_the_turn_and_loses_nothing(world: RedditScenario) -> None:
    published = world.publish()
    page = {"kind": "Listing", "data": {"children": [], "after": "t3_again", "before": None}}
    world.fail_next(*[as_json(page)] * 50)
    store = Store()
    with pytest.raises(CollectorError, match="the same page"):
        turn(world, store)
    assert world.asked() <= 3
    world.fail_next()
    turn(world, store)
    assert set(store.posts) == published


def test_a_place_in_a_listing_that_is_gone_starts_the_listing_anew(world: RedditScenario) -> None:
    published = world.publish()
    store = Store()
    store.run(built(world), pages=1)
    assert store.cursor is not None
    (state,) = store.cursor["rounds"].values()
    del world.server.things[state["place"]]
    turn(world, store)
    assert set(store.posts) == published


def test_a_cursor_of_the_earlier_form_is_gone_on_with(world: RedditScenario) -> None:
    published = world.publish()
    store = Store()
    (first,) = store.run(built(world), pages=1)
    (state,) = first.cursor["rounds"].values()
    kept = {
        "read_until": state["read_until"],
        "after": state["place"],
        "newest": state["newest"],
        "seen": state["seen"],
    }
    store.cursor = {"listings": dict.fromkeys((f"{key} " for key in first.cursor["rounds"]), kept), "threads": {}}
    again = turn(world, store)
    assert set(store.posts) == published
    assert set(again).isdisjoint(post.external_id for post in first.posts)


def test_threads_are_followed_and_their_growth_is_read(world: RedditScenario) -> None:
    made = world.submit(50, score=3)
    first = world.comment(made, 40, text="what is it with them")
    store = Store()
    turn(world, store, watch_at_most=10)
    assert store.posts[first.name].thread_id == made.name
    made.score, second = 90, world.comment(made, -4, text="and again", parent=first.name)
    world.clock.advance(minutes=5)
    turn(world, store, watch_at_most=10)
    assert store.posts[second.name].parent_id == first.name
    assert [(sample.engagement.likes, sample.engagement.replies) for sample in store.samples] == [(3, 1), (90, 2)]


def test_a_thread_that_has_not_grown_is_not_read_again(world: RedditScenario) -> None:
    made = world.submit(50)
    world.comment(made, 40)
    store = Store()
    turn(world, store, watch_at_most=10)
    world.clock.advance(minutes=5)
    turn(world, store, watch_at_most=10)
    assert sum(path.startswith("/comments/") for path in world.paths()) == 1


def test_a_thread_is_read_to_a_limit_and_the_rest_is_a_gap(world: RedditScenario) -> None:
    world.server.shown = 10
    made = world.submit(50)
    for number in range(30):
        world.comment(made, 40 - number)
    store = Store()
    turn(world, store, watch_at_most=10, more_per_thread=0)
    (gap,) = store.gaps
    assert gap.share_missing == pytest.approx(20 / 30)
    whole = Store()
    turn(world, whole, watch_at_most=10, more_per_thread=1)
    assert len(whole.posts) == 31
    assert whole.gaps == []


@pytest.mark.parametrize("reply", [Reply(403), Reply(404), as_json([]), as_json([{"kind": "Listing"}])])
def test_a_thread_that_was_closed_does_not_stop_the_others(world: RedditScenario, reply: Reply) -> None:
    closed, opened = world.submit(50), world.submit(49)
    answers = [world.comment(closed, 40), world.comment(closed, 39), world.comment(opened, 38)]
    of_closed = f"/comments/{closed.name[3:]}"
    world.server.may_fail = lambda request: request.path.startswith(of_closed)  # type: ignore[method-assign]
    world.fail_next(reply, reply)
    store = Store()
    turn(world, store, watch_at_most=10)
    assert answers[2].name in store.posts
    (gap,) = store.gaps
    assert gap.share_missing == pytest.approx(2 / 3)
    turn(world, store, watch_at_most=10)
    assert sum(path.startswith(of_closed) for path in world.paths()) == 1


def test_old_threads_are_followed_no_longer(world: RedditScenario) -> None:
    world.submit(50)
    store = Store()
    turn(world, store, watch_at_most=10, watch_for="1h")
    world.clock.advance(hours=1)
    turn(world, store, watch_at_most=10, watch_for="1h")
    assert len(store.samples) == 1


def test_a_used_up_allowance_of_requests_is_waited_for_by_who_schedules(world: RedditScenario) -> None:
    world.publish()
    world.server.remaining, world.server.reset = 2, 240
    store = Store()
    with pytest.raises(CollectorError, match="used up") as caught:
        turn(world, store)
    assert caught.value.retry_after == 240
    assert world.asked() == 2
    world.server.remaining = 500
    world.clock.advance(seconds=241)
    turn(world, store)
    assert len(store.posts) == 100


def test_praw_neither_waits_nor_tries_again(world: RedditScenario) -> None:
    world.submit(5)
    world.fail_next(*[Reply(503)] * 9)
    with pytest.raises(CollectorError, match="503"):
        turn(world, Store())
    assert world.asked() == 1


def test_a_sign_in_is_kept_and_renewed_when_it_has_gone_stale(world: RedditScenario) -> None:
    made = world.submit(5)
    collector, store = built(world), Store()
    store.run(collector)
    store.run(collector)
    assert len(world.server.requests) - world.asked() == 1
    world.server.token = "token-2"
    with pytest.raises(CollectorError, match="renewed at the next turn") as caught:
        store.run(collector)
    assert not caught.value.permanent
    store.run(collector)
    assert made.name in store.posts


def test_refused_credentials_are_permanent(world: RedditScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDDIT_SECRET", "another")
    with pytest.raises(CollectorError, match="401: it does not accept the credentials") as caught:
        turn(world, Store())
    assert caught.value.permanent


def test_a_subreddit_that_does_not_exist_is_permanent(world: RedditScenario) -> None:
    world.fail_next(Reply(302, headers={"location": f"{world.server.url}/subreddits/search?q=x"}))
    with pytest.raises(CollectorError, match="no such subreddit") as caught:
        turn(world, Store())
    assert caught.value.permanent


def test_a_praw_ini_that_lies_about_leads_nowhere_else(
    world: RedditScenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "praw.ini").write_text("[DEFAULT]\nusername=somebody\npassword=else\n")
    monkeypatch.chdir(tmp_path)
    made = world.submit(5)
    assert turn(world, Store()) == [made.name]


def test_the_probe_signs_in(world: RedditScenario) -> None:
    assert built(world).probe() == "Reddit accepts the app; 1 listing(s) to read"


# -- recorded traffic -------------------------------------------------------------------------------------------------

CASSETTES = os.environ.get("TOCSIN_PRAW_CASSETTES", "")
"""The folder `tests/integration/cassettes` of praw's source distribution, which records real traffic of Reddit."""


class Playback(WebServer):
    """Gives recorded answers in their order, whatever is asked."""

    def __init__(self, bodies: list[str]) -> None:
        super().__init__()
        self.bodies = bodies

    def answer(self, request: Request) -> Reply:
        if request.path == "/api/v1/access_token":
            return as_json({"access_token": "x", "token_type": "bearer", "expires_in": 3600, "scope": "*"})
        return Reply(200, self.bodies.pop(0).encode(), {"content-type": "application/json"})


def recorded(names: str) -> Iterator[list[str]]:
    """The bodies of each cassette, sign-in aside."""
    for cassette in sorted(Path(CASSETTES).glob(names)):
        content = json.loads(cassette.read_text(encoding="utf-8"))
        interactions = content.get("interactions") or content["http_interactions"]
        answers = [each for each in interactions if "access_token" not in each["request"]["uri"]]
        yield [each["response"]["body"].get("string", "") for each in answers]


def is_listing(body: Any) -> bool:
    """Whether a recorded body is a listing of submissions and comments."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        children = json.loads(body)["data"]["children"]
        return bool(children) and {child["kind"] for child in children} <= {"t1", "t3"}
    return False


needs_recordings = pytest.mark.skipif(
    not CASSETTES, reason="TOCSIN_PRAW_CASSETTES does not name a folder with praw's recorded traffic"
)


@needs_recordings
def test_recorded_listings_are_understood(world: RedditScenario) -> None:
    bodies = [body for cassette in recorded("TestSub*.json") for body in cassette if is_listing(body)]
    with Playback(bodies) as server:
        client = Client(reddit.Options(**{**world.options, **addresses(server)}), world.clock)
        with client.session():
            while bodies:
                found = found_in(client.listing("r/all/new", {}), "reddit", world.clock())
                assert found.bad == []
                assert all(post.thread_id and post.text for post in found.posts)
    assert len(server.requests) > 40


@needs_recordings
def test_a_recorded_thread_is_read_with_its_further_comments(world: RedditScenario) -> None:
    (bodies,) = recorded("TestCommentForest.test_replace__all.json")
    with Playback(bodies) as server:
        client = Client(reddit.Options(**{**world.options, **addresses(server)}), world.clock)
        with client.session():
            comments, missing = client.comments("t3_3hahrw", 100)
    found = found_in(comments, "reddit", world.clock())
    assert (missing, bodies, found.bad) == (0, [], [])
    known = {f"t1_{fields['id']}" for fields in comments.things}
    assert len(found.posts) > 100
    assert all(post.parent_id == post.thread_id or post.parent_id in known for post in found.posts)


def addresses(server: WebServer) -> dict[str, str]:
    return {"oauth_url": server.url, "reddit_url": server.url}
