"""Leases that are written under, and the processes that hold them; taking turns is in test_keeping.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from storage import instances, leases, schedule, state
from storage.database import Database
from storage.errors import StorageUnavailableError
from storage.instances import Instance
from storage.leases import Lease
from tests.storage.examples import NOON, after
from tests.waiting import wait_for

SPAN = timedelta(seconds=10)


def taken(database: Database, owner: str, seconds: float = 0) -> Lease | None:
    with database.write() as tx:
        return leases.acquire_at_once(tx, "source:forum", owner, after(seconds=seconds), SPAN)


def held_by(database: Database, owner: str, seconds: float = 0) -> Lease:
    lease = taken(database, owner, seconds)
    assert lease is not None
    return lease


def write_in_sleep(database: Database, held: Lease) -> None:
    with database.write() as tx:
        assert leases.guard(tx, held, after(seconds=1), SPAN)
        wait_for(lambda: taken(database, "two", 60))
        state.save(tx, "too late", NOON, b"")


def test_what_is_written_under_a_lease_prolongs_it(database: Database) -> None:
    held = held_by(database, "one")
    with database.write() as tx:
        assert leases.guard(tx, held, after(seconds=9), SPAN)
    assert taken(database, "two", 18) is None
    assert held_by(database, "two", 19).fence == held.fence + 1


def test_who_lost_the_lease_may_not_write_under_it(database: Database) -> None:
    held = held_by(database, "one")
    held_by(database, "two", 10)
    with database.write() as tx:
        assert not leases.guard(tx, held, after(seconds=11), SPAN)


def test_what_the_dead_held_is_free_and_nothing_else(database: Database) -> None:
    with database.write() as tx:
        for name, owner in (("source:a", "one"), ("source:b", "two"), ("leader", "one")):
            leases.acquire(tx, name, owner, NOON, SPAN)
        leases.free(tx, ["one", "three"], NOON)
        assert sorted(one.owner for one in leases.every(tx, "")) == ["", "", "two"]
        assert leases.acquire(tx, "source:b", "three", NOON, SPAN) is None
        taken_over = leases.acquire(tx, "leader", "three", NOON, SPAN)
    assert taken_over is not None
    assert taken_over.fence == 2


def test_what_a_dead_one_was_just_writing_under_is_not_waited_for(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database:
        held = held_by(database, "one")
        with database.write() as writing:
            leases.guard(writing, held, NOON, SPAN)
            with database.write() as tx:
                leases.free(tx, ["one"], NOON)
        with database.read() as tx:
            assert leases.get(tx, "source:forum").owner == "one"


def test_all_leases_of_an_owner_are_prolonged_and_no_others(database: Database) -> None:
    with database.write() as tx:
        for name, owner in (("source:a", "one"), ("source:b", "two"), ("leader", "one")):
            leases.acquire(tx, name, owner, NOON, SPAN)
        leases.renew_all(tx, ["source:a", "source:b"], "one", after(seconds=5), SPAN)
        found = {one.name: one.expires_at for one in leases.every(tx, "source:")}
    assert found == {"source:a": after(seconds=15), "source:b": after(seconds=10)}


@pytest.mark.postgresql
def test_who_looks_after_leases_waits_for_nobody_who_writes(postgresql_url: str) -> None:
    with Database.open(postgresql_url) as database:
        held = held_by(database, "one")
        with database.write() as writing:
            assert leases.guard(writing, held, after(seconds=1), SPAN)
            assert taken(database, "two", 60) is None
            with database.write() as tx:
                leases.renew_all(tx, [held.name], "one", after(seconds=2), SPAN)
        assert held_by(database, "two", 60).fence == held.fence + 1


@pytest.mark.postgresql
def test_one_who_falls_asleep_while_it_writes_does_not_keep_the_lease(
    postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "MOST_SILENT", timedelta(milliseconds=50))
    with Database.open(postgresql_url) as database:
        held = held_by(database, "one")
        with pytest.raises(StorageUnavailableError):
            write_in_sleep(database, held)
        with database.read() as tx:
            assert state.load(tx, "too late") is None


def test_processes_run_as_long_as_they_say_so(database: Database) -> None:
    old, new = (
        Instance("one", NOON, after(seconds=10)),
        Instance("two", after(seconds=5), after(seconds=15), "no model"),
    )
    with database.write() as tx:
        instances.say(tx, new)
        instances.say(tx, old)
        assert instances.running(tx, after(seconds=6), SPAN) == [old, new]
        assert instances.running(tx, after(seconds=10), SPAN) == [new]
        assert instances.running(tx, after(hours=-1), SPAN) == [], "their clocks were put back since"
        instances.forget(tx, "two")
        assert instances.running(tx, after(seconds=6), SPAN) == [old]


def test_one_who_joins_brings_nobodys_turn_forward(database: Database) -> None:
    with database.write() as tx:
        schedule.plan(tx, "forum", SPAN, after(hours=1))
        schedule.plan(tx, "forum", SPAN, NOON, sooner=False)
        schedule.plan(tx, "news", SPAN, NOON, sooner=False)
        assert {one.source: one.next_at for one in schedule.every(tx)} == {"forum": after(hours=1), "news": NOON}
        schedule.plan(tx, "forum", SPAN, NOON)
        assert {one.next_at for one in schedule.every(tx)} == {NOON}


def test_of_what_several_ask_for_the_earliest_is_kept_until_it_is_heeded(database: Database) -> None:
    with database.write() as tx:
        for hours in (2, 1, 3):
            state.save_earliest(tx, "judge again", after(hours=hours))
        assert state.load(tx, "judge again") == (after(hours=1), b"")
        state.forget(tx, "judge again", after(hours=2))
        assert state.load(tx, "judge again") is not None
        state.forget(tx, "judge again", after(hours=1))
        assert state.load(tx, "judge again") is None
