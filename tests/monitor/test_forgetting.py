"""What was deleted from the database is gone from the memory of programs that run beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
        pipeline.ingest(
            Batch([_post("1", "annegret", f"Norrvik sold me a {WORD}, and it BROKE!"), _post("2", "bob", "Norrvik")])
        )
        pipeline.advance(NOON + timedelta(hours=3))
        telling_words([f"Norrvik and its {WORD}"] * 2, ["Norrvik is here"], ["Norrvik"])
        yield pipeline


def _post(name: str, author: str | None, text: str) -> Post:
    return Post("forum", name, NOON, text, author=author, collected_at=NOON)


def _held() -> int:
    """How many texts with the word any object of this process holds."""
    return sum(
        isinstance(held, str) and WORD in held and held != WORD
        for owner in gc.get_objects()
        for held in _within(gc.get_referents(owner))
    )


def _within(held: list[object]) -> Iterator[object]:
    for one in held:
        yield one
        if isinstance(one, tuple | dict) and not gc.is_tracked(one):
            yield from gc.get_referents(one)


def _forget(address: str, author: str) -> None:
    with Database.open(address) as beside, beside.write() as tx:
        erasure.forget_waiting(tx, author, "forum")
        erasure.erase(tx, erasure.posts_of(tx, author, "forum"), NOON + timedelta(hours=4), "the author asked")


def test_what_another_process_erased_is_in_no_table_of_the_running_one(address: str, running: Pipeline) -> None:
    forgetting = Forgetting(running.database, running.let_go_of_deleted)
    forgetting.look()
    assert _held() > 2
    _forget(address, "annegret")
    forgetting.look()
    assert _held() == 0


def test_of_an_open_tick_a_deleted_post_is_let_go_of_while_what_is_settled_stays(
    address: str, running: Pipeline
) -> None:
    forgetting, evening = Forgetting(running.database, running.let_go_of_deleted), NOON + timedelta(hours=6)
    _forget(address, "annegret")
    forgetting.look()
    running.advance(NOON + timedelta(hours=4))
    running.ingest(Batch([replace(_post("3", "clara", f"Norrvik, you {WORD}!"), created_at=evening)]))
    running.advance(evening + timedelta(minutes=1), early=True)
    settled = running._fold
    assert _held() > 2
    _forget(address, "clara")
    forgetting.look()
    assert _held() == 0
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
        state_store.save_part(tx, "in parts", "two", NOON, f"Norrvik sold me a {WORD}, and it BROKE!".encode())
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
        erasure.prune(tx, NOON + timedelta(days=90))
    forgetting.look()
    assert length.cache_info().currsize == 0
