"""Feeds found by the page that names them, JSON feeds, and the comments that WordPress's own interface gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from collectors import wordpress
from collectors.contract import CollectorError, Rereads
from collectors.feed_finding import feeds_of, is_page
from collectors.feed_parsing import FeedParser
from collectors.feed_reader import read_feed
from storage.records import PostKind
from tests.collectors.scenario import Store, built
from tests.collectors.test_feeds import FeedsScenario, scenario, turn
from tests.servers.web import Reply

HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.fixture
def world() -> Iterator[FeedsScenario]:
    with scenario() as given:
        yield given


def page(world: FeedsScenario, head: str) -> None:
    body = f"<!doctype html><html><head>{head}</head><body>Hello</body></html>"
    world.server.pages["/"] = Reply(200, body.encode(), HTML)


def by_page(world: FeedsScenario) -> dict[str, Any]:
    return {"feeds": [{"url": f"{world.server.url}/", "brand": "Norrvik"}]}


def test_a_feed_is_found_by_the_page_that_names_it_and_then_read_at_once(world: FeedsScenario) -> None:
    article = world.write("Recall")
    page(world, '<link rel="alternate" type="application/rss+xml" title="Blog" href="/feed">')
    store = Store()
    assert turn(world, store, **by_page(world)) == [world.name(article)]
    turn(world, store, **by_page(world))
    asked = [request.path for request in world.server.requests if "post" not in request.path]
    assert asked == ["/", "/feed", "/feed"]
    assert built(world, **by_page(world)).probe() == "1 feed(s) answer, with 1 entries"


def test_a_feed_that_moved_is_looked_for_again(world: FeedsScenario) -> None:
    article = world.write("Recall")
    page(world, "<link rel=alternate type=application/rss+xml href=/old>")
    world.server.pages["/old"] = Reply(
        200, b"<rss version='2.0'><channel></channel></rss>", {"content-type": "text/xml"}
    )
    store = Store()
    turn(world, store, **by_page(world))
    world.server.pages["/old"] = Reply(404)
    page(world, '<link rel="alternate" type="application/rss+xml" href="/feed">')
    with pytest.raises(CollectorError, match="404"):
        turn(world, store, **by_page(world))
    assert turn(world, store, **by_page(world)) == [world.name(article)]


def test_a_page_cannot_lead_inside(world: FeedsScenario) -> None:
    for inside in ("http://localhost:{}/feed", "http://[::1]:{}/feed", "http://169.254.169.254/", "file:///etc/passwd"):
        address = inside.format(world.server.url.rpartition(":")[2])
        page(world, f'<link rel="alternate" type="application/rss+xml" href="{address}">')
        with pytest.raises(CollectorError):
            turn(world, Store(), **by_page(world))
    assert {request.path for request in world.server.requests} == {"/"}


def test_a_page_that_names_no_feed_or_only_another_page_is_no_feed(world: FeedsScenario) -> None:
    page(world, '<link rel="stylesheet" href="/x.css">')
    with pytest.raises(CollectorError, match="a web page and not with a feed"):
        turn(world, Store(), **by_page(world))
    page(world, '<link rel="alternate" type="application/rss+xml" href="/other">')
    world.server.pages["/other"] = world.server.pages["/"]
    with pytest.raises(CollectorError, match="a web page and not with a feed"):
        turn(world, Store(), **by_page(world))


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("<link rel='alternate' type='application/atom+xml' href='a.xml'>", ["https://x.example/blog/a.xml"]),
        ('<base href="/other/"><link rel="feed alternate" type="application/feed+json" href="f">',
         ["https://x.example/other/f"]),
        ('<LINK REL=ALTERNATE TYPE=application/rss+xml HREF="//cdn.example/f?a=1&amp;b=2">',
         ["https://cdn.example/f?a=1&b=2"]),
        (('<link rel="alternate" type="application/rss+xml" title="Comments" href="c">'
          '<link rel="alternate" type="application/rss+xml" href="f">'),
         ["https://x.example/blog/f", "https://x.example/blog/c"]),
        ('<link rel="alternate" hreflang="de" href="/de">', []),
        ('<link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">', []),
        ('<link rel="alternate" type="application/rss+xml" href="http://[bad">', []),
        ('<link rel="alternate" type="application/rss+xml">', []),
    ],
)  # fmt: skip
def test_what_a_page_names(head: str, found: list[str]) -> None:
    assert feeds_of(f"<html>{head}</html>".encode(), "https://x.example/blog/") == found


def test_hostile_pages_name_little_and_do_not_hold_the_reader_up() -> None:
    for body in (  # each of them would take a parser that looks back many minutes
        b"<link " * 400_000,
        b"<link rel=" + b"=" * 2_000_000,
        b'<link rel="alternate" ' + b"a = " * 500_000,
        b"<link rel='alternate' type='application/rss+xml' href='/f'>" * 50_000,
        b"\xff\xfe<\x00l\x00i\x00n\x00k" * 100_000,
    ):
        assert len(feeds_of(body, "https://x.example/")) <= 1


def test_a_page_is_told_by_its_beginning_or_by_its_type() -> None:
    assert is_page(b"\n <!DOCTYPE html>", "")
    assert is_page(b"x", "text/html; charset=x")
    assert not is_page(b"<?xml version='1.0'?><rss>", "application/xml")


# -- JSON feeds --------------------------------------------------------------------------------------------------------


def test_a_json_feed_is_read_like_any_other(world: FeedsScenario) -> None:
    items = [
        {"id": f"{world.server.url}/1", "url": f"{world.server.url}/1", "title": "First",
         "content_html": "<p>We are <b>sorry</b></p>", "date_published": "2026-03-02T11:55:00Z",
         "authors": [{"name": "Ann"}]},
        {"id": 2, "content_text": "a < b & c", "date_published": "2026-03-02T12:55:00+02:00",
         "author": {"name": "Bob"}},
        {"id": "odd", "authors": [], "title": 5, "date_published": "soon", "summary": "short"},
        "no item",
    ]  # fmt: skip
    content = {"version": "https://jsonfeed.org/version/1.1", "title": "Blog", "items": items}
    world.server.pages["/feed"] = Reply(200, json.dumps(content).encode(), {"content-type": "application/feed+json"})
    store = Store()
    turn(world, store)
    first, second, odd = store.posts.values()
    assert (first.title, first.text, first.author) == ("First", "We are sorry", "Ann")
    assert first.created_at == world.clock() - timedelta(minutes=5)
    assert (second.text, second.author, second.created_at) == (
        "a < b & c",
        "Bob",
        world.clock() - timedelta(minutes=65),
    )
    assert (odd.text, odd.author, odd.created_at) == ("short", None, world.clock())


@pytest.mark.parametrize(
    "body", [b"{}", b'{"version": 1, "items": []}', b'{"version": "https://jsonfeed.org/version/1", "items": {}}']
)
def test_other_json_is_no_feed(body: bytes) -> None:
    assert read_feed(body, "application/json")["version"] == ""


def test_json_that_is_broken_or_deep_is_refused_where_it_cannot_hurt() -> None:
    with FeedParser(small=0) as parser:
        for body in (b"{" + b'"a":[' * 100_000, b'{"version": "https://jsonfeed.org/version/1"'):
            with pytest.raises(CollectorError, match="refused"):
                parser.entries(body, "application/feed+json", "x.example")


# -- WordPress ---------------------------------------------------------------------------------------------------------


def by_wordpress(world: FeedsScenario) -> dict[str, Any]:
    api = f"{world.server.url}/wp-json"
    return {"feeds": [{"url": f"{world.server.url}/feed", "brand": "Norrvik", "wordpress": api}]}


def test_of_a_flood_of_comments_none_is_lost_to_wordpress(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60)
    for number in range(250):
        world.comment(article, f"Shame {number}", minutes_ago=50 - number / 10)
    store = Store()
    turn(world, store, **by_wordpress(world))
    assert len(store.posts) == 251
    assert store.gaps == []
    assert store.pages[-1].complete
    world.clock.advance(minutes=5)
    late = world.comment(article, "Later", minutes_ago=1, answers=7)
    turn(world, store, **by_wordpress(world))
    post = store.posts[world.name(article, late)]
    assert (post.kind, post.text, post.author, post.brands) == (PostKind.COMMENT, "Later", "A reader", ("Norrvik",))
    assert post.thread_id == world.name(article)
    assert post.parent_id == world.name(article, article.comments[6])
    assert post.created_at == late.at.replace(microsecond=0)


@pytest.mark.parametrize("place", ["/?rest_route=/", "/index.php?rest_route=/"])
def test_the_interface_of_a_blog_with_plain_addresses_is_read_alike(world: FeedsScenario, place: str) -> None:
    article = world.write("Recall", minutes_ago=60)
    world.comment(article, "Shame")
    plain, usual = Store(), Store()
    feed = {"url": f"{world.server.url}/feed", "brand": "Norrvik", "wordpress": f"{world.server.url}{place}"}
    turn(world, plain, feeds=[feed])
    turn(world, usual, **by_wordpress(world))
    assert set(plain.posts) == set(usual.posts)
    assert {post.thread_id for post in plain.posts.values()} == {world.name(article)}


def test_comments_that_were_approved_late_are_read_within_an_hour(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60)
    world.comment(article, "Shame")
    store = Store()
    turn(world, store, **by_wordpress(world))
    late = world.comment(article, "Shame on you all", minutes_ago=50)
    turn(world, store, **by_wordpress(world))
    assert world.name(article, late) not in store.posts
    world.clock.advance(hours=1)
    turn(world, store, **by_wordpress(world))
    assert store.posts[world.name(article, late)].created_at == late.at


def test_comments_are_those_of_an_article_that_its_feed_names_otherwise(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60)
    article.guid = "http://former.example/?p=17"
    world.comment(article, "Shame", minutes_ago=2)
    world.comment(article, "Indeed", minutes_ago=1, answers=1)
    store = Store()
    turn(world, store, **by_wordpress(world))
    assert {post.thread_id for post in store.posts.values()} == {"https://former.example?p=17"}
    assert [post.parent_id for post in store.posts.values()] == [
        None,
        "https://former.example?p=17",
        world.name(article, article.comments[0]),
    ]


def test_comments_have_the_names_that_comment_feeds_give_them(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60)
    world.comment(article, "Shame")
    by_feed, by_interface = Store(), Store()
    turn(world, by_feed)
    turn(world, by_interface, **by_wordpress(world))
    assert set(by_feed.posts) == set(by_interface.posts)


def test_a_turn_broken_off_between_pages_is_gone_on_with(world: FeedsScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpress, "PER_PAGE", 10)
    article = world.write("Recall", minutes_ago=60)
    for number in range(45):
        world.comment(article, f"Shame {number}", minutes_ago=50 - number)
    whole = Store()
    turn(world, whole, **by_wordpress(world))
    for count in range(1, len(whole.pages)):
        store = Store()
        store.run(built(world, **by_wordpress(world)), pages=count)
        turn(world, store, **by_wordpress(world))
        assert set(store.posts) == set(whole.posts)


def test_a_long_turn_is_cut_and_gone_on_with(world: FeedsScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpress, "PER_PAGE", 10)
    monkeypatch.setattr(wordpress, "PAGES_A_TURN", 2)
    article = world.write("Recall", minutes_ago=60)
    for number in range(45):
        world.comment(article, f"Shame {number}", minutes_ago=50 - number)
    store, ends = Store(), []
    for _ in range(3):
        turn(world, store, **by_wordpress(world))
        ends.append(store.pages[-1].complete)
    assert ends == [False, False, True]
    assert len(store.posts) == 46


def test_an_interface_that_is_switched_off_is_said_and_the_feed_still_read(world: FeedsScenario) -> None:
    article = world.write("Recall")
    world.server.pages["/wp-json/wp/v2/comments"] = Reply(401, b'{"code": "rest_disabled"}')
    store = Store()
    with pytest.raises(CollectorError, match=r"WordPress at 127\.0\.0\.1 answered 401"):
        turn(world, store, **by_wordpress(world))
    assert set(store.posts) == {world.name(article)}


def test_odd_comments_are_set_aside_and_the_rest_kept(world: FeedsScenario) -> None:
    sound = {
        "id": 1, "post": 1, "parent": 0, "author": 3, "author_name": "Ann", "date": "2026-03-02T04:00:00",
        "date_gmt": "2026-03-02T11:00:00", "content": {"rendered": "<p>x</p>"},
        "link": f"{world.server.url}/a/#comment-1",
    }  # fmt: skip
    body = json.dumps([sound, {"date": 5}, "text", {**sound, "link": 7, "date_gmt": "soon"}]).encode()
    world.server.pages["/wp-json/wp/v2/comments"] = Reply(200, body, {"content-type": "application/json"})
    store = Store()
    turn(world, store, **by_wordpress(world))
    (post,) = store.posts.values()
    assert (post.text, post.author) == ("x", "127.0.0.1:3")
    kept = [item.raw for page in store.pages for item in page.quarantined if item.raw]
    assert len(kept) == 3
    source = built(world, **by_wordpress(world))
    assert isinstance(source, Rereads)
    for raw in kept:
        with pytest.raises(ValueError, match=r"."):
            source.reread(raw)
    mended = {"entry": {**sound, "author_name": "Bo"}, "of": f"{world.server.url}/wp-json"}
    (again,) = source.reread(json.dumps(mended).encode())
    assert (again.external_id, again.author_name) == (post.external_id, "Bo")
    with pytest.raises(ValueError, match="no feed of the configuration"):
        source.reread(json.dumps({**mended, "of": "https://gone.example"}).encode())
