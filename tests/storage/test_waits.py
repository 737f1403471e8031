"""A clock that is put back lets nothing that is stored wait for longer."""

from __future__ import annotations

from datetime import timedelta

from storage import incidents, leases, outbox, schedule, waits
from storage.database import Database
from tests.storage.examples import NOON, after, alert, delivery, incident

HOUR = timedelta(hours=1)


def test_what_is_due_in_seconds_stays_due_in_seconds(database: Database) -> None:
    with database.write() as tx:
        incidents.insert(tx, incident())
        incidents.add_alert(tx, alert())
        outbox.enqueue(tx, [delivery(due_at=after(hours=1, seconds=5)), delivery(2, due_at=after(seconds=-5))])
        schedule.plan(tx, "forum", HOUR, after(hours=1, minutes=2))
        leases.acquire(tx, "leader", "one", after(hours=1), timedelta(seconds=10))
        assert waits.bring_forward(tx, HOUR, NOON) == 3
    with database.read() as tx:
        assert sorted(item.due_at for item in outbox.unfinished(tx)) == [after(seconds=-5), after(seconds=5)]
        assert [planned.next_at for planned in schedule.every(tx)] == [after(minutes=2)]
        assert leases.get(tx, "leader").expires_at == after(seconds=10)


def test_a_lease_of_a_clock_that_was_wrong_is_free(database: Database) -> None:
    span = timedelta(seconds=10)
    with database.write() as tx:
        held = leases.acquire(tx, "leader", "one", after(hours=1), span)
        assert held is not None
        assert leases.acquire(tx, "leader", "two", after(hours=1, seconds=5), span) is None
        assert leases.acquire(tx, "leader", "two", after(minutes=59, seconds=20), span) is None, (
            "clocks differ a little"
        )
        taken = leases.acquire(tx, "leader", "two", NOON, span)
        assert taken is not None
        assert taken.fence > held.fence
        assert leases.renew(tx, held, NOON, span) is None
