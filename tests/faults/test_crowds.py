"""Traffic that is meant to mislead, and stories that come and go: what people are paged of."""

from __future__ import annotations

from datetime import timedelta

from alerts.policy import Change
from monitor.detectors.contract import TICK
from monitor.incidents import CorrelationSettings, correlate, is_known
from storage import incidents
from storage.database import Database
from storage.records import Incident, IncidentState, Label, Severity
from tests.alerts.desk import Desk
from tests.alerts.examples import incident as made
from tests.monitor.scenes import START, chatter, judged, said, usual_days
from tests.monitor.test_incidents import signal

HOUR = timedelta(hours=1)
PAST = usual_days(4, 48)


def test_a_flood_of_praise_does_not_hide_a_backlash() -> None:
    backlash = chatter(60, START, START + 2 * HOUR, seed=77, negative=0.9)
    moments = [START + timedelta(seconds=6 * number) for number in range(1200)]
    praise = [
        said("What a wonderful company, five stars!", moment, author=f"fan{number}", label=Label.POSITIVE)
        for number, moment in enumerate(moments)
    ]
    found = judged([*PAST, *backlash, *praise])
    assert {one.detector for one in found if one.severity is not Severity.WATCH} >= {"backlash"}


def test_a_day_around_the_threshold_is_one_incident_and_rings_once() -> None:
    """Every 25 minutes the strength is above the threshold for once; people hear of it as of one thing."""
    rules, at, known = CorrelationSettings(), START, dict[str, Incident]()
    with Database.open("sqlite://") as database:
        desk = Desk(database, now=START, incident=made(id="elsewhere", state=IncidentState.RESOLVED))
        while at < START + 24 * HOUR:
            ringing = [signal(at, surprise=1.05)] if (at - START) // TICK % 5 == 0 else []
            for one in correlate(list(known.values()), ringing, at, rules):
                keep(desk, one.incident)
                if one.change.value != "held":
                    desk.say(Change(one.change.value))
                known[one.incident.id] = one.incident
            known = {name: one for name, one in known.items() if is_known(one, at, rules)}
            desk.now = at = at + TICK
            desk.send()
    messages = [message.page for message in desk.ways["mail"].sent]
    assert len({page.incident_id for page in messages}) == 1
    assert [page.reason.value for page in messages].count("opened") == 1
    assert len(messages) <= 24


def keep(desk: Desk, incident: Incident) -> None:
    """Store an incident as it is now."""
    desk.incident = incident
    with desk.database.write() as tx:
        if not incidents.insert(tx, incident):
            incidents.update(tx, incident, incident.version - 1)
