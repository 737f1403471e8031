"""Storms: one message speaks for much, what is critical is never lost, and nothing is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alerts.policy import Change, Rules
from alerts.speak import Announcement, Speaker
from alerts.storm import Storm, StormRules, begins, is_over
from alerts.system import SystemIncidents
from monitor.audit import account
from storage import incidents, outbox
from storage.database import Database
from storage.records import SYSTEM, DeliveryState, Incident, IncidentState, Severity, fingerprint
from tests.alerts.desk import routing
from tests.alerts.examples import NOW, incident, page

MINUTE = timedelta(minutes=1)
NO_WAIT = Rules(wait=dict.fromkeys(Severity, timedelta(0)), repeat={})


class Weather:
    """An installation in which incidents begin by the dozen."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.plain = Speaker(NO_WAIT, routing())
        self.storm = Storm(SystemIncidents(self.plain))
        self.speaker = replace(self.plain, weather=self.storm)
        self.begun = 0

    def begin(self, at: datetime, severity: Severity = Severity.WARNING) -> tuple[Incident, Announcement]:
        """One more incident begins."""
        self.begun += 1
        name = f"storm-{self.begun:05d}"
        new = incident(
            id=name, fingerprint=fingerprint("Halden", name), severity=severity, headline=f"Number {self.begun}",
            opened_at=at, updated_at=at,
        )  # fmt: skip
        with self.database.write() as tx:
            incidents.insert(tx, new)
            said = self.speaker.speak(tx, new, Change.OPENED, replace(page(), severity=severity, at=at), at)
        return new, said

    def watch(self, at: datetime) -> None:
        """The leader's look."""
        with self.database.write() as tx:
            self.storm.watch(tx, self.plain, at)

    def storms(self) -> list[Incident]:
        with self.database.read() as tx:
            return [one for one in incidents.recent(tx, limit=1000) if one.brand == SYSTEM]

    def messages(self, of: Incident) -> list[str]:
        """Why each message about an incident is sent to Slack."""
        with self.database.read() as tx:
            history = [item for item in outbox.history(tx, of.id) if item.channel == "slack"]
        return [item.reason.value for item in history if item.state.value != "superseded"]


@pytest.fixture
def weather() -> Iterator[Weather]:
    """Fair, so far."""
    with Database.open("sqlite://") as opened:
        yield Weather(opened)


@pytest.mark.parametrize(("new", "late", "storms"), [(10, 0, False), (11, 0, True), (1, 100, False), (1, 101, True)])
def test_eleven_new_incidents_or_a_hundred_and_one_late_messages_are_a_storm(new: int, late: int, storms: bool) -> None:
    assert begins(StormRules(), new, late) is storms


@pytest.mark.parametrize(
    ("minutes", "new", "late", "over"),
    [
        (10, (4, 4), 0, True),
        (9, (0, 0), 0, False),
        (10, (5, 0), 0, False),
        (10, (0, 5), 0, False),
        (10, (0, 0), 101, False),
    ],
)
def test_when_it_is_calm_again(minutes: int, new: tuple[int, int], late: int, over: bool) -> None:
    assert is_over(StormRules(), minutes * MINUTE, new, late) is over


def test_the_eleventh_incident_in_five_minutes_is_a_storm_and_makes_no_message_of_its_own(weather: Weather) -> None:
    begun = [weather.begin(NOW + number * timedelta(seconds=20))[0] for number in range(13)]
    (storm,) = weather.storms()
    assert [bool(weather.messages(one)) for one in begun] == [True] * 10 + [False] * 3
    assert weather.messages(storm) == ["opened"]
    assert (storm.severity, storm.state) == (Severity.CRITICAL, IncidentState.OPEN)
    with weather.database.read() as tx:
        assert [alert.why for alert in incidents.alerts(tx, begun[12].id)] == [f"storm: part of the storm {storm.id}"]
        assert [line.kind for line in incidents.events(tx, begun[12].id)] == ["storm"]


def test_a_watch_that_returns_in_a_storm_is_part_of_it(weather: Weather) -> None:
    """Its return alone would only have edited its message; nobody may be left without a reason for the silence."""
    watch, _ = weather.begin(NOW - 60 * MINUTE, Severity.WATCH)
    begun = [weather.begin(NOW + timedelta(seconds=number))[0] for number in range(12)]
    back = replace(watch, episode=2, version=watch.version + 1, updated_at=NOW)
    with weather.database.write() as tx:
        assert incidents.update(tx, back, watch.version)
        weather.speaker.speak(tx, back, Change.REOPENED, replace(page(), severity=Severity.WATCH, at=NOW), NOW)
        (storm,) = [one for one in incidents.recent(tx, limit=1000) if one.brand == SYSTEM]
        said = [alert for alert in incidents.alerts(tx, watch.id) if alert.episode == 2]
        outcome = account(back, said, [], incidents.events(tx, watch.id), NOW + 10 * MINUTE)
    assert begun
    assert [alert.why for alert in said] == [f"storm: part of the storm {storm.id}"]
    assert outcome == "it is part of a storm"


def test_incidents_that_come_slowly_are_no_storm(weather: Weather) -> None:
    begun = [weather.begin(NOW + number * MINUTE)[0] for number in range(30)]
    assert weather.storms() == []
    assert all(weather.messages(one) for one in begun)


def test_critical_ones_page_until_people_cannot_follow_and_are_named_by_the_storm_then(weather: Weather) -> None:
    for number in range(11):
        weather.begin(NOW + timedelta(seconds=number))
    begun = [weather.begin(NOW + timedelta(seconds=20 + number), Severity.CRITICAL)[0] for number in range(12)]
    assert [bool(weather.messages(one)) for one in begun] == [True] * 5 + [False] * 7
    weather.watch(NOW + 4 * MINUTE)
    (storm,) = weather.storms()
    with weather.database.read() as tx:
        told = incidents.alerts(tx, storm.id)[-1].page
    assert "7 more critical: " in told["changed"][0]
    assert [line.split(":")[0] for line in told["why"][:7]] == ["critical"] * 7
    assert set(storm.facts["named"]) == {one.id for one in begun[5:]}


def test_after_the_storm_critical_ones_that_go_on_page_one_by_one(weather: Weather) -> None:
    for number in range(11):
        weather.begin(NOW + timedelta(seconds=number))
    begun = [weather.begin(NOW + timedelta(seconds=20 + number), Severity.CRITICAL)[0] for number in range(12)]
    over = NOW + 16 * MINUTE
    with weather.database.write() as tx:  # what was due has been sent
        for item in outbox.claim(tx, over, "sender", MINUTE, 1000):
            outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=over)
    weather.watch(over)
    (storm,) = weather.storms()
    assert storm.state is IncidentState.RESOLVED
    assert [bool(weather.messages(one)) for one in begun] == [True] * 12
    with weather.database.read() as tx:
        due = [outbox.history(tx, one.id)[0].due_at for one in begun[5:]]
    assert due == [over + number * timedelta(seconds=40) for number in range(1, 8)]
    calm, _ = weather.begin(over + MINUTE)
    assert weather.messages(calm) == ["opened"]


def test_an_end_is_told_in_a_storm_to_those_who_heard_of_the_beginning(weather: Weather) -> None:
    begun = [weather.begin(NOW + number * timedelta(seconds=5))[0] for number in range(12)]
    for one in (begun[0], begun[11]):
        ended = replace(one, state=IncidentState.RESOLVED, resolved_at=NOW + MINUTE, version=2)
        with weather.database.write() as tx:
            incidents.update(tx, ended, 1)
            weather.speaker.speak(tx, ended, Change.RESOLVED, page(), NOW + MINUTE)
    assert (weather.messages(begun[0])[-1], weather.messages(begun[11])) == ("resolved", [])
