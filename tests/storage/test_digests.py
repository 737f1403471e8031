"""Deliveries of one digest: one stands for all of them, so that no two senders take a part each."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage import digests, incidents, outbox
from storage.database import Database
from storage.records import Delivery, DeliveryState
from tests.storage.examples import NOON, after, delivery, incident

LEASE = timedelta(seconds=30)
NAMES = ("i1", "i2", "i3")


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with a delivery about each of three incidents, all due in one digest, and one that is due alone."""
    with database.write() as tx:
        for name in (*NAMES, "i4"):
            incidents.insert(tx, incident(name))
        waiting = [delivery(incident_id=name, digest="Kim") for name in NAMES]
        outbox.enqueue(tx, [*waiting, delivery(incident_id="i4", channel="mail")])
    return database


def found(database: Database) -> list[Delivery]:
    """All that is not finished, with the digest's own first, by their ids."""
    with database.read() as tx:
        return sorted(outbox.unfinished(tx), key=lambda item: (item.digest is None, item.id))


def take(database: Database, now: datetime = NOON) -> list[Delivery]:
    """What one sender takes as one message, after it has committed."""
    with database.write() as tx:
        [first] = [item for item in outbox.claim(tx, now, "one", LEASE, 10) if item.digest]
        taken = [first, *digests.companions(tx, first, now, "one", LEASE, 10)]
        return digests.bind(tx, taken) if first.digest_id is None else taken


def test_of_a_digest_only_the_first_is_claimed_and_what_is_due_alone_besides(database: Database) -> None:
    with database.write() as tx:
        claimed = outbox.claim(tx, NOON, "one", LEASE, 10)
    smallest = min(item.id for item in found(database) if item.digest)
    assert {item.id for item in claimed if item.digest} == {smallest}
    assert [item.incident_id for item in claimed if not item.digest] == ["i4"]


def test_the_others_go_with_it_under_one_identity(database: Database) -> None:
    taken = take(database)
    assert {item.incident_id for item in taken} == set(NAMES)
    assert {item.digest_id for item in taken} == {min(item.id for item in taken)}
    with database.write() as tx:
        assert outbox.claim(tx, NOON, "two", LEASE, 10) == []


def test_what_nobody_recorded_comes_back_as_the_same_message(database: Database) -> None:
    taken = take(database)
    again = take(database, NOON + LEASE)
    assert {item.id for item in again} == {item.id for item in taken}
    assert {(item.state, item.digest_id, item.fence) for item in again} == {
        (DeliveryState.AMBIGUOUS, taken[0].digest_id, 2)
    }


def test_what_surely_did_not_arrive_is_free_again(database: Database) -> None:
    with database.write() as tx:
        outbox.enqueue(tx, [delivery(incident_id="i4", digest="Kim")])
    taken = take(database)
    with database.write() as tx:
        for item in taken:
            outbox.record(tx, item.id, item.fence, state=DeliveryState.RETRY, now=NOON, due_at=after(seconds=5))
    assert {item.digest_id for item in found(database)} == {None}
    assert len(take(database, after(seconds=5))) == 4


def test_a_digest_is_nobodys_first_message(database: Database) -> None:
    for item in take(database):
        with database.write() as tx:
            outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=NOON, remote_id="1.2")
            assert outbox.root(tx, item.incident_id, None, "slack", "#press") is None
            assert item.id in {one.id for one in digests.members(tx, item.digest_id or "")}
