"""How an incident looks after what people made of it: pure functions over what detection knows.

Detection goes on as though nobody had touched anything. What it knows of an incident is kept aside, and what people see
is made from that anew at every change: with what was merged into it, without what was split off it, and as corrected.
So every piece of casework can be taken back, and none changes what detection makes of other incidents.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.signals import terms_of, threads_of
from monitor.stories import EVIDENCE, TERMS, joined
from storage.records import Casework, Incident, IncidentState, Part, PostKey, Signal


@dataclass(frozen=True, slots=True)
class Member:
    """What is part of another incident: as it looks by itself, and its episode when it was merged."""

    incident: Incident
    episode: int = 1


def by_itself(work: Casework, own: Incident) -> Incident:
    """An incident without what was split off it."""
    for part in work.parts:
        own = _without(own, part)
    return own


def shown(own: Incident, work: Casework, members: Sequence[Member] = ()) -> Incident:
    """What people see of an incident that detection knows as `own`, before what they said of its state."""
    whole = by_itself(work, own)
    for member in members:
        whole = _taken_in(whole, member)
    return corrected(whole, work)


def corrected(incident: Incident, work: Casework) -> Incident:
    """The incident as people corrected it. A severity is kept until detection finds more than was known then."""
    then, said = work.severity_then or incident.severity, work.severity
    outgrown = said is not None and incident.severity.rank > max(then.rank, said.rank)
    return replace(
        incident,
        headline=incident.headline if work.headline is None else work.headline,
        kind=incident.kind if work.kind is None else work.kind,
        severity=incident.severity if said is None or outgrown else said,
    )


def _taken_in(host: Incident, member: Member) -> Incident:
    """The host with what is known of a member; it goes on while one of them does, and comes back with either."""
    whole = joined(host, member.incident)
    is_live = host.state.is_live or member.incident.state.is_live
    keeps_state = host.state.is_live == is_live and whole.severity is host.severity
    ends = [one.resolved_at for one in (host, member.incident) if one.resolved_at is not None]
    return replace(
        whole,
        state=host.state if keeps_state else IncidentState.OPEN if is_live else host.state,
        resolved_at=None if is_live else max(ends, default=None),
        updated_at=max(host.updated_at, member.incident.updated_at),
        episode=host.episode + max(0, member.incident.episode - member.episode),
    )


def _without(incident: Incident, part: Part) -> Incident:
    listed = {"threads": part.threads, "topics": part.threads, "terms": part.terms}
    left = {
        name: [one for one in incident.facts[name] if one not in gone]
        for name, gone in listed.items()
        if name in incident.facts
    }
    evidence = tuple(key for key in incident.evidence if key not in part.posts)
    origin = incident.origin if incident.origin not in part.posts else next(iter(evidence), None)
    return replace(incident, evidence=evidence, origin=origin, facts={**incident.facts, **left})


# -- Signals after a split --------------------------------------------------------------------------------------------


def belongs(signal: Signal, part: Part) -> bool:
    """Whether a signal is about what was split off: its threads, most of its words, or most of its posts."""
    threads, terms = threads_of(signal), terms_of(signal)
    if threads and set(threads) <= set(part.threads):
        return True
    return _mostly(terms, part.terms) or _mostly(signal.evidence, part.posts)


def shares(
    signals: Iterable[Signal], parts: Sequence[Part]
) -> tuple[tuple[Signal, ...], dict[str, tuple[Signal, ...]]]:
    """What of the signals is the incident's own, and what belongs to each incident that was split off it."""
    own: list[Signal] = []
    theirs: dict[str, tuple[Signal, ...]] = {}
    for signal in signals:
        part = next((one for one in parts if belongs(signal, one)), None)
        if part is None:
            own.append(signal)
        else:
            theirs[part.into] = (*theirs.get(part.into, ()), signal)
    return tuple(own), theirs


def grown(incident: Incident, signals: Sequence[Signal], at: datetime) -> Incident:
    """An incident that was split off, with the signals that belong to it."""
    sources = {*incident.sources, *(source for one in signals for source in one.sources)}
    evidence = dict.fromkeys([*(key for one in signals for key in one.evidence), *incident.evidence])
    terms = dict.fromkeys([*(term for one in signals for term in terms_of(one)), *incident.facts.get("terms", ())])
    return replace(
        incident,
        severity=max((incident.severity, *(one.severity for one in signals)), key=lambda severity: severity.rank),
        updated_at=max(at, incident.updated_at),
        sources=tuple(sorted(sources)),
        evidence=tuple(evidence)[:EVIDENCE],
        facts={**incident.facts, "terms": list(terms)[:TERMS]},
    )


def kept_apart(before: Incident, now: Incident, own: Sequence[Signal]) -> Incident:
    """What detection knows of an incident that something was split off, without what became worse in that alone.

    Detection takes both for one story: its severity, headline and reopenings count here as far as a signal of the
    incident's own bears them out.
    """
    if own:
        severity = max((before.severity, *(one.severity for one in own)), key=lambda one: one.rank)
        return replace(now, severity=severity)
    same = replace(now, severity=before.severity, headline=before.headline, episode=before.episode)
    return same if before.state.is_live else replace(same, state=before.state, resolved_at=before.resolved_at)


def _mostly(mine: Collection[str] | Collection[PostKey], theirs: Collection[str] | Collection[PostKey]) -> bool:
    known = set(theirs)
    return bool(mine) and 2 * sum(one in known for one in mine) > len(mine)
