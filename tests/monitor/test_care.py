"""What people do about incidents: decided purely, stored whole, told to the others."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.actions import offered
from alerts.page import Page
from alerts.policy import Change
from alerts.restraint import tells_of
from alerts.speak import Speaker
from config.settings import Settings
from monitor.care import Action, Ask, Care, CareError, UnknownIncidentError, decide, find
from monitor.decisions import Standing
from storage import incidents, outbox, silences, verdicts
from storage.database import Database, Transaction
from storage.records import DeliveryState, Incident, IncidentState, Reason, Severity, Verdict
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


def test_of_two_who_take_it_at_once_the_second_learns_who_has_it(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
    both = threading.Barrier(2)

    def take(who: str) -> bool:
        both.wait(10)
        with database.write() as tx:
            return care.do(tx, "i1", Action.ACKNOWLEDGE, who, after(minutes=5)).changed

    with ThreadPoolExecutor(2) as pool:
        changed = dict(zip(("Ada", "Bo"), pool.map(take, ("Ada", "Bo")), strict=True))
    with database.read() as tx:
        stored = incidents.get(tx, "i1")
        (_, _, late) = incidents.events(tx, "i1")
    assert stored is not None
    assert [who for who, is_first in changed.items() if is_first] == [stored.acknowledged_by]
    assert late.details["already"] == stored.acknowledged_by != late.actor


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


def test_a_snooze_holds_what_is_no_worse_and_the_others_know_of_it(database: Database, care: Care) -> None:
    with database.write() as tx:
        new = opened(tx, care)
        done = care.do(tx, "i1", Action.SNOOZE, "Ada", after(minutes=5), "legal reads", until=after(hours=2))
        held = care.speaker.speak(tx, new, Change.HELD, page_of(new, after(hours=1, minutes=30)), after(minutes=90))
        worse = replace(new, severity=Severity.CRITICAL)
        rings = care.speaker.speak(tx, worse, Change.ESCALATED, page_of(worse, after(minutes=91)), after(minutes=91))
        later = care.speaker.speak(tx, new, Change.HELD, page_of(new, after(hours=3)), after(hours=3))
    assert done.deliveries[0].page["changed"] == ["Ada snoozed it until 14:00: legal reads"]
    assert [item.due_at for item in done.deliveries] == [after(minutes=5)] * 2
    assert (held.decision.reason, "silenced by Ada" in held.decision.why) == (None, True)
    assert (rings.decision.reason, rings.decision.due_at) == (Reason.ESCALATED, after(minutes=91))
    assert later.decision.reason is Reason.REMINDER


def test_the_message_that_tells_of_a_snooze_is_not_held_by_it(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        done = care.do(tx, "i1", Action.SNOOZE, "Ada", after(minutes=5), until=after(hours=2))
        rules = silences.active(tx, after(minutes=6))
    (first, _) = done.deliveries
    assert [tells_of(rule, "i1", first.created_at) for rule in rules] == [True]
    assert [tells_of(rule, "i1", after(minutes=6)) for rule in rules] == [False]


def test_a_critical_incident_may_be_snoozed_by_a_person(sqlite_database: Database, care: Care) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care, severity=Severity.CRITICAL)
        care.do(tx, "i1", Action.SNOOZE, "Ada", after(minutes=5), until=after(hours=1))
        (rule,) = silences.active(tx, after(minutes=6))
    assert (rule.incident_id, rule.severity, rule.include_critical) == ("i1", Severity.CRITICAL, True)


def test_the_last_snooze_counts_and_the_same_again_is_none(sqlite_database: Database, care: Care) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.SNOOZE, "Ada", after(minutes=5), until=after(hours=4))
        shorter = care.do(tx, "i1", Action.SNOOZE, "Bo", after(minutes=6), until=after(hours=1))
        again = care.do(tx, "i1", Action.SNOOZE, "Cy", after(minutes=7), until=after(hours=1))
        rules = silences.active(tx, after(minutes=8))
    assert (shorter.changed, again.changed, again.deliveries) == (True, False, ())
    assert [(rule.author, rule.ends_at) for rule in rules] == [("Bo", after(hours=1))]


@pytest.mark.parametrize("action", [Action.RESOLVE, Action.FALSE_ALARM, Action.NOT_ABOUT_US, Action.RELEASE])
def test_a_snooze_ends_with_what_it_paused(sqlite_database: Database, care: Care, action: Action) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=4))
        care.do(tx, "i1", Action.SNOOZE, "Ada", after(minutes=5), until=after(hours=4))
        done = care.do(tx, "i1", action, "Ada", after(minutes=6))
        assert silences.active(tx, after(minutes=6)) == []
    assert {item.due_at for item in done.deliveries} == {after(minutes=6)}


def test_a_public_answer_is_told_once_with_its_link(database: Database, care: Care) -> None:
    link = "https://acme.example/sorry"
    with database.write() as tx:
        opened(tx, care)
        done = care.do(tx, "i1", Action.ANSWERED, "Ada", after(minutes=40), link=link)
        again = care.do(tx, "i1", Action.ANSWERED, "Bo", after(minutes=41), link=link)
        other = care.do(tx, "i1", Action.ANSWERED, "Bo", after(minutes=42), link=f"{link}/2")
    assert done.deliveries[0].page["changed"] == [f"Ada says that we have answered publicly ({link})."]
    assert (done.event.kind, done.event.details["link"]) == ("answered", link)
    assert (again.changed, again.deliveries, other.changed) == (False, (), True)


def test_a_duplicate_ends_and_both_know_of_it(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        incidents.insert(tx, incident("i2", headline="Parcels are late everywhere"))
        done = care.do(tx, "i1", Action.DUPLICATE, "Ada", after(minutes=9), twin="i2")
        care.do(tx, "i1", Action.DUPLICATE, "Ada", after(minutes=10), twin="i2")
        lines = [(event.kind, event.details) for event in incidents.events(tx, "i2")]
        verdict = verdicts.of(tx, "i1")
        with pytest.raises(CareError, match="cannot be both ways round"):
            care.do(tx, "i2", Action.DUPLICATE, "Bo", after(minutes=11), twin="i1")
    assert done.incident.state is IncidentState.RESOLVED
    assert done.deliveries[0].reason is Reason.RESOLVED
    assert "the same as another incident (i2," in done.deliveries[0].page["changed"][0]
    assert lines == [("has_duplicate", {"twin": "i1"})]
    assert verdict is not None
    assert verdict.verdict is Verdict.DUPLICATE


def test_what_is_not_about_us_is_a_verdict_and_over(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        done = care.do(tx, "i1", Action.NOT_ABOUT_US, "Ada", after(minutes=9), "the band of that name")
        verdict = verdicts.of(tx, "i1")
    assert done.incident.state is IncidentState.FALSE_ALARM
    assert verdict is not None
    assert (verdict.verdict, verdict.by) == (Verdict.NOT_ABOUT_US, "Ada")


def test_handing_it_back_opens_it_and_tells_everybody(database: Database, care: Care) -> None:
    with database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", after(minutes=5))
        done = care.do(tx, "i1", Action.RELEASE, "Ada", after(minutes=30), "my shift ends")
        again = care.do(tx, "i1", Action.RELEASE, "Bo", after(minutes=31))
    assert (done.incident.state, done.incident.acknowledged_by) == (IncidentState.OPEN, None)
    assert {(item.reason, item.target) for item in done.deliveries} == {("reminder", "hall"), ("reminder", "tower")}
    assert done.deliveries[0].page["changed"][-1] == "Ada handed it back: my shift ends"
    assert again.changed is False


@pytest.mark.parametrize("state", list(IncidentState))
def test_what_is_offered_can_be_done(state: IncidentState) -> None:
    taken = {"acknowledged_by": "Ada", "acknowledged_at": NOON} if state is IncidentState.ACKNOWLEDGED else {}
    now = Standing(incident(state=state, **taken))
    offered_here = [one.action for one in offered(state)]
    for action in offered_here:
        ask = Ask(action, "Bo", after(minutes=1), "note", after(hours=1), "https://acme.example/", incident("i2"))
        decided = decide(now, ask)
        assert decided.changed or action in (Action.NOTE, Action.DUPLICATE)
    assert Action.NOTE in offered_here
    assert (Action.ACKNOWLEDGE in offered_here) == (state is IncidentState.OPEN)


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
        asked = care.release_overdue(tx, after(hours=4, minutes=5))
        waiting = care.release_overdue(tx, after(hours=4, minutes=14))
        question = outbox.history(tx, "i1")[-1]
        (done,) = care.release_overdue(tx, after(hours=4, minutes=15))
        again = care.release_overdue(tx, after(hours=9))
    assert (early, asked, waiting, again) == ([], [], [], [])
    assert question.page["changed"][-1].startswith("Ada took it and has not ended it. Without a sign")
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
        assert care.release_overdue(tx, after(hours=7)) == []
        assert len(care.release_overdue(tx, after(hours=7, minutes=10))) == 1


def test_any_sign_of_a_person_answers_the_question_whether_somebody_has_it(
    sqlite_database: Database, care: Care
) -> None:
    with sqlite_database.write() as tx:
        opened(tx, care)
        care.do(tx, "i1", Action.ACKNOWLEDGE, "Ada", NOON)
        assert care.release_overdue(tx, after(hours=4)) == []
        care.do(tx, "i1", Action.NOTE, "Ada", after(hours=4, minutes=3), "still at it")
        assert care.release_overdue(tx, after(hours=4, minutes=20)) == []
        assert care.release_overdue(tx, after(hours=8, minutes=3)) == []
        assert len(care.release_overdue(tx, after(hours=8, minutes=13))) == 1


def test_a_critical_incident_may_stay_taken_for_less_and_a_watch_for_ever(
    sqlite_database: Database, care: Care
) -> None:
    with sqlite_database.write() as tx:
        for name, severity in (("i1", Severity.CRITICAL), ("i2", Severity.WATCH)):
            opened(tx, care, incident_id=name, severity=severity)
            care.do(tx, name, Action.ACKNOWLEDGE, "Ada", NOON)
        assert care.release_overdue(tx, after(hours=1)) == []
        assert [done.incident.id for done in care.release_overdue(tx, after(hours=1, minutes=10))] == ["i1"]
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
        decide(Standing(incident()), Ask(Action.NOTE, "Ada", NOON, note))


@given(st.lists(st.tuples(st.sampled_from(list(Action)), st.sampled_from(["Ada", "Bo"])), max_size=8))
def test_any_order_of_actions_leaves_a_sensible_incident(actions: list[tuple[Action, str]]) -> None:
    now, taken = incident(), ""
    for minute, (action, by) in enumerate(actions):
        at = after(minutes=minute)
        ask = Ask(action, by, at, "note", after(hours=9), "https://acme.example/", incident("i2"))
        try:
            now = decide(Standing(now), ask).incident
        except CareError:
            assert not now.state.is_live
            continue
        if action is Action.ACKNOWLEDGE:
            taken = taken or by
        elif action is Action.RELEASE:
            taken = ""
    assert (now.resolved_at is None) == now.state.is_live
    assert (now.acknowledged_by or "") == taken
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
