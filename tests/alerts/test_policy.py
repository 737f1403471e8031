"""Whether, why and when to speak, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alerts.page import Page, Quote, SourceShare, to_json
from alerts.policy import Change, Decision, Rules, decide, is_reminder_due
from alerts.quiet import QuietHours
from alerts.restraint import silencing
from config.settings import Settings
from storage.records import Alert, Incident, IncidentState, Reason, Severity, Silence
from tests.alerts.examples import BRAND, NOW, incident, page

CRITICAL, WARNING, WATCH = Severity.CRITICAL, Severity.WARNING, Severity.WATCH
OPENED, UPDATE, REMINDER = Reason.OPENED, Reason.UPDATE, Reason.REMINDER
NIGHT = QuietHours(time(22), time(7), ZoneInfo("UTC"))


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def told(at: datetime, reason: Reason = OPENED, severity: Severity = CRITICAL, seq: int = 1, **changes: Any) -> Alert:
    said = page(reason=reason, severity=severity, **changes)
    return Alert(said.incident_id, 1, seq, reason, severity, at, "", to_json(said))


def asked(
    change: Change = Change.HELD,
    before: tuple[Alert, ...] = (),
    *,
    now: datetime = NOW,
    what: Incident | None = None,
    say: Page | None = None,
    silences: tuple[Silence, ...] = (),
    rules: Rules | None = None,
    note: str = "",
) -> Decision:
    of = what or incident()
    return decide(
        of, change, say or page(severity=of.severity, state=of.state), before, silences, now, rules or Rules(), note
    )


def silence(**changes: Any) -> Silence:
    usual = Silence("s1", ago(hours=1), NOW + timedelta(hours=3), "Kim", "planned launch")
    return replace(usual, **changes)


@pytest.mark.parametrize(("severity", "wait"), [(CRITICAL, 0), (WARNING, 30), (WATCH, 300)])
def test_a_new_incident_is_told_after_its_severity_s_wait(severity: Severity, wait: int) -> None:
    decision = asked(Change.OPENED, what=incident(severity=severity))
    assert (decision.reason, decision.due_at) == (OPENED, NOW + timedelta(seconds=wait))


@pytest.mark.parametrize("change", [Change.HELD, Change.UPDATED, Change.ESCALATED])
def test_an_incident_of_which_nobody_heard_is_told_as_new_whatever_happened(change: Change) -> None:
    assert asked(change).reason is OPENED


NEWS_IN_THEMSELVES = {
    *(Change.RESOLVED, Change.FALSE_ALARM, Change.NOT_ABOUT_US, Change.DUPLICATE),
    *(Change.ACKNOWLEDGED, Change.RELEASED, Change.SNOOZED, Change.ANSWERED, Change.ASKED),
    *(Change.ASSIGNED, Change.CORRECTED, Change.MERGED, Change.TOOK_IN, Change.SPLIT, Change.SEPARATED),
}


@pytest.mark.parametrize("change", [change for change in Change if change not in NEWS_IN_THEMSELVES])
def test_what_was_just_told_is_not_told_again_at_once(change: Change) -> None:
    assert asked(change, (told(NOW),)).reason is None


def test_a_higher_severity_is_told_at_once() -> None:
    decision = asked(Change.ESCALATED, (told(ago(seconds=5), severity=WARNING),))
    assert decision.reason is Reason.ESCALATED
    assert decision.changed == ("It is critical now; it was a warning.",)


def test_a_severity_once_told_is_no_news_when_it_returns() -> None:
    before = (told(ago(hours=1), severity=CRITICAL), told(ago(minutes=9), UPDATE, WARNING, seq=2))
    assert asked(Change.ESCALATED, before).reason is not Reason.ESCALATED


def test_an_incident_that_was_taken_is_told_again_when_it_gets_worse() -> None:
    taken = incident(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim")
    assert asked(Change.ESCALATED, (told(ago(seconds=5), severity=WARNING),), what=taken).reason is Reason.ESCALATED


def test_a_correction_that_does_not_raise_the_severity_only_edits_what_was_sent() -> None:
    decision = asked(Change.CORRECTED, (told(NOW, severity=CRITICAL),), what=incident(severity=WARNING), note="Lower.")
    assert (decision.reason, decision.is_audible) == (UPDATE, False)


@pytest.mark.parametrize("change", [Change.CORRECTED, Change.TOOK_IN])
def test_a_severity_that_people_raise_pages_as_any_raise_does(change: Change) -> None:
    decision = asked(change, (told(NOW, severity=WARNING),), what=incident(severity=CRITICAL))
    assert (decision.reason, decision.is_audible) == (Reason.ESCALATED, True)


def test_what_is_its_own_incident_again_is_said_aloud_to_those_who_read_that_it_was_over() -> None:
    over = (told(ago(hours=1)), told(ago(minutes=5), Reason.RESOLVED, seq=2))
    assert asked(Change.SEPARATED, over).reason is Reason.REMINDER
    taken = incident(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim")
    assert asked(Change.SEPARATED, over, what=taken).reason is UPDATE


AUTHOR = Quote("Oh dear", "twitter", NOW, author="Famous", reach=3_000_000)


@pytest.mark.parametrize(
    ("now_page", "sentence"),
    [
        (page(observed=776), "776 negative voices in the last hour, up from 388 when you were last told."),
        (page(observed=775), None),
        (page(observed=5000, unit="replies"), None),
        (page(sources=(*page().sources, SourceShare("twitter", NOW))), "It has reached twitter."),
        (page(quotes=(*page().quotes, AUTHOR)), "Famous on twitter, with an audience of 3,000,000, joined in."),
        (page(quotes=(*page().quotes, replace(AUTHOR, reach=249_999))), None),
        (page(kind="recall", kind_title="product recall"), "What it is about has a name now: product recall."),
    ],
)
def test_only_material_changes_are_worth_a_message(now_page: Page, sentence: str | None) -> None:
    decision = asked(Change.HELD, (told(ago(minutes=6)),), say=now_page)
    assert decision.changed == ((sentence,) if sentence else ())


def test_growth_is_measured_against_what_people_heard_not_against_silent_edits() -> None:
    edits = tuple(told(ago(minutes=14 - n), UPDATE, seq=n + 2, observed=388 * 1.2**n) for n in range(4))
    decision = asked(Change.HELD, (told(ago(minutes=14.5)), *edits), say=page(observed=800))
    assert decision.changed == ("800 negative voices in the last hour, up from 388 when you were last told.",)


def test_figures_that_moved_a_little_only_edit_the_message() -> None:
    decision = asked(Change.HELD, (told(ago(minutes=6)),), say=page(observed=400))
    assert (decision.reason, decision.changed, decision.is_audible) == (UPDATE, (), False)


def test_figures_that_did_not_move_say_nothing() -> None:
    assert asked(Change.HELD, (told(ago(minutes=6)),)).reason is None


@pytest.mark.parametrize(("severity", "seconds"), [(CRITICAL, 60), (WARNING, 300), (WATCH, 300)])
def test_updates_keep_their_distance(severity: Severity, seconds: int) -> None:
    what, say = incident(severity=severity), page(severity=severity, observed=900)
    early = asked(Change.UPDATED, (told(ago(seconds=seconds - 1), severity=severity),), what=what, say=say)
    late = asked(Change.UPDATED, (told(ago(seconds=seconds), severity=severity),), what=what, say=say)
    assert (early.reason, late.reason) == (None, UPDATE)


def test_a_change_that_the_figures_do_not_show_speaks_for_itself() -> None:
    decision = asked(Change.UPDATED, (told(ago(minutes=6)),), note="A second thread has begun.")
    assert decision.changed == ("A second thread has begun.",)


@pytest.mark.parametrize(
    ("severity", "state", "minutes", "is_due"),
    [
        (CRITICAL, IncidentState.OPEN, 14.9, False),
        (CRITICAL, IncidentState.OPEN, 15, True),
        (CRITICAL, IncidentState.ACKNOWLEDGED, 90, False),
        (WARNING, IncidentState.OPEN, 59, False),
        (WARNING, IncidentState.OPEN, 60, True),
        (WATCH, IncidentState.OPEN, 600, False),
        (CRITICAL, IncidentState.OPEN, 24 * 60 + 1, False),
    ],
)
def test_people_are_reminded_of_what_nobody_took(
    severity: Severity, state: IncidentState, minutes: float, is_due: bool
) -> None:
    what = incident(severity=severity, state=state)
    before = (told(ago(minutes=minutes), severity=severity),)
    assert (asked(Change.HELD, before, what=what).reason is REMINDER) is is_due
    assert is_reminder_due(what, before, NOW, Rules()) is is_due


def test_a_reminder_says_for_how_long_and_what_is_new() -> None:
    decision = asked(Change.HELD, (told(ago(minutes=45)),), say=page(observed=900))
    assert decision.changed[0] == "Nobody has taken it for 45 minutes."
    assert decision.changed[1].startswith("900 negative voices")


def test_silent_edits_do_not_put_a_reminder_off() -> None:
    edits = tuple(told(ago(minutes=15 - n), UPDATE, seq=n + 2) for n in range(1, 14))
    assert asked(Change.HELD, (told(ago(minutes=15)), *edits)).reason is REMINDER


def test_taking_it_is_told_to_everybody_at_once() -> None:
    taken = incident(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim on duty", acknowledged_at=ago(minutes=1))
    decision = asked(Change.ACKNOWLEDGED, (told(ago(seconds=3)),), what=taken)
    assert (decision.reason, decision.changed) == (UPDATE, ("Kim on duty took it at 15:19.",))


def test_letting_it_go_rings_again() -> None:
    assert asked(Change.RELEASED, (told(ago(minutes=50)),)).reason is REMINDER


@pytest.mark.parametrize(
    ("change", "sentence"), [(Change.RESOLVED, "It is over."), (Change.FALSE_ALARM, "It was a false alarm.")]
)
def test_the_end_is_told_once_to_those_who_heard_of_the_beginning(change: Change, sentence: str) -> None:
    over = incident(state=IncidentState.RESOLVED)
    first = asked(change, (told(ago(hours=1)),), what=over)
    assert (first.reason, first.changed) == (Reason.RESOLVED, (sentence,))
    assert asked(change, (told(ago(hours=1)), told(ago(minutes=1), Reason.RESOLVED, seq=2)), what=over).reason is None
    assert asked(change, (), what=over).reason is None


@pytest.mark.parametrize(("severity", "reason"), [(CRITICAL, OPENED), (WARNING, OPENED), (WATCH, UPDATE)])
def test_a_return_pages_again_only_where_it_interrupts_anyway(severity: Severity, reason: Reason) -> None:
    back = incident(episode=2, severity=severity)
    decision = asked(Change.REOPENED, (told(ago(hours=1)), told(ago(minutes=9), Reason.RESOLVED, seq=2)), what=back)
    assert (decision.reason, decision.changed) == (reason, ("It has started again.",))


def test_the_return_of_what_nobody_heard_of_is_a_beginning() -> None:
    decision = asked(Change.REOPENED, (), what=incident(episode=2, severity=WATCH))
    assert (decision.reason, decision.due_at) == (OPENED, NOW + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("severity", "due"),
    [
        (CRITICAL, datetime(2024, 3, 5, 23, 0, tzinfo=UTC)),
        (WARNING, datetime(2024, 3, 6, 7, 0, tzinfo=UTC)),
        (WATCH, datetime(2024, 3, 6, 7, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_hold_all_but_critical_until_they_end(severity: Severity, due: datetime) -> None:
    night = NOW.replace(hour=23, minute=0)
    decision = asked(Change.OPENED, now=night, what=incident(severity=severity), rules=Rules(quiet=NIGHT))
    assert decision.due_at == due
    assert decision.held == ("" if severity is CRITICAL else "quiet hours")


def test_what_could_wait_is_not_kept_for_the_morning() -> None:
    night, warning = NOW.replace(hour=23), incident(severity=WARNING)
    before = (told(night - timedelta(minutes=61), severity=WARNING),)
    assert asked(Change.HELD, before, now=night, what=warning, rules=Rules(quiet=NIGHT)).reason is None


def test_one_who_takes_it_at_night_is_answered_at_night() -> None:
    night = NOW.replace(hour=23)
    taken = incident(severity=WARNING, state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", acknowledged_at=night)
    before = (told(night - timedelta(hours=2), severity=WARNING),)
    decision = asked(Change.ACKNOWLEDGED, before, now=night, what=taken, rules=Rules(quiet=NIGHT))
    assert decision.due_at == night


@pytest.mark.parametrize(
    ("rule", "severity", "is_silenced"),
    [
        (silence(), WARNING, True),
        (silence(), CRITICAL, False),
        (silence(include_critical=True), CRITICAL, True),
        (silence(brand=BRAND), WARNING, True),
        (silence(brand="Another"), WARNING, False),
        (silence(severity=WATCH), WARNING, False),
        (silence(incident_id="another"), WARNING, False),
        (silence(starts_at=NOW + timedelta(seconds=1)), WARNING, False),
        (silence(ends_at=NOW), WARNING, False),
    ],
)
def test_a_silence_matches_what_it_names(rule: Silence, severity: Severity, is_silenced: bool) -> None:
    found = silencing(incident(severity=severity), [rule], NOW)
    assert (found is rule) is is_silenced


def test_what_is_silenced_waits_for_the_end_of_the_longest_silence() -> None:
    rules = (silence(), silence(id="s2", ends_at=NOW + timedelta(hours=5), author="Ola", comment="strike"))
    decision = asked(Change.OPENED, what=incident(severity=WARNING), silences=rules)
    assert decision.due_at == NOW + timedelta(hours=5)
    assert decision.held == "silenced by Ola: strike"


def test_a_silence_that_ends_at_night_leads_into_the_quiet_hours() -> None:
    rules = (silence(ends_at=NOW.replace(hour=23)),)
    quiet = Rules(quiet=NIGHT)
    decision = asked(Change.OPENED, what=incident(severity=WARNING), silences=rules, rules=quiet)
    assert decision.due_at == NOW.replace(hour=7, minute=0) + timedelta(days=1)


def test_an_alert_that_cannot_be_read_any_more_does_not_silence_the_next() -> None:
    broken = replace(told(ago(minutes=6)), page={"nothing": "known"})
    assert asked(Change.HELD, (broken,)).reason is UPDATE


def test_the_rules_are_those_of_the_configuration() -> None:
    settings = Settings.model_validate(
        {"alerting": {"repeat_critical": "5m", "update_interval": "30s", "material_growth": 3.0}}
    )
    rules = Rules.build(settings)
    assert rules.repeat[CRITICAL] == timedelta(minutes=5)
    assert rules.interval[CRITICAL] == rules.interval[WARNING] == timedelta(seconds=30)
    assert rules.growth == 3.0
