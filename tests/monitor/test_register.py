"""What detection writes into the database, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.page import Page
from monitor.register import Register, Told
from storage import incidents
from storage.database import Database, Transaction
from storage.records import SYSTEM, Alert, IncidentState
from tests.alerts.examples import page
from tests.storage.examples import NOON, after, incident


def brief(_tx: Transaction, _told: Told) -> Page:
    return page()


def announce(_tx: Transaction, _told: Told, _page: Page) -> Sequence[Alert]:
    return []


def test_the_programs_own_troubles_are_left_to_who_opened_them(sqlite_database: Database) -> None:
    register = Register(brief, announce)
    with sqlite_database.write() as tx:
        incidents.insert(tx, incident("i1"))
        incidents.insert(tx, incident("i2", brand=SYSTEM))
        assert [one.id for one in register.stored(tx, [])] == ["i1"]
        register.withdraw(tx, {}, settled=after(minutes=5), at=after(minutes=5))
        assert [one.id for one in incidents.live(tx)] == ["i2"]
        (ended,) = incidents.recent(tx, states=[IncidentState.RESOLVED])
    assert (ended.id, ended.opened_at) == ("i1", NOON)
