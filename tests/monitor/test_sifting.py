"""One post that cannot be judged does not keep the others from being judged, nor is it lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from collectors.contract import Page
from config.settings import Settings
from monitor.assembly import assemble
from monitor.collecting import SourceJob
from monitor.retrying import Retry
from monitor.sifting import TRIES, post_of, post_set_aside, sifted
from monitor.understanding import Understanding
from storage import cursors, posts, quarantine, schedule
from storage.database import Database
from storage.records import Engagement, MentionedPost, Post, PostKind, SetAside, Stage
from tests.monitor.test_collecting import Scripted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
EVERY = timedelta(minutes=5)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik Mobile"}]})


def post(name: str, text: str = "Norrvik Mobile again") -> Post:
    return Post("forum", name, NOW - timedelta(minutes=2), text, thread_id=name)


class Fragile:
    """Fails for numbers that are told to be poison; the first calls may fail whatever they are for."""

    def __init__(self, poison: set[int], hiccups: int = 0) -> None:
        self.poison, self.hiccups, self.asked = poison, hiccups, Counter[int]()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.asked.update(items if len(items) == 1 else ())
        if self.hiccups:
            self.hiccups -= 1
            raise RuntimeError("a hiccup")
        if self.poison & set(items):
            raise RecursionError("too deep")
        return [10 * item for item in items]


def test_poison_is_tried_three_times_and_its_neighbours_proceed() -> None:
    judge = Fragile({3})
    sieve = sifted(judge, [1, 2, 3, 4], str)
    assert sieve.results == [10, 20, 40]
    assert sieve.poison == [(3, "RecursionError: too deep")]
    assert judge.asked[3] == TRIES


def test_what_fails_once_is_not_poison() -> None:
    sieve = sifted(Fragile(set(), hiccups=2), [1, 2], str)
    assert (sieve.results, sieve.poison) == ([10, 20], [])


def test_a_judge_that_fails_for_nearly_all_is_at_fault_itself() -> None:
    with pytest.raises(RecursionError):
        sifted(Fragile({1, 2, 3, 4}), [1, 2, 3, 4, 5], str)


def test_a_post_set_aside_comes_back_whole() -> None:
    whole = Post(
        "forum", "é\udcff"[:1], NOW, "words", PostKind.COMMENT, brands=("Acme",), engagement=Engagement(likes=3)
    )
    assert post_of(post_set_aside(whole, "why", NOW).raw or b"") == whole


@pytest.fixture
def _fragile(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Understanding.read

    def read(self: Understanding, given: Sequence[Post]) -> list[MentionedPost]:
        if any("poison" in each.text for each in given):
            raise RecursionError("too deep")
        return sound(self, given)

    monkeypatch.setattr(Understanding, "read", read)


def run(database: Database, *given: Post) -> list[SetAside]:
    with database.write() as tx:
        schedule.plan(tx, "forum", EVERY, NOW)
    source = Scripted(Page({"n": 1}, given, requests=1, complete=True))
    SourceJob(source, EVERY, database, assemble(SETTINGS, database), clock=lambda: NOW).run()
    with database.read() as tx:
        return quarantine.every(tx)


@pytest.mark.usefixtures("_fragile")
def test_a_poisoned_page_is_stored_without_its_poison_and_the_cursor_moves(database: Database) -> None:
    (kept,) = run(database, post("1"), post("2", "Norrvik Mobile poison"), post("3"))
    assert (kept.stage, kept.place, kept.reason) == (Stage.UNDERSTAND, "post 2", "RecursionError: too deep")
    with database.read() as tx:
        keys = [("forum", name) for name in ("1", "2", "3")]
        assert [found.external_id for found in posts.get(tx, keys)] == ["1", "3"]
        position = cursors.get(tx, "forum")
        assert position is not None
        assert position.position == {"n": 1}


def test_after_the_mend_a_retry_stores_the_post(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: Understanding, given: Sequence[Post]) -> list[MentionedPost]:
        raise RecursionError("too deep")

    with monkeypatch.context() as patch:
        patch.setattr(Understanding, "read", broken)
        kept = run(database, post("2"))
        (tried,) = Retry(SETTINGS, database, lambda: NOW).run(kept)
        assert tried.reason == "it can still not be judged"
    (tried,) = Retry(SETTINGS, database, lambda: NOW).run(kept)
    assert tried.reason is None
    with database.read() as tx:
        assert quarantine.every(tx) == []
        assert len(posts.get(tx, [("forum", "2")])) == 1


def test_poison_in_a_thread_leaves_the_post_there(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: Understanding, found: Sequence[object]) -> list[MentionedPost]:
        if found:
            raise RecursionError("too deep")
        return []

    monkeypatch.setattr(Understanding, "judged", broken)
    reply = Post("forum", "r", NOW, "me too", PostKind.REPLY, thread_id="1", parent_id="1")
    assert run(database, post("1"), reply) == []
    with database.read() as tx:
        assert len(posts.get(tx, [("forum", "1"), ("forum", "r")])) == 2
