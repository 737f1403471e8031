"""What people do about an incident: take it, pause it, end it, say that it was answered, write a note.

Each is decided by a pure function (monitor/decisions.py) and stored in one transaction with its line in the timeline
and the messages that tell the others; messages that it makes pointless are dropped in the same transaction. A change is
stored only if nobody else changed the incident since it was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from alerts.actions import Action
from alerts.early_end import EarlyEnd
from alerts.faults import fault_point
from alerts.page import Page
from alerts.policy import Change
from alerts.speak import Speaker
from alerts.system import SystemIncidents
from config.settings import Settings
from monitor import incidents as correlation
from monitor.briefing import Briefing
from monitor.decisions import (
    HAS_TWIN,
    Ask,
    CareError,
    Decided,
    Standing,
    UnknownIncidentError,
    decide,
    standing,
)
from monitor.register import Told
from storage import incidents, outbox, silences, verdicts
from storage.database import Transaction
from storage.records import Delivery, Incident, IncidentEvent, IncidentState, Reason, Severity, Verdict

__all__ = ["NOBODY", "Action", "Ask", "Care", "CareError", "Done", "UnknownIncidentError", "decide", "find"]

Brief = Callable[[Transaction, Incident, datetime], Page]
SHORTEST_PART = 4
"""Letters of an id by which an incident is found."""
ASKED = "asked"
ANSWER_WITHIN = timedelta(minutes=10)
"""How long who took an incident has to show that they still have it."""
NOBODY = "tocsin"
"""The actor of what no person did."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an action: the incident as it is stored now, its new line in the timeline, and who will be told."""

    incident: Incident
    event: IncidentEvent
    deliveries: tuple[Delivery, ...] = ()
    superseded: tuple[Delivery, ...] = ()
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Care:
    """Does what people ask, and tells the others.

    `brief` makes the page that they are shown, `timeouts` say for how long an incident may stay with who took it,
    `brands` to which it may be moved.
    """

    speaker: Speaker
    brief: Brief
    timeouts: Mapping[Severity, timedelta] = field(default_factory=dict)
    timezone: str = "UTC"
    brands: tuple[str, ...] = ()

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Care under one configuration."""
        speaker = Speaker.build(settings)
        briefing = Briefing.build(settings, system=SystemIncidents.build(settings, speaker))

        def brief(tx: Transaction, incident: Incident, at: datetime) -> Page:
            return briefing.page(tx, Told(correlation.Change.HELD, incident, incident, "", at))

        alerting = settings.alerting
        timeouts = {
            Severity.CRITICAL: alerting.acknowledge_timeout_critical,
            Severity.WARNING: alerting.acknowledge_timeout_warning,
        }
        brands = tuple(brand.name for brand in settings.brands)
        return cls(speaker, brief, timeouts, settings.general.timezone, brands)

    def do(
        self,
        tx: Transaction,
        incident_id: str,
        action: Action,
        by: str,
        at: datetime,
        note: str = "",
        *,
        until: datetime | None = None,
        link: str = "",
        twin: str = "",
    ) -> Done:
        """Decide and store one action of a person, as part of the transaction `tx`.

        `until` belongs to a snooze, `link` to a public answer, `twin` (an incident's name, as `find` takes it) to a
        duplicate. Raises `CareError` when it makes no sense, or when another process changed the incident meanwhile.
        """
        incidents.lock(tx, incident_id)
        now = self.standing(tx, incident_id, at)
        ask = Ask(action, by, at, note, until, link, find(tx, twin) if twin else None)
        return self._carry_out(tx, now, ask, decide(now, ask))

    def standing(self, tx: Transaction, incident_id: str, at: datetime) -> Standing:
        """How things stand with an incident; `UnknownIncidentError` when there is none of this id."""
        found = incidents.get(tx, incident_id)
        if found is None:
            raise UnknownIncidentError(f"there is no incident {incident_id}")
        return standing(found, incidents.events(tx, found.id), silences.active(tx, at), at, self.timezone)

    def _carry_out(self, tx: Transaction, before: Standing, ask: Ask, decided: Decided) -> Done:
        stored = before.incident
        now = self._store(tx, stored, decided.incident, ask.at) if decided.incident != stored else stored
        self._pause(tx, before, decided, ask)
        details = {**_details(now, ask.note, changed=decided.changed), **decided.details}
        event = incidents.append_event(tx, now.id, ask.at, ask.action.value, ask.by, details)
        if ask.action is Action.DUPLICATE and ask.twin is not None and now.id not in _twins(tx, ask.twin.id):
            incidents.append_event(tx, ask.twin.id, ask.at, HAS_TWIN, ask.by, {"twin": now.id})
        if not decided.changed:
            return Done(now, event, changed=False)
        told = self._tell(tx, now, decided, ask.at)
        why = f"{ask.by}: {ask.action.value}"
        dropped = outbox.supersede(tx, now.id, _pointless(now, ask.action), why=why, episode=now.episode)
        fault_point("U1")
        return Done(now, event, told, tuple(dropped))

    def _pause(self, tx: Transaction, before: Standing, decided: Decided, ask: Ask) -> None:
        """End the snoozes in force where they are over, and begin the new one."""
        for silence in before.snoozes if decided.wakes else ():
            EarlyEnd(self.speaker.rules.quiet, self.speaker.routing.digests).end(tx, silence, ask.at)
        if decided.snooze is not None:
            silences.add(tx, decided.snooze)

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
        """Ask who took an incident and did not end it in time whether they still have it, as part of `tx`.

        What stays without an answer is opened again, and everybody is told; those are returned. The time runs from the
        last sign of a person in the timeline; a severity without a timeout is left alone. To be called now and then;
        the moment is that of the call, however late.
        """
        taken = [item for item in incidents.live(tx) if item.state is IncidentState.ACKNOWLEDGED]
        released: list[Done] = []
        for item in taken:
            if not (self._is_overdue(tx, item, at) and incidents.is_free(tx, item.id)):
                continue  # who acts on it just now goes first
            now = incidents.get(tx, item.id) or item
            if not self._is_overdue(tx, now, at):
                continue
            _, asked = self._signs(tx, now)
            if asked is None:
                self._ask(tx, now, at)
            elif at - asked >= ANSWER_WITHIN:
                released.append(self._release(tx, now, at))
        return released

    def _is_overdue(self, tx: Transaction, incident: Incident, at: datetime) -> bool:
        """Whether nobody has shown a sign for longer than an incident may stay with who took it."""
        sign, _ = self._signs(tx, incident)
        timeout = self.timeouts.get(incident.severity)
        is_taken = incident.state is IncidentState.ACKNOWLEDGED
        return is_taken and sign is not None and timeout is not None and at - sign >= timeout

    def _signs(self, tx: Transaction, incident: Incident) -> tuple[datetime | None, datetime | None]:
        """When a person last did something about it, and when we asked since."""
        if incident.acknowledged_at is None:
            return None, None
        events = incidents.events(tx, incident.id)
        sign = max([incident.acknowledged_at, *(event.at for event in events if event.actor != NOBODY)])
        asked = max((event.at for event in events if event.kind == ASKED and event.at >= sign), default=None)
        return sign, asked

    def _ask(self, tx: Transaction, incident: Incident, at: datetime) -> None:
        """Remind who has it; the message goes where the others see it too, and any sign of a person is an answer."""
        who = incident.acknowledged_by or "Somebody"
        incidents.append_event(tx, incident.id, at, ASKED, NOBODY, {"episode": incident.episode, "who": who})
        minutes = round(ANSWER_WITHIN.total_seconds() / 60)
        note = f"{who} took it and has not ended it. Without a sign it is opened again in {minutes} minutes."
        self._tell(tx, incident, Decided(incident, Change.ASKED, note), at)

    def _release(self, tx: Transaction, before: Incident, at: datetime) -> Done:
        who = before.acknowledged_by or "Somebody"
        free = replace(before, state=IncidentState.OPEN, acknowledged_at=None, acknowledged_by=None)
        now = self._store(tx, before, free, at)
        details = {"episode": now.episode, "was": who}
        event = incidents.append_event(tx, now.id, at, Action.RELEASE.value, NOBODY, details)
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


def _twins(tx: Transaction, incident_id: str) -> set[str]:
    return {str(event.details.get("twin")) for event in incidents.events(tx, incident_id) if event.kind == HAS_TWIN}


def _pointless(incident: Incident, action: Action) -> tuple[Reason, ...]:
    """Messages that nobody needs any more, wherever they are still waiting."""
    if not incident.state.is_live:
        return (Reason.REMINDER, Reason.UPDATE, Reason.ESCALATED)
    return (Reason.REMINDER,) if action in (Action.ACKNOWLEDGE, Action.SNOOZE) else ()


def find(tx: Transaction, name: str) -> Incident:
    """The incident called `name`: its id, or an end or a beginning of it that only one of the last thousand has."""
    exact = incidents.get(tx, name)
    if exact is not None:
        return exact
    wanted = name.upper()
    if len(wanted) < SHORTEST_PART:
        raise UnknownIncidentError(
            f'no incident is called "{name}"; of an id write its first or last {SHORTEST_PART} letters, or more'
        )
    recent = incidents.recent(tx, limit=1000)
    found = [incident for incident in recent if incident.id.startswith(wanted)]
    found = found or [incident for incident in recent if incident.id.endswith(wanted)]
    if not found:
        raise UnknownIncidentError(f'no incident is called "{name}"; "tocsin incidents list" shows them')
    if len(found) > 1:
        several = ", ".join(incident.id for incident in found[:5])
        raise UnknownIncidentError(f'"{name}" fits {len(found)} incidents: {several}; write more of the id')
    return found[0]
