"""Work on incidents: what the page of one offers, and what its forms do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from monitor import shapes
from monitor.care import CareError, find
from monitor.casework import DOABLE, Asked
from monitor.casework_lines import READINGS, SIDES, Work, sentence, taken_back, undoable
from monitor.caseworker import Worked
from monitor.web.access import Responder
from monitor.web.desk import Desk, desk_of
from storage import accounts, audit
from storage import casework as casework_store
from storage import incidents as incident_store
from storage import posts as post_store
from storage.database import Transaction
from storage.records import Casework, Incident, IncidentEvent, Post, PostKey, Severity

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
MOST_OTHERS = 40
"""Incidents that are offered to merge into or to link."""

DONE: Mapping[str, str] = {
    Work.ASSIGN: "You said who carries it.",
    Work.TAG: "You tagged it.",
    Work.UNTAG: "You took the tag off.",
    Work.LINK: "You linked the two; each shows the other.",
    Work.UNLINK: "You unlinked the two.",
    Work.CORRECT: "You corrected it; it stays so until somebody takes that back.",
    Work.TOOK_IN: "You merged the other incident into this one, which goes on for both.",
    Work.MOVED_HERE: "You moved it to this brand; whoever answers for it is told.",
    Work.SPLIT_OFF: "You split this incident off; it goes on by itself.",
    Work.UNDO: "You took that back.",
    "already": "It was so already; nothing changed.",
}
"""What a person reads after a form."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline: in words where it is casework, whether it can be taken back, and who did that already."""

    event: IncidentEvent
    words: str
    is_undoable: bool
    gone_by: str


@dataclass(frozen=True, slots=True)
class Board:
    """What people made of an incident, and what they may choose from. `seen` is the last line of its timeline."""

    work: Casework
    seen: int
    members: Sequence[Incident]
    parts: Sequence[Incident]
    links: Sequence[Incident]
    whole: Incident | None
    origin: Incident | None
    others: Sequence[Incident]
    brands: Sequence[str]
    people: Sequence[str]
    tags: Sequence[str]
    evidence: Sequence[Post]
    lines: Sequence[Line]


def board(tx: Transaction, incident: Incident, events: Sequence[IncidentEvent], brands: Sequence[str]) -> Board:
    """What the page of an incident shows of the work on it."""
    work = casework_store.of(tx, incident.id)
    gone, open_lines = taken_back(events), {event.seq for event in undoable(events)}
    members = [one.incident_id for one in shapes.family(tx, incident.id) if one.is_member]
    accounts_here = [one.name for one in accounts.every(tx)]
    return Board(
        work,
        events[-1].seq if events else 0,
        _get(tx, members),
        _get(tx, [part.into for part in work.parts]),
        _get(tx, work.links),
        next(iter(_get(tx, [work.merged_into])), None) if work.merged_into else None,
        next(iter(_get(tx, [work.split_from])), None) if work.split_from else None,
        _others(tx, incident),
        [name for name in brands if name != incident.brand],
        sorted({*accounts_here, *casework_store.people(tx)}, key=str.casefold),
        [tag for tag in casework_store.tags(tx) if tag not in work.tags],
        post_store.get(tx, list(incident.evidence)),
        [_line(event, gone, open_lines) for event in events],
    )


def _get(tx: Transaction, names: Sequence[str]) -> list[Incident]:
    return [found for name in names if (found := incident_store.get(tx, name)) is not None]


def _others(tx: Transaction, incident: Incident) -> list[Incident]:
    """What it could be part of or related to: those of the brand first, the newest first."""
    found = [one for one in incident_store.recent(tx, limit=MOST_OTHERS) if one.id != incident.id and not one.is_system]
    works = casework_store.of_many(tx, [one.id for one in found])
    standing = [one for one in found if works[one.id].merged_into is None]
    return sorted(standing, key=lambda one: one.brand != incident.brand)


def _line(event: IncidentEvent, gone: Mapping[int, str], open_lines: set[int]) -> Line:
    is_work = event.kind in READINGS or event.kind == Work.UNDO
    return Line(event, sentence(event) if is_work else "", event.seq in open_lines, gone.get(event.seq, ""))


class WorkForm(BaseModel):
    """What a form of the page sends; a field that it has not is left alone."""

    work: Work
    seen: Annotated[int | None, Field(ge=0, le=1_000_000)] = None
    note: Annotated[str, Field(max_length=5000)] = ""
    to: Annotated[str, Field(max_length=200)] = ""
    tags: Annotated[str, Field(max_length=1000)] = ""
    other: Annotated[str, Field(max_length=100)] = ""
    headline: Annotated[str, Field(max_length=1000)] = ""
    kind: Annotated[str | None, Field(max_length=200)] = None
    severity: Severity | Literal[""] = ""
    posts: Annotated[list[str], Field(max_length=100)] = Field(default_factory=list)
    terms: Annotated[str, Field(max_length=500)] = ""
    brand: Annotated[str | None, Field(max_length=200)] = None
    line: Annotated[int | None, Field(ge=1, le=1_000_000)] = None


@router.post("/incidents/{incident_id}/work")
def work_on(person: Responder, desk: AtDesk, incident_id: str, form: Annotated[WorkForm, Form()]) -> Response:
    """Do what a form says, and show what came of it."""
    at = desk.clock()
    if form.work not in DOABLE:
        raise CareError(f'"{form.work.value}" is nothing that a person does')
    with desk.database.write() as tx:
        found = find(tx, incident_id)
        asked = Asked(
            work=form.work,
            by=person.name,
            at=at,
            note=form.note,
            to=form.to,
            tags=(form.tags,) if form.tags else (),
            other=find(tx, form.other) if form.other else None,
            headline=form.headline or None,
            kind=form.kind,
            severity=form.severity or None,
            posts=tuple(map(_key, form.posts)),
            terms=tuple(term.strip() for term in form.terms.split(",") if term.strip()),
            brand=form.brand,
            line=form.line,
            seen=form.seen,
        )
        done = desk.caseworker.do(tx, found.id, asked)
        audit.add(tx, at, person.name, form.work.value, found.id, {"way": person.way.value})
    return RedirectResponse(_where(form.work, done), 303)


def _where(work: Work, done: Worked) -> str:
    """The page that shows it best: after a merge, a split and a move that of the other incident."""
    if not done.changed:
        return f"/incidents/{done.incident.id}?done=already"
    if done.other is not None and work in (Work.MERGE, Work.SPLIT, Work.MOVE):
        return f"/incidents/{done.other.id}?done={SIDES[work].value}"
    return f"/incidents/{done.incident.id}?done={work.value}"


def _key(text: str) -> PostKey:
    source, _, external_id = text.partition("/")
    return (source, external_id)
