"""Isso's comment feeds, of which the real server is asked by `python -m benchmarks.real_comments`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from collectors.isso import is_isso, whole
from storage.records import PostKind
from tests.collectors.scenario import Store
from tests.collectors.test_feeds import FeedsScenario, scenario, turn
from tests.servers.web import Reply, Request

NAME = "tag:blog.example,2018:/isso/1/{}"
ATOM = {"content-type": "application/atom+xml", "etag": '"1-2"', "last-modified": "Mon, 02 Mar 2026 11:00:00 GMT"}


@pytest.fixture
def world() -> Iterator[FeedsScenario]:
    with scenario() as given:
        yield given


def entry(number: int, text: str, answers: int | None = None) -> str:
    ref = f"<thr:in-reply-to ref='{NAME.format(answers)}'/>" if answers else ""
    return (
        f"<entry><id>{NAME.format(number)}</id><title>Comment #{number}</title><updated>2026-03-02T11:00:00Z</updated>"
        f"<author><name>Ann</name></author><content type='html'>{text}</content>{ref}</entry>"
    )


def feed(*entries: str) -> Reply:
    spaces = "xmlns='http://www.w3.org/2005/Atom' xmlns:thr='http://purl.org/syndication/thread/1.0'"
    return Reply(200, f"<feed {spaces}><title>x</title>{''.join(entries)}</feed>".encode(), ATOM)


def asked(world: FeedsScenario) -> list[Request]:
    return [request for request in world.server.requests if request.path == "/isso/feed"]


def by_itself(world: FeedsScenario) -> dict[str, object]:
    return {"feeds": [{"url": f"{world.server.url}/isso/feed?uri=/recall", "brand": "Norrvik"}]}


def test_isso_is_asked_for_all_and_never_whether_something_changed(world: FeedsScenario) -> None:
    store, page = Store(), "/isso/feed"
    world.server.pages[page] = feed(entry(2, "Two"))
    turn(world, store, **by_itself(world))
    world.server.pages[page] = feed(entry(2, "Two"), entry(3, "So what?", answers=2))
    turn(world, store, **by_itself(world))
    assert [request.query.get("limit") for request in asked(world)] == [None, "5000", "5000"]
    assert {request.query["uri"] for request in asked(world)} == {"/recall"}
    assert not any({"if-none-match", "if-modified-since"} & set(request.headers) for request in asked(world))
    assert sorted(post.text for post in store.posts.values()) == ["So what?", "Two"]


def test_comments_that_an_article_names_are_read_so_too(world: FeedsScenario) -> None:
    comments = f"<link rel='replies' href='{world.server.url}/isso/feed?uri=/recall'/>"
    article = f"<entry><id>https://blog.example/recall</id><title>Recall</title>{comments}</entry>"
    world.server.pages["/feed"] = feed(article)
    world.server.pages["/isso/feed"] = feed(entry(2, "Two"), entry(3, "So what?", answers=2))
    store = Store()
    turn(world, store)
    turn(world, store)
    told = {post.text: post for post in store.posts.values() if post.kind is PostKind.COMMENT}
    assert told["Two"].parent_id == "https://blog.example/recall"
    assert told["So what?"].parent_id == told["Two"].external_id
    assert [request.query.get("limit") for request in asked(world)] == [None, "5000", "5000"]


def test_another_feed_is_not_taken_for_one_of_isso() -> None:
    assert not is_isso([])
    assert not is_isso([{"id": NAME.format(1)}, {"id": None}])
    assert not is_isso([{"id": "https://blog.example/isso/1/2"}])


def test_the_address_keeps_all_else_that_it_says() -> None:
    asked_for = "https://c.example/feed?uri=%2Fa+b&limit=5000"
    assert whole("https://c.example/feed?uri=/a%20b&limit=20") == asked_for
    assert whole(asked_for) == asked_for
