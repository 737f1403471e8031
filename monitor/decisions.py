"""What an action of a person makes of an incident: pure functions, one for each action.

They know the incident and what people did about it before, are told the moment and the words, and answer with what is
to be stored and said. `monitor/care.py` stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.actions import Action, offer
from alerts.policy import Change
from alerts.render.outside import safe_link
from alerts.words import clock, person
from storage.records import Incident, IncidentEvent, IncidentState, Severity, Silence

LONGEST_NOTE = 2_000
LONGEST_SNOOZE = timedelta(days=7)
"""A snooze is a pause; what should rest for longer is ended, or silenced by the operator."""


class CareError(Exception):
    """What was asked cannot be done to this incident; the message says why and what can."""


class UnknownIncidentError(CareError):
    """No incident, or more than one, is called so."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a person asks for: `until` when a snooze ends, `link` where an answer stands, `twin` the incident of which
    this one is a duplicate."""

    action: Action
    by: str
    at: datetime
    note: str = ""
    until: datetime | None = None
    link: str = ""
    twin: Incident | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident with what people did about it: the public answers of this episode, and the snoozes in force."""

    incident: Incident
    answers: tuple[str, ...] = ()
    snoozes: tuple[Silence, ...] = ()
    twins: tuple[str, ...] = ()
    """Ids of incidents that were called duplicates of this one."""
    timezone: str = "UTC"

    @property
    def snoozed_until(self) -> datetime | None:
        """When the last snooze in force ends."""
        return max((silence.ends_at for silence in self.snoozes), default=None)


@dataclass(frozen=True, slots=True)
class Decided:
    """The incident after an action, with the change to tell the others (None: nothing to tell) and in which words.

    `changed` is whether anything is different now. `details` go into the line of the timeline, `snooze` is stored, and
    with `wakes` the snoozes in force end.
    """

    incident: Incident
    change: Change | None
    note: str
    changed: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)
    snooze: Silence | None = None
    wakes: bool = False


def standing(
    incident: Incident, events: Iterable[IncidentEvent], silences: Sequence[Silence], at: datetime, timezone: str
) -> Standing:
    """How things stand at `at`, from the timeline and the silences."""
    lines = list(events)
    answers = [
        str(event.details.get("link", ""))
        for event in lines
        if event.kind == Action.ANSWERED and event.details.get("episode") == incident.episode
    ]
    mine = (one for one in silences if one.incident_id == incident.id and one.starts_at <= at < one.ends_at)
    twins = (str(event.details["twin"]) for event in lines if event.kind == HAS_TWIN)
    return Standing(incident, tuple(answers), tuple(mine), tuple(twins), timezone)


HAS_TWIN = "has_duplicate"
"""The line in the timeline of an incident of which another is a duplicate."""


def decide(now: Standing, ask: Ask) -> Decided:
    """What is to become of the incident; `CareError` when the action makes no sense.

    Taking what somebody took already changes nothing (the first keeps it) and is on record; so is ending what is over.
    What is over may still be called a false alarm, a duplicate or not about us: that is what the numbers are tuned by.
    """
    note = " ".join(ask.note.split())
    if len(note) > LONGEST_NOTE:
        raise CareError(f"a note has at most {LONGEST_NOTE} characters; this one has {len(note)}")
    return _DECISIONS[ask.action](now, replace(ask, note=note))


def _acknowledged(now: Standing, ask: Ask) -> Decided:
    incident = now.incident
    if not incident.state.is_live:
        raise CareError(f"incident {incident.id} is over ({incident.state.value}), so there is nothing to take")
    if incident.state is IncidentState.ACKNOWLEDGED:
        return _unchanged(now)
    taken = replace(incident, state=IncidentState.ACKNOWLEDGED, acknowledged_by=ask.by, acknowledged_at=ask.at)
    return Decided(taken, Change.ACKNOWLEDGED, _said(ask))


def _released(now: Standing, ask: Ask) -> Decided:
    incident = now.incident
    if not incident.state.is_live:
        raise CareError(f"incident {incident.id} is over ({incident.state.value}), so there is nothing to hand back")
    if incident.state is IncidentState.OPEN:
        return _unchanged(now)
    free = replace(incident, state=IncidentState.OPEN, acknowledged_at=None, acknowledged_by=None)
    details = {"was": incident.acknowledged_by or ""}
    return Decided(free, Change.RELEASED, _said(ask), details=details, wakes=True)


def _snoozed(now: Standing, ask: Ask) -> Decided:
    """A pause for as long as it does not get worse: the silence holds the severity of now and no other."""
    incident, until = now.incident, ask.until
    if not incident.state.is_live:
        raise CareError(f"incident {incident.id} is over ({incident.state.value}), so there is nothing to snooze")
    if until is None or until <= ask.at:
        raise CareError("a snooze needs a time to come until which it lasts, such as 2h from now")
    if until - ask.at > LONGEST_SNOOZE:
        raise CareError(f"a snooze lasts {LONGEST_SNOOZE.days} days at most; end the incident if it may rest for good")
    if now.snoozed_until == until:
        return _unchanged(now)
    silence = Silence(
        id=f"{incident.id}.{int(ask.at.timestamp() * 1000)}",
        starts_at=ask.at,
        ends_at=until,
        author=ask.by,
        comment=ask.note or "snoozed",
        brand=incident.brand,
        severity=incident.severity,
        incident_id=incident.id,
        include_critical=incident.severity is Severity.CRITICAL,
    )
    said = _said(ask, f" until {clock(until, now.timezone, ask.at)}")
    details = {"until": until.isoformat()}
    return Decided(incident, Change.SNOOZED, said, details=details, snooze=silence, wakes=True)


def _answered(now: Standing, ask: Ask) -> Decided:
    link = safe_link(ask.link)
    if not link:
        raise CareError("say where the public answer stands: an address that begins with https:// or http://")
    if link in now.answers:
        return replace(_unchanged(now), details={"link": link})
    return Decided(now.incident, Change.ANSWERED, _said(ask, f" ({link})"), details={"link": link})


def _resolved(now: Standing, ask: Ask) -> Decided:
    if not now.incident.state.is_live:
        return _unchanged(now)
    return _ended(now, ask, IncidentState.RESOLVED, Change.RESOLVED)


def _false(now: Standing, ask: Ask) -> Decided:
    if now.incident.state is IncidentState.FALSE_ALARM:
        return _unchanged(now)
    return _ended(now, ask, IncidentState.FALSE_ALARM, Change.FALSE_ALARM)


def _not_about_us(now: Standing, ask: Ask) -> Decided:
    if now.incident.state is IncidentState.FALSE_ALARM:
        return _unchanged(now)
    return _ended(now, ask, IncidentState.FALSE_ALARM, Change.NOT_ABOUT_US)


def _duplicate(now: Standing, ask: Ask) -> Decided:
    incident, twin = now.incident, ask.twin
    if twin is None:
        raise CareError("say of which other incident it is a duplicate")
    if twin.id == incident.id:
        raise CareError(f"incident {incident.id} cannot be a duplicate of itself")
    if twin.id in now.twins:
        raise CareError(f"incident {twin.id} was called a duplicate of {incident.id}; it cannot be both ways round")
    state = incident.state if incident.state is IncidentState.FALSE_ALARM else IncidentState.RESOLVED
    ended = _ended(now, ask, state, Change.DUPLICATE)
    return replace(ended, note=_said(ask, f' ({twin.id}, "{twin.headline}")'), details={"of": twin.id})


def _ended(now: Standing, ask: Ask, state: IncidentState, change: Change) -> Decided:
    """The incident is over; what was over already is told to nobody."""
    incident = now.incident
    ended = replace(incident, state=state, resolved_at=incident.resolved_at or ask.at)
    told = change if incident.state.is_live else None
    return Decided(ended, told, _said(ask), changed=ended != incident, wakes=incident.state.is_live)


def _noted(now: Standing, ask: Ask) -> Decided:
    if not ask.note:
        raise CareError("a note needs words")
    return Decided(now.incident, None, ask.note, changed=False)


_DECISIONS: Mapping[Action, Callable[[Standing, Ask], Decided]] = {
    Action.ACKNOWLEDGE: _acknowledged,
    Action.ANSWERED: _answered,
    Action.SNOOZE: _snoozed,
    Action.RESOLVE: _resolved,
    Action.FALSE_ALARM: _false,
    Action.NOT_ABOUT_US: _not_about_us,
    Action.DUPLICATE: _duplicate,
    Action.NOTE: _noted,
    Action.RELEASE: _released,
}


def _unchanged(now: Standing) -> Decided:
    return Decided(now.incident, None, "", changed=False)


def _said(ask: Ask, more: str = "") -> str:
    """The action as the others read it: who, what, and why where that was said."""
    sentence = f"{person(ask.by)} {offer(ask.action).done}{more}"
    return f"{sentence}: {ask.note}" if ask.note else f"{sentence}."
