"""Past incidents like this one, and what was done then: the second thing that people ask, after "is it bad?".

Likeness is what both are about: the kind of harm, the words, the thread or story, the brand. A past incident of another
brand counts where kind and words agree. What people did is read from its timeline.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from alerts.actions import Action
from alerts.page import Response, Similar
from alerts.words import person, span
from monitor.response import response
from storage import incidents, outbox
from storage.database import Transaction
from storage.incidents import Outline
from storage.records import Incident, IncidentEvent, IncidentState, Verdict

MOST = 3
LOOKED_AT = 200
"""Incidents that are compared, the newest first."""
SAME_KIND, SAME_BRAND, SAME_TERMS = 2.0, 1.0, 4.0
ENOUGH = 2.5
"""Likeness from which an incident is worth showing: the same brand and kind, or many words in common."""


def similar(tx: Transaction, incident: Incident, terms: Sequence[str], at: datetime, url: str) -> tuple[Similar, ...]:
    """The past incidents most like this one, best first; `url` begins the links to incidents, empty for none."""
    past = incidents.outlines(tx, until=incident.opened_at, brand=incident.brand, kind=incident.kind, limit=LOOKED_AT)
    mine = terms_of(incident) | frozenset(term.casefold() for term in terms)
    told = [(likeness(incident, mine, one), one) for one in past if one.id != incident.id and not _is_merged(one)]
    best = sorted((pair for pair in told if pair[0] >= ENOUGH), key=lambda pair: (-pair[0], -_time(pair[1])))
    found = (incidents.get(tx, one.id) for _, one in best[:MOST])
    return tuple(_shown(tx, one, at, url) for one in found if one is not None)


def likeness(incident: Incident, terms: Collection[str], past: Outline) -> float:
    """How like a past incident is: 0 for nothing in common."""
    theirs = terms_of(past)
    shared = len(set(terms) & theirs) / max(1, min(len(terms), len(theirs), 6))
    same_kind = bool(incident.kind) and incident.kind == past.kind
    same_brand = incident.brand == past.brand
    if not same_brand and not (same_kind and shared):
        return 0.0
    return SAME_KIND * same_kind + SAME_BRAND * same_brand + SAME_TERMS * shared


def terms_of(incident: Incident | Outline) -> frozenset[str]:
    """The words that an incident was about."""
    return frozenset(str(term).casefold() for term in incident.facts.get("terms", ()))


def _is_merged(incident: Outline) -> bool:
    return "merged_into" in incident.facts


def _time(incident: Outline) -> float:
    return incident.opened_at.timestamp()


def _shown(tx: Transaction, past: Incident, at: datetime, url: str) -> Similar:
    events = [event for event in incidents.events(tx, past.id) if event.at <= at]
    went = response(past, events, outbox.arrivals(tx, past.id))
    link = f"{url}/incidents/{past.id}" if url else ""
    return Similar(past.id, past.opened_at, past.headline, outcome(past, went, events, at), link, went.answer)


def outcome(past: Incident, went: Response, events: Sequence[IncidentEvent], at: datetime) -> str:
    """How it ended, how long things took, and the last words that somebody wrote about it."""
    took = went.spans
    if past.state.is_live and went.resolved_at is None:
        parts = [f"still going on after {_length(at - past.opened_at)}"]
    else:
        parts = [_end(past, events)]
    if "acknowledged" in took:
        parts.append(f"taken by {person(went.acknowledged_by)} after {_length(took['acknowledged'])}")
    parts.append(f"answered after {_length(took['answered'])}" if "answered" in took else "never answered publicly")
    if "resolved" in took:
        parts.append(f"over after {_length(took['resolved'])}")
    said = _last_words(events)
    return f"{', '.join(parts)}{f'. “{said}”' if said else ''}"


def _end(past: Incident, events: Sequence[IncidentEvent]) -> str:
    verdicts = [event.kind if event.kind != "verdict" else str(event.details.get("verdict")) for event in events]
    known = [one for one in verdicts if one in set(Verdict)]
    if known and known[-1] != Verdict.REAL:
        return known[-1].replace("_", " ")
    return "a false alarm" if past.state is IncidentState.FALSE_ALARM else "a real one" if known else "passed"


def _last_words(events: Sequence[IncidentEvent]) -> str:
    """The last note of a person; what ended it says more than what began it."""
    notes = [str(event.details["note"]) for event in events if event.details.get("note")]
    ends = [
        str(event.details["note"])
        for event in events
        if event.details.get("note") and event.kind in (Action.RESOLVE, Action.ANSWERED, Action.FALSE_ALARM)
    ]
    return next(iter([*ends[-1:], *notes[-1:]]), "")


def _length(took: timedelta) -> str:
    return span(max(took.total_seconds(), 1))
