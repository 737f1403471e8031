"""Stack Exchange sites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from collectors import stackexchange
from collectors.contract import CollectorError, Rechecking
from storage.records import Engagement, PostKind
from tests.collectors.scenario import Clock, Played, built
from tests.servers.stackexchange_api import KEY, Item, StackExchangeServer


class StackExchangeScenario(Played[StackExchangeServer]):
    """A site on which people ask about a brand."""

    def publish(self) -> set[str]:
        """Some questions of the last minutes."""
        return {self.ask(f"Norrvik {number}", minutes_ago=5 - number / 10) for number in range(25)}

    def ask(self, title: str, minutes_ago: float = 5.0, **fields: Any) -> str:
        """A question."""
        return self._add("questions", f"Words of {title}", minutes_ago, title=title, **fields)

    def answer(self, question: str, body: str, **fields: Any) -> str:
        """An answer."""
        return self._add("answers", body, 2, on=("questions", int(question.partition("/q")[2])), **fields)

    def comment(self, name: str, body: str) -> str:
        """A comment on a question or an answer."""
        entry = name.partition("/")[2]
        kind = {"q": "questions", "a": "answers"}[entry[0]]
        return self._add("comments", body, 1, on=(kind, int(entry[1:])))

    def _add(self, kind: str, body: str, minutes_ago: float, **fields: Any) -> str:
        number = len(self.server.items) + 1
        at = self.clock() - timedelta(minutes=minutes_ago)
        self.server.items[kind, number] = Item(kind, number, at, body, **fields)
        return f"stackoverflow/{kind[0]}{number}"


@contextmanager
def scenario() -> Iterator[StackExchangeScenario]:
    """A site with pages of ten."""
    patch = pytest.MonkeyPatch()
    patch.setenv("STACK_KEY", KEY)
    with StackExchangeServer(page=10) as server:
        try:
            yield StackExchangeScenario(server, stackexchange, Clock(), {"base_url": server.url, "overlap": "0s"})
        finally:
            patch.undo()


@pytest.fixture
def world() -> Iterator[StackExchangeScenario]:
    with scenario() as given:
        yield given


def test_a_question_carries_title_words_score_and_views(world: StackExchangeScenario) -> None:
    name = world.ask("Norrvik &quot;burns&quot;", score=4, views=800)
    post = world.read().posts[name]
    assert (post.title, post.text) == ('Norrvik "burns"', 'Words of Norrvik "burns"')
    assert (post.author, post.author_name, post.thread_id) == ("7", "Ann & Bo", name)
    assert post.engagement == Engagement(likes=4, replies=0, views=800)


def test_answers_and_comments_stand_in_the_thread_of_their_question(world: StackExchangeScenario) -> None:
    question = world.ask("Norrvik burns")
    answer = world.answer(question, "Turn it off")
    above, below = world.comment(question, "Mine too"), world.comment(answer, "No help")
    posts = world.read().posts
    assert set(posts) == {question, answer, above, below}
    assert {post.thread_id for post in posts.values()} == {question}
    assert [posts[name].parent_id for name in (answer, above, below)] == [question, question, answer]
    assert [posts[name].kind for name in (answer, below)] == [PostKind.REPLY, PostKind.COMMENT]


def test_a_score_below_zero_is_no_like(world: StackExchangeScenario) -> None:
    name = world.ask("Norrvik", score=-8)
    assert world.read().posts[name].engagement.likes == 0


def test_an_edit_is_told(world: StackExchangeScenario) -> None:
    name = world.ask("Norrvik", edited_at=world.clock())
    assert world.read().posts[name].edited_at == world.clock()


def test_several_sites_are_searched(world: StackExchangeScenario) -> None:
    world.read(sites=["android", "superuser"])
    asked = [(request.query["site"], request.query["q"]) for request in world.server.requests]
    assert asked == [(site, term) for site in ("android", "superuser") for term in ("Norrvik", '"Fjord Phone"')]


def test_a_backoff_is_obeyed_over_turns_and_for_its_question_alone(world: StackExchangeScenario) -> None:
    name = world.ask("Norrvik")
    world.server.backoff = {"/search": 90}
    store = world.read()
    assert [request.path for request in world.server.requests] == ["/search/advanced", "/questions/1"]
    assert not store.pages[-1].complete
    assert {sample.external_id for sample in store.samples} == {name}
    world.server.backoff = {}
    world.clock.advance(seconds=89)
    world.read(store)
    assert [request.path for request in world.server.requests].count("/search/advanced") == 1
    world.clock.advance(seconds=2)
    world.read(store)
    assert store.pages[-1].complete


def test_when_the_quota_is_used_up_nothing_is_asked_until_midnight(world: StackExchangeScenario) -> None:
    world.server.quota = 1
    store = world.read()
    asked = world.asked()
    world.clock.advance(hours=11)
    world.read(store)
    assert world.asked() == asked
    world.server.quota = 300
    world.clock.advance(hours=1)
    world.read(store)
    assert world.asked() > asked


def test_a_quota_that_others_have_used_up_is_told_with_its_end(world: StackExchangeScenario) -> None:
    world.server.quota = 0
    with pytest.raises(CollectorError, match="too many requests") as caught:
        world.read()
    assert (caught.value.retry_after, caught.value.permanent) == (4242, False)


def test_without_a_key_a_search_ends_after_25_pages(
    world: StackExchangeScenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stackexchange, "_PAGES_WITHOUT_KEY", 2)
    monkeypatch.setattr(stackexchange, "PAGE", 10)
    world.publish()
    (gap,) = world.read().gaps
    assert "after 20 entries" in gap.reason
    assert world.read(key={"env": "STACK_KEY"}).gaps == []


def test_growth_is_followed_in_one_request(world: StackExchangeScenario) -> None:
    first, second = world.ask("Norrvik"), world.ask("Norrvik again")
    store = world.read()
    world.server.items["questions", 1].views = 7000
    world.clock.advance(minutes=5)
    asked = world.asked()
    world.read(store)
    assert world.asked() - asked == 3, "two searches and a look at both questions"
    assert {sample.external_id for sample in store.samples} == {first, second}
    assert 7000 in {sample.engagement.views for sample in store.samples}


def test_what_is_gone_is_told_of_every_kind(world: StackExchangeScenario) -> None:
    question = world.ask("Norrvik")
    answer = world.answer(question, "Yes")
    comment = world.comment(answer, "No")
    posts = world.read().posts
    del world.server.items["answers", 2]
    source = built(world)
    assert isinstance(source, Rechecking)
    told = source.recheck(list(posts.values()), {})
    assert told.gone == {answer: "deleted"}
    assert {post.external_id: post.thread_id for post in told.posts} == {question: question, comment: question}


def test_a_wrong_key_is_told(world: StackExchangeScenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_KEY", "wrong")
    with pytest.raises(CollectorError, match="403: it does not accept the key") as caught:
        built(world, key={"env": "STACK_KEY"}).probe()
    assert caught.value.permanent


def test_the_probe_says_what_is_left(world: StackExchangeScenario) -> None:
    world.ask("Norrvik")
    said = "Stack Exchange answers with 1 questions of the last day; 9999 requests are left today"
    assert built(world).probe() == said
