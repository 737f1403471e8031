"""Escalation: the next people are told while nobody takes an incident, and nobody once somebody has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.channels.contract import ChannelError, Outcome
from alerts.escalation import Policy, Step
from alerts.ladder import Ladder
from alerts.policy import Change, Rules
from alerts.quiet import QuietHours
from alerts.restraint import DEFAULT_INHIBITIONS, Inhibition
from alerts.routing import Destination, Routing
from alerts.speak import Speaker
from alerts.verdict import Timing
from config.alerting import RouteSettings
from storage import escalations, incidents, silences
from storage.database import Database
from storage.records import IncidentState, Severity, Silence
from tests.alerts.desk import MAIL, PHONE, ROOM, Desk
from tests.alerts.examples import BRAND, NOW, incident

CHIEF = Destination("chief", "+4790000000")
POLICY = Policy("night", (Step(300, ("phone",), ("chief",)), Step(600, ("chief",))), ("mail",))
GONE = ChannelError("no such number", Outcome.REFUSED)


def routing(policy: Policy = POLICY) -> Routing:
    """Slack at first, and then the policy."""
    route = RouteSettings(channels=["slack"], policy=policy.name)
    return Routing((route,), {place.channel: (place,) for place in (ROOM, MAIL, PHONE, CHIEF)}, policies=(policy,))


class Night(Desk):
    """A desk whose route escalates; a look at the ladder and a round of the sender every minute."""

    def __post_init__(self) -> None:
        """Replace the routes."""
        super().__post_init__()
        self.ways["chief"] = type(self.ways["mail"])("chief")
        self.speaker = Speaker(self.rules, routing())
        self.sender = self.another_sender("night")
        self.sender._failover = replace(self.sender._failover, routing=routing())

    def pass_minutes(self, minutes: int) -> Night:
        """Let time pass."""
        for _ in range(minutes):
            self.wait(minutes=1)
            self.climb()
            self.send()
        return self

    def climb(self) -> None:
        with self.database.write() as tx:
            Ladder(self.speaker).climb(tx, self.now)

    def take(self) -> None:
        self.change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ada", acknowledged_at=self.now)
        self.say(Change.ACKNOWLEDGED)

    def heard(self, name: str) -> list[tuple[int, str]]:
        """What a channel sent: the step's minute after the beginning, by the page, and the reason."""
        return [
            (round((one.page.at - NOW).total_seconds() / 60), one.page.reason.value) for one in self.ways[name].sent
        ]


@pytest.fixture
def night(memory: Database) -> Night:
    """A critical incident that was told to Slack."""
    desk = Night(memory)
    desk.open()
    desk.send()
    return desk


def reasons(desk: Night, name: str) -> list[str]:
    return [reason for _, reason in desk.heard(name)]


def test_the_next_people_are_told_when_nobody_takes_it(database: Database) -> None:
    night = Night(database)
    night.open()
    night.send()
    assert (reasons(night, "phone"), reasons(night, "chief")) == ([], [])
    night.pass_minutes(5)
    assert (reasons(night, "phone"), reasons(night, "chief")) == (["opened"], [])
    assert "nobody has taken it for 5 minutes (step 1 of night)" in night.ways["phone"].sent[0].page.notes[0]
    night.pass_minutes(10)
    assert (reasons(night, "phone"), reasons(night, "chief")) == (["opened"], ["opened"])
    night.pass_minutes(15)
    assert reasons(night, "mail") == ["opened"]
    night.pass_minutes(15)
    assert reasons(night, "mail") == ["opened", "reminder"]
    with database.read() as tx:
        lines = [line for line in incidents.events(tx, night.incident.id) if line.kind == "escalation"]
    assert [(line.details["step"], line.details["to"]) for line in lines] == [
        (1, ["phone"]),
        (2, ["chief"]),
        (3, ["mail"]),
        (4, ["mail"]),
    ]


def test_whoever_takes_it_ends_the_escalation_at_once(night: Night) -> None:
    night.wait(minutes=5).climb()
    night.take()
    night.pass_minutes(60)
    assert (reasons(night, "phone"), reasons(night, "chief"), reasons(night, "mail")) == ([], [], [])
    assert reasons(night, "slack") == ["opened", "update"]


def test_a_step_that_was_claimed_before_it_was_taken_is_dropped_at_the_last_look(night: Night) -> None:
    night.wait(minutes=5).climb()
    night.change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ada", acknowledged_at=night.now)
    night.send()
    assert night.states("phone") == [("opened", "superseded")]


def test_what_gets_worse_after_it_was_taken_escalates_anew(memory: Database) -> None:
    night = Night(memory)
    night.open(Severity.WARNING)
    night.wait(minutes=1).send()
    night.take()
    night.pass_minutes(30)
    assert reasons(night, "phone") == []
    night.change(state=IncidentState.OPEN, severity=Severity.CRITICAL, acknowledged_by=None, acknowledged_at=None)
    night.say(Change.ESCALATED)
    night.pass_minutes(5)
    assert reasons(night, "phone") == ["opened"]


def test_what_was_taken_and_left_escalates_from_the_first_step(night: Night) -> None:
    night.pass_minutes(6)
    night.take()
    night.pass_minutes(30)
    night.change(state=IncidentState.OPEN, acknowledged_by=None, acknowledged_at=None)
    night.say(Change.RELEASED)
    night.pass_minutes(5)
    assert reasons(night, "phone") == ["opened", "update", "reminder", "reminder"]
    night.pass_minutes(10)
    assert reasons(night, "chief") == ["opened"]


def test_when_nobody_of_a_step_can_be_reached_the_next_follows_at_once(night: Night) -> None:
    night.ways["phone"].plan = [GONE]
    night.ways["chief"].plan = [GONE]
    night.pass_minutes(6)
    assert night.states("phone") == [("opened", "dead")]
    night.pass_minutes(1)
    assert night.states("chief")[:1] == [("opened", "dead")]
    assert reasons(night, "chief")[-1] == "opened"
    with night.database.read() as tx:
        course = escalations.get(tx, night.incident.id)
    assert course is not None
    assert course.step >= 3


def test_the_fallback_of_a_step_is_told_when_its_channel_is_slow(memory: Database) -> None:
    night = Night(memory, timing=Timing(probe_every=timedelta(hours=1)))
    night.open()
    night.send()
    night.ways["phone"].plan = [ChannelError("busy", Outcome.NOT_DELIVERED)] * 20
    night.pass_minutes(7)
    assert reasons(night, "chief") == ["opened"]
    assert "phone did not take it" in " ".join(night.ways["chief"].sent[0].page.notes)


def test_a_silence_holds_the_next_step_back_until_it_ends(night: Night) -> None:
    rule = Silence("s1", NOW, NOW + timedelta(minutes=20), "Ada", "we know", brand=BRAND, include_critical=True)
    with night.database.write() as tx:
        silences.add(tx, rule)
    night.pass_minutes(19)
    assert reasons(night, "phone") == []
    night.pass_minutes(1)
    assert reasons(night, "phone") == ["opened"]


def test_quiet_hours_hold_back_the_steps_of_a_warning_and_never_of_what_is_critical(memory: Database) -> None:
    start, end = NOW + timedelta(minutes=2), NOW + timedelta(minutes=60)
    quiet = QuietHours(start.time(), end.time(), ZoneInfo("UTC"))
    night = Night(memory, rules=Rules(quiet=quiet, repeat={}))
    night.open(Severity.WARNING)
    night.pass_minutes(59)
    assert reasons(night, "phone") == []
    night.pass_minutes(1)
    assert reasons(night, "phone") == ["opened"]


def test_a_crisis_of_the_brand_holds_back_the_watches_about_it(memory: Database) -> None:
    night = Night(memory, rules=Rules(inhibitions=DEFAULT_INHIBITIONS))
    crisis = incident(id="01HR7Q4Z8XK3M2N5P6T7V9W0ZZ", fingerprint="another", topic="recall")
    with night.database.write() as tx:
        incidents.insert(tx, crisis)
    night.open(Severity.WATCH)
    night.sender._freshness = replace(night.sender._freshness, inhibitions=DEFAULT_INHIBITIONS)
    night.pass_minutes(30)
    assert reasons(night, "slack") == []
    with night.database.write() as tx:
        incidents.update(tx, replace(crisis, state=IncidentState.RESOLVED, version=2), 1)
    night.pass_minutes(6)
    assert reasons(night, "slack") == ["opened"]


EVERYWHERE = Inhibition(frozenset({"critical"}), frozenset({"watch"}), same=frozenset())


@pytest.mark.parametrize(
    ("rules", "severity", "told"),
    [
        (DEFAULT_INHIBITIONS, Severity.WATCH, ["opened"]),
        ((EVERYWHERE,), Severity.WATCH, []),
        ((*DEFAULT_INHIBITIONS, EVERYWHERE), Severity.WATCH, []),
        ((EVERYWHERE,), Severity.WARNING, ["opened"]),
    ],
)
def test_a_crisis_of_another_brand_holds_back_what_a_rule_for_all_brands_is_about(
    memory: Database, rules: tuple[Inhibition, ...], severity: Severity, told: list[str]
) -> None:
    night = Night(memory, rules=Rules(inhibitions=rules))
    with night.database.write() as tx:
        incidents.insert(tx, incident(id="01HR7Q4Z8XK3M2N5P6T7V9W0ZZ", fingerprint="another", brand="Somebody else"))
    night.open(severity)
    night.sender._freshness = replace(night.sender._freshness, inhibitions=rules)
    night.pass_minutes(16)
    assert reasons(night, "slack") == told


def test_an_end_ends_the_escalation(night: Night) -> None:
    night.end()
    night.pass_minutes(60)
    assert reasons(night, "phone") == []


def test_a_policy_that_was_edited_meanwhile_holds_for_new_incidents_only(night: Night) -> None:
    night.speaker = Speaker(night.rules, routing(Policy("night", (Step(60, ("chief",)),), ("mail",))))
    night.pass_minutes(5)
    assert (reasons(night, "phone"), reasons(night, "chief")) == (["opened"], [])


def test_the_program_that_was_away_makes_one_step_when_it_is_back(night: Night) -> None:
    night.wait(hours=3)
    night.climb()
    night.send()
    told = {name: len(way.sent) for name, way in night.ways.items()}
    assert told == {"slack": 1, "phone": 0, "chief": 0, "mail": 1}
