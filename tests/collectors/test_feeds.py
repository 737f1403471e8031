"""Feeds and the comments of their articles."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from collectors import feeds
from collectors.contract import CollectorError
from collectors.feed_entries import canonical, readable, web_address
from collectors.feed_parsing import FeedParser
from collectors.feed_reader import declares_entities, read_feed
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.feed_host import Article, Comment, FeedHost
from tests.servers.web import Reply

XML = {"content-type": "application/xml"}


@dataclass
class FeedsScenario:
    """A company's blog."""

    server: FeedHost
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = feeds
    options: dict[str, Any] = field(default_factory=dict)

    def publish(self) -> set[str]:
        """Three articles, one of them with comments."""
        articles = [self.write(f"News {number}", minutes_ago=9 - number) for number in range(3)]
        comments = [self.comment(articles[0], f"Comment {number}", minutes_ago=3) for number in range(2)]
        return {self.name(each) for each in articles} | {self.name(articles[0], comment) for comment in comments}

    def fail_next(self, *replies: Reply) -> None:
        """Faults of the host."""
        self.server.faults.clear()
        self.server.faults.extend(replies)

    def asked(self) -> int:
        """Requests so far."""
        return len(self.server.requests)

    def write(self, title: str, *, minutes_ago: float = 5, html: str = "", says_count: bool = True) -> Article:
        """One more article."""
        at = self.clock() - timedelta(minutes=minutes_ago)
        article = Article(len(self.server.articles) + 1, at, title, html, says_count=says_count)
        self.server.articles.append(article)
        return article

    def comment(self, article: Article, text: str, *, minutes_ago: float = 5, answers: int | None = None) -> Comment:
        """One more comment."""
        at = self.clock() - timedelta(minutes=minutes_ago)
        comment = Comment(len(article.comments) + 1, at, text, answers)
        article.comments.append(comment)
        return comment

    def name(self, article: Article, comment: Comment | None = None) -> str:
        """The identity that a post of it has."""
        host = self.server.url.replace("http:", "https:")
        return f"{host}?p={article.number}" + (f"#comment-{comment.number}" if comment else "")


@contextmanager
def scenario() -> Iterator[FeedsScenario]:
    """One feed on a host that is allowed although it is private."""
    with FeedHost(shown=20) as server:
        table = {"url": f"{server.url}/feed", "brand": "Norrvik"}
        yield FeedsScenario(server, options={"feeds": [table], "allow_private_hosts": ["127.0.0.1"]})


@pytest.fixture
def world() -> Iterator[FeedsScenario]:
    with scenario() as given:
        yield given


def turn(world: FeedsScenario, store: Store, **options: Any) -> list[str]:
    """The identities that a turn brings."""
    return [post.external_id for page in store.run(built(world, **options)) for post in page.posts]


def serve(world: FeedsScenario, body: bytes, headers: dict[str, str] | None = None, path: str = "/feed") -> None:
    world.server.pages[path] = Reply(200, body, headers or XML)


def rss(*items: str) -> bytes:
    return f"<?xml version='1.0'?><rss version='2.0'><channel>{''.join(items)}</channel></rss>".encode()


def test_an_article_in_plain_words(world: FeedsScenario) -> None:
    article = world.write(
        "Recall &amp; refund", html="<p>We are <b>sorry</b>.</p><p>Bring it back.</p><script>x()</script>"
    )
    store = Store()
    turn(world, store)
    post = store.posts[world.name(article)]
    assert (post.kind, post.title, post.text) == (PostKind.ARTICLE, "Recall & refund", "We are sorry.\nBring it back.")
    assert (post.created_at, post.brands) == (article.at, ("Norrvik",))
    assert post.thread_id == post.external_id
    assert post.url == f"{world.server.url}/post-1/"
    assert post.engagement == Engagement(replies=0)


def test_comments_are_the_thread_of_their_article(world: FeedsScenario) -> None:
    article = world.write("Recall")
    first = world.comment(article, "Shame!")
    second = world.comment(article, "Indeed", answers=1)
    store = Store()
    turn(world, store)
    post = store.posts[world.name(article, second)]
    assert (post.kind, post.thread_id, post.text) == (PostKind.COMMENT, world.name(article), "Indeed")
    assert post.parent_id == world.name(article, first)
    assert store.posts[world.name(article, first)].parent_id == world.name(article)
    assert post.brands == ("Norrvik",)


@pytest.mark.parametrize("link", ['href="/a#comment-1" rel="nofollow"', 'href="/a"'])
def test_the_link_with_which_a_person_begins_is_kept(link: str) -> None:
    markup = f"<p>See <a {link}>Bo</a>.</p><p>x</p>"
    told = {"id": "https://a.example/?p=1#comment-2", "title": "By: Ann", "html": markup}
    unsaid = dict.fromkeys(("link", "author", "published", "updated", "comments_feed", "comments", "reply_to"))
    entry = readable({**unsaid, **told}, host="a.example", source="blog", now=Clock()(), language=None)
    assert (entry.text, entry.reply_to) == ("See Bo.\nx", None)


def test_an_unchanged_feed_is_not_sent_again(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60 * 24 * 4)
    store = Store()
    turn(world, store)
    assert turn(world, store) == []
    assert world.server.requests[-1].headers["if-none-match"]
    assert set(store.posts) == {world.name(article)}


def test_comments_after_a_pause_are_read_though_the_feed_says_that_it_is_unchanged(world: FeedsScenario) -> None:
    article = world.write("Recall")
    store = Store()
    for number in range(3):
        comment = world.comment(article, f"Shame {number}", minutes_ago=-10 * number)
        assert world.name(article, comment) in turn(world, store)
        assert turn(world, store) == []
        world.clock.advance(minutes=10)


def test_a_comment_that_was_approved_behind_the_newest_ten_is_a_gap(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=60)
    for number in range(10):
        world.comment(article, f"Shame {number}", minutes_ago=10 - number)
    store = Store()
    turn(world, store)
    assert store.gaps == []
    world.comment(article, "Approved late", minutes_ago=30)
    turn(world, store)
    turn(world, store)
    (gap,) = store.gaps
    assert (gap.starts_at, gap.share_missing) == (article.at, pytest.approx(1 / 11))


def test_a_changed_article_is_read_again_and_an_unchanged_one_is_not(world: FeedsScenario) -> None:
    article = world.write("Recall")
    world.write("Other")
    store = Store()
    turn(world, store)
    article.html = "Now with words"
    assert turn(world, store) == [world.name(article)]


def test_comment_counts_are_readings_of_growth(world: FeedsScenario) -> None:
    article = world.write("Recall")
    store = Store()
    turn(world, store)
    world.clock.advance(minutes=5)
    world.comment(article, "Shame!")
    turn(world, store)
    assert [(sample.at, sample.engagement.replies) for sample in store.samples] == [
        (world.clock() - timedelta(minutes=5), 0),
        (world.clock(), 1),
    ]


def test_a_comment_feed_that_overflowed_is_a_gap(world: FeedsScenario) -> None:
    article = world.write("Recall", minutes_ago=30)
    for number in range(14):
        world.comment(article, f"Comment {number}", minutes_ago=20 - number)
    store = Store()
    turn(world, store)
    (gap,) = store.gaps
    assert gap.share_missing == pytest.approx(4 / 14)
    assert (gap.starts_at, gap.ends_at) == (article.at, article.comments[4].at)
    for number in range(12):
        world.comment(article, f"More {number}", minutes_ago=-number)
    world.clock.advance(minutes=15)
    turn(world, store)
    assert "came and went" in store.gaps[-1].reason


def test_a_feed_that_overflowed_is_a_gap(world: FeedsScenario) -> None:
    world.server.shown = 3
    for number in range(3):
        world.write(f"Old {number}", minutes_ago=50)
    store = Store()
    turn(world, store)
    read_at = world.clock()
    world.clock.advance(minutes=60)
    newest = [world.write(f"New {number}", minutes_ago=30 - number) for number in range(4)]
    turn(world, store)
    (gap,) = store.gaps
    assert (gap.starts_at, gap.ends_at) == (read_at, newest[1].at)


def test_only_articles_about_a_brand_have_their_comments_read(world: FeedsScenario) -> None:
    about, other = world.write("Norrvik phones burn"), world.write("Weather")
    world.comment(about, "one"), world.comment(other, "two")
    store = Store()
    turn(world, store, feeds=[f"{world.server.url}/feed"])
    assert {post.thread_id for post in store.posts.values() if post.kind is PostKind.COMMENT} == {world.name(about)}


def test_comments_of_old_articles_are_no_longer_read(world: FeedsScenario) -> None:
    article = world.write("Recall")
    store = Store()
    turn(world, store)
    world.clock.advance(days=4)
    world.comment(article, "late")
    assert turn(world, store) == []


def test_one_failing_feed_does_not_keep_the_others_from_being_read(world: FeedsScenario) -> None:
    article = world.write("Recall")
    store = Store()
    with pytest.raises(CollectorError, match=r"1 of 2 feeds failed: .* answered 404") as caught:
        turn(world, store, feeds=[f"{world.server.url}/nothing", f"{world.server.url}/feed"])
    assert not caught.value.permanent
    assert world.name(article) in store.posts


def test_a_feed_is_left_alone_for_as_long_as_its_server_asks(world: FeedsScenario) -> None:
    world.write("Recall")
    store = Store()
    world.fail_next(Reply(503, headers={"retry-after": "600"}))
    with pytest.raises(CollectorError):
        turn(world, store)
    asked = world.asked()
    world.clock.advance(minutes=9)
    assert turn(world, store) == []
    assert world.asked() == asked
    world.clock.advance(minutes=2)
    assert len(turn(world, store)) == 1


def test_an_article_without_date_keeps_the_time_of_its_first_sight(world: FeedsScenario) -> None:
    item = "<item><title>{}</title><link>https://a.example/1</link></item>"
    serve(world, rss(item.format("One")))
    store, seen_at = Store(), world.clock()
    turn(world, store)
    world.clock.advance(hours=2)
    serve(world, rss(item.format("One, changed")))
    turn(world, store)
    post = store.posts["https://a.example/1"]
    assert (post.title, post.created_at) == ("One, changed", seen_at)


def test_a_date_in_the_future_is_now(world: FeedsScenario) -> None:
    article = world.write("From tomorrow", minutes_ago=-1440)
    store = Store()
    turn(world, store)
    assert store.posts[world.name(article)].created_at == world.clock()


def test_addresses_that_are_no_web_addresses_are_left_out(world: FeedsScenario) -> None:
    serve(world, rss("<item><title>x</title><guid>7</guid><link>javascript:alert(1)</link></item>"))
    store = Store()
    turn(world, store)
    assert store.posts["127.0.0.1:7"].url is None


def test_a_packed_feed_is_unpacked(world: FeedsScenario) -> None:
    serve(world, gzip.compress(rss("<item><title>x</title><guid>7</guid></item>")), {**XML, "content-encoding": "gzip"})
    store = Store()
    assert turn(world, store) == ["127.0.0.1:7"]


def test_atom_with_edits_and_replies(world: FeedsScenario) -> None:
    serve(
        world,
        b'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0"><title>t</title>'
        b'<entry><id>tag:a.example,2026:1</id><title>One</title><link href="https://a.example/1"/><author><name>Ann</name>'
        b"</author><published>2026-03-01T10:00:00+01:00</published><updated>2026-03-01T12:00:00Z</updated>"
        b'<content type="html">&lt;p&gt;words&lt;/p&gt;</content><thr:total>4</thr:total></entry></feed>',
    )
    store = Store()
    turn(world, store)
    post = store.posts["127.0.0.1:tag:a.example,2026:1"]
    assert (post.created_at, post.edited_at) == (
        datetime(2026, 3, 1, 9, tzinfo=UTC),
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    )
    assert (post.text, post.author, post.engagement.replies) == ("words", "Ann", 4)


@pytest.mark.parametrize(
    ("body", "headers", "reason"),
    [
        (b"<!doctype html><html><title>Down</title></html>", {"content-type": "text/html"}, "answered with a web page"),
        (b"<html><body>Down</body></html>", XML, "answered with a web page"),
        (b"", XML, "'application/xml' and not with a feed"),
        (b"%PDF-1.7", {"content-type": "application/pdf"}, "application/pdf"),
        (b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss/>', XML, "entities"),
        (b'<!-- hello --><!DOCTYPE r [<!ENTITY a "b">]><rss version="2.0"/>', XML, "entities"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(
    world: FeedsScenario, body: bytes, headers: dict[str, str], reason: str
) -> None:
    serve(world, body, headers)
    with pytest.raises(CollectorError, match=reason):
        Store().run(built(world))


@pytest.mark.parametrize(
    "body",
    [
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><a/>'.encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE a [+ADwAIQ-ENTITY b "c"+AD4]>',
        b"\xef\xbb\xbf <!doctype a PUBLIC \"x>y\" 'z[' [",
        b"<!ENTITY a 'b'>",
    ],
)
def test_declarations_are_found_in_any_encoding(body: bytes) -> None:
    assert declares_entities(body)


def test_an_article_about_entities_is_no_declaration() -> None:
    assert not declares_entities(rss("<item><title><![CDATA[<!ENTITY x 'y'>]]></title></item>"))
    assert not declares_entities(b'<!DOCTYPE rss PUBLIC "-//Netscape" "http://n.example/rss-0.91.dtd"><rss/>')


@pytest.mark.parametrize(
    "odd", ["links", "content", "thr:in-reply-to", "wfw:commentrss", "slash:comments", "published_parsed", "id", "tags"]
)
def test_an_element_that_feeds_have_no_use_for_costs_no_entry(odd: str) -> None:
    body = rss(f"<item><guid>1</guid><{odd}>said</{odd}></item><item><guid>2</guid></item>")
    answer = read_feed(body, "application/rss+xml")
    assert [entry["id"] for entry in answer["entries"]] in (["1", "2"], ["said", "2"])


def test_a_feed_that_would_take_the_parser_minutes_is_given_up() -> None:
    names = " ".join(f"a{number}='b'" for number in range(60_000))
    with FeedParser(seconds=1.0) as parser, pytest.raises(CollectorError, match="more than 1 s or too much memory"):
        parser.entries(rss(f"<item><a {names}/></item>"), "application/xml", "a.example")


def test_after_a_feed_was_given_up_the_next_one_is_parsed() -> None:
    items = "".join(f"<item><guid>{number}</guid></item>" for number in range(3))
    with FeedParser(small=0) as parser:
        parser.seconds = 0.0
        with pytest.raises(CollectorError):
            parser.entries(rss(items), "application/xml", "a.example")
        parser.seconds = 30.0
        assert [entry["id"] for entry in parser.entries(rss(items), "", "a.example")] == ["0", "1", "2"]


def test_comment_feeds_inside_the_network_are_not_read(world: FeedsScenario) -> None:
    with FeedHost() as inside:
        link = f"<wfw:commentRss>{inside.url.replace('127.0.0.1', 'localhost')}/secret</wfw:commentRss>"
        item = f"<item><title>x</title><guid>7</guid>{link}</item>"
        serve(world, rss(item).replace(b"<rss ", b'<rss xmlns:wfw="http://wellformedweb.org/CommentAPI/" '))
        store = Store()
        turn(world, store)
        turn(world, store)
        assert inside.requests == []


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("http://A.example/x/", "https://a.example/x"),
        ("https://a.example:443/x?utm_source=rss&id=3&fbclid=1", "https://a.example/x?id=3"),
        ("https://a.example/x#comment-4", "https://a.example/x#comment-4"),
        ("tag:a.example,2026:1", "feed.example:tag:a.example,2026:1"),
        ("42", "feed.example:42"),
        ("http://[broken", "feed.example:http://[broken"),
    ],
)
def test_one_entry_has_one_name(identifier: str, name: str) -> None:
    assert canonical(identifier, "feed.example") == name


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "/x", "", None])
def test_what_is_not_of_the_web_is_no_address(link: str | None) -> None:
    assert web_address(link) is None


def test_the_probe_counts_entries(world: FeedsScenario) -> None:
    world.write("Recall")
    assert built(world).probe() == "1 feed(s) answer, with 1 entries"
