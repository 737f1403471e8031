"""Incidents with casework on them, as the database has them: what belongs to which, and what a finding makes of them.

The pure part is monitor/shape.py; here is only read and remembered what that needs, inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.shape import Member, grown, kept_apart, shares, shown
from storage import casework as casework_store
from storage import incidents as incident_store
from storage.database import Transaction
from storage.records import Casework, Incident, IncidentState, Part, Signal

WITH_ITS_STORY = "the story that it was split off is over"


@dataclass(frozen=True, slots=True)
class Step:
    """What a finding makes of one incident that people see: as it was stored, as it is to be shown now before what they
    said of its state, and the signals that go with it, which are kept with the incident `holder`. What was found in
    what was split off is no news of the rest (`is_news`)."""

    before: Incident
    now: Incident
    holder: str
    signals: tuple[Signal, ...] = ()
    why: str = ""
    is_news: bool = True


def survivor(tx: Transaction, incident_id: str) -> str:
    """The incident that this one is part of now; itself where nobody merged it."""
    seen = {incident_id}
    while (into := casework_store.of(tx, incident_id).merged_into) is not None and into not in seen:
        seen.add(into)
        incident_id = into
    return incident_id


def members(tx: Transaction, incident_id: str) -> list[Member]:
    """What was merged into an incident, each as it looks by itself."""
    return [
        Member(shown(work.detected, work, members(tx, work.incident_id)), work.merged_episode)
        for work in casework_store.merged_into(tx, [incident_id])
        if work.is_member and work.detected is not None
    ]


def family(tx: Transaction, incident_id: str) -> list[Casework]:
    """Everything that is part of an incident, however it came to be."""
    found: list[Casework] = []
    waiting = [incident_id]
    while waiting:
        below = casework_store.merged_into(tx, waiting)
        found += below
        waiting = [work.incident_id for work in below]
    return found


def signals(tx: Transaction, incident_id: str, parts: Sequence[Casework] | None = None) -> list[Signal]:
    """The signals of an incident and of everything that is part of it (its `family`, where it is known), by time."""
    ids = [incident_id, *(work.incident_id for work in (family(tx, incident_id) if parts is None else parts))]
    found = [signal for name in ids for signal in incident_store.signals(tx, name)]
    return sorted(found, key=lambda one: (one.at, one.detector, one.topic, one.kind))


def reshown(tx: Transaction, incident_id: str) -> Incident:
    """An incident as it is to be shown now, before what people said of its state."""
    work = casework_store.of(tx, incident_id)
    own = work.detected or stored(tx, incident_id)
    return shown(own, work, members(tx, incident_id))


def uncorrected(tx: Transaction, incident_id: str) -> Incident:
    """The same without the corrections."""
    work = casework_store.of(tx, incident_id)
    own = work.detected or stored(tx, incident_id)
    plain = replace(work, headline=None, kind=None, severity=None)
    return shown(own, plain, members(tx, incident_id))


def stored(tx: Transaction, incident_id: str) -> Incident:
    """An incident that must be there."""
    found = incident_store.get(tx, incident_id)
    if found is None:
        raise LookupError(f"incident {incident_id} is named by the casework of another and is not there")
    return found


def parts_of(tx: Transaction, incident_id: str) -> tuple[Part, ...]:
    """What was split off an incident, or off what it is part of."""
    work = casework_store.of(tx, incident_id)
    above = parts_of(tx, work.merged_into) if work.is_member and work.merged_into else ()
    return (*work.parts, *above)


def concerned(tx: Transaction, incident_id: str) -> set[str]:
    """The incidents that a finding about one may change: itself, what was split off it, and what those are part of."""
    names = {incident_id, *(part.into for part in parts_of(tx, incident_id))}
    return names | {survivor(tx, name) for name in names}


def steps(
    tx: Transaction, before: Incident, work: Casework, found: Incident, seen: Sequence[Signal], why: str, at: datetime
) -> Iterator[Step]:
    """What a finding about an incident with casework on it makes of the incidents that people see.

    `work.detected` is what detection knew of it; what it knows now (`found`, with the signals `seen`) is remembered.
    Each step is to be stored before the next is asked for: two may be about the same incident.
    """
    if work.detected is None:
        raise ValueError(f"nothing was kept of what detection knows of {before.id}")
    parts = parts_of(tx, before.id)
    own, theirs = shares(seen, parts)
    known = replace(found, id=before.id, opened_at=min(found.opened_at, work.detected.opened_at))
    known = kept_apart(work.detected, known, own) if parts else known
    casework_store.remember(tx, before.id, known)
    for part in parts:
        step = _of_part(tx, part, theirs.get(part.into, ()), found, why, at)
        if step is not None:
            yield step
    root = survivor(tx, before.id)
    yield Step(stored(tx, root), reshown(tx, root), before.id, own, why, is_news=not theirs)


def _of_part(
    tx: Transaction, part: Part, signals: tuple[Signal, ...], story: Incident, why: str, at: datetime
) -> Step | None:
    """What a finding about a story makes of what was split off it: more of it, its end, or its return."""
    work, row = casework_store.of(tx, part.into), stored(tx, part.into)
    if work.detected is None:
        return None
    now = grown(work.detected, signals, at) if signals else work.detected
    if not story.state.is_live:
        why = WITH_ITS_STORY
        now = replace(now, state=IncidentState.RESOLVED, resolved_at=now.resolved_at or at)
    elif signals and _is_back(work.detected, row, now):
        now = replace(now, state=IncidentState.OPEN, resolved_at=None, episode=max(now.episode, row.episode) + 1)
    if now == work.detected:
        return None
    casework_store.remember(tx, part.into, now)
    root = survivor(tx, part.into)
    return Step(stored(tx, root), reshown(tx, root), part.into, signals, why)


def _is_back(known: Incident, row: Incident, now: Incident) -> bool:
    """Whether it comes back: after detection ended it with any signal, after people did only when it is worse."""
    if not known.state.is_live:
        return True
    return not row.state.is_live and now.severity.rank > row.severity.rank


# -- What detection may know of it ------------------------------------------------------------------------------------


def as_detection_may_know(tx: Transaction, incident: Incident, work: Casework) -> Incident:
    """An incident for the fold: over only when everything is over in which its story lives on.

    Detection knows one story where people may see several incidents, or a part of one; it is to end for detection when
    people ended all of that.
    """
    if incident.state.is_live or work.detected is None:
        return incident
    bodies = _bodies(tx, incident.id)
    if any(body.state.is_live for body in bodies):
        return replace(work.detected, id=incident.id)
    ends = [body.resolved_at for body in (incident, *bodies) if body.resolved_at is not None]
    return replace(incident, state=bodies[0].state, resolved_at=max(ends, default=None))


def _bodies(tx: Transaction, incident_id: str) -> list[Incident]:
    """The incidents that people see in which a story lives on, the one that it is part of first."""
    names = [survivor(tx, incident_id), *(survivor(tx, part.into) for part in parts_of(tx, incident_id))]
    return [stored(tx, name) for name in dict.fromkeys(names)]


def rests_on(tx: Transaction, incident: Incident, work: Casework) -> list[Incident]:
    """The stories of detection that an incident rests on: itself, where people did nothing that shapes it.

    What was split off has none of its own: it ends with the story that it came from.
    """
    below = [one for one in family(tx, incident.id) if one.is_member] if work.detected is not None else []
    found = [one.detected for one in (work, *below) if one.detected is not None and one.split_from is None]
    return found if work.detected is not None else [incident]
