"""Stores what people make of incidents: lines of the timeline, what they amount to, and what people see then.

Each piece of casework is one transaction of the caller's: its line (two for what concerns two incidents, each with the
number of the other), the incidents as they are shown now, and the messages that tell the others. Whatever waits to be
sent about an incident that was merged into another is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from alerts.policy import Change
from alerts.words import person
from monitor import shapes
from monitor.care import Care
from monitor.casework import Asked, Case, decide
from monitor.casework_lines import OTHER_SIDES, SIDES, Work, is_pair, said, sentence, undoable
from monitor.decisions import CareError, UnknownIncidentError
from monitor.splitting import chosen_posts, moved, split_off
from storage import casework as casework_store
from storage import incidents, outbox
from storage.database import Transaction
from storage.records import Casework, Delivery, Incident, IncidentEvent, IncidentState, Reason

_WAITING = tuple(reason for reason in Reason if reason is not Reason.RETRACTED)
SIMPLE = (Work.ASSIGN, Work.TAG, Work.UNTAG, Work.NOTE)
_MOVES = (Work.MOVE, Work.MOVED_HERE)


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of it: the incident as it is shown now, what people made of it, the line (none where everything was so
    already), who will be told, and the other incident that it concerns."""

    incident: Incident
    work: Casework
    event: IncidentEvent | None = None
    deliveries: tuple[Delivery, ...] = ()
    other: Incident | None = None

    @property
    def changed(self) -> bool:
        """Whether anything is different now."""
        return self.event is not None


@dataclass(frozen=True, slots=True)
class Caseworker:
    """Does what people ask of incidents beside taking and ending them, and tells the others by way of `care`."""

    care: Care

    def do(self, tx: Transaction, incident_id: str, asked: Asked) -> Worked:
        """Decide and store one piece of casework, as part of the transaction `tx`.

        Raises `CareError` when it makes no sense, or when somebody else did something that `asked.seen` does not know.
        """
        for name in sorted(_concerned(tx, incident_id, asked)):
            incidents.lock(tx, name)
        case = self._case(tx, incident_id, asked)
        details = decide(case, asked)
        if details is None:
            other = case.whole if asked.work is Work.MOVE else asked.other
            return Worked(case.incident, case.work, other=other)
        done = self._way(asked.work)(tx, case, asked, {"episode": case.incident.episode, **details})
        now = shapes.stored(tx, incident_id)
        return replace(done, incident=now, work=casework_store.of(tx, incident_id))

    def _way(self, work: Work) -> Callable[[Transaction, Case, Asked, dict[str, Any]], Worked]:
        return {
            **dict.fromkeys(SIMPLE, self._simple),
            Work.LINK: self._link,
            Work.UNLINK: self._link,
            Work.CORRECT: self._correct,
            Work.MERGE: self._merge,
            Work.SPLIT: self._split,
            Work.MOVE: self._move,
            Work.UNDO: self._undo,
        }[work]

    def _case(self, tx: Transaction, incident_id: str, asked: Asked) -> Case:
        found = incidents.get(tx, incident_id)
        if found is None:
            raise UnknownIncidentError(f"there is no incident {incident_id}")
        return Case(
            found,
            incidents.events(tx, incident_id),
            casework_store.of(tx, incident_id),
            casework_store.of(tx, asked.other.id) if asked.other else None,
            chosen_posts(tx, found, asked) if asked.work is Work.SPLIT else (),
            shapes.uncorrected(tx, incident_id).severity if asked.work is Work.CORRECT else None,
            self.care.brands,
            incidents.get(tx, whole) if (whole := shapes.survivor(tx, incident_id)) != incident_id else None,
            self.care.timezone,
        )

    # -- One incident ------------------------------------------------------------------------------------------------

    def _simple(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        event = self._write(tx, case.incident.id, asked.work, asked, details)
        now = self._touch(tx, case.incident.id, asked.at)
        is_told = asked.work is Work.ASSIGN and now.state.is_live
        told = self._tell(tx, now, Change.ASSIGNED, asked, event) if is_told else ()
        return Worked(now, case.work, event, told)

    def _correct(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        _keep_detected(tx, case.incident.id)
        event = self._write(tx, case.incident.id, asked.work, asked, details)
        now = self._show(tx, case.incident.id, asked.at)
        told = self._tell(tx, now, Change.CORRECTED, asked, event) if now.state.is_live else ()
        return Worked(now, case.work, event, told)

    # -- Two incidents -----------------------------------------------------------------------------------------------

    def _link(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        event = self._write_pair(tx, case.incident.id, asked, details)
        self._touch(tx, str(details["of"]), asked.at)
        return Worked(self._touch(tx, case.incident.id, asked.at), case.work, event, other=asked.other)

    def _merge(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        into = str(details["of"])
        _keep_detected(tx, case.incident.id)
        _keep_detected(tx, into)
        episode = shapes.reshown(tx, case.incident.id).episode
        event = self._write_pair(tx, case.incident.id, asked, {**details, "detected_episode": episode})
        told = self._end(tx, case.incident, asked, event, "merged it into")
        host = self._show(tx, into, asked.at)
        if host.state.is_live:
            told = (*told, *self._say(tx, host, Change.TOOK_IN, asked.at, self._took_in(case.incident, asked)))
        return Worked(case.incident, case.work, event, told, host)

    def _took_in(self, incident: Incident, asked: Asked) -> str:
        return f'{person(asked.by)} merged "{incident.headline}" into it.'

    def _split(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        _keep_detected(tx, case.incident.id)
        new = split_off(tx, case, asked, str(details["headline"]))
        incidents.insert(tx, new)
        casework_store.save(tx, Casework(new.id, detected=new))
        event = self._write_pair(tx, case.incident.id, asked, {**details, "of": new.id})
        now = self._show(tx, case.incident.id, asked.at)
        told = self._tell(tx, now, Change.SPLIT, asked, event) if now.state.is_live else ()
        if new.state is IncidentState.OPEN:
            note = f'{person(asked.by)} split it off "{case.incident.headline}".'
            told = (*told, *self._say(tx, new, Change.OPENED, asked.at, note))
        return Worked(now, case.work, event, told, new)

    def _move(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        """It ends for those who were told, and opens for those of the other brand, of whose incident it is part now."""
        _keep_detected(tx, case.incident.id)
        new = moved(tx, case.incident, asked.at, str(details["brand"]), str(details["headline"]))
        if not self._hears(tx, new, asked.at) and self._hears(tx, case.incident, asked.at):
            raise CareError(f"nobody would be told of it: no route is for {new.brand} ({new.severity.value}) now")
        incidents.insert(tx, new)
        over = replace(new, state=IncidentState.RESOLVED, resolved_at=asked.at)
        casework_store.save(tx, Casework(new.id, detected=over))  # it lives by what is part of it, and by that alone
        episode = shapes.reshown(tx, case.incident.id).episode
        more = {"of": new.id, "detected_episode": episode}
        event = self._write_pair(tx, case.incident.id, asked, {**details, **more})
        told = self._end(tx, case.incident, asked, event, f"moved it to {new.brand}, where it goes on as")
        now = self._show(tx, new.id, asked.at)
        note = f"{person(asked.by)} moved it here from {case.incident.brand}."
        return Worked(case.incident, case.work, event, (*told, *self._say(tx, now, Change.OPENED, asked.at, note)), now)

    def _hears(self, tx: Transaction, incident: Incident, at: datetime) -> bool:
        """Whether somebody is on a route for an incident."""
        routing = self.care.speaker.routing
        return bool(routing.destinations(routing.subject(tx, incident, at)))

    # -- Taking back -------------------------------------------------------------------------------------------------

    def _undo(self, tx: Transaction, case: Case, asked: Asked, details: dict[str, Any]) -> Worked:
        line = next(event for event in case.lines if event.seq == details["line"])
        of = str(line.details.get("of", ""))
        is_part = line.kind in (Work.MERGE, Work.MOVE, Work.SPLIT_OFF)
        part, host = (case.incident.id, of) if is_part else (of, case.incident.id)
        if line.kind in (Work.SPLIT, Work.SPLIT_OFF):
            _refuse_to_put_back(tx, part)
        if line.kind in _MOVES:
            _refuse_to_put_back(tx, host, but=part)
        event = self._write(tx, case.incident.id, Work.UNDO, asked, details)
        if is_pair(line.kind):
            self._write(tx, of, Work.UNDO, asked, _undone_there(tx, line, of, asked))
        if line.kind in (Work.MERGE, Work.TOOK_IN):
            told = self._separate(tx, part, host, line, asked)
        elif line.kind in _MOVES:
            told = self._moved_back(tx, part, host, line, asked, event)
        elif line.kind in (Work.SPLIT, Work.SPLIT_OFF):
            told = self._put_back(tx, part, host, asked, event)
        else:
            told = self._shown_again(tx, case.incident, line, of, asked, event)
        return Worked(case.incident, case.work, event, told, incidents.get(tx, of) if of else None)

    def _shown_again(
        self, tx: Transaction, incident: Incident, line: IncidentEvent, of: str, asked: Asked, event: IncidentEvent
    ) -> tuple[Delivery, ...]:
        """What concerns one incident alone, or only names another."""
        is_corrected = line.kind == Work.CORRECT
        now = self._show(tx, incident.id, asked.at) if is_corrected else self._touch(tx, incident.id, asked.at)
        if of:
            self._touch(tx, of, asked.at)
        if not now.state.is_live or not (is_corrected or line.kind == Work.ASSIGN):
            return ()
        return self._tell(tx, now, Change.CORRECTED if is_corrected else Change.ASSIGNED, asked, event)

    def _separate(
        self, tx: Transaction, part: str, host: str, line: IncidentEvent, asked: Asked
    ) -> tuple[Delivery, ...]:
        """What was merged goes on by itself; the other one without it."""
        told = self._goes_on(tx, part, line, asked, "took back the merge")
        left = self._show(tx, shapes.survivor(tx, host), asked.at)
        if left.state.is_live:
            note = f'{person(asked.by)} took "{shapes.stored(tx, part).headline}" out of it again.'
            told = (*told, *self._say(tx, left, Change.SPLIT, asked.at, note))
        return told

    def _goes_on(
        self, tx: Transaction, part: str, line: IncidentEvent, asked: Asked, done: str
    ) -> tuple[Delivery, ...]:
        """What was part of another goes on by itself, as detection knows it by now."""
        seq = line.seq if line.kind in (Work.MERGE, Work.MOVE) else line.details["pair"]
        merge = next(event for event in incidents.events(tx, part) if event.seq == seq)
        row = _as_it_stood(shapes.stored(tx, part), merge.details["was"])
        now = self._store(tx, shapes.stored(tx, part), _with_peoples_state(row, shapes.reshown(tx, part)), asked.at)
        if not now.state.is_live:
            return ()
        return self._say(tx, now, Change.SEPARATED, asked.at, f"{person(asked.by)} {done}.")

    def _moved_back(
        self, tx: Transaction, part: str, host: str, line: IncidentEvent, asked: Asked, event: IncidentEvent
    ) -> tuple[Delivery, ...]:
        """What was moved goes on as it was found; for those of the other brand it is over."""
        there = shapes.stored(tx, host)
        done = f"took back that it is about {there.brand}"
        told = self._end(tx, there, asked, event, f"{done}; it goes on as")
        return (*told, *self._goes_on(tx, part, line, asked, done))

    def _put_back(
        self, tx: Transaction, part: str, origin: str, asked: Asked, event: IncidentEvent
    ) -> tuple[Delivery, ...]:
        """What was split off is part of where it came from again."""
        told = self._end(tx, shapes.stored(tx, part), asked, event, "merged it into")
        now = self._show(tx, shapes.survivor(tx, origin), asked.at)
        return (*told, *self._tell(tx, now, Change.SPLIT, asked, event)) if now.state.is_live else told

    # -- Storing and telling -----------------------------------------------------------------------------------------

    def _write(
        self, tx: Transaction, incident_id: str, kind: Work, asked: Asked, details: Mapping[str, Any]
    ) -> IncidentEvent:
        """Add a line, and remember what the timeline says now."""
        event = incidents.append_event(tx, incident_id, asked.at, kind.value, asked.by, dict(details))
        casework_store.save(tx, said(incident_id, incidents.events(tx, incident_id)))
        return event

    def _write_pair(self, tx: Transaction, incident_id: str, asked: Asked, details: dict[str, Any]) -> IncidentEvent:
        """Add a line to both timelines; each names the other and the number of its line."""
        other = str(details["of"])
        mine, theirs = incidents.next_line(tx, incident_id), incidents.next_line(tx, other)
        event = self._write(tx, incident_id, asked.work, asked, {**details, "pair": theirs})
        side = {"of": incident_id, "pair": mine, "episode": shapes.stored(tx, other).episode}
        both = {name: details[name] for name in ("from", "note") if name in details}
        self._write(tx, other, SIDES[asked.work], asked, side | both)
        return event

    def _show(self, tx: Transaction, incident_id: str, at: datetime) -> Incident:
        """Store an incident as it is to be shown now; what people said of its state stays."""
        before = shapes.stored(tx, incident_id)
        if (root := shapes.survivor(tx, incident_id)) != incident_id:
            self._show(tx, root, at)
            return self._store(tx, before, before, at)
        return self._store(tx, before, _with_peoples_state(before, shapes.reshown(tx, incident_id)), at)

    def _touch(self, tx: Transaction, incident_id: str, at: datetime) -> Incident:
        """Let everybody who looks at the incident notice that something changed."""
        before = shapes.stored(tx, incident_id)
        return self._store(tx, before, before, at)

    def _end(
        self, tx: Transaction, incident: Incident, asked: Asked, event: IncidentEvent, done: str
    ) -> tuple[Delivery, ...]:
        """An incident is part of another now: what waits is dropped, and who was told of it hears where it goes on."""
        into = shapes.survivor(tx, incident.id)
        why = f"part of {into} now: {person(asked.by)} {sentence(event)}"
        outbox.supersede(tx, incident.id, _WAITING, why=why)
        if not incident.state.is_live:
            self._touch(tx, incident.id, asked.at)
            return ()
        over = replace(incident, state=IncidentState.RESOLVED, resolved_at=asked.at)
        now = self._store(tx, incident, over, asked.at)
        note = f'{person(asked.by)} {done} "{shapes.stored(tx, into).headline}" ({into}).'
        return self._say(tx, now, Change.MERGED, asked.at, note)

    def _store(self, tx: Transaction, before: Incident, after: Incident, at: datetime) -> Incident:
        fresh = replace(after, updated_at=max(at, before.updated_at), version=before.version + 1)
        if not incidents.update(tx, fresh, before.version):
            raise CareError(f"incident {before.id} was changed by somebody else just now; look at it and try again")
        return fresh

    def _tell(
        self, tx: Transaction, incident: Incident, change: Change, asked: Asked, event: IncidentEvent
    ) -> tuple[Delivery, ...]:
        more = f": {event.details['note']}" if event.details.get("note") else "."
        return self._say(tx, incident, change, asked.at, f"{person(asked.by)} {sentence(event)}{more}")

    def _say(
        self, tx: Transaction, incident: Incident, change: Change, at: datetime, note: str
    ) -> tuple[Delivery, ...]:
        page = self.care.brief(tx, incident, at)
        return self.care.speaker.speak(tx, incident, change, page, at, note).deliveries


def _concerned(tx: Transaction, incident_id: str, asked: Asked) -> set[str]:
    """The incidents that may change with it, so that all are locked in one order."""
    found = {incident_id, *([asked.other.id] if asked.other else [])}
    if asked.work is Work.UNDO:
        lines = undoable(incidents.events(tx, incident_id))
        found |= {str(line.details["of"]) for line in lines if line.details.get("pair") and "of" in line.details}
    return found | {shapes.survivor(tx, name) for name in found}


def _keep_detected(tx: Transaction, incident_id: str) -> None:
    """From now on people see another incident than detection knows; what it knows is kept aside."""
    work = casework_store.of(tx, incident_id)
    if work.detected is None:
        casework_store.save(tx, replace(work, detected=shapes.stored(tx, incident_id)))


def _with_peoples_state(before: Incident, now: Incident) -> Incident:
    """The incident as it is shown now, taken or ended as people left it; over where detection has ended it all."""
    if before.state.is_live and not now.state.is_live:
        return now
    return replace(
        now,
        state=before.state,
        resolved_at=before.resolved_at,
        acknowledged_at=before.acknowledged_at,
        acknowledged_by=before.acknowledged_by,
    )


def _as_it_stood(row: Incident, was: Mapping[str, Any]) -> Incident:
    """The incident with the state that a line kept of it."""
    resolved_at, acknowledged_at = (was[name] for name in ("resolved_at", "acknowledged_at"))
    return replace(
        row,
        state=IncidentState(was["state"]),
        resolved_at=datetime.fromisoformat(resolved_at) if resolved_at else None,
        acknowledged_at=datetime.fromisoformat(acknowledged_at) if acknowledged_at else None,
        acknowledged_by=was["acknowledged_by"],
    )


def _undone_there(tx: Transaction, line: IncidentEvent, of: str, asked: Asked) -> dict[str, Any]:
    """The line by which the other side of a pair is taken back."""
    details = {"line": line.details["pair"], "what": OTHER_SIDES[line.kind].value}
    note = {"note": " ".join(asked.note.split())} if asked.note.strip() else {}
    return {**details, "episode": shapes.stored(tx, of).episode, **note}


def _refuse_to_put_back(tx: Transaction, part: str, but: str = "") -> None:
    """What was split off or moved, and worked on since, is first to be as it was, with no member but one."""
    work = casework_store.of(tx, part)
    below = casework_store.merged_into(tx, [part]) if but else shapes.family(tx, part)
    if work.merged_into is not None or work.parts or any(one.is_member and one.incident_id != but for one in below):
        raise CareError(f"{part} was merged or split since; take that back first")
