"""News by GDELT and by searches that offer feeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from collectors import news
from collectors.contract import CollectorError, Rereads, SourceContext
from config.settings import BrandSettings
from storage.records import Post, PostKind
from tests.collectors.scenario import Clock, Played, Store, built
from tests.servers.gdelt_api import Article, GdeltServer
from tests.servers.web import Reply


class NewsScenario(Played[GdeltServer]):
    """A press that writes of a brand."""

    def publish(self) -> set[str]:
        """Some articles of the last half hour."""
        return {self.print_(f"Norrvik {number}", minutes_ago=1 + 2 * number) for number in range(12)}

    def print_(self, title: str, minutes_ago: float = 20.0, **fields: Any) -> str:
        """One article."""
        url = f"https://paper.example/{len(self.server.articles)}"
        self.server.articles.append(Article(url, title, self.clock() - timedelta(minutes=minutes_ago), **fields))
        return url

    def read_all(self, store: Store | None = None, **options: Any) -> Store:
        """Turns until there is nothing more."""
        store = store or Store()
        for _ in range(40):
            self.read(store, **options)
            if store.pages[-1].complete:
                return store
        raise AssertionError("it never came to an end")


@contextmanager
def scenario() -> Iterator[NewsScenario]:
    """GDELT with a cap of ten articles."""
    patch = pytest.MonkeyPatch()
    patch.setattr(news, "CAP", 10)
    with GdeltServer(cap=10) as server:
        options = {"gdelt_url": f"{server.url}/doc", "overlap": "0s", "lookback": "2h"}
        try:
            yield NewsScenario(server, news, Clock(), options)
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[NewsScenario]:
    with scenario() as given:
        yield given


def modes(world: NewsScenario) -> list[str]:
    return [request.query["mode"] for request in world.server.requests if request.path == "/doc"]


def questions(*brands: BrandSettings) -> list[str]:
    source = news.build(news.Options(), SourceContext("somewhere", brands))
    return [question.query for question in source._questions]


def test_an_article_carries_title_paper_language_and_brand(world: NewsScenario) -> None:
    url = world.print_("Norrvik &amp; Co in trouble", language="Swedish")
    post = world.read_all().posts[url]
    assert (post.kind, post.title, post.text) == (
        PostKind.ARTICLE,
        "Norrvik & Co in trouble",
        "Norrvik & Co in trouble",
    )
    assert (post.author, post.language, post.thread_id, post.brands) == ("paper.example", "sv", url, ("Norrvik",))


def test_an_article_that_was_not_understood_is_read_once_it_is(
    world: NewsScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, other = world.print_("Norrvik in trouble"), world.print_("Norrvik again")
    understand = news._article

    def misunderstand(item: Any, *rest: Any) -> Post:
        if item["title"] == "Norrvik in trouble":
            raise KeyError("seendate")
        return understand(item, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(news, "_article", misunderstand)
        store = world.read_all()
    assert set(store.posts) == {other}
    (raw,) = [item.raw for page in store.pages for item in page.quarantined if item.raw]
    source = built(world)
    assert isinstance(source, Rereads)
    (post,) = source.reread(raw)
    assert (post.external_id, post.brands) == (odd, ("Norrvik",))


def test_an_article_may_have_to_name_the_brand_in_its_title(world: NewsScenario) -> None:
    url = world.print_("Phones burn")
    assert world.read_all(titles_only=True).posts[url].brands == ()


def test_a_turn_puts_one_question(world: NewsScenario) -> None:
    world.publish()
    store = Store()
    for turn in range(1, 4):
        world.read(store)
        assert len(modes(world)) == turn


def test_where_nothing_was_published_one_cheap_question_is_enough(world: NewsScenario) -> None:
    store = world.read()
    assert modes(world) == ["timelinevolraw"]
    assert store.pages[-1].complete


def test_a_question_is_put_again_when_gdelt_has_been_renewed(world: NewsScenario) -> None:
    store = world.read()
    world.clock.advance(minutes=14)
    world.read(store)
    assert len(modes(world)) == 1
    world.clock.advance(minutes=1)
    world.read(store)
    assert len(modes(world)) == 2


def test_windows_are_cut_below_the_cap(world: NewsScenario) -> None:
    published = world.publish()
    store = world.read_all()
    assert set(store.posts) == published
    assert max(len(page.posts) for page in store.pages) < 10
    assert store.gaps == []


def test_a_quarter_of_an_hour_with_more_than_the_cap_is_a_gap(world: NewsScenario) -> None:
    for number in range(40):
        world.print_(f"Norrvik {number}", minutes_ago=20)
    (gap,) = world.read_all().gaps
    assert (gap.reason, gap.share_missing) == ("GDELT gave 10 of 40 articles", 0.75)


def test_articles_that_are_announced_and_never_given_are_a_gap_in_the_end(world: NewsScenario) -> None:
    world.print_("Norrvik", is_listed=False)
    store = Store()
    world.read(store)
    for _ in range(2):
        with pytest.raises(CollectorError, match="announced 1 articles and gave none"):
            world.read(store)
    world.read_all(store)
    assert [gap.reason for gap in store.gaps] == ["GDELT gave 0 of 1 articles"]


def test_what_is_older_than_gdelt_reaches_is_a_gap(world: NewsScenario) -> None:
    store = world.read_all()
    world.clock.advance(days=100)
    world.read(store)
    assert [gap.reason for gap in store.gaps] == ["older than GDELT reaches"]


def test_json_with_stray_backslashes_is_read(world: NewsScenario) -> None:
    url = world.print_("Norrvik STRAY burns")
    assert world.read_all().posts[url].title == "Norrvik \\- burns"


def test_a_mistake_in_words_is_told_as_gdelt_says_it(world: NewsScenario) -> None:
    store = world.read(queries=["(Norrvik)"])
    with pytest.raises(CollectorError, match="Parentheses may only be used around") as caught:
        world.read(store, queries=["(Norrvik)"])
    assert caught.value.permanent


def test_a_busy_gdelt_is_left_alone_for_a_minute(world: NewsScenario) -> None:
    words = b"Please limit requests to one every 5 seconds or contact us."
    world.fail_next(Reply(200, words, {"content-type": "text/html"}))
    with pytest.raises(CollectorError, match="429") as caught:
        world.read()
    assert (caught.value.retry_after, caught.value.permanent) == (60, False)


def test_words_are_asked_for_together_and_ordinary_ones_beside_their_context() -> None:
    plain = BrandSettings(name="Norrvik", products=["Fjord Phone"])
    ordinary = BrandSettings(name="Target", ambiguous=True, context=["store", "retail chain"])
    assert questions(plain, ordinary) == ['(Norrvik OR "Fjord Phone")', 'Target (store OR "retail chain")']


def test_a_single_word_stands_without_parentheses() -> None:
    assert questions(BrandSettings(name="Norrvik")) == ["Norrvik"]


def test_a_search_that_offers_a_feed_is_read_beside(world: NewsScenario) -> None:
    url = world.print_("Norrvik burns")
    written = format_datetime(world.clock() - timedelta(minutes=9))
    item = "<item><title>{}</title><link>{}</link><guid>{}</guid><pubDate>{}</pubDate></item>"
    items = "".join(item.format(*each, each[1], written) for each in (("Norrvik burns", url), ("More", f"{url}9")))
    world.server.feed = f"<rss version='2.0'><channel><title>x</title>{items}</channel></rss>".encode()
    port = int(world.server.url.rsplit(":", 1)[1])
    address = f"{world.server.url}/feed?q={{query}}"
    store = world.read_all(feed_addresses=[address], allow_private_hosts=["127.0.0.1"], allow_ports=[port])
    assert set(store.posts) == {url, f"{url}9"}, "an article that both tell of is one"
    asked = [request.query["q"] for request in world.server.requests if request.path == "/feed"]
    assert set(asked) == {'Norrvik OR "Fjord Phone"'}


def test_a_feed_that_fails_does_not_keep_gdelt_from_being_asked(world: NewsScenario) -> None:
    world.server.feed = b"<html>"
    store = Store()
    address, port = f"{world.server.url}/feed?q={{query}}", int(world.server.url.rsplit(":", 1)[1])
    with pytest.raises(CollectorError, match="feeds failed"):
        world.read(store, feed_addresses=[address], allow_private_hosts=["127.0.0.1"], allow_ports=[port])
    assert modes(world) == ["timelinevolraw"]


def test_the_probe_counts_a_day(world: NewsScenario) -> None:
    world.publish()
    assert built(world).probe() == "GDELT answers: 12 articles of the last day for the first of 1 questions"
