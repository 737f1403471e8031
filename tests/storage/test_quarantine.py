"""Items that were left out are remembered with the reason, and their words for a short while."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from storage import erasure, quarantine
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import LARGEST_RAW, SetAside, Stage
from tests.storage.examples import NOON, after, mentioned, post


def item(name: str = "a1", **fields: Any) -> SetAside:
    return SetAside(
        **{
            "source": "forum",
            "place": f"row {name}",
            "reason": "no time",
            "raw_hash": name,
            "stage": Stage.READ,
            "last_at": NOON,
            "raw": b"{}",
            **fields,
        }
    )


def add(database: Database, *items: SetAside) -> None:
    with database.write() as tx:
        quarantine.add(tx, items)


def kept(database: Database, source: str | None = None) -> list[SetAside]:
    with database.read() as tx:
        return quarantine.every(tx, source)


def test_an_item_comes_back_as_it_was_set_aside(database: Database) -> None:
    add(database, item(raw=b"\x00\xff"))
    assert kept(database) == [item(raw=b"\x00\xff", first_at=NOON)]


def test_an_item_that_comes_again_is_counted_with_its_newest_reason(database: Database) -> None:
    add(database, item(), item())
    add(database, item(reason="no text", last_at=after(hours=1), raw=None))
    (again,) = kept(database)
    assert (again.times, again.reason, again.first_at, again.last_at) == (3, "no text", NOON, after(hours=1))
    assert again.raw == b"{}"


def test_items_of_one_source_can_be_asked_for_newest_first(database: Database) -> None:
    add(database, item("a"), item("b", last_at=after(hours=1)), item("c", source="press"))
    assert [one.raw_hash for one in kept(database, "forum")] == ["b", "a"]
    with database.read() as tx:
        assert quarantine.count(tx) == 3
        assert quarantine.count(tx, "forum", since=after(minutes=1)) == 1


def test_a_large_item_is_remembered_without_its_words(database: Database) -> None:
    add(database, item("large", raw=b"x" * (LARGEST_RAW + 1)), item("small", raw=b"x" * LARGEST_RAW))
    assert {one.raw_hash: one.raw is not None for one in kept(database)} == {"large": False, "small": True}


def test_words_are_forgotten_after_a_week_and_items_after_a_season(database: Database) -> None:
    add(database, item())
    for days, expected in ((6, [b"{}"]), (8, [None]), (91, [])):
        with database.write() as tx:
            quarantine.expire(tx, NOON + timedelta(days=days))
        assert [one.raw for one in kept(database)] == expected


def test_a_page_is_stored_with_what_was_left_out_of_it(database: Database) -> None:
    with database.write() as tx:
        written = write(tx, Intake(mentions=[mentioned(post())], set_aside=[item()]))
    assert (written.new_posts, written.set_aside) == (1, 1)
    assert len(kept(database)) == 1


def test_forgetting_an_author_forgets_what_was_set_aside_of_theirs(database: Database) -> None:
    add(database, item("a", raw=b'{"user": "ann_1"}'), item("b", reason="'ann_1' is not a time"), item("c"))
    add(database, item("d", source="press", raw=b"ann_1 elsewhere"))
    with database.write() as tx:
        erasure.forget_waiting(tx, "ann_1", "forum")
    assert {one.raw_hash for one in kept(database)} == {"c", "d"}


def test_forgetting_a_post_forgets_what_was_set_aside_of_it_and_nothing_else(database: Database) -> None:
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("p-77", author="ann_1"))]))
    add(database, item("a", raw=b"by ann_1"), item("b", raw=b"id p-77"), item("c", raw=b"id p-78"))
    with database.write() as tx:
        erasure.erase(tx, [("forum", "p-77")], NOON, "the author asked")
        erasure.erase(tx, [("forum", "7")], NOON, "a name that stands in everything")
    assert {one.raw_hash for one in kept(database)} == {"a", "c"}


def test_an_author_without_stored_posts_is_forgotten_on_every_source(database: Database) -> None:
    add(database, item("a", raw=b"by ann_1"), item("b", source="press", reason="'ann_1' is no name"), item("c"))
    with database.write() as tx:
        assert erasure.forget_waiting(tx, "@ann_1") == 2
        assert erasure.forget_waiting(tx, "ann_1") == 0
    assert [one.raw_hash for one in kept(database)] == ["c"]
