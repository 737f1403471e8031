"""What was deleted from the database is gone from the memory of programs that run beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from config.settings import Settings
from monitor.assembly import assemble
from monitor.forgetting import Forgetting
from monitor.pipeline import Batch, Pipeline
from monitor.remembered import remembering
from monitor.telling_words import telling_words
from storage import erasure
from storage import state as state_store
from storage.database import Database
from storage.records import Post

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})
WORD = "zimtsternquark"
"""Stands in what the forgotten one wrote, in longer texts."""


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tocsin.db'}"


@pytest.fixture
def running(address: str) -> Iterator[Pipeline]:
    """A program that has read, understood and judged, and wrote of it."""
    with Database.open(address) as database:
        pipeline = assemble(SETTINGS, database)
        pipeline.ingest(Batch([_post("1", "annegret", _bought()), _post("2", "bob", "Norrvik")]))
        pipeline.advance(NOON + timedelta(hours=3))
        telling_words([_told()] * 2, ["Norrvik is here"], ["Norrvik"])
        yield pipeline


def _post(name: str, author: str | None, text: str) -> Post:
    return Post("forum", name, NOON, text, author=author, collected_at=NOON)


# Made when they are asked for: a constant of this module would be found as well.


def _bought() -> str:
    return f"Norrvik sold me a {WORD}, and it BROKE!"


def _insulted() -> str:
    return f"Norrvik, you {WORD}!"


def _told() -> str:
    return f"Norrvik and its {WORD}"


def _held() -> set[str]:
    """The texts with the word that any object of this process holds, those made by importing modules included."""
    gc.unfreeze()  # tests/conftest.py keeps those from being looked at
    owners = gc.get_objects()
    gc.freeze()
    return {text for held in _held_by_many(owners) for text in _texts(held) if text != WORD}


def _held_by_many(owners: list[Any]) -> Iterator[list[Any]]:
    """What a thousand of them hold at a time: there are millions."""
    for start in range(0, len(owners), 1_000):
        yield gc.get_referents(*owners[start : start + 1_000])


def _texts(held: list[Any]) -> Iterator[str]:
    yield from (one for one in held if type(one) is str and WORD in one)
    unseen = [one for one in held if type(one) in (tuple, dict) and not gc.is_tracked(one)]
    yield from (one for one in gc.get_referents(*unseen) if type(one) is str and WORD in one)


def _forget(address: str, author: str) -> None:
    with Database.open(address) as beside, beside.write() as tx:
        erasure.forget_waiting(tx, author, "forum")
        erasure.erase(tx, erasure.posts_of(tx, author, "forum"), NOON + timedelta(hours=4), "the author asked")


def test_what_another_process_erased_is_in_no_table_of_the_running_one(address: str, running: Pipeline) -> None:
    forgetting = Forgetting(running.database, running.let_go_of_deleted)
    forgetting.look()
    assert _held() == {_bought(), f"{WORD},", _told()}
    _forget(address, "annegret")
    forgetting.look()
    assert not _held()


def test_of_an_open_tick_a_deleted_post_is_let_go_of_while_what_is_settled_stays(
    address: str, running: Pipeline
) -> None:
    forgetting, evening = Forgetting(running.database, running.let_go_of_deleted), NOON + timedelta(hours=6)
    _forget(address, "annegret")
    forgetting.look()
    running.advance(NOON + timedelta(hours=4))
    running.ingest(Batch([replace(_post("3", "clara", _insulted()), created_at=evening)]))
    running.advance(evening + timedelta(minutes=1), early=True)
    settled = running._fold
    assert _held() == {_bought(), f"{WORD},", _told(), _insulted(), f"{WORD}!"}
    _forget(address, "clara")
    forgetting.look()
    assert not _held()
    assert running._fold is settled


def test_a_kept_state_goes_with_what_it_knows_of_a_text_however_that_was_written(running: Pipeline) -> None:
    with running.database.write() as tx:
        state_store.save(tx, "of another version", NOON, f"norrvik sold me a {WORD} and it broke".encode())
        erasure.erase(tx, [("forum", "1")], NOON + timedelta(hours=4), "deleted at its source")
        assert all(WORD.encode() not in blob for _, blob in state_store.every(tx))


def test_a_kept_state_goes_with_all_its_parts_when_one_of_them_knows_of_a_text(running: Pipeline) -> None:
    with running.database.write() as tx:
        state_store.save(tx, "in parts", NOON, b"nothing of it")
        state_store.save_part(tx, "in parts", "one", NOON, b"nothing either")
        state_store.save_part(tx, "in parts", "two", NOON, _bought().encode())
        erasure.erase(tx, [("forum", "1")], NOON + timedelta(hours=4), "deleted at its source")
        assert "in parts" not in {state_store.whole(name) for name, _ in state_store.every(tx)}


def test_nothing_is_let_go_of_while_nothing_is_deleted(running: Pipeline) -> None:
    @remembering(8)
    def length(text: str) -> int:
        return len(text)

    forgetting = Forgetting(running.database)
    length("a text")
    forgetting.look()
    forgetting.look()
    assert length.cache_info().currsize == 1
    with running.database.write() as tx:
        erasure.prune(tx, "forum", NOON + timedelta(days=90))
    forgetting.look()
    assert length.cache_info().currsize == 0
