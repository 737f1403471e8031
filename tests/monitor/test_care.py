"""What people do about incidents: decided purely, stored whole, told to the others."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.page import Page
from alerts.policy import Change
from alerts.speak import Speaker
from config.settings import Settings
from monitor.care import Action, Care, CareError, UnknownIncidentError, decide, find
from storage import incidents, outbox
from storage.database import Database, Transaction
from storage.records import DeliveryState, Incident, IncidentState, Reason, Severity
from tests.monitor.cli import letterbox
from tests.storage.examples import NOON, after, incident

CHANNEL = {"type": "letterbox.channel", "name": "bells", "rooms": ["hall", "tower"]}
SETTINGS: dict[str, Any] = {
    "brands": [{"name": "Acme"}],
    "channels": [CHANNEL],
    "routes": [{"channels": ["bells"]}],
}


def page_of(incident: Incident, at: datetime) -> Page:
    return Page(
        headline=incident.headline,
        brand=incident.brand,
        severity=incident.severity,
        reason=Reason.UPDATE,
        incident_id=incident.id,
        at=at,
        began_at=incident.began_at,
        state=incident.state,
    )


@pytest.fixture
def care(monkeypatch: pytest.MonkeyPatch) -> Care:
    """Care that tells two rooms."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    speaker = Speaker.build(Settings.model_validate(SETTINGS))
    timeouts = {Severity.CRITICAL: timedelta(hours=1), Severity.WARNING: timedelta(hours=4)}
    return Care(speaker, lambda _tx, incident, at: page_of(incident, at), timeouts)


def opened(tx: Transaction, care: Care, *, sent: bool = True, **fields: Any) -> Incident:
    """An incident whose first alert is in the outbox, or was sent to both rooms."""
    new = incident(**fields)
    incidents.insert(tx, new)
    incidents.append_event(tx, new.id, NOON, "opened")
    care.speaker.speak(tx, new, Change.OPENED, page_of(new, NOON), NOON)
    for item in outbox.claim(tx, after(minutes=1), "sender", after(minutes=2) - after(minutes=1), 10) if sent else ():
        outbox.record(tx, item.id, item.fence, state=DeliveryState.SENT, now=after(minutes=1), remote_id=item.id)
    return new


def states(tx: Transaction, incident_id: str) -> dict[tuple[int, str], str]:
    return {(item.seq, item.target): item.state.value for item in outbox.history(tx, incident_id)}


def test_taking_an_incident_is_stored_with_its_line_and_told_to_all(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
    with database.write() as tx:
        done = care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=5), "writing a statement")
    with database.read() as tx:
        stored = incidents.get(tx, "i1")
        (*_, event) = incidents.events(tx, "i1")
    assert stored == done.incident
    assert (stored.state, stored.acknowledged_by, stored.version) == (IncidentState.ACKNOWLEDGED, "Ada", 2)
    assert stored.acknowledged_at == after(minutes=5)
    assert (event.kind, event.actor, event.details["note"]) == ("acknowledged", "Ada", "writing a statement")
    assert sorted((item.reason, item.target) for item in done.deliveries) == [("update", "hall"), ("update", "tower")]
    assert done.deliveries[0].page["changed"] == ["Ada took it: writing a statement"]


def test_the_first_to_take_it_keeps_it_and_the_second_is_on_record(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=5))
        second = care.do(tx, "i1", Action.ACKNOWLEDGE, "Bo", after(minutes=6))
    assert (second.changed, second.deliveries, second.incident.acknowledged_by) == (False, (), "Ada")
    assert (second.event.actor, second.event.details["already"]) == ("Bo", "Ada")
    assert second.incident.version == 2


def test_taking_it_drops_reminders_that_wait(database: Database, care: Care) -> None:
    with database.write() as tx:
        new = opened(tx, care)
        care.speaker.speak(tx, new, Change.HELD, page_of(new, after(hours=2)), after(hours=2))
        waiting = [item.reason for item in outbox.unfinished(tx)]
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(hours=2, minutes=1))
        left = [item.reason for item in outbox.unfinished(tx)]
    assert waiting == [Reason.REMINDER, Reason.REMINDER]
    assert left == [Reason.UPDATE, Reason.UPDATE]


def test_ending_it_tells_exactly_those_who_were_told(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        outbox.supersede(tx, "i1", [Reason.OPENED])
        done = care.do(tx, "i1", Action.RESOLVE, "Ada", after(hours=1), "apology published")
    assert done.incident.state is IncidentState.RESOLVED
    assert done.incident.resolved_at == after(hours=1)
    assert sorted((item.reason, item.target) for item in done.deliveries) == [
        ("resolved", "hall"),
        ("resolved", "tower"),
    ]


def test_ending_it_before_anybody_was_told_makes_one_combined_message(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care, sent=False)
        care.do(tx, "i1", Action.RESOLVE, "Ada", after(minutes=1))
        found = states(tx, "i1")
    assert found == {
        (1, "hall"): "superseded",
        (1, "tower"): "superseded",
        (2, "hall"): "pending",
        (2, "tower"): "pending",
    }


def test_an_incident_that_nobody_heard_of_ends_in_silence(database: Database, care: Care) -> None:
    with database.write() as tx:
        incidents.insert(tx, incident())
        done = care.do(tx, "i1", Action.FALSE_ALARM, "Ada", after(minutes=1))
    assert (done.incident.state, done.deliveries) == (IncidentState.FALSE_ALARM, ())


def test_a_false_alarm_ends_it_and_says_so(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        done = care.do(tx, "i1", Action.FALSE_ALARM, "Ada", after(minutes=9), "a product launch")
    assert done.incident.state is IncidentState.FALSE_ALARM
    assert {item.reason for item in done.deliveries} == {Reason.RESOLVED}
    assert done.deliveries[0].page["changed"] == ["Ada called it a false alarm: a product launch"]


def test_what_is_over_may_still_be_called_a_false_alarm(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.RESOLVE, "Ada", after(minutes=9))
        done = care.do(tx, "i1", Action.FALSE_ALARM, "Bo", after(hours=9))
    assert (done.incident.state, done.changed, done.deliveries) == (IncidentState.FALSE_ALARM, True, ())
    assert done.incident.resolved_at == after(minutes=9)


def test_a_note_changes_nothing_but_the_timeline(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        done = care.do(tx, "i1", Action.NOTE, "Ada", after(minutes=2), "legal\nhas   seen it")
        left = outbox.unfinished(tx)
    assert (done.changed, done.incident.version, left) == (False, 1, [])
    assert (done.event.kind, done.event.details["note"]) == ("note", "legal has seen it")


def test_the_timeline_has_no_gap_whatever_is_done(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        for minute, action in enumerate([Action.NOTE, Action.ACKNOWLEDGE, Action.ACKNOWLEDGE, Action.RESOLVE], 1):
            care.do(tx, "i1", action, "Ada", after(minutes=minute), "x")
        assert [event.seq for event in incidents.events(tx, "i1")] == [1, 2, 3, 4, 5]


def test_what_is_taken_and_not_ended_is_open_again_and_everybody_is_told(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=5))
        early = care.release_overdue(tx, after(hours=4))
        (done,) = care.release_overdue(tx, after(hours=4, minutes=5))
        again = care.release_overdue(tx, after(hours=9))
    assert (early, again) == ([], [])
    assert (done.incident.state, done.incident.acknowledged_by) == (IncidentState.OPEN, None)
    assert (done.event.kind, done.event.actor, done.event.details["was"]) == ("released", "tocsin", "Ada")
    assert {item.target for item in done.deliveries} == {"hall", "tower"}
    assert done.deliveries[0].page["changed"][-1] == "Ada took it and has not ended it in time."


def test_a_note_is_a_sign_that_somebody_is_still_at_it(sqlite_database: Database, care: Care) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=5))
        care.do(tx, "i1", Action.NOTE, "Bo", after(hours=3), "the statement is with legal")
        incidents.append_event(tx, "i1", after(hours=5), "updated")
        assert care.release_overdue(tx, after(hours=6, minutes=59)) == []
        assert len(care.release_overdue(tx, after(hours=7))) == 1


def test_a_critical_incident_may_stay_taken_for_less_and_a_watch_for_ever(
    sqlite_database: Database, care: Care
) -> None:
    with sqlite_database.write() as tx:
        for name, severity in (("i1", Severity.CRITICAL), ("i2", Severity.WATCH)):
            opened(tx, care, incident_id=name, severity=severity)
            care.do(tx, name, Action.ACKNOWLEDGE, "Ada", NOON)
        assert [done.incident.id for done in care.release_overdue(tx, after(hours=1))] == ["i1"]
        assert care.release_overdue(tx, after(days=9)) == []


def test_an_incident_that_somebody_else_changed_meanwhile_is_left_alone(
    sqlite_database: Database, care: Care, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
    stale = incident()
    with sqlite_database.write() as tx:
        incidents.update(tx, replace(stale, version=2, severity=Severity.CRITICAL), 1)
    monkeypatch.setattr(incidents, "get", lambda _tx, _id: stale)
    with pytest.raises(CareError, match="changed by somebody else"), sqlite_database.write() as tx:
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=1))
    monkeypatch.undo()
    with sqlite_database.read() as tx:
        assert [event.kind for event in incidents.events(tx, "i1")] == ["opened"]
        assert all(item.state is DeliveryState.SENT for item in outbox.history(tx, "i1"))


def test_what_is_over_cannot_be_taken(sqlite_database: Database, care: Care) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.RESOLVE, "Ada", after(minutes=1))
        with pytest.raises(CareError, match=r"is over \(resolved\)"):
            care.do(tx, "i1", Action.ACKNOWLEDGE, "Bo", after(minutes=2))


@pytest.mark.parametrize(("note", "message"), [("", "needs words"), (" \n ", "needs words"), ("x" * 2001, "at most")])
def test_a_note_needs_words_and_an_end(note: str, message: str) -> None:
    with pytest.raises(CareError, match=message):
        decide(incident(), Action.NOTE, "Ada", NOON, note)


@given(st.lists(st.tuples(st.sampled_from(list(Action)), st.sampled_from(["Ada", "Bo"])), max_size=8))
def test_any_order_of_actions_leaves_a_sensible_incident(actions: list[tuple[Action, str]]) -> None:
    now = incident()
    for minute, (action, by) in enumerate(actions):
        try:
            now = decide(now, action, by, after(minutes=minute), "note").incident
        except CareError:
            assert not now.state.is_live
    taken = [by for action, by in actions if action is Action.ACKNOWLEDGE]
    assert (now.resolved_at is None) == now.state.is_live
    assert now.acknowledged_by in (None, *taken[:1])
    assert (now.acknowledged_at is None) == (now.acknowledged_by is None)


def test_an_incident_is_found_by_either_end_of_its_id(sqlite_database: Database) -> None:
    first, second = "01HWRX5Z00AAAAAAAAAAAAAAA1", "01HWRX5Z00BBBBBBBBBBBBBBB2"
    with sqlite_database.write() as tx:
        for name in (first, second):
            incidents.insert(tx, incident(name))
        assert find(tx, first).id == first
        assert find(tx, "01HWRX5Z00B").id == second
        assert find(tx, "aaa1").id == first
        with pytest.raises(UnknownIncidentError, match="fits 2 incidents"):
            find(tx, "01HW")
        for name in ("A1", "ZZZZ", ""):
            with pytest.raises(UnknownIncidentError, match="no incident is called"):
                find(tx, name)
