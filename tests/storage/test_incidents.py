"""Incidents, their timelines, signals and alerts."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from storage import incidents
from storage.database import Database
from storage.records import SYSTEM, Incident, IncidentState, Severity
from tests.storage.examples import NOON, after, alert, incident, signal


def insert(database: Database, *new: Incident) -> list[bool]:
    with database.write() as tx:
        return [incidents.insert(tx, each) for each in new]


def test_an_incident_comes_back_as_it_was_given(database: Database) -> None:
    given = incident(
        kind="outage",
        topic="thread t1",
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_at=after(minutes=3),
        acknowledged_by="Ann",
        origin=("forum", "1"),
        sources=("forum", "news"),
        evidence=(("forum", "1"), ("news", "2")),
        facts={"voices": 12, "terms": ["late", "迟"], "curve": {"start": None}},
    )
    insert(database, given)
    with database.read() as tx:
        assert incidents.get(tx, "i1") == given
        assert incidents.get(tx, "other") is None


def test_two_live_incidents_are_never_about_the_same(database: Database) -> None:
    assert insert(database, incident("i1", fingerprint="f"), incident("i2", fingerprint="f")) == [True, False]
    with database.write() as tx:
        assert incidents.update(tx, incident("i1", fingerprint="f", state=IncidentState.RESOLVED, version=2), 1)
    assert insert(database, incident("i2", fingerprint="f"), incident("i3", fingerprint="f")) == [True, False]


def test_incidents_of_brands_are_counted_without_those_of_the_program(database: Database) -> None:
    insert(
        database,
        incident("old", fingerprint="a", opened_at=after(hours=-30), state=IncidentState.RESOLVED),
        incident("goes on", fingerprint="b", opened_at=after(hours=-30)),
        incident("ended", fingerprint="c", opened_at=after(hours=-2), state=IncidentState.FALSE_ALARM),
        incident("taken", fingerprint="d", opened_at=after(hours=-24), state=IncidentState.ACKNOWLEDGED),
        incident("own", fingerprint="e", brand=SYSTEM, opened_at=after(hours=-1)),
    )
    with database.read() as tx:
        assert incidents.numbers(tx, after(hours=-24)) == incidents.Numbers(begun=2, live=2)


def test_a_change_is_refused_when_somebody_else_made_one(database: Database) -> None:
    insert(database, incident())
    taken = incident(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ann", version=2)
    with database.write() as tx:
        assert incidents.update(tx, taken, expected_version=1)
    with database.write() as tx:
        assert not incidents.update(tx, replace(taken, acknowledged_by="Bob"), expected_version=1)
    with database.read() as tx:
        assert incidents.get(tx, "i1") == taken


def test_a_change_must_raise_the_version(database: Database) -> None:
    insert(database, incident())
    with pytest.raises(ValueError, match="version 1 does not follow 1"), database.write() as tx:
        incidents.update(tx, incident(), expected_version=1)


def test_of_all_with_a_fingerprint_the_live_one_is_found_first(database: Database) -> None:
    resolved = {"fingerprint": "f", "state": IncidentState.RESOLVED}
    insert(database, incident("i1", **resolved), incident("i2", **resolved, opened_at=after(hours=2)))
    with database.read() as tx:
        assert incidents.by_fingerprint(tx, "f") == incident("i2", **resolved, opened_at=after(hours=2))
    insert(database, incident("i3", fingerprint="f", opened_at=after(hours=1)))
    with database.read() as tx:
        found = incidents.by_fingerprint(tx, "f")
        assert found is not None
        assert found.id == "i3"
        assert incidents.by_fingerprint(tx, "g") is None


def test_live_incidents_are_listed_by_brand(database: Database) -> None:
    insert(
        database,
        incident("i1"),
        incident("i2", brand="Bolt", opened_at=after(minutes=-1)),
        incident("i3", state=IncidentState.FALSE_ALARM),
        incident("i4", state=IncidentState.ACKNOWLEDGED),
    )
    with database.read() as tx:
        assert [each.id for each in incidents.live(tx)] == ["i2", "i1", "i4"]
        assert [each.id for each in incidents.live(tx, "Acme")] == ["i1", "i4"]


def test_recent_incidents_are_found_by_time_brand_state_and_severity(database: Database) -> None:
    insert(
        database,
        *(incident(f"i{hour}", opened_at=after(hours=hour)) for hour in range(4)),
        incident("bolt", brand="Bolt", severity=Severity.CRITICAL, state=IncidentState.RESOLVED),
    )
    with database.read() as tx:

        def found(**asked: object) -> list[str]:
            return [each.id for each in incidents.recent(tx, **asked)]  # type: ignore[arg-type]

        assert found() == ["i3", "i2", "i1", "bolt", "i0"]
        assert found(limit=2) == ["i3", "i2"]
        assert found(since=after(hours=1), until=after(hours=3)) == ["i2", "i1"]
        assert found(brand="Bolt") == found(severities=[Severity.CRITICAL]) == ["bolt"]
        assert found(states=[IncidentState.RESOLVED, IncidentState.FALSE_ALARM]) == ["bolt"]


def test_a_timeline_is_numbered_without_holes(database: Database) -> None:
    insert(database, incident("i1"), incident("i2"))
    with database.write() as tx:
        first = incidents.append_event(tx, "i1", NOON, "opened")
        incidents.append_event(tx, "i2", NOON, "opened")
        second = incidents.append_event(tx, "i1", after(minutes=1), "note", "Ann", {"text": "we know"})
    with database.read() as tx:
        assert incidents.events(tx, "i1") == [first, second]
    assert (first.seq, second.seq, second.actor, second.details) == (1, 2, "Ann", {"text": "we know"})


def test_writers_at_the_same_time_number_a_timeline_without_holes(database: Database) -> None:
    insert(database, incident())

    def append() -> None:
        for _ in range(10):
            with database.write() as tx:
                incidents.append_event(tx, "i1", NOON, "note")

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        assert [event.seq for event in incidents.events(tx, "i1")] == list(range(1, 31))


def test_signals_come_back_once_and_by_time(database: Database) -> None:
    insert(database, incident())
    later = signal(at=after(minutes=5), sources=("forum",), evidence=(("forum", "1"),), facts={"terms": ["late"]})
    with database.write() as tx:
        incidents.add_signals(tx, "i1", [later, signal()])
        incidents.add_signals(tx, "i1", [signal(), signal(topic="thread t1")])
        incidents.add_signals(tx, "i1", [])
    with database.read() as tx:
        assert incidents.signals(tx, "i1") == [signal(), signal(topic="thread t1"), later]


def test_alerts_come_back_once_and_in_order(database: Database) -> None:
    insert(database, incident())
    with database.write() as tx:
        assert incidents.add_alert(tx, alert(2))
        assert incidents.add_alert(tx, alert(1))
        assert not incidents.add_alert(tx, alert(1, why="said again"))
    with database.read() as tx:
        assert incidents.alerts(tx, "i1") == [alert(1), alert(2)]
