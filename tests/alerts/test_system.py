"""The program's own troubles: one incident for each, told to the operators, closed when it is well again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.channels.contract import ChannelError, Outcome
from alerts.outbox import Sender
from alerts.policy import Change
from alerts.routing import Destination, Routing, Subject
from alerts.runbooks import advice
from alerts.speak import Speaker
from alerts.system import Failing, SystemIncidents
from storage import incidents, outbox
from storage.database import Database
from storage.records import SYSTEM, Incident, IncidentState, Severity, fingerprint
from tests.alerts.desk import MAIL, PHONE, ROOM, Desk, Inline, routing
from tests.alerts.examples import NOW

SILENT = Failing("source:reddit", "reddit has not been read for 2 hours", "401: the token was revoked")


@pytest.fixture
def system(database: Database) -> SystemIncidents:
    """An installation with three channels, of which the phone is the operators'."""
    known = routing()
    return SystemIncidents(Speaker(Desk(database).rules, Routing(known.routes, known.channels, ("phone",))), "watch")


def at(**passed: float) -> datetime:
    return NOW + timedelta(**passed)


def stored(database: Database, topic: str) -> Incident:
    with database.read() as tx:
        found = incidents.by_fingerprint(tx, fingerprint(SYSTEM, topic))
    assert found is not None
    return found


def places(database: Database, incident: Incident) -> list[tuple[str, str]]:
    with database.read() as tx:
        return [(item.channel, item.reason.value) for item in outbox.history(tx, incident.id)]


def test_a_trouble_is_told_to_the_operators_alone(database: Database, system: SystemIncidents) -> None:
    with database.write() as tx:
        alert = system.report(tx, SILENT, NOW)
    incident = stored(database, SILENT.topic)
    assert alert is not None
    assert (alert.page["headline"], alert.page["brand"]) == (SILENT.headline, "watch")
    assert alert.page["why"] == [SILENT.why, advice(SILENT.topic)]
    assert (incident.brand, incident.state, incident.is_system) == (SYSTEM, IncidentState.OPEN, True)
    assert places(database, incident) == [("phone", "opened")]


def test_the_same_trouble_is_not_told_twice(database: Database, system: SystemIncidents) -> None:
    with database.write() as tx:
        system.report(tx, SILENT, NOW)
        assert system.report(tx, SILENT, at(minutes=5)) is None
    assert len(places(database, stored(database, SILENT.topic))) == 1


def test_a_trouble_that_gets_worse_is_told_again(database: Database, system: SystemIncidents) -> None:
    worse = Failing(SILENT.topic, "nothing has been read for a day", severity=Severity.CRITICAL)
    with database.write() as tx:
        system.report(tx, SILENT, NOW)
        alert = system.report(tx, worse, at(minutes=5))
    assert alert is not None
    assert (alert.reason.value, alert.severity) == ("escalated", Severity.CRITICAL)
    assert stored(database, SILENT.topic).headline == worse.headline


def test_it_ends_when_it_works_again(database: Database, system: SystemIncidents) -> None:
    with database.write() as tx:
        system.report(tx, SILENT, NOW)
        system.recovered(tx, SILENT.topic, at(minutes=9), "it was read again")
        assert system.recovered(tx, SILENT.topic, at(minutes=10)) is None
    incident = stored(database, SILENT.topic)
    assert (incident.state, incident.resolved_at) == (IncidentState.RESOLVED, at(minutes=9))


@pytest.mark.parametrize(("minutes", "episodes"), [(29, [2]), (31, [1, 1])])
def test_what_fails_again_at_once_goes_on_in_the_same_incident(
    database: Database, system: SystemIncidents, minutes: int, episodes: list[int]
) -> None:
    with database.write() as tx:
        system.report(tx, SILENT, NOW)
        system.recovered(tx, SILENT.topic, at(minutes=1))
        system.report(tx, SILENT, at(minutes=1 + minutes))
        found = incidents.recent(tx)
    assert [one.episode for one in found if one.is_system] == episodes


def test_nothing_is_said_of_what_was_never_wrong(database: Database, system: SystemIncidents) -> None:
    with database.write() as tx:
        assert system.recovered(tx, "source:never", NOW) is None


@pytest.mark.parametrize(
    ("operators", "ill", "told"),
    [
        ((), "", [ROOM, MAIL, PHONE]),
        (("mail",), "", [MAIL]),
        (("mail", "phone"), "mail", [PHONE]),
        (("mail",), "mail", [ROOM, PHONE]),
        ((), "slack", [MAIL, PHONE]),
    ],
)
def test_a_channel_that_is_ill_does_not_carry_the_news_of_it(
    operators: tuple[str, ...], ill: str, told: list[Destination]
) -> None:
    chosen = Routing(routing().routes, routing().channels, operators)
    subject = Subject(SYSTEM, Severity.CRITICAL, ill=ill)
    assert chosen.destinations(subject) == told
    assert not set(chosen.fallbacks(subject)) & set(told)


def test_a_channel_that_a_person_must_mend_is_a_trouble_of_its_own_until_it_works(
    database: Database, system: SystemIncidents
) -> None:
    desk = Desk(database)
    desk.ways["slack"].plan = [ChannelError("token_revoked", Outcome.BROKEN, whole_channel=True)]
    sender = Sender(
        database, desk.ways, clock=lambda: desk.now, owner="one", routing=routing(), executor=Inline(), system=system
    )
    desk.say(Change.OPENED)
    sender.run_once()
    incident = stored(database, "channel:slack")
    assert (incident.state, incident.severity) == (IncidentState.OPEN, Severity.CRITICAL)
    assert "token_revoked" in incident.facts["why"]
    assert places(database, incident) == [("phone", "opened")]
    assert [message.page.headline for message in desk.ways["phone"].sent][-1] == incident.headline
    desk.wait(minutes=6)
    sender.run_once()
    assert desk.states("slack") == [("opened", "sent")]
    assert stored(database, "channel:slack").state is IncidentState.RESOLVED
