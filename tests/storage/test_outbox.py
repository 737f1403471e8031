"""Deliveries on their way: each is sent by one sender at a time, in order, and none is forgotten."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from storage import attempts, incidents, outbox
from storage.attempts import Attempt
from storage.database import Database
from storage.outbox import Block
from storage.records import Delivery, DeliveryState, Reason, Severity
from tests.storage.examples import NOON, after, delivery, incident

LEASE = timedelta(seconds=30)


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with two incidents."""
    with database.write() as tx:
        incidents.insert(tx, incident("i1"))
        incidents.insert(tx, incident("i2"))
    return database


def enqueue(database: Database, *deliveries: Delivery) -> None:
    with database.write() as tx:
        outbox.enqueue(tx, deliveries)


def claim(database: Database, now: datetime = NOON, limit: int = 10, owner: str = "one") -> list[Delivery]:
    with database.write() as tx:
        return outbox.claim(tx, now, owner, LEASE, limit)


def record(database: Database, claimed: Delivery, state: DeliveryState, **more: object) -> bool:
    with database.write() as tx:
        return outbox.record(tx, claimed.id, claimed.fence, state=state, **{"now": NOON, **more})  # type: ignore[arg-type]


def state_of(database: Database, of: Delivery) -> DeliveryState:
    with database.read() as tx:
        found = outbox.get(tx, of.id)
    assert found is not None
    return found.state


def test_a_delivery_comes_back_as_it_was_given(database: Database) -> None:
    given = delivery(due_at=after(minutes=1), remote_id="1.2", why="a new incident")
    enqueue(database, given)
    with database.read() as tx:
        assert outbox.get(tx, given.id) == given
        assert outbox.history(tx, "i1") == outbox.unfinished(tx) == [given]
        assert outbox.get(tx, "other") is None


def test_enqueuing_again_changes_nothing(database: Database) -> None:
    enqueue(database, delivery())
    claim(database)
    enqueue(database, delivery())
    assert state_of(database, delivery()) is DeliveryState.SENDING


def test_a_claim_is_on_record_before_anything_is_sent(database: Database) -> None:
    enqueue(database, delivery())
    [claimed] = claim(database)
    assert claimed.state is DeliveryState.SENDING
    assert (claimed.attempt, claimed.fence, claimed.owner) == (1, 1, "one")
    assert (claimed.attempted_at, claimed.lease_until) == (NOON, NOON + LEASE)
    with database.read() as tx:
        assert outbox.get(tx, claimed.id) == claimed
        assert attempts.of(tx, claimed.id) == [Attempt(claimed.id, 1, "send", 1, "one", NOON)]


def test_what_came_of_an_attempt_is_recorded(database: Database) -> None:
    enqueue(database, delivery())
    [claimed] = claim(database)
    assert record(database, claimed, DeliveryState.SENT, now=after(seconds=2), remote_id="17.5")
    with database.read() as tx:
        sent = outbox.get(tx, claimed.id)
        [attempt] = attempts.of(tx, claimed.id)
    assert sent is not None
    assert (sent.state, sent.remote_id, sent.sent_at, sent.owner) == (
        DeliveryState.SENT,
        "17.5",
        after(seconds=2),
        None,
    )
    assert (attempt.ended_at, attempt.outcome, attempt.remote_id) == (after(seconds=2), DeliveryState.SENT, "17.5")


def test_the_first_arrival_of_each_episode_is_told(database: Database) -> None:
    arrived = (("hall", 1, 9), ("tower", 1, 4), ("hall", 2, 60))
    with database.write() as tx:
        for target, episode, second in arrived:
            item = delivery(target=target, episode=episode, state=DeliveryState.SENT, sent_at=after(seconds=second))
            outbox.enqueue(tx, [item])
        outbox.enqueue(tx, [delivery(target="yard"), delivery(incident_id="i2", state=DeliveryState.SENT)])
        found = outbox.arrivals(tx, "i1")
    assert found == [outbox.Arrival(1, after(seconds=4)), outbox.Arrival(2, after(seconds=60))]


def test_what_is_not_due_is_not_claimed(database: Database) -> None:
    enqueue(database, delivery(due_at=after(minutes=1)))
    assert claim(database) == []
    assert len(claim(database, after(minutes=1))) == 1


def test_a_retry_waits_until_it_is_due(database: Database) -> None:
    enqueue(database, delivery())
    [claimed] = claim(database)
    record(database, claimed, DeliveryState.RETRY, due_at=after(seconds=5), error="429")
    assert claim(database, after(seconds=4)) == []
    [again] = claim(database, after(seconds=5))
    assert (again.state, again.attempt, again.fence, again.last_error) == (DeliveryState.SENDING, 2, 2, "429")


def test_what_one_holds_nobody_else_gets(database: Database) -> None:
    enqueue(database, delivery())
    assert len(claim(database)) == 1
    assert claim(database, owner="two") == []
    assert claim(database, NOON + LEASE - timedelta(seconds=1), owner="two") == []


def test_an_attempt_that_nobody_finished_comes_back_as_ambiguous(database: Database) -> None:
    enqueue(database, delivery())
    claim(database)
    [found] = claim(database, NOON + LEASE, owner="two")
    assert found.state is DeliveryState.AMBIGUOUS
    assert (found.attempt, found.fence, found.attempted_at) == (1, 2, NOON)
    assert state_of(database, found) is DeliveryState.CHECKING
    with database.read() as tx:
        assert [attempt.purpose for attempt in attempts.of(tx, found.id)] == ["send", "check"]


def test_what_the_dead_were_sending_is_in_doubt_at_once(database: Database) -> None:
    enqueue(database, delivery(1), delivery(1, incident_id="i2"))
    (of_one,), (of_two,) = claim(database, limit=1, owner="one"), claim(database, limit=1, owner="two")
    with database.write() as tx:
        outbox.let_go(tx, ["one"], NOON)
    (found,) = claim(database, owner="three")
    assert (found.id, found.state, found.attempted_at) == (of_one.id, DeliveryState.AMBIGUOUS, NOON)
    assert state_of(database, of_two) is DeliveryState.SENDING


def test_a_check_that_nobody_finished_is_made_again(database: Database) -> None:
    enqueue(database, delivery())
    claim(database)
    claim(database, NOON + LEASE)
    [found] = claim(database, NOON + 2 * LEASE)
    assert (found.state, found.fence) == (DeliveryState.AMBIGUOUS, 3)


def test_an_ambiguous_delivery_is_checked_when_its_time_has_come(database: Database) -> None:
    enqueue(database, delivery())
    [claimed] = claim(database)
    record(database, claimed, DeliveryState.AMBIGUOUS, due_at=after(seconds=15), error="no answer")
    assert claim(database, after(seconds=14)) == []
    [found] = claim(database, after(seconds=15))
    assert found.state is DeliveryState.AMBIGUOUS
    record(database, found, DeliveryState.PENDING, due_at=after(seconds=16))
    [again] = claim(database, after(seconds=16))
    assert (again.state, again.attempt) == (DeliveryState.SENDING, 2)


def test_who_lost_the_lease_changes_nothing(database: Database) -> None:
    enqueue(database, delivery())
    [slow] = claim(database)
    [quick] = claim(database, NOON + LEASE, owner="two")
    assert not record(database, slow, DeliveryState.SENT)
    assert record(database, quick, DeliveryState.SENT)
    assert not record(database, quick, DeliveryState.DEAD)
    assert state_of(database, quick) is DeliveryState.SENT


def test_deliveries_to_one_place_go_strictly_one_after_another(database: Database) -> None:
    enqueue(database, delivery(3), delivery(1), delivery(2), delivery(1, episode=2))
    sent = []
    for _ in range(4):
        [claimed] = claim(database)
        assert claim(database) == []
        sent.append((claimed.episode, claimed.seq))
        record(database, claimed, DeliveryState.SENT)
    assert sent == [(1, 1), (1, 2), (1, 3), (2, 1)]


@pytest.mark.parametrize("state", [DeliveryState.RETRY, DeliveryState.AMBIGUOUS])
def test_a_delivery_that_is_not_finished_holds_the_next_back(database: Database, state: DeliveryState) -> None:
    enqueue(database, delivery(1), delivery(2))
    [first] = claim(database)
    record(database, first, state, due_at=after(hours=1))
    assert claim(database) == []


def test_a_dead_delivery_lets_the_next_go(database: Database) -> None:
    enqueue(database, delivery(1), delivery(2))
    [first] = claim(database)
    record(database, first, DeliveryState.DEAD, error="channel_not_found")
    assert [claimed.seq for claimed in claim(database)] == [2]


def test_other_incidents_channels_and_targets_do_not_wait(database: Database) -> None:
    enqueue(
        database,
        delivery(1),
        delivery(2, incident_id="i2"),
        delivery(3, channel="smtp"),
        delivery(4, target="#legal"),
    )
    assert [claimed.seq for claimed in claim(database)] == [1, 2, 3, 4]


def test_the_most_urgent_go_first(database: Database) -> None:
    enqueue(
        database,
        delivery(1, target="a", severity=Severity.WATCH, due_at=after(minutes=-9)),
        delivery(2, target="b", severity=Severity.WARNING, due_at=after(minutes=-1)),
        delivery(3, target="c", severity=Severity.CRITICAL),
        delivery(4, target="d", severity=Severity.WARNING, due_at=after(minutes=-5)),
    )
    assert [claimed.seq for claimed in claim(database, limit=3)] == [3, 4, 2]


def test_what_is_heard_for_the_first_time_goes_before_reminders_that_have_waited_for_longer(database: Database) -> None:
    early, known = {"due_at": after(minutes=-9)}, {"reason": Reason.REMINDER}
    enqueue(
        database,
        delivery(2, target="a", **known, **early),
        delivery(2, target="b", reason=Reason.UPDATE, **early),
        delivery(1, target="c"),
        delivery(2, target="d", step=1, **known),
        delivery(2, target="e", reason=Reason.ESCALATED, due_at=after(minutes=-1)),
        delivery(2, target="f", severity=Severity.CRITICAL, **known),
    )
    assert [claimed.target for claimed in claim(database)] == ["f", "e", "c", "d", "a", "b"]


def test_a_blocked_channel_is_left_alone_until_then(database: Database) -> None:
    enqueue(database, delivery(1), delivery(1, channel="smtp"))
    with database.write() as tx:
        outbox.block_channel(tx, "slack", after(minutes=1), "429")
    [mailed] = claim(database)
    assert mailed.channel == "smtp"
    record(database, mailed, DeliveryState.SENT)
    with database.read() as tx:
        assert outbox.blocks(tx, NOON) == [Block("slack", after(minutes=1), "429")]
        assert outbox.blocks(tx, after(minutes=1)) == []
    assert [claimed.channel for claimed in claim(database, after(minutes=1))] == ["slack"]


def test_channels_left_out_of_a_claim_wait(database: Database) -> None:
    enqueue(database, delivery(1), delivery(1, channel="smtp"))
    with database.write() as tx:
        found = outbox.claim(tx, NOON, "one", LEASE, 10, without=["smtp"])
    assert [claimed.channel for claimed in found] == ["slack"]


def test_what_is_out_of_date_is_dropped_unless_it_was_begun(database: Database) -> None:
    begun, late, update = delivery(1), delivery(2), delivery(3, target="#legal")
    escalated = delivery(4, reason=Reason.ESCALATED)
    enqueue(database, begun, late, update, escalated)
    claim(database, limit=1)
    with database.write() as tx:
        dropped = outbox.supersede(tx, "i1", [Reason.OPENED, Reason.UPDATE], why="resolved")
    assert dropped == [late, update]
    states = [state_of(database, each) for each in (begun, late, update, escalated)]
    assert states == ["sending", "superseded", "superseded", "pending"]


def test_dropping_can_be_narrowed(database: Database) -> None:
    enqueue(
        database,
        delivery(2),
        delivery(3),
        delivery(2, channel="smtp"),
        delivery(2, target="#legal"),
        delivery(2, incident_id="i2"),
        delivery(2, episode=2),
    )
    with database.write() as tx:
        dropped = outbox.supersede(tx, "i1", [Reason.UPDATE], episode=1, before_seq=3, channel="slack", target="#press")
    assert dropped == [delivery(2)]


def test_the_first_message_of_a_place_is_known(database: Database) -> None:
    enqueue(database, delivery(1), delivery(2), delivery(3), delivery(4, episode=2))
    for remote_id in ("a", "b"):
        [claimed] = claim(database)
        record(database, claimed, DeliveryState.SENT, remote_id=remote_id)
    place = ("slack", "#press")
    with database.read() as tx:
        first = outbox.root(tx, "i1", 1, *place)
        assert first is not None
        assert first.remote_id == "a"
        assert outbox.root(tx, "i1", None, *place) == first
        assert outbox.root(tx, "i1", 2, *place) is None
        assert outbox.root(tx, "i1", 1, "slack", "#legal") is None


def test_senders_at_the_same_time_never_get_the_same(database: Database) -> None:
    enqueue(database, *(delivery(seq, target=f"#{seq % 7}") for seq in range(1, 43)))
    taken: list[tuple[str, int]] = []

    def send(owner: str) -> None:
        while True:
            claimed = claim(database, limit=2, owner=owner)
            for each in claimed:
                taken.append((each.target, each.seq))
                record(database, each, DeliveryState.SENT)
            with database.read() as tx:
                if not outbox.unfinished(tx):
                    return

    threads = [threading.Thread(target=send, args=(f"sender {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seq for _, seq in taken) == list(range(1, 43))
    for target in {target for target, _ in taken}:
        in_order = [seq for to, seq in taken if to == target]
        assert in_order == sorted(in_order)
