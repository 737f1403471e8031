"""Posts that were handed in wait in the order of their arrival, each wording once."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from storage import erasure, inbox
from storage.database import Database
from tests.storage.examples import NOON, after


def letter(name: str, **fields: Any) -> dict[str, Any]:
    return {"external_id": name, "text": f"words of {name}", "author": "ann_1", **fields}


def accept(database: Database, message: str, *posts: dict[str, Any], digest: str = "d", at: Any = NOON) -> inbox.Taken:
    with database.write() as tx:
        return inbox.accept(tx, "desk", message, digest, posts, at)


def waiting(database: Database, after_number: int = 0) -> list[str]:
    with database.read() as tx:
        return [one.external_id for one in inbox.waiting(tx, "desk", after_number, 100)]


def test_posts_wait_in_the_order_of_arrival(database: Database) -> None:
    assert accept(database, "m1", letter("b"), letter("a")) == inbox.Taken(2, 0)
    accept(database, "m2", letter("c"))
    assert waiting(database) == ["b", "a", "c"]
    with database.read() as tx:
        first = inbox.waiting(tx, "desk", 0, 1)[0]
        assert [one.external_id for one in inbox.waiting(tx, "desk", first.number, 1)] == ["a"]
        newest = inbox.newest(tx, "desk")
        assert newest is not None
        assert (newest.external_id, newest.post["text"], newest.received_at) == ("c", "words of c", NOON)
        assert inbox.newest(tx, "elsewhere") is None


def test_a_post_of_the_same_words_is_kept_once_and_an_edit_again(database: Database) -> None:
    accept(database, "m1", letter("a"))
    assert accept(database, "m2", letter("a"), letter("a", text="edited")) == inbox.Taken(1, 1)
    assert waiting(database) == ["a", "a"]


def test_a_message_that_comes_again_changes_nothing(database: Database) -> None:
    accept(database, "m1", letter("a"))
    assert accept(database, "m1", letter("a")) == inbox.Taken(0, 1, repeated=True)
    assert waiting(database) == ["a"]


def test_the_name_of_a_message_is_not_used_for_another(database: Database) -> None:
    accept(database, "m1", letter("a"))
    with pytest.raises(inbox.MessageReusedError):
        accept(database, "m1", letter("b"), digest="other")
    assert waiting(database) == ["a"]


def test_what_was_read_is_forgotten_after_a_week_and_its_numbers_stay_used(database: Database) -> None:
    accept(database, "m1", letter("a"))
    accept(database, "m2", letter("b"))
    with database.read() as tx:
        first, second = inbox.waiting(tx, "desk", 0, 9)
    with database.write() as tx:
        inbox.expire(tx, "desk", first.number, after(days=8))
    assert waiting(database) == ["b"]
    with database.write() as tx:
        inbox.expire(tx, "desk", second.number, after(days=8))
    accept(database, "m1", letter("c"), at=after(days=8))
    assert waiting(database, second.number) == ["c"]


def test_nothing_is_passed_over_while_many_hand_in_at_once(database: Database) -> None:
    seen: list[int] = []
    senders = [
        threading.Thread(target=lambda n=n: [accept(database, f"{n}-{i}", letter(f"{n}-{i}")) for i in range(5)])
        for n in range(4)
    ]
    for sender in senders:
        sender.start()
    while any(sender.is_alive() for sender in senders):
        with database.read() as tx:
            seen += [one.number for one in inbox.waiting(tx, "desk", seen[-1] if seen else 0, 3)]
    for sender in senders:
        sender.join()
    with database.read() as tx:
        seen += [one.number for one in inbox.waiting(tx, "desk", seen[-1] if seen else 0, 100)]
    assert len(seen) == 20


def test_forgetting_an_author_or_a_post_empties_the_inbox_of_them(database: Database) -> None:
    accept(database, "m1", letter("a"), letter("b", author="bob"), letter("c", author="cy"))
    with database.write() as tx:
        erasure.forget_waiting(tx, "ann_1", "desk")
        erasure.erase(tx, [("desk", "b")], NOON, "the author asked")
    assert waiting(database) == ["c"]
