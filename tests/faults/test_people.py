"""A process that dies while it does what a person asked: it is done or not, and asking again is safe."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.actions import Action
from config.settings import Settings
from monitor.care import Care
from storage import incidents, outbox
from storage.database import Database
from storage.records import IncidentState
from tests.storage.examples import after, incident

MAIL = {"host": "mail.acme.example", "sender": "tocsin@acme.example", "to": ["pr@acme.example"]}
SETTINGS = Settings.model_validate(
    {
        "brands": [{"name": "Acme"}],
        "channels": [{"type": "smtp", "name": "mail", "options": MAIL}],
        "routes": [{"channels": ["mail"]}],
    }
)


class DeathError(BaseException):
    """The end of the process: nothing of ours catches it."""


def take(url: str, by: str) -> bool:
    """Take the incident in a process of its own; whether that changed anything."""
    with Database.open(url) as database, database.write() as tx:
        return Care.build(SETTINGS).do(tx, "i1", Action.ACKNOWLEDGE, by, after(minutes=5)).changed


def test_whoever_dies_while_taking_an_incident_leaves_it_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/tocsin.db"
    with Database.open(url) as database, database.write() as tx:
        incidents.insert(tx, incident())

    def die(place: str) -> None:
        assert place == "U1"
        raise DeathError

    with monkeypatch.context() as patched:
        patched.setattr("monitor.care.fault_point", die)
        with pytest.raises(DeathError):
            take(url, "Kim")
    with Database.open(url) as database, database.read() as tx:
        assert incidents.get(tx, "i1") == incident()
        assert incidents.events(tx, "i1") == []
        assert outbox.unfinished(tx) == []

    assert take(url, "Kim")
    assert not take(url, "Rob")
    with Database.open(url) as database, database.read() as tx:
        taken = incidents.get(tx, "i1")
        assert taken is not None
        assert (taken.state, taken.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "Kim")
        assert [event.seq for event in incidents.events(tx, "i1")] == [1, 2]
