"""What was stored of late is judged from memory, and is what the database would have given."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from monitor.lately import Lately
from storage import erasure, posts
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.records import Engagement, EngagementSample, MentionedPost, Post, PostKind
from tests.storage.examples import NOON, after, mentioned, post

BEFORE, LATER = after(days=-2), after(days=2)
Found = tuple[list[MentionedPost], list[EngagementSample]]


@pytest.fixture(name="database")
def _database() -> Iterator[Database]:
    with Database.open("sqlite://") as opened:
        yield opened


def store(database: Database, lately: Lately, *read: MentionedPost, samples: tuple[EngagementSample, ...] = ()) -> None:
    with database.write() as tx:
        lately.begin(tx)
        lately.take(tx, write(tx, Intake(mentions=read, samples=samples)))


def erase(database: Database, *names: str) -> None:
    with database.write() as tx:
        erasure.erase(tx, [("forum", name) for name in names], NOON, "asked for")


def from_memory(database: Database, lately: Lately, start: datetime, monkeypatch: pytest.MonkeyPatch) -> Found | None:
    """What is given without the database being read, `None` where it is."""
    with database.read() as tx, monkeypatch.context() as patched:
        patched.setattr(posts, "judged", _refuse)
        try:
            return lately.between(tx, start, LATER)
        except LookupError:
            return None


def _refuse(_tx: Transaction, _start: datetime, _end: datetime) -> list[MentionedPost]:
    raise LookupError


def from_database(database: Database, start: datetime) -> Found:
    with database.read() as tx:
        return posts.judged(tx, start, LATER), posts.samples(tx, start, LATER)


def counted(likes: int, **fields: object) -> Post:
    return post(engagement=Engagement(likes=likes), **fields)


def test_what_was_stored_of_late_is_given_as_the_database_would(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lately, east = Lately(), timezone(timedelta(hours=9))
    store(database, lately, mentioned(counted(1, created_at=after(minutes=3).astimezone(east))))
    store(database, lately, mentioned(post("2", brands=("B", "A"))), mentioned(post("2", brands=("B", "A")), "Bolt"))
    story = post("3", kind=PostKind.STORY, created_at=after(hours=-5), collected_at=after(minutes=1))
    store(database, lately, mentioned(story), mentioned(counted(9, collected_at=after(minutes=9))))
    store(database, lately, samples=(EngagementSample("forum", "1", after(minutes=9), Engagement(likes=4, views=7)),))
    store(database, lately, mentioned(post("2", text="Acme, no more", edited_at=after(minutes=4))))
    for start in (BEFORE, NOON, after(minutes=2)):
        found = from_memory(database, lately, start, monkeypatch)
        assert repr(found) == repr(from_database(database, start))


def test_a_time_of_which_not_all_is_known_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    store(database, Lately(), mentioned(post("1")))
    lately = Lately()
    store(database, lately, mentioned(post("2", created_at=after(minutes=1))))
    assert from_memory(database, lately, NOON, monkeypatch) is None
    assert from_memory(database, lately, after(minutes=1), monkeypatch) == from_database(database, after(minutes=1))


def test_what_was_deleted_is_let_go_of_and_the_rest_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lately = Lately()
    store(database, lately, *(mentioned(counted(1, external_id=str(number))) for number in range(4)))
    erase(database, "0", "1")
    for start in (BEFORE, NOON):
        assert from_memory(database, lately, start, monkeypatch) == from_database(database, start)
    assert len(lately) == 4, "two mentions and their counts"
    erase(database, "2")
    store(database, lately, mentioned(post("5")))
    assert from_memory(database, lately, BEFORE, monkeypatch) == from_database(database, BEFORE)
    erase(database, "3")
    with database.write() as tx:
        lately.heed(tx)
    assert len(lately) == 1, "what is erased is not kept in memory"


def test_what_was_pruned_is_read_and_what_came_since_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lately = Lately()
    store(database, lately, mentioned(post("1")), mentioned(post("2", created_at=after(days=1, minutes=9))))
    with database.write() as tx:
        assert erasure.prune(tx, "forum", after(minutes=1)) == 1
    assert from_memory(database, lately, NOON, monkeypatch) is None
    late = after(days=1, minutes=5)
    assert from_memory(database, lately, late, monkeypatch) == from_database(database, late)


def test_what_somebody_else_changed_is_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lately = Lately()
    store(database, lately, mentioned(post("1")), mentioned(post("2")))
    erase(database, "1")
    store(database, Lately(), mentioned(post("3")))
    erase(database, "3")
    assert from_memory(database, lately, BEFORE, monkeypatch) is None
    with database.write() as tx:
        lately.heed(tx)
    assert len(lately) == 0
    store(database, lately, mentioned(post("4", created_at=after(minutes=1))))
    assert from_memory(database, lately, BEFORE, monkeypatch) is None
    assert from_memory(database, lately, after(minutes=1), monkeypatch) is not None


def test_of_more_deletions_than_are_remembered_everything_is_read(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.deletions.MOST", 4)
    lately = Lately()
    store(database, lately, *(mentioned(post(str(number))) for number in range(9)))
    erase(database, "1")
    erase(database, "2")
    assert from_memory(database, lately, BEFORE, monkeypatch) is not None
    for number in "345":
        erase(database, number)
    assert from_memory(database, lately, BEFORE, monkeypatch) is None


def test_what_was_rolled_back_is_not_given(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lately = Lately()
    store(database, lately, mentioned(post("1")))
    with database.write() as tx:
        lately.begin(tx)
        lately.take(tx, write(tx, Intake(mentions=[mentioned(post("2"))])))
        tx.rollback()
    assert from_memory(database, lately, BEFORE, monkeypatch) is None
    with database.read() as tx:
        assert [one.post.external_id for one in lately.between(tx, BEFORE, LATER)[0]] == ["1"]


def test_what_is_settled_and_what_is_too_much_is_let_go(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    lately = Lately()
    store(database, lately, mentioned(post("1")), mentioned(post("2", created_at=after(minutes=5))))
    lately.let_go(after(minutes=5))
    assert from_memory(database, lately, NOON, monkeypatch) is None
    assert from_memory(database, lately, after(minutes=5), monkeypatch) is not None
    monkeypatch.setattr("monitor.lately.MOST", 1)
    store(database, lately, mentioned(post("3", created_at=after(minutes=10))))
    store(database, lately, mentioned(post("4", created_at=after(minutes=6))))
    assert from_memory(database, lately, after(minutes=5), monkeypatch) is None
    assert from_memory(database, lately, after(minutes=10), monkeypatch) is not None
    assert len(lately) == 1


@pytest.mark.postgresql
def test_where_several_write_at_once_the_database_is_read(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lately = Lately()
    with Database.open(postgresql_url) as database:
        store(database, lately, mentioned(post("1")))
        assert from_memory(database, lately, BEFORE, monkeypatch) is None
