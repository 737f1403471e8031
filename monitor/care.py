"""What people do about an incident: take it, end it, call it a false alarm, write a note.

Each is decided by a pure function of the incident and stored in one transaction with its line in the timeline and the
messages that tell the others; messages that it makes pointless are dropped in the same transaction. A change is stored
only if nobody else changed the incident since it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from alerts.page import Page
from alerts.policy import Change
from alerts.speak import Speaker
from alerts.system import SystemIncidents
from config.settings import Settings
from monitor import incidents as correlation
from monitor.briefing import Briefing
from monitor.register import Told
from storage import incidents, outbox, verdicts
from storage.database import Transaction
from storage.records import Delivery, Incident, IncidentEvent, IncidentState, Reason, Severity, Verdict

Brief = Callable[[Transaction, Incident, datetime], Page]
LONGEST_NOTE = 2_000
RELEASED = "released"
NOBODY = "tocsin"
"""The actor of what no person did."""


class Action(StrEnum):
    """What a person may do; the value is the kind of the line in the timeline."""

    ACKNOWLEDGE = "acknowledged"
    RESOLVE = "resolved"
    FALSE_ALARM = "false_alarm"
    NOTE = "note"


class CareError(Exception):
    """What was asked cannot be done to this incident; the message says why and what can."""


class UnknownIncidentError(CareError):
    """No incident, or more than one, is called so."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The incident after an action, with the change to tell the others (None: nothing to tell) and in which words."""

    incident: Incident
    change: Change | None
    note: str


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: the incident as it is stored now, its new line in the timeline, and who will be told."""

    incident: Incident
    event: IncidentEvent
    deliveries: tuple[Delivery, ...] = ()
    superseded: tuple[Delivery, ...] = ()
    changed: bool = True


def decide(incident: Incident, action: Action, by: str, at: datetime, note: str = "") -> Decided:
    """What `action` by `by` makes of the incident; `CareError` when it makes no sense.

    Taking what somebody took already changes nothing (the first keeps it) and is on record; so is ending what is over.
    A false alarm may be said of what is over, too: that is what the numbers are tuned by.
    """
    return _DECISIONS[action](incident, by, at, " ".join(note.split()))


def _acknowledged(incident: Incident, by: str, at: datetime, note: str) -> Decided:
    if not incident.state.is_live:
        raise CareError(f"incident {incident.id} is over ({incident.state.value}), so there is nothing to take")
    if incident.state is IncidentState.ACKNOWLEDGED:
        return Decided(incident, None, note)
    taken = replace(incident, state=IncidentState.ACKNOWLEDGED, acknowledged_by=by, acknowledged_at=at)
    return Decided(taken, Change.ACKNOWLEDGED, _said(f"{by} took it", note))


def _resolved(incident: Incident, by: str, at: datetime, note: str) -> Decided:
    if not incident.state.is_live:
        return Decided(incident, None, note)
    ended = replace(incident, state=IncidentState.RESOLVED, resolved_at=at)
    return Decided(ended, Change.RESOLVED, _said(f"{by} ended it", note))


def _false(incident: Incident, by: str, at: datetime, note: str) -> Decided:
    if incident.state is IncidentState.FALSE_ALARM:
        return Decided(incident, None, note)
    ended = replace(incident, state=IncidentState.FALSE_ALARM, resolved_at=incident.resolved_at or at)
    change = Change.FALSE_ALARM if incident.state.is_live else None
    return Decided(ended, change, _said(f"{by} called it a false alarm", note))


def _noted(incident: Incident, _by: str, _at: datetime, note: str) -> Decided:
    if not note:
        raise CareError("a note needs words")
    if len(note) > LONGEST_NOTE:
        raise CareError(f"a note has at most {LONGEST_NOTE} characters; this one has {len(note)}")
    return Decided(incident, None, note)


_DECISIONS: Mapping[Action, Callable[[Incident, str, datetime, str], Decided]] = {
    Action.ACKNOWLEDGE: _acknowledged,
    Action.RESOLVE: _resolved,
    Action.FALSE_ALARM: _false,
    Action.NOTE: _noted,
}


def _said(sentence: str, note: str) -> str:
    return f"{sentence}: {note}" if note else f"{sentence}."


@dataclass(frozen=True, slots=True)
class Care:
    """Does what people ask, and tells the others.

    `brief` makes the page that they are shown, `timeouts` say for how long an incident may stay with who took it.
    """

    speaker: Speaker
    brief: Brief
    timeouts: Mapping[Severity, timedelta] = field(default_factory=dict)

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Care under one configuration."""
        speaker = Speaker.build(settings)
        system = SystemIncidents.build(settings, speaker)
        briefing = Briefing(settings.general.public_url, settings.general.timezone, system=system)

        def brief(tx: Transaction, incident: Incident, at: datetime) -> Page:
            return briefing.page(tx, Told(correlation.Change.HELD, incident, incident, "", at))

        alerting = settings.alerting
        timeouts = {
            Severity.CRITICAL: alerting.acknowledge_timeout_critical,
            Severity.WARNING: alerting.acknowledge_timeout_warning,
        }
        return cls(speaker, brief, timeouts)

    def do(self, tx: Transaction, incident_id: str, action: Action, by: str, at: datetime, note: str = "") -> Done:
        """Decide and store one action of a person, as part of the transaction `tx`.

        Raises `CareError` when it makes no sense, or when another process changed the incident meanwhile.
        """
        before = incidents.get(tx, incident_id)
        if before is None:
            raise UnknownIncidentError(f"there is no incident {incident_id}")
        decided = decide(before, action, by, at, note)
        changed = decided.incident != before
        now = self._store(tx, before, decided.incident, at) if changed else before
        event = incidents.append_event(tx, now.id, at, action.value, by, _details(now, note, changed=changed))
        if not changed:
            return Done(now, event, changed=False)
        told = self._tell(tx, now, decided, at)
        dropped = outbox.supersede(tx, now.id, _pointless(now), why=f"{by}: {action.value}", episode=now.episode)
        return Done(now, event, told, tuple(dropped))

    def judge(self, tx: Transaction, incident_id: str, verdict: Verdict, by: str, at: datetime, note: str = "") -> Done:
        """Write down what `by` says the incident was, as part of the transaction `tx`; nobody is told.

        A false alarm also ends it (`do`), and what was called one and is real after all is then only over.
        Raises `CareError` as `do` does.
        """
        if verdict is Verdict.FALSE_ALARM:
            return self.do(tx, incident_id, Action.FALSE_ALARM, by, at, note)
        before = incidents.get(tx, incident_id)
        if before is None:
            raise UnknownIncidentError(f"there is no incident {incident_id}")
        is_real_after_all = verdict is Verdict.REAL and before.state is IncidentState.FALSE_ALARM
        now = (
            self._store(tx, before, replace(before, state=IncidentState.RESOLVED), at) if is_real_after_all else before
        )
        details = {**_details(now, note, changed=True), "verdict": verdict.value}
        return Done(now, incidents.append_event(tx, now.id, at, verdicts.KIND, by, details))

    def release_overdue(self, tx: Transaction, at: datetime) -> list[Done]:
        """Open again what somebody took and did not end in time, as part of `tx`, and tell everybody.

        The time runs from the last sign of a person in the timeline; a severity without a timeout is left alone. To be
        called now and then; the moment is that of the call, however late.
        """
        taken = [item for item in incidents.live(tx) if item.state is IncidentState.ACKNOWLEDGED]
        return [self._release(tx, item, at) for item in taken if self._is_overdue(tx, item, at)]

    def _is_overdue(self, tx: Transaction, incident: Incident, at: datetime) -> bool:
        timeout = self.timeouts.get(incident.severity)
        if timeout is None or incident.acknowledged_at is None or at - incident.acknowledged_at < timeout:
            return False
        signs = [event.at for event in incidents.events(tx, incident.id) if event.actor != NOBODY]
        return at - max([incident.acknowledged_at, *signs]) >= timeout

    def _release(self, tx: Transaction, before: Incident, at: datetime) -> Done:
        who = before.acknowledged_by or "Somebody"
        free = replace(before, state=IncidentState.OPEN, acknowledged_at=None, acknowledged_by=None)
        now = self._store(tx, before, free, at)
        event = incidents.append_event(tx, now.id, at, RELEASED, NOBODY, {"episode": now.episode, "was": who})
        told = self._tell(tx, now, Decided(now, Change.RELEASED, f"{who} took it and has not ended it in time."), at)
        return Done(now, event, told)

    def _store(self, tx: Transaction, before: Incident, after: Incident, at: datetime) -> Incident:
        fresh = replace(after, updated_at=max(at, before.updated_at), version=before.version + 1)
        if not incidents.update(tx, fresh, before.version):
            raise CareError(f"incident {before.id} was changed by somebody else just now; look at it and try again")
        return fresh

    def _tell(self, tx: Transaction, incident: Incident, decided: Decided, at: datetime) -> tuple[Delivery, ...]:
        if decided.change is None:
            return ()
        page = self.brief(tx, incident, at)
        return self.speaker.speak(tx, incident, decided.change, page, at, decided.note).deliveries


def _details(incident: Incident, note: str, *, changed: bool) -> dict[str, Any]:
    details: dict[str, Any] = {"episode": incident.episode}
    if note:
        details["note"] = " ".join(note.split())
    if not changed and incident.acknowledged_by:
        details["already"] = incident.acknowledged_by
    return details


def _pointless(incident: Incident) -> tuple[Reason, ...]:
    """Messages that nobody needs any more, wherever they are still waiting."""
    return (Reason.REMINDER,) if incident.state.is_live else (Reason.REMINDER, Reason.UPDATE, Reason.ESCALATED)


def find(tx: Transaction, name: str) -> Incident:
    """The incident called `name`: its id, or an end or a beginning of it that only one of the last thousand has."""
    exact = incidents.get(tx, name)
    if exact is not None:
        return exact
    wanted = name.upper()
    recent = incidents.recent(tx, limit=1000)
    found = [incident for incident in recent if len(wanted) >= 4 and incident.id.startswith(wanted)]
    found = found or [incident for incident in recent if len(wanted) >= 4 and incident.id.endswith(wanted)]
    if not found:
        raise UnknownIncidentError(f'no incident is called "{name}"; "tocsin incidents list" shows them')
    if len(found) > 1:
        several = ", ".join(incident.id for incident in found[:5])
        raise UnknownIncidentError(f'"{name}" fits {len(found)} incidents: {several}; write more of the id')
    return found[0]
