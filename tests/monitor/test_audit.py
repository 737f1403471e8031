"""The auditor: of everything that goes on somebody was told, or it is known why not."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.policy import Change
from alerts.speak import Speaker
from alerts.system import SystemIncidents
from config.settings import Settings
from monitor.audit import Finding, account, audit
from storage import incidents, outbox
from storage.database import Database
from storage.records import SYSTEM, DeliveryState, IncidentEvent, IncidentState, fingerprint
from tests.monitor.cli import letterbox
from tests.monitor.test_care import SETTINGS, page_of
from tests.storage.examples import NOON, after, alert, delivery, incident

LATER = after(minutes=10)


@pytest.mark.parametrize(
    ("what", "account_of"),
    [
        ({"deliveries": [delivery(state=DeliveryState.SENT)]}, "somebody was told"),
        ({"deliveries": [delivery(due_at=after(hours=5))]}, "it is on its way, or held back until a time"),
        ({"alerts": [alert(why="storm: part of the storm X")]}, "it is part of a storm"),
        ({"events": [IncidentEvent("i1", 1, NOON, "not_routed")]}, "no route is for it"),
        ({"now": after(seconds=30)}, "it has only just begun"),
        ({"incident": incident(state=IncidentState.ACKNOWLEDGED)}, "somebody has taken it"),
    ],
)
def test_what_explains_why_nobody_else_needs_to_be_told(what: dict[str, Any], account_of: str) -> None:
    usual: dict[str, Any] = {"incident": incident(), "alerts": [], "deliveries": [], "events": [], "now": LATER}
    assert account(**{**usual, **what}) == account_of


def test_what_belongs_to_an_earlier_episode_explains_nothing() -> None:
    again = incident(episode=2)
    found = account(again, [alert()], [delivery(state=DeliveryState.SENT)], [], LATER)
    assert found == Finding(again, "nobody was told of it, and nothing says why", mendable=True)


def test_messages_that_everybody_refused_are_found_and_not_sent_again() -> None:
    found = account(incident(), [alert()], [delivery(state=DeliveryState.DEAD)], [], LATER)
    assert found == Finding(incident(), "everybody refused the message", mendable=False)


@pytest.fixture
def speaker(monkeypatch: pytest.MonkeyPatch) -> Speaker:
    """A speaker that tells two rooms."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return Speaker.build(Settings.model_validate(SETTINGS))


def look(database: Database, speaker: Speaker, at: datetime) -> list[Finding]:
    with database.write() as tx:
        return audit(tx, speaker, SystemIncidents(speaker), lambda _tx, one, now: page_of(one, now), at)


def test_an_incident_that_nobody_told_is_told_and_reported_once(database: Database, speaker: Speaker) -> None:
    with database.write() as tx:
        incidents.insert(tx, incident())
    assert [one.incident.id for one in look(database, speaker, LATER)] == ["i1"]
    assert look(database, speaker, LATER + timedelta(minutes=1)) == []
    with database.read() as tx:
        assert [item.reason.value for item in outbox.history(tx, "i1")] == ["opened", "opened"]
        assert [line.kind for line in incidents.events(tx, "i1")] == ["audited"]
        trouble = incidents.by_fingerprint(tx, fingerprint(SYSTEM, "audit"))
    assert trouble is not None
    assert trouble.state is IncidentState.RESOLVED
    assert trouble.headline == "Nobody was told of 1 incident"


def test_a_message_that_was_refused_everywhere_stays_a_trouble_until_somebody_takes_it(
    sqlite_database: Database, speaker: Speaker
) -> None:
    with sqlite_database.write() as tx:
        incidents.insert(tx, incident())
        speaker.speak(tx, incident(), Change.OPENED, page_of(incident(), NOON), NOON)
        for item in outbox.claim(tx, LATER, "sender", timedelta(minutes=1), 10):
            outbox.record(tx, item.id, item.fence, state=DeliveryState.DEAD, now=LATER)
    assert len(look(sqlite_database, speaker, LATER)) == 1
    assert len(look(sqlite_database, speaker, LATER + timedelta(minutes=1))) == 1
    with sqlite_database.write() as tx:
        trouble = incidents.by_fingerprint(tx, fingerprint(SYSTEM, "audit"))
        assert trouble is not None
        assert trouble.state is IncidentState.OPEN
        incidents.update(tx, replace(incident(), state=IncidentState.ACKNOWLEDGED, version=2), 1)
    assert look(sqlite_database, speaker, LATER + timedelta(minutes=2)) == []
    with sqlite_database.read() as tx:
        trouble = incidents.by_fingerprint(tx, fingerprint(SYSTEM, "audit"))
    assert trouble is not None
    assert trouble.state is IncidentState.RESOLVED
