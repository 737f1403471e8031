"""The program watches itself with a made incident, and says once a day that all is quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from alerts.outbox import Sender, build_channels
from alerts.system import Failing, SystemIncidents
from config.settings import Settings
from monitor.assembly import rehearsed
from monitor.care import Care
from monitor.rehearsal import rehearse
from monitor.vigil import Vigil
from storage import incidents, outbox
from storage import posts as post_store
from storage.database import Database
from storage.records import SYSTEM, Incident, Severity
from tests.alerts.desk import Inline
from tests.monitor.cli import letterbox
from tests.storage.examples import NOON, after, incident

BELLS: dict[str, Any] = {"type": "letterbox.channel", "name": "bells", "rooms": ["hall"]}
TESTS: dict[str, Any] = {"type": "letterbox.channel", "name": "tests", "rooms": ["cellar"]}
SETTINGS: dict[str, Any] = {
    "brands": [{"name": "Acme"}],
    "channels": [BELLS, TESTS],
    "routes": [{"channels": ["bells"]}],
    "operations": {"channels": ["bells"], "canary": "tests", "all_quiet_at": "09:00"},
}


class Installation:
    """A program on a clock of its own, whose vigil is kept by hand."""

    def __init__(self, database: Database, **changes: Any) -> None:
        self.settings = Settings.model_validate({**SETTINGS, **changes})
        self.now = NOON
        care = Care.build(self.settings)
        system = SystemIncidents.build(self.settings, care.speaker)
        channels = build_channels(self.settings, self.clock)
        self.vigil = Vigil(self.settings, database, care, channels, rehearsed, self.clock, system, NOON)
        self.sender = Sender.build(self.settings, database, clock=self.clock, owner="one")
        self.sender._executor = Inline()
        self.database = database

    def clock(self) -> datetime:
        return self.now

    def sing(self, *, send: bool = True) -> None:
        """A quarter of an hour."""
        self.vigil.canary()
        if send:
            self.sender.run_once()
        self.now += timedelta(minutes=15)

    def troubles(self) -> list[Incident]:
        with self.database.read() as tx:
            return [one for one in incidents.recent(tx) if one.brand == SYSTEM and one.topic == "canary"]


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """One with an operators' channel and one for tests."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    letterbox.sent.clear()
    with Database.open("sqlite://") as database:
        yield Installation(database)


def heard() -> list[tuple[str, bool]]:
    return [(message.target, message.page.drill) for message in letterbox.sent]


def test_a_made_incident_goes_through_everything_to_the_channel_for_tests(installation: Installation) -> None:
    installation.sing()
    installation.sing()
    assert heard() == [("cellar", True)] * 2
    assert installation.troubles() == []
    with installation.database.read() as tx:
        assert post_store.earliest(tx) is None
        assert len(incidents.live(tx)) == 1


def test_two_that_do_not_come_through_are_told_and_one_is_not(installation: Installation) -> None:
    installation.sing(send=False)
    installation.sing(send=False)
    assert installation.troubles() == []
    installation.sing(send=False)
    (trouble,) = installation.troubles()
    assert trouble.severity is Severity.CRITICAL
    assert "tests has not taken it: pending" in trouble.facts["why"]
    installation.sing()
    installation.sing()
    assert installation.vigil.misses == 0
    assert not installation.troubles()[0].state.is_live


def test_once_a_day_the_operators_hear_that_all_is_quiet(installation: Installation) -> None:
    for _ in range(5):
        installation.vigil.daily()
        installation.sender.run_once()
    assert [message.target for message in letterbox.sent] == ["hall"]
    assert letterbox.sent[0].page.headline == "All is well, and nothing needs you"
    installation.now += timedelta(hours=20)
    installation.vigil.daily()
    installation.now += timedelta(hours=2)
    installation.vigil.daily()
    installation.sender.run_once()
    assert len(letterbox.sent) == 2
    with installation.database.read() as tx:
        assert incidents.live(tx) == []


def test_the_daily_message_counts_what_began_and_what_goes_on(installation: Installation) -> None:
    with installation.database.write() as tx:
        incidents.insert(tx, incident("new", opened_at=after(hours=-1)))
        incidents.insert(tx, incident("old", fingerprint="old", opened_at=after(hours=-30)))
    installation.vigil.daily()
    installation.sender.run_once()
    page = letterbox.sent[0].page
    assert page.headline == "The program works"
    assert "Incidents that began in the last day: 1. Incidents that go on: 2." in page.why


def test_a_rehearsal_makes_an_incident_of_any_brand_and_leaves_no_trace(installation: Installation) -> None:
    made = rehearse(installation.settings, "Acme", NOON, rehearsed)
    assert made.page.drill
    assert made.page.brand == "Acme"
    assert made.page.quotes
    with installation.database.read() as tx:
        assert incidents.recent(tx) == []
        assert outbox.unfinished(tx) == []


def test_operators_are_told_while_the_lexicon_stands_in_for_the_configured_model(installation: Installation) -> None:
    why = "the scorer transformer failed (MemoryError: too large)"
    vigil = installation.vigil
    vigil.degraded = lambda: why
    vigil.audit()
    vigil.audit()
    with installation.database.read() as tx:
        (trouble,) = incidents.live(tx, SYSTEM)
    assert (trouble.topic, trouble.severity) == ("scorer", Severity.WATCH)
    assert "judged by the lexicon" in trouble.headline
    vigil.degraded = lambda: ""
    vigil.audit()
    with installation.database.read() as tx:
        assert incidents.live(tx, SYSTEM) == []


def test_the_trouble_with_what_is_taken_out_of_the_configuration_ends(installation: Installation) -> None:
    topics = ("channel:bells", "channel:old", "source:letters")
    with installation.database.write() as tx:
        for topic in topics:
            installation.vigil.system.report(tx, Failing(topic, f"{topic} is broken"), NOON)
    installation.vigil.audit()
    with installation.database.read() as tx:
        assert [one.topic for one in incidents.live(tx, SYSTEM)] == ["channel:bells"]
