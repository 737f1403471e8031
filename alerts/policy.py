"""Whether, why and when to speak about an incident: pure decisions, with the clock given.

`decide` is asked at every change of an incident, and at every tick while it lasts. It knows what people were told
before (the alerts of the incident) and answers with a reason to speak, or with why it keeps silent. Who is told, and
how that reaches them, is not decided here (alerts/routing.py, alerts/speak.py, alerts/outbox.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from alerts.material import changes
from alerts.page import Page, UnreadablePageError, from_json
from alerts.quiet import QuietHours
from alerts.restraint import Inhibition, inhibitions, restraint, tells_of
from alerts.words import clock, count, kind_words, person, severity_words, span
from config.settings import Settings
from storage.records import Alert, Incident, IncidentState, Reason, Severity, Silence


class Change(StrEnum):
    """What happened to an incident; `joined` and `held` are ticks at which it only went on."""

    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    UPDATED = "updated"
    JOINED = "joined"
    HELD = "held"
    ACKNOWLEDGED = "acknowledged"
    RELEASED = "released"
    ASKED = "asked"
    SNOOZED = "snoozed"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    NOT_ABOUT_US = "not_about_us"
    DUPLICATE = "duplicate"
    ASSIGNED = "assigned"
    CORRECTED = "corrected"
    MERGED = "merged"
    TOOK_IN = "took_in"
    SPLIT = "split"
    SEPARATED = "separated"


ENDS = {
    Change.RESOLVED: "it is over",
    Change.FALSE_ALARM: "it was a false alarm",
    Change.NOT_ABOUT_US: "it is not about us",
    Change.DUPLICATE: "it is the same as another incident",
    Change.MERGED: "it is part of another incident now",
}
_DONE = {
    Change.SNOOZED: "it was snoozed",
    Change.ANSWERED: "there is a public answer",
    Change.ASKED: "whoever took it is asked whether they still have it",
    Change.ASSIGNED: "somebody else is to carry it",
    Change.SPLIT: "part of it is an incident of its own",
}
BY_PEOPLE = frozenset(
    {Change.ACKNOWLEDGED, Change.RELEASED, Change.SEPARATED, *_DONE, *ENDS} - {Change.RESOLVED, Change.ASKED}
)
"""Changes that a person made just now: telling the others cannot wake anybody who was not awake."""

_MINUTE = timedelta(minutes=1)


def _repeats() -> dict[Severity, timedelta]:
    return {Severity.CRITICAL: 15 * _MINUTE, Severity.WARNING: 60 * _MINUTE}


def _intervals() -> dict[Severity, timedelta]:
    return {Severity.CRITICAL: _MINUTE, Severity.WARNING: 5 * _MINUTE, Severity.WATCH: 5 * _MINUTE}


def _waits() -> dict[Severity, timedelta]:
    return {Severity.CRITICAL: timedelta(0), Severity.WARNING: timedelta(seconds=30), Severity.WATCH: 5 * _MINUTE}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided about speaking.

    `wait` is how long the first message waits for further signals, `interval` the least time between two updates,
    `repeat` how often to remind of an incident that nobody took (a severity without an entry is never repeated) and
    `repeat_for` how long in all. `growth` and `reach` say which changes merit a message
    (alerts/material.py), `inhibitions` which incidents hold others back (alerts/restraint.py).
    """

    wait: Mapping[Severity, timedelta] = field(default_factory=_waits)
    interval: Mapping[Severity, timedelta] = field(default_factory=_intervals)
    repeat: Mapping[Severity, timedelta] = field(default_factory=_repeats)
    repeat_for: timedelta = timedelta(hours=24)
    growth: float = 2.0
    reach: int = 250_000
    quiet: QuietHours | None = None
    inhibitions: Sequence[Inhibition] = ()

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The rules of one configuration."""
        alerting = settings.alerting
        usual = alerting.update_interval
        return cls(
            interval={
                Severity.CRITICAL: min(_MINUTE, usual),
                Severity.WARNING: usual,
                Severity.WATCH: usual,
            },
            repeat={Severity.CRITICAL: alerting.repeat_critical, Severity.WARNING: alerting.repeat_warning},
            growth=alerting.material_growth,
            reach=settings.thresholds_for().reach_audience,
            quiet=QuietHours.build(settings),
            inhibitions=inhibitions(settings),
        )


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether to speak: `reason` is `None` for silence, and `why` says it in a sentence either way.

    `changed` is what is new since people were last told; an update without it edits messages where a channel can, and
    is nothing to others. `due_at` is when it may go out, `held` why that is not at once, `quiet` whether that is the
    end of quiet hours.
    """

    reason: Reason | None
    why: str
    changed: tuple[str, ...] = ()
    due_at: datetime | None = None
    held: str = ""
    quiet: bool = False

    @property
    def is_audible(self) -> bool:
        """Whether people get a new message, not only an edited one."""
        return self.reason is not None and (self.reason is not Reason.UPDATE or bool(self.changed))


def is_audible(alert: Alert) -> bool:
    """Whether an alert brought people a new message."""
    return alert.reason is not Reason.UPDATE or bool(alert.page.get("changed"))


def is_reminder_due(incident: Incident, told: Sequence[Alert], now: datetime, rules: Rules) -> bool:
    """Whether nobody took the incident for so long after people last heard of it that they are to be reminded."""
    episode = [alert for alert in told if alert.episode == incident.episode]
    heard = [alert.at for alert in episode if is_audible(alert)]
    every = rules.repeat.get(incident.severity)
    if every is None or incident.state is not IncidentState.OPEN or not heard:
        return False
    return now - heard[-1] >= every and now - episode[0].at <= rules.repeat_for


@dataclass(frozen=True, slots=True)
class _Case:
    """One question to the policy. `told` are the alerts of this episode, `heard` those of them that made a sound.

    `is_known` says that there were alerts in an earlier episode.
    """

    incident: Incident
    change: Change
    page: Page
    told: Sequence[Alert]
    now: datetime
    rules: Rules
    note: str
    is_known: bool = False

    @property
    def heard(self) -> list[Alert]:
        return [alert for alert in self.told if is_audible(alert)]


def decide(
    incident: Incident,
    change: Change,
    page: Page,
    told: Sequence[Alert],
    silences: Sequence[Silence],
    now: datetime,
    rules: Rules,
    note: str = "",
    live: Sequence[Incident] = (),
) -> Decision:
    """What to say about `incident` after `change`, `told` being all its alerts so far, oldest first.

    `page` is what would be told now and `note` the change in a sentence, where the one who made it has one; `live` are
    the incidents that go on, of which one may hold this back.
    """
    episode = [alert for alert in told if alert.episode == incident.episode]
    wish = _ANSWERS[change](_Case(incident, change, page, episode, now, rules, note, len(told) > len(episode)))
    return wish if wish.reason is None else _at_a_time(wish, incident, change, silences, now, rules, live)


# -- What there is to say --------------------------------------------------------------------------------------------


def _opened(case: _Case) -> Decision:
    if case.told:
        return _went_on(case)
    why = case.note or f"it was found to be {severity_words(case.incident.severity)}"
    return Decision(Reason.OPENED, why, due_at=case.now + case.rules.wait[case.incident.severity])


def _reopened(case: _Case) -> Decision:
    """A surge soon after the end pages again only where it interrupts people anyway."""
    if case.told or not case.is_known:
        return _went_on(case)
    sentence = case.note or "It has started again."
    reason = Reason.UPDATE if case.incident.severity is Severity.WATCH else Reason.OPENED
    return Decision(reason, "it has started again", (sentence,), case.now)


def _went_on(case: _Case) -> Decision:
    if not case.told:
        return _opened(case)
    if case.incident.severity.rank > max(alert.severity.rank for alert in case.told):
        return _escalated(case)
    news = _news(case)
    return _reminder(case, news) or _update(case, news)


def _update(case: _Case, news: tuple[str, ...]) -> Decision:
    wait = case.told[-1].at + case.rules.interval[case.incident.severity] - case.now
    if wait > timedelta(0):
        return Decision(None, f"people were told lately; the next update may go out in {span(wait.total_seconds())}")
    if news:
        return Decision(Reason.UPDATE, "there is something new to tell", news, case.now)
    if _figures(case.page) != _figures(_page_of(case.told[-1])):
        return Decision(Reason.UPDATE, "the figures have moved", (), case.now)
    return Decision(None, "nothing is new since people were last told")


def _escalated(case: _Case) -> Decision:
    before = max((alert.severity for alert in case.told), key=lambda severity: severity.rank)
    why = f"it is {severity_words(case.incident.severity)} now; it was {severity_words(before)}"
    return Decision(Reason.ESCALATED, why, _news(case) or (f"{why[0].upper()}{why[1:]}.",), case.now)


def _reminder(case: _Case, news: tuple[str, ...]) -> Decision | None:
    if not is_reminder_due(case.incident, case.told, case.now, case.rules):
        return None
    why = f"nobody has taken it for {span((case.now - case.told[0].at).total_seconds())}"
    return Decision(Reason.REMINDER, why, (f"{why[0].upper()}{why[1:]}.", *news), case.now)


def _news(case: _Case) -> tuple[str, ...]:
    """What is new since people last heard of it, or the change's own sentence where the figures show nothing."""
    before = _page_of(case.heard[-1] if case.heard else case.told[0])
    found = changes(before, case.page, case.rules.growth, case.rules.reach) if before else ()
    telling = (Change.UPDATED, Change.ESCALATED, Change.CORRECTED, Change.TOOK_IN)
    own = (case.note,) if case.note and case.change in telling else ()
    return found or own


def _taken(case: _Case) -> Decision:
    if not case.told:
        return Decision(None, "nobody was told of it yet")
    who = person(case.incident.acknowledged_by or "Somebody")
    at = case.incident.acknowledged_at or case.now
    sentence = case.note or f"{who} took it at {clock(at, case.page.timezone, case.now)}."
    return Decision(Reason.UPDATE, f"{who} took it", (sentence,), case.now)


def _corrected(case: _Case) -> Decision:
    """A severity that a person raised is told like any other; everything else only edits what was sent."""
    if not case.told:
        return _opened(case)
    if case.incident.severity.rank > max(alert.severity.rank for alert in case.told):
        return _escalated(case)
    return Decision(Reason.UPDATE, "it was corrected", (), case.now)


def _took_in(case: _Case) -> Decision:
    """Another incident is part of this one now, which may make it worse than anybody was told."""
    if not case.told or case.incident.severity.rank > max(alert.severity.rank for alert in case.told):
        return _went_on(case)
    return Decision(Reason.UPDATE, "another incident is part of it now", (case.note,), case.now)


def _released(case: _Case) -> Decision:
    """Nobody has it any more, so everybody is told as at the start."""
    if not case.told:
        return _opened(case)
    return Decision(Reason.REMINDER, "nobody has it any more", (case.note or "Nobody has it any more.",), case.now)


def _separated(case: _Case) -> Decision:
    """It goes on by itself again, and whoever read that it was over must hear that."""
    if not case.told:
        return _opened(case)
    reason = Reason.UPDATE if case.incident.state is IncidentState.ACKNOWLEDGED else Reason.REMINDER
    return Decision(reason, "it goes on by itself again", (case.note or "It goes on by itself again.",), case.now)


def _done(case: _Case) -> Decision:
    """What changes neither the state nor the figures, and is to be told all the same."""
    if not case.told:
        return Decision(None, "nobody was told of it yet")
    why = _DONE[case.change]
    return Decision(Reason.UPDATE, why, (case.note or f"{why[0].upper()}{why[1:]}.",), case.now)


def _over(case: _Case) -> Decision:
    if not case.told:
        return Decision(None, "it ended before anybody was told")
    if case.told[-1].reason is Reason.RESOLVED:
        return Decision(None, "people were told that it is over")
    why = ENDS[case.change]
    return Decision(Reason.RESOLVED, why, (case.note or f"{why[0].upper()}{why[1:]}.",), case.now)


_ANSWERS: dict[Change, Callable[[_Case], Decision]] = {
    Change.OPENED: _opened,
    Change.REOPENED: _reopened,
    Change.ESCALATED: _went_on,
    Change.UPDATED: _went_on,
    Change.JOINED: _went_on,
    Change.HELD: _went_on,
    Change.ACKNOWLEDGED: _taken,
    Change.RELEASED: _released,
    Change.SEPARATED: _separated,
    Change.CORRECTED: _corrected,
    Change.TOOK_IN: _took_in,
    **dict.fromkeys(_DONE, _done),
    **dict.fromkeys(ENDS, _over),
}


def _page_of(alert: Alert) -> Page | None:
    """What people were told; `None` where it cannot be read, since speaking goes before comparing."""
    try:
        return from_json(alert.page)
    except UnreadablePageError:
        return None


def _figures(page: Page | None) -> tuple[object, ...] | None:
    """What a reader would notice when a message is edited."""
    if page is None:
        return None
    shares = tuple((share.source, share.posts) for share in page.sources)
    observed = None if page.observed is None else count(page.observed)
    return (observed, page.voices, page.posts, shares, page.severity, page.state, kind_words(page.kind))


# -- When it may be said ---------------------------------------------------------------------------------------------


def _at_a_time(
    wish: Decision,
    incident: Incident,
    change: Change,
    silences: Sequence[Silence],
    now: datetime,
    rules: Rules,
    live: Sequence[Incident],
) -> Decision:
    due = wish.due_at or now
    held = ""
    heard = [silence for silence in silences if not tells_of(silence, incident.id, now)]
    if hold := restraint(incident, heard, live, due, rules.inhibitions):
        due, held = hold.until, hold.why
    critical = incident.severity is Severity.CRITICAL
    is_quiet = False
    if rules.quiet and not critical and change not in BY_PEOPLE and (end := rules.quiet.until(due)):
        due, held, is_quiet = end, held or "quiet hours", True
    if held and (wish.reason is Reason.REMINDER or not wish.is_audible):
        return Decision(None, f"it is held back ({held}), and there is nothing in it that could not wait")
    return Decision(wish.reason, wish.why, wish.changed, due, held, is_quiet)
