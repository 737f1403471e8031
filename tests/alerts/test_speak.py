"""From what happened to an incident to deliveries in the outbox, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.channels.contract import ChannelError, Outcome
from alerts.page import from_json
from alerts.policy import Change, Rules
from alerts.quiet import QuietHours
from alerts.succession import COMBINED
from storage import incidents, outbox, silences
from storage.database import Database
from storage.records import DeliveryState, Incident, IncidentState, Reason, Severity, Silence
from tests.alerts.desk import MAIL, PHONE, ROOM, Desk
from tests.alerts.examples import NOW, page

NO_WAY = ChannelError("no connection", Outcome.NOT_DELIVERED)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def quick(sqlite_database: Database) -> Desk:
    return Desk(sqlite_database)


def test_an_alert_and_its_deliveries_are_stored_with_the_incident(desk: Desk) -> None:
    said = desk.open()
    with desk.database.read() as tx:
        assert incidents.alerts(tx, desk.incident.id) == [said.alert]
    assert [(item.channel, item.target, item.state) for item in desk.history()] == [
        (MAIL.channel, MAIL.target, DeliveryState.PENDING),
        (ROOM.channel, ROOM.target, DeliveryState.PENDING),
    ]


def test_nothing_is_left_of_it_when_the_transaction_is_not_committed(desk: Desk) -> None:
    def die_before_the_commit() -> None:
        with desk.database.write() as tx:
            assert desk.speaker.speak(tx, desk.incident, Change.OPENED, page(), NOW).deliveries
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die_before_the_commit()
    assert desk.history() == []


def test_a_decision_to_keep_silent_stores_nothing(quick: Desk) -> None:
    quick.open()
    assert quick.say(Change.HELD).alert is None
    assert len(quick.history("mail")) == 1


def test_the_page_of_a_delivery_says_its_reason_and_what_changed(quick: Desk) -> None:
    quick.open(Severity.WARNING)
    quick.wait(minutes=1).send()
    quick.change(severity=Severity.CRITICAL).say(Change.ESCALATED)
    told = from_json(quick.history("mail")[-1].page)
    assert (told.reason, told.severity, told.changed) == (
        Reason.ESCALATED,
        Severity.CRITICAL,
        ("It is critical now; it was a warning.",),
    )


def test_an_alert_replaces_what_nobody_has_begun_to_send_and_takes_its_part(quick: Desk) -> None:
    quick.open(Severity.WARNING)
    quick.wait(seconds=5).change(severity=Severity.CRITICAL)
    quick.say(Change.ESCALATED)
    assert quick.states("mail") == [("opened", "superseded"), ("opened", "pending")]
    assert quick.history("mail")[-1].due_at == quick.now


def test_what_is_being_sent_is_not_replaced_but_followed(quick: Desk) -> None:
    quick.open()
    with quick.database.write() as tx:
        outbox.claim(tx, quick.now, "another", timedelta(seconds=30), 10)
    quick.wait(minutes=2).say(Change.UPDATED, page(observed=900))
    assert quick.states("mail") == [("opened", "sending"), ("update", "pending")]


def test_an_escalation_that_did_not_get_out_stays_one_when_an_update_replaces_it(quick: Desk) -> None:
    quick.open(Severity.WARNING)
    quick.wait(minutes=1).send()
    quick.ways["mail"].plan = [NO_WAY, NO_WAY]
    quick.change(severity=Severity.CRITICAL).say(Change.ESCALATED)
    quick.send().wait(seconds=61)
    quick.say(Change.UPDATED, page(observed=900))
    last = quick.history("mail")[-1]
    assert last.reason is Reason.ESCALATED
    assert len(from_json(last.page).changed) == 2
    assert last.first_due_at == quick.now - timedelta(seconds=61)


def test_a_replaced_beginning_keeps_the_time_at_which_it_was_due(quick: Desk) -> None:
    quick.open()
    quick.ways["mail"].plan = [NO_WAY] * 4
    quick.send().wait(seconds=61)
    quick.say(Change.UPDATED, page(observed=900))
    last = quick.history("mail")[-1]
    assert (last.reason, last.first_due_at, last.due_at) == (Reason.OPENED, NOW, quick.now)


def test_a_route_that_matches_only_now_is_told_from_the_beginning(quick: Desk) -> None:
    quick.open()
    quick.send().wait(minutes=2).change(kind="recall")
    quick.say(Change.UPDATED, page(kind="recall"))
    phone = quick.history(PHONE.channel)
    assert [(item.reason, from_json(item.page).changed) for item in phone] == [(Reason.OPENED, ())]
    assert quick.history("mail")[-1].reason is Reason.UPDATE


def test_figures_that_moved_edit_messages_where_that_is_possible_and_are_no_mail(quick: Desk) -> None:
    quick.open()
    quick.send().wait(minutes=2).say(Change.UPDATED, page(observed=400))
    assert quick.states("slack") == [("opened", "sent"), ("update", "pending")]
    assert quick.states("mail") == [("opened", "sent")]


def test_the_end_is_told_to_exactly_those_who_were_told_of_the_beginning(quick: Desk) -> None:
    quick.ways["mail"].plan = [ChannelError("no such mailbox", Outcome.REFUSED)]
    quick.open()
    quick.send().wait(minutes=30).end()
    assert quick.states("slack")[-1] == ("resolved", "pending")
    assert quick.states("mail") == [("opened", "dead")]
    assert quick.history("phone") == []


def test_a_beginning_that_never_got_out_and_its_end_become_one_notice(quick: Desk) -> None:
    quick.ways["mail"].plan = [NO_WAY] * 9
    quick.open()
    quick.send().wait(minutes=30).end()
    assert quick.states("mail") == [("opened", "superseded"), ("resolved", "pending")]
    assert from_json(quick.history("mail")[-1].page).notes == (COMBINED,)
    assert from_json(quick.history("slack")[-1].page).notes == ()


def test_the_end_replaces_updates_that_did_not_get_out(quick: Desk) -> None:
    quick.open()
    quick.send().wait(minutes=2).say(Change.UPDATED, page(observed=900))
    quick.wait(seconds=1).end()
    assert quick.states("mail") == [("opened", "sent"), ("update", "superseded"), ("resolved", "pending")]


def test_a_return_is_told_from_the_beginning_in_a_new_episode(quick: Desk) -> None:
    quick.open()
    quick.send().wait(minutes=30).end()
    quick.send().wait(minutes=10).change(state=IncidentState.OPEN, episode=2, resolved_at=None)
    quick.say(Change.REOPENED)
    last = quick.history("mail")[-1]
    assert (last.episode, last.reason, from_json(last.page).changed) == (2, Reason.OPENED, ("It has started again.",))


def test_held_by_a_silence_everything_becomes_one_message_at_its_end(quick: Desk) -> None:
    ends = NOW + timedelta(hours=3)
    with quick.database.write() as tx:
        silences.add(tx, Silence("s1", NOW, ends, "Kim", "launch"))
    quick.open(Severity.WARNING)
    quick.wait(minutes=20).say(Change.UPDATED, page(observed=900))
    assert quick.states("mail") == [("opened", "superseded"), ("opened", "pending")]
    assert quick.history("mail")[-1].due_at == ends
    assert "silenced by Kim: launch" in quick.history("mail")[-1].why


def test_taking_it_at_night_does_not_bring_forward_what_waits_for_the_morning(sqlite_database: Database) -> None:
    night = Desk(sqlite_database, rules=Rules(quiet=QuietHours(time(15), time(7), ZoneInfo("Europe/Oslo"))))
    night.open(Severity.WARNING)
    night.wait(minutes=5).change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", acknowledged_at=night.now)
    night.say(Change.ACKNOWLEDGED)
    assert [item.due_at.hour for item in night.history("mail")] == [6, 6]


def test_an_incident_that_no_route_wants_is_written_down_as_such(quick: Desk) -> None:
    quick.speaker = replace(quick.speaker, routing=replace(quick.speaker.routing, channels={}))
    assert quick.open().deliveries == ()
    with quick.database.read() as tx:
        assert [event.kind for event in incidents.events(tx, quick.incident.id)] == ["not_routed"]


def test_people_are_reminded_of_every_incident_that_nobody_took(quick: Desk) -> None:
    quick.open()
    quick.send()
    with quick.database.write() as tx:
        assert quick.speaker.remind(tx, NOW + timedelta(minutes=14)) == []
        said = quick.speaker.remind(tx, NOW + timedelta(minutes=15))
        assert quick.speaker.remind(tx, NOW + timedelta(minutes=16)) == []
    assert [(alert.reason, alert.why) for alert in said] == [(Reason.REMINDER, "nobody has taken it for 15 minutes")]


def test_a_reminder_says_the_figures_of_now_when_it_is_given_them(quick: Desk) -> None:
    quick.open()
    with quick.database.write() as tx:
        said = quick.speaker.remind(
            tx, NOW + timedelta(minutes=15), lambda _tx, _incident, at: page(observed=1000, at=at)
        )
    assert from_json(said[0].page).observed == 1000


@dataclass
class Told:
    change: Any
    incident: Incident
    why: str
    at: datetime
    before: Incident | None = None


def test_the_register_of_incidents_is_answered_with_alerts(quick: Desk) -> None:
    with quick.database.write() as tx:
        said = quick.speaker.announce(tx, Told(Change.OPENED, quick.incident, "a burst of voices", NOW), page())
    assert [(alert.reason, alert.why) for alert in said] == [(Reason.OPENED, "a burst of voices")]


def test_both_engines_keep_a_whole_life(desk: Desk) -> None:
    desk.open(Severity.WARNING)
    desk.wait(seconds=30).send().wait(minutes=10).say(Change.UPDATED, page(observed=2000))
    desk.send().wait(minutes=1).change(severity=Severity.CRITICAL).say(Change.ESCALATED)
    desk.send().wait(minutes=1).change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim").say(Change.ACKNOWLEDGED)
    desk.wait(minutes=1).end()
    desk.send()
    assert desk.states("slack") == [
        ("opened", "sent"),
        ("update", "sent"),
        ("escalated", "sent"),
        ("update", "superseded"),
        ("resolved", "sent"),
    ]
