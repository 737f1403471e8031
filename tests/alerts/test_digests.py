"""Digests: when they go out and what waits for them, as pure decisions; and as one message over the whole desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.contract import ChannelError, OnDoubt, Outcome, Receipt
from alerts.digests import MOST_ENTRIES, QUIET, Digest, digest_page
from alerts.policy import Change, Rules
from alerts.quiet import QuietHours
from alerts.retract import retract
from alerts.routing import Routing, Subject
from alerts.speak import Speaker
from storage import digests, incidents, outbox, silences
from storage.database import Database
from storage.records import DeliveryState, Incident, IncidentState, Reason, Severity, Silence, fingerprint
from tests.alerts.desk import MAIL, Desk, routing
from tests.alerts.examples import BRAND, NOW, incident, page

OSLO = ZoneInfo("Europe/Oslo")
EVENING = datetime(2024, 3, 5, 16, 0, tzinfo=UTC)
NO_WAY = ChannelError("no connection", Outcome.NOT_DELIVERED)
DOUBT = ChannelError("broke off", Outcome.AMBIGUOUS)


def digest(**changes: Any) -> Digest:
    """Kim reads her mail at nine and at five."""
    return replace(Digest("Kim", frozenset({"mail"}), (time(9), time(17)), OSLO), **changes)


def routed(*read: Digest) -> Routing:
    """The routes of the desk, with digests."""
    return replace(routing(), digests=read)


@pytest.fixture
def desk(sqlite_database: Database) -> Desk:
    """A desk where Kim reads warnings in a digest."""
    made = Desk(sqlite_database)
    made.speaker = Speaker(Rules(), routed(digest()))
    made.sender = made.another_sender("one")
    made.change(severity=Severity.WARNING)
    return made


def another(desk: Desk, number: int, **changes: Any) -> Incident:
    """A further warning of the same brand."""
    made = incident(
        id=f"01HR7Q4Z8XK3M2N5P6T7V9W{number:03}",
        fingerprint=fingerprint(BRAND, f"topic {number}"),
        topic=f"topic {number}",
        headline=f"Story number {number} is spreading",
        severity=Severity.WARNING,
        **changes,
    )
    with desk.database.write() as tx:
        incidents.insert(tx, made)
    return made


def say(desk: Desk, told: Incident, change: Change = Change.OPENED) -> None:
    """Announce a change of any incident."""
    said = page(
        headline=told.headline,
        incident_id=told.id,
        severity=told.severity,
        state=told.state,
        at=desk.now,
        curve=None,
        url=f"https://tocsin.example/incidents/{told.id}",
    )
    with desk.database.write() as tx:
        desk.speaker.speak(tx, told, change, said, desk.now)


def store(desk: Desk, before: Incident, **changes: Any) -> Incident:
    """A change of any incident."""
    after = replace(before, version=before.version + 1, updated_at=desk.now, **changes)
    with desk.database.write() as tx:
        assert incidents.update(tx, after, before.version)
    return after


def opened(desk: Desk, number: int) -> list[Incident]:
    """Warnings, all told."""
    made = [another(desk, each) for each in range(number)]
    for one in made:
        say(desk, one)
    return made


def headlines(desk: Desk, channel: str = "mail") -> list[list[str]]:
    """What each message of a channel told."""
    messages = desk.ways[channel].sent
    return [[one.headline for one in (said.page.entries or (said.page,))] for said in messages]


def until(desk: Desk, at: datetime) -> Desk:
    """Turn the clock to a moment, and let the sender run."""
    desk.now = at
    return desk.send()


# -- When, and what --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2024-03-05 07:59", "2024-03-05 08:00"),
        ("2024-03-05 08:00", "2024-03-05 08:00"),
        ("2024-03-05 08:01", "2024-03-05 16:00"),
        ("2024-03-05 16:01", "2024-03-06 08:00"),
        ("2024-03-31 00:00", "2024-03-31 07:00"),
    ],
)
def test_the_next_digest_is_the_first_of_its_times_on_the_readers_clock(after: str, expected: str) -> None:
    moment = datetime.fromisoformat(f"{after}+00:00")
    assert digest().next_at(moment) == datetime.fromisoformat(f"{expected}+00:00")


def test_a_digest_of_weekdays_leaves_the_weekend_out() -> None:
    friday = datetime(2024, 3, 8, 17, tzinfo=UTC)
    assert digest(days=frozenset(range(5))).next_at(friday) == datetime(2024, 3, 11, 8, tzinfo=UTC)


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.lists(st.times(), min_size=1, max_size=3),
    st.sets(st.integers(0, 6), min_size=1),
    st.sampled_from(["Europe/Oslo", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_every_moment_has_a_next_digest_within_a_week_and_no_other_before_it(
    after: datetime, times: list[time], days: set[int], zone: str
) -> None:
    at = tuple(each.replace(second=0, microsecond=0, tzinfo=None) for each in times)
    chosen = digest(at=at, days=frozenset(days), zone=ZoneInfo(zone))
    found = chosen.next_at(after)
    assert after <= found <= after + timedelta(days=7, hours=3)
    assert chosen.next_at(found) == found
    assert chosen.next_at(after + (found - after) / 2) == found


@pytest.mark.parametrize(
    ("changes", "admits"),
    [
        ({}, True),
        ({"severities": frozenset({"watch"})}, False),
        ({"brands": frozenset({"Other"})}, False),
        ({"kinds": frozenset({"recall"})}, False),
        ({"languages": frozenset({"sv"})}, False),
        ({"languages": frozenset({"sv", "no"}), "brands": frozenset({BRAND})}, True),
    ],
)
def test_a_digest_is_for_what_it_names(changes: dict[str, Any], admits: bool) -> None:
    subject = Subject(BRAND, Severity.WARNING, "legal_threat", languages=("no",))
    assert digest(**changes).admits(subject) is admits


def test_nothing_critical_waits_for_a_digest_whatever_it_says() -> None:
    greedy = digest(severities=frozenset({"critical", "warning"}))
    assert not greedy.admits(Subject(BRAND, Severity.CRITICAL))


def test_a_digest_of_one_address_leaves_the_others_of_its_channel_alone() -> None:
    chosen = digest(targets=frozenset({"kim@halden.example"}))
    assert chosen.is_read_at("mail", "kim@halden.example")
    assert not chosen.is_read_at("mail", MAIL.target)
    assert not chosen.is_read_at("slack", "kim@halden.example")


def test_a_digest_says_how_many_of_what_and_begins_with_the_worst() -> None:
    pages = [
        page(severity=Severity.WATCH),
        page(severity=Severity.WARNING, state=IncidentState.RESOLVED, resolved_at=NOW),
        page(severity=Severity.WARNING, brand="Fjord Bank"),
        page(severity=Severity.WATCH),
    ]
    told = digest_page(pages, "Kim", NOW, NOW)
    assert told.headline == "1 warning, 2 watches and 1 that is over"
    assert told.brand == f"Fjord Bank and {BRAND}"
    assert [one.brand for one in told.entries][:1] == ["Fjord Bank"]
    assert not told.entries[-1].state.is_live
    assert (told.severity, told.reason, told.incident_id) == (Severity.WARNING, Reason.DIGEST, "")


# -- One message instead of many -------------------------------------------------------------------------------------


def test_what_is_not_urgent_is_told_in_one_message_at_the_next_digest(desk: Desk) -> None:
    opened(desk, 3)
    until(desk, NOW + timedelta(minutes=10))
    assert headlines(desk) == []
    assert len(desk.ways["slack"].sent) == 3
    until(desk, EVENING)
    [told] = headlines(desk)
    assert sorted(told) == [f"Story number {number} is spreading" for number in range(3)]
    message = desk.ways["mail"].sent[0]
    assert (message.page.reason, message.root, message.page.headline) == (Reason.DIGEST, None, "3 warnings")
    with desk.database.read() as tx:
        assert outbox.unfinished(tx) == []
        known = digests.members(tx, message.delivery_id)
    assert [item.state for item in known] == [DeliveryState.SENT] * 3
    assert {item.remote_id for item in known} == {"mail-1"}
    assert message.delivery_id == min(item.id for item in known)


def test_one_entry_is_an_ordinary_message(desk: Desk) -> None:
    [one] = opened(desk, 1)
    until(desk, EVENING)
    [message] = desk.ways["mail"].sent
    assert (message.page.entries, message.page.incident_id, message.page.reason) == ((), one.id, Reason.OPENED)


def test_critical_never_waits_and_takes_what_waited_along(desk: Desk) -> None:
    one, *_ = opened(desk, 2)
    worse = store(desk, one, severity=Severity.CRITICAL)
    say(desk, worse, Change.ESCALATED)
    until(desk, NOW + timedelta(seconds=1))
    [message] = desk.ways["mail"].sent
    assert (message.page.entries, message.page.incident_id) == ((), one.id)
    until(desk, EVENING)
    assert headlines(desk)[1:] == [["Story number 1 is spreading"]]


def test_what_ended_meanwhile_is_said_to_be_over(desk: Desk) -> None:
    one, *_ = opened(desk, 3)
    desk.wait(hours=1)
    say(desk, store(desk, one, state=IncidentState.RESOLVED, resolved_at=desk.now), Change.RESOLVED)
    until(desk, EVENING)
    [message] = desk.ways["mail"].sent
    assert message.page.headline == "2 warnings and 1 that is over"
    assert message.page.entries[-1].headline == one.headline
    assert message.page.entries[-1].resolved_at == NOW + timedelta(hours=1)


def test_a_digest_is_never_the_message_that_later_ones_edit(desk: Desk) -> None:
    desk.speaker = Speaker(Rules(), routed(digest(channels=frozenset({"mail", "slack"}))))
    one, *_ = opened(desk, 2)
    until(desk, EVENING)
    [message] = desk.ways["slack"].sent
    assert len(message.page.entries) == 2
    desk.wait(minutes=6)
    with desk.database.write() as tx:
        moved = page(incident_id=one.id, headline=one.headline, severity=one.severity, observed=400)
        silent = desk.speaker.speak(tx, one, Change.UPDATED, moved, desk.now)
    assert not [item for item in silent.deliveries if item.reason is Reason.UPDATE and not item.page["changed"]]
    say(desk, store(desk, one, severity=Severity.CRITICAL), Change.ESCALATED)
    desk.send()
    *_, critical = desk.ways["slack"].sent
    assert (critical.root, critical.page.incident_id) == (None, one.id)


def test_what_comes_in_when_a_digest_is_due_does_not_put_it_off(desk: Desk) -> None:
    one, *_ = opened(desk, 2)
    desk.now = EVENING + timedelta(seconds=1)
    with desk.database.write() as tx:
        grown = page(incident_id=one.id, headline=one.headline, severity=one.severity, observed=4000, at=desk.now)
        desk.speaker.speak(tx, one, Change.UPDATED, grown, desk.now)
    desk.send()
    assert [len(told) for told in headlines(desk)] == [2]


def test_the_figures_are_those_of_the_last_look(desk: Desk) -> None:
    one, *_ = opened(desk, 2)
    desk.wait(minutes=6)
    with desk.database.write() as tx:
        moved = page(incident_id=one.id, headline=one.headline, severity=one.severity, observed=401)
        desk.speaker.speak(tx, one, Change.HELD, moved, desk.now)
    until(desk, EVENING)
    [message] = desk.ways["mail"].sent
    assert {entry.observed for entry in message.page.entries if entry.incident_id == one.id} == {401}


def test_what_is_silenced_when_the_digest_goes_out_waits_on(desk: Desk) -> None:
    one, *_ = opened(desk, 3)
    ends = EVENING + timedelta(hours=1)
    with desk.database.write() as tx:
        silences.add(tx, Silence("s", NOW + timedelta(minutes=1), ends, "kim", "we know", incident_id=one.id))
    until(desk, EVENING)
    assert [len(told) for told in headlines(desk)] == [2]
    until(desk, ends)
    assert headlines(desk)[1:] == []
    until(desk, digest().next_at(ends))
    assert headlines(desk)[1:] == [[one.headline]]


def test_what_comes_in_while_a_silence_lasts_brings_nothing_forward(desk: Desk) -> None:
    [one] = opened(desk, 1)
    ends = EVENING + timedelta(hours=2)
    with desk.database.write() as tx:
        silences.add(tx, Silence("s", NOW + timedelta(minutes=1), ends, "kim", "we know", incident_id=one.id))
    until(desk, EVENING)
    until(desk, EVENING + timedelta(hours=1))
    say(desk, store(desk, one, acknowledged_by="Kim", state=IncidentState.ACKNOWLEDGED), Change.ACKNOWLEDGED)
    until(desk, ends + timedelta(minutes=1))
    assert headlines(desk) == []
    until(desk, digest().next_at(ends))
    assert headlines(desk) == [[one.headline]]


def test_a_silence_that_was_made_later_and_ends_at_night_wakes_nobody(sqlite_database: Database) -> None:
    night = QuietHours(time(22), time(7), OSLO)
    desk = Desk(sqlite_database, rules=Rules(quiet=night))
    [one] = opened(desk, 1)
    ends = NOW.replace(hour=23, minute=30)
    with desk.database.write() as tx:
        silences.add(tx, Silence("s", NOW + timedelta(seconds=1), ends, "kim", "we know", incident_id=one.id))
    until(desk, NOW + timedelta(minutes=1))
    until(desk, ends + timedelta(minutes=1))
    assert headlines(desk) == []
    until(desk, NOW.replace(hour=6, minute=0) + timedelta(days=1))
    assert headlines(desk) == [[one.headline]]


def test_what_became_critical_under_a_silence_waits_for_no_digest(desk: Desk) -> None:
    [one] = opened(desk, 1)
    ends = EVENING + timedelta(hours=2)
    with desk.database.write() as tx:
        silences.add(tx, Silence("s", NOW + timedelta(minutes=1), ends, "kim", "we know", incident_id=one.id))
    until(desk, EVENING)
    say(desk, store(desk, one, severity=Severity.CRITICAL), Change.ESCALATED)
    desk.send()
    assert headlines(desk) == [[one.headline]]


def test_a_long_list_is_told_in_several_messages_and_none_is_left_out(desk: Desk) -> None:
    opened(desk, MOST_ENTRIES + 5)
    until(desk, EVENING)
    told = headlines(desk)
    assert sorted(map(len, told)) == [5, MOST_ENTRIES]
    assert len({name for each in told for name in each}) == MOST_ENTRIES + 5


def test_nobody_is_reminded_of_what_waits_for_a_digest(desk: Desk) -> None:
    desk.speaker = Speaker(Rules(), routed(digest(channels=frozenset({"mail", "slack"}))))
    opened(desk, 1)
    desk.wait(minutes=75)
    with desk.database.write() as tx:
        assert desk.speaker.remind(tx, desk.now) == []


def test_what_waited_for_the_end_of_quiet_hours_comes_in_one_message(sqlite_database: Database) -> None:
    desk = Desk(sqlite_database)
    desk.speaker = Speaker(Rules(quiet=QuietHours(time(13), time(18), OSLO)), routing())
    opened(desk, 3)
    assert until(desk, NOW + timedelta(minutes=10)).ways["mail"].sent == []
    until(desk, EVENING + timedelta(hours=1))
    for channel in ("mail", "slack"):
        assert [len(told) for told in headlines(desk, channel)] == [3]
    with desk.database.read() as tx:
        assert {item.digest for item in outbox.history(tx, "01HR7Q4Z8XK3M2N5P6T7V9W000")} == {QUIET}


def test_what_a_digest_quoted_is_taken_back_in_the_digest(desk: Desk) -> None:
    desk.speaker = Speaker(Rules(), routed(digest(channels=frozenset({"mail", "slack"}))))
    opened(desk, 2)
    until(desk, EVENING)
    [first] = desk.ways["slack"].sent
    with desk.database.write() as tx:
        known = digests.members(tx, first.delivery_id)
        gone = retract(tx, routing(), [item.id for item in known], desk.now)
    assert [item.channel for item in gone.changed] == ["slack"]
    desk.send()
    _, change = desk.ways["slack"].sent
    assert (change.root, change.is_retraction, len(change.page.entries)) == ("slack-1", True, 2)
    assert len(desk.ways["mail"].sent) == 1


# -- Failures and doubt ----------------------------------------------------------------------------------------------


def test_a_digest_that_did_not_arrive_is_tried_again_with_what_is_due_then(desk: Desk) -> None:
    desk.ways["mail"].plan = [NO_WAY]
    opened(desk, 2)
    until(desk, EVENING)
    say(desk, another(desk, 7))
    until(desk, EVENING + timedelta(seconds=5))
    assert [len(told) for told in headlines(desk)] == [2, 2]
    with desk.database.read() as tx:
        waiting = [item for item in outbox.unfinished(tx) if item.channel == "mail"]
    assert [(item.incident_id[-1], item.digest_id) for item in waiting] == [("7", None)]


def test_a_digest_in_doubt_is_looked_for_as_one_and_stays_what_it_was(desk: Desk) -> None:
    desk.ways["mail"].on_doubt = OnDoubt.CHECK
    desk.ways["mail"].plan, desk.ways["mail"].lookups = [DOUBT], [None]
    opened(desk, 3)
    until(desk, EVENING)
    first = desk.ways["mail"].sent[0]
    until(desk, EVENING + timedelta(seconds=40)).send()
    assert desk.ways["mail"].looked_for == [first.delivery_id]
    assert [message.delivery_id for message in desk.ways["mail"].sent] == [first.delivery_id] * 2
    assert sorted(headlines(desk)[0]) == sorted(headlines(desk)[1])


def test_a_digest_that_is_found_is_recorded_for_all_of_it(desk: Desk) -> None:
    desk.ways["mail"].on_doubt = OnDoubt.CHECK
    desk.ways["mail"].plan, desk.ways["mail"].lookups = [DOUBT], [Receipt("found")]
    opened(desk, 3)
    until(desk, EVENING)
    until(desk, EVENING + timedelta(seconds=40))
    with desk.database.read() as tx:
        known = digests.members(tx, desk.ways["mail"].sent[0].delivery_id)
    assert [(item.state, item.remote_id) for item in known] == [(DeliveryState.SENT, "found")] * 3


def test_a_digest_that_nobody_takes_is_a_digest_for_the_fallback(desk: Desk) -> None:
    everywhere = digest(channels=frozenset({"mail", "slack"}))
    desk.speaker = Speaker(Rules(), routed(everywhere))
    desk.ways["mail"].plan, desk.ways["slack"].plan = [NO_WAY] * 99, [NO_WAY] * 99
    opened(desk, 3)
    for seconds in range(0, 330, 5):
        until(desk, EVENING + timedelta(seconds=seconds))
    assert [len(told) for told in headlines(desk, "phone")] == [3]


def test_two_processes_that_claim_at_once_make_one_message(desk: Desk) -> None:
    opened(desk, 4)
    desk.now = EVENING
    other = desk.another_sender("two")
    other.run_once()
    desk.send()
    assert [len(told) for told in headlines(desk)] == [4]
