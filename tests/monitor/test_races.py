"""A person acts in the very moment in which the program does: both are done, in one order or the other, on PostgreSQL.

SQLite has one writer at a time; there these cannot meet.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.early_end import EarlyEnd
from alerts.ladder import Ladder
from alerts.page import Page
from alerts.policy import Change
from config.settings import Settings
from monitor.care import Action, Care
from monitor.casework import Asked
from monitor.casework_lines import Work
from monitor.caseworker import Caseworker
from monitor.register import Finding, Register, Told
from storage import casework, escalations, held, incidents, outbox, silences
from storage.database import Database, Transaction
from storage.records import Delivery, DeliveryState, Incident, IncidentState, Severity, Silence
from tests.monitor.cli import letterbox
from tests.monitor.test_care import SETTINGS, page_of
from tests.storage.examples import NOON, after, incident

POLICY = {"name": "night", "steps": [{"delay": "10m", "channels": ["bells"]}], "last_resort": ["bells"]}
ROUTES = [{"channels": ["bells"], "policy": "night"}]
GATHERS = 0.2
"""Seconds in which the one who waits would have come as far as it can."""


pytestmark = pytest.mark.postgresql


@pytest.fixture
def contended(postgresql_url: str) -> Iterator[Database]:
    """A database with several writers at a time."""
    with Database.open(postgresql_url) as opened:
        yield opened


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch) -> Care:
    """Care under a policy that escalates after ten minutes."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    settings = Settings.model_validate({**SETTINGS, "policies": [POLICY], "routes": ROUTES})
    timeouts = {Severity.WARNING: timedelta(hours=4)}
    return replace(Care.build(settings), brief=lambda _tx, of, at: page_of(of, at), timeouts=timeouts)


def opened(database: Database, care: Care, **fields: Any) -> Incident:
    """An incident that people were told of."""
    new = incident(**fields)
    with database.write() as tx:
        incidents.insert(tx, new)
        incidents.append_event(tx, new.id, NOON, "opened")
        care.speaker.speak(tx, new, Change.OPENED, page_of(new, NOON), NOON)
        for item in outbox.claim(tx, after(minutes=1), "sender", timedelta(minutes=1), 10):
            outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=after(minutes=1), remote_id=item.id)
    return new


@contextmanager
def meanwhile(pool: ThreadPoolExecutor, do: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Gives what begins `do` beside us, and lets it come as far as it can; its failure is ours in the end."""
    begun: list[Any] = []

    def begin() -> None:
        if not begun:
            done = threading.Event()
            begun.append(pool.submit(_finally, do, done))
            done.wait(GATHERS)

    yield begin
    for one in begun:
        one.result(10)


def _finally(do: Callable[[], object], done: threading.Event) -> None:
    try:
        do()
    finally:
        done.set()


def acknowledge(database: Database, care: Care, at: datetime) -> None:
    with database.write() as tx:
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", at)


def taken(database: Database) -> tuple[IncidentState, str | None]:
    with database.read() as tx:
        found = incidents.get(tx, "i1")
    assert found is not None
    return found.state, found.acknowledged_by


TAKEN = (IncidentState.ACKNOWLEDGED, "Ada")


def test_taking_it_while_the_next_step_is_made(contended: Database, care: Care) -> None:
    database, at = contended, after(minutes=11)
    opened(database, care)
    with ThreadPoolExecutor(1) as pool, meanwhile(pool, lambda: acknowledge(database, care, at)) as begin:

        def brief(_: Transaction, of: Incident, now: datetime) -> Page:
            begin()
            return page_of(of, now)

        with database.write() as tx:
            assert Ladder(care.speaker, brief).climb(tx, at)
    assert taken(database) == TAKEN
    with database.read() as tx:
        assert escalations.get(tx, "i1").next_at is None  # type: ignore[union-attr]
        assert [item for item in outbox.unfinished(tx) if item.step is not None] == []


def test_the_next_step_falls_due_while_somebody_takes_it(contended: Database, care: Care) -> None:
    database, at = contended, after(minutes=11)
    opened(database, care)

    def climb() -> None:
        with database.write() as tx:
            Ladder(care.speaker).climb(tx, at)

    with ThreadPoolExecutor(1) as pool, meanwhile(pool, climb) as begin:

        def brief(_: Transaction, of: Incident, now: datetime) -> Page:
            begin()
            return page_of(of, now)

        acknowledge(database, replace(care, brief=brief), at)
    assert taken(database) == TAKEN
    with database.read() as tx:
        assert [item for item in outbox.history(tx, "i1") if item.step is not None] == []


def test_taking_it_while_people_are_reminded_of_it(contended: Database, care: Care) -> None:
    database, at = contended, after(hours=2)
    opened(database, care)
    with database.write() as tx:
        escalations.stop(tx, "i1")
    take = meanwhile(pool := ThreadPoolExecutor(1), lambda: acknowledge(database, care, at))
    with pool, take as begin, database.write() as tx:
        assert care.speaker.remind(tx, at, lambda _tx, of, now: page_of(of, now))
        begin()
    assert taken(database) == TAKEN


def test_a_reminder_falls_due_while_somebody_takes_it(contended: Database, care: Care) -> None:
    database, at = contended, after(hours=2)
    opened(database, care)
    with database.write() as tx:
        escalations.stop(tx, "i1")

    def remind() -> None:
        with database.write() as tx:
            assert care.speaker.remind(tx, at, lambda _tx, of, now: page_of(of, now)) == []

    with ThreadPoolExecutor(1) as pool, meanwhile(pool, remind) as begin, database.write() as tx:
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", at)
        begin()
    assert taken(database) == TAKEN


def test_it_gets_worse_while_somebody_takes_it(contended: Database, care: Care) -> None:
    database, at = contended, after(minutes=5)
    new = opened(database, care)
    worse = replace(new, severity=Severity.CRITICAL, updated_at=at)
    register = Register(lambda _tx, told: page_of(told.incident, told.at), care.speaker.announce)

    def judge() -> None:
        with database.write() as tx:
            assert len(register.record(tx, [Finding(worse, why="it got worse")], at)) == 1

    with ThreadPoolExecutor(1) as pool, meanwhile(pool, judge) as begin, database.write() as tx:
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", at)
        begin()
    state, _ = taken(database)
    assert state is IncidentState.OPEN  # what gets worse after it was taken is open again
    with database.read() as tx:
        assert [event.kind for event in incidents.events(tx, "i1")] == ["opened", "acknowledged", "escalated"]


def test_its_time_is_over_while_somebody_shows_a_sign(contended: Database, care: Care) -> None:
    database, at = contended, after(hours=5)
    opened(database, care)
    acknowledge(database, care, after(minutes=5))
    with database.write() as tx:
        care.release_overdue(tx, after(hours=4, minutes=45))  # it is asked whether somebody still has it

    def release() -> None:
        with database.write() as tx:
            assert care.release_overdue(tx, at) == []

    with ThreadPoolExecutor(1) as pool, meanwhile(pool, release) as begin, database.write() as tx:
        care.do(tx, "i1", Action.NOTE, "Ada", at, "still on it")
        begin()
    assert taken(database) == TAKEN


def test_taking_it_while_the_silence_is_ended_that_held_it(
    contended: Database, care: Care, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, at = contended, after(minutes=10)
    rule = Silence("s1", NOON, after(hours=1), "Bo", "a launch", brand="Acme")
    new = incident()
    with database.write() as tx:
        silences.add(tx, rule)
        incidents.insert(tx, new)
        care.speaker.speak(tx, new, Change.OPENED, page_of(new, NOON), NOON)
    forward = held.bring_forward
    with ThreadPoolExecutor(1) as pool, meanwhile(pool, lambda: acknowledge(database, care, at)) as begin:

        def and_then(tx: Transaction, item: Delivery, due_at: datetime) -> None:
            forward(tx, item, due_at)
            begin()

        monkeypatch.setattr(held, "bring_forward", and_then)
        with database.write() as tx:
            assert EarlyEnd().end(tx, rule, at) == 2
    assert taken(database) == TAKEN


def test_two_get_worse_while_somebody_links_them(contended: Database, care: Care) -> None:
    """What was merged is changed with what it is part of: all are locked in one order, before any is changed."""
    database, at = contended, after(minutes=5)
    names = ("a0", "i0", "i1")
    for name in names:
        opened(database, care, id=name, fingerprint=f"about {name}")
    worker = Caseworker(care)

    def work(kind: Work, name: str, other: str) -> None:
        with database.write() as tx:
            worker.do(tx, name, Asked(kind, "Ada", at, other=incidents.get(tx, other)))

    work(Work.MERGE, "i1", "a0")
    with ThreadPoolExecutor(1) as pool, meanwhile(pool, lambda: work(Work.LINK, "a0", "i0")) as begin:

        def brief(_: Transaction, told: Told) -> Page:
            begin()
            return page_of(told.incident, told.at)

        with database.write() as tx:
            worse = [
                Finding(replace(one, severity=Severity.CRITICAL, updated_at=at))
                for name in names[1:]
                if (one := casework.of(tx, name).detected or incidents.get(tx, name))
            ]
            Register(brief, care.speaker.announce).record(tx, worse, at)
    with database.read() as tx:
        assert [one.severity for one in incidents.live(tx)] == [Severity.CRITICAL] * 2
        assert casework.of(tx, "a0").links == ("i0",)
