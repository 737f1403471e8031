"""Work on incidents, for programs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BeforeValidator, Field, StringConstraints

from monitor.care import find
from monitor.casework import Asked as Piece
from monitor.casework_lines import Work
from monitor.detectors.contract import thread_topic
from monitor.shapes import stored
from monitor.web.access import Responder
from monitor.web.api.models import PROBLEMS, Asked, Given, IncidentOut, Words, storable
from monitor.web.desk import Desk, desk_of
from storage import audit, casework
from storage.database import Transaction
from storage.records import Severity

router = APIRouter(prefix="/api/v1", tags=["incidents"], responses=PROBLEMS)

AtDesk = Annotated[Desk, Depends(desk_of)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200), BeforeValidator(storable)]
Name = Annotated[str, StringConstraints(max_length=100), BeforeValidator(storable)]
Line = Annotated[int, Field(ge=1, le=1_000_000)]
Doable = Literal[
    "assigned", "tagged", "untagged", "linked", "unlinked", "note", "corrected", "merged", "split", "moved", "undone"
]


class PostKeyIn(Asked):
    """A post or a thread by its source and the source's own name for it."""

    source: Word
    external_id: Word


class WorkIn(Asked):
    """A piece of work on an incident.

    `to` is for `assigned` (empty: nobody), `tags` for `tagged` and `untagged`, `other` for `linked`, `unlinked` and
    `merged`; `headline`, `kind` and `severity` for `corrected` and for the new incident of a `split`, whose `posts`,
    `threads` and `terms` say what goes there; `brand`, and `headline` if you like, for `moved`; `line` for `undone`,
    the last one where it is left out. `seen` is the last line of the timeline that you know: what others did since is
    not overruled.
    """

    work: Doable
    note: Annotated[str, StringConstraints(max_length=2000), BeforeValidator(storable)] = ""
    to: Name = ""
    tags: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    other: Name = ""
    headline: Words | None = None
    kind: Name | None = None
    severity: Severity | None = None
    posts: Annotated[list[PostKeyIn], Field(max_length=100)] = Field(default_factory=list)
    threads: Annotated[list[PostKeyIn], Field(max_length=20)] = Field(default_factory=list)
    terms: Annotated[list[Word], Field(max_length=20)] = Field(default_factory=list)
    brand: Name = ""
    line: Line | None = None
    seen: Line | None = None


class WorkOut(Given):
    """What came of it: `changed` is false where everything was so already, `line` the new line of the timeline, `other`
    the incident that was split off, merged into, moved to or linked."""

    incident: IncidentOut
    changed: bool
    line: int | None
    other: IncidentOut | None


@router.post("/incidents/{incident_id}/work")
def work_on(person: Responder, desk: AtDesk, incident_id: str, asked: WorkIn) -> WorkOut:
    """Merge, split, move, link, assign, tag, note or correct, or take back what was done, as the owner of the token."""
    at = desk.clock()
    with desk.database.write() as tx:
        found = find(tx, incident_id)
        piece = Piece(
            work=Work(asked.work),
            by=person.name,
            at=at,
            note=asked.note,
            to=asked.to,
            tags=tuple(asked.tags),
            other=find(tx, asked.other) if asked.other else None,
            headline=asked.headline,
            kind=asked.kind,
            severity=asked.severity,
            posts=tuple((key.source, key.external_id) for key in asked.posts),
            threads=tuple(thread_topic(key.source, key.external_id) for key in asked.threads),
            terms=tuple(asked.terms),
            brand=asked.brand,
            line=asked.line,
            seen=asked.seen,
        )
        done = desk.caseworker.do(tx, found.id, piece)
        audit.add(tx, at, person.name, asked.work, found.id, {"way": person.way.value})
        return WorkOut(
            incident=IncidentOut.of(done.incident, done.work),
            changed=done.changed,
            line=done.event.seq if done.event else None,
            other=_other(tx, done.other.id) if done.other else None,
        )


def _other(tx: Transaction, incident_id: str) -> IncidentOut:
    return IncidentOut.of(stored(tx, incident_id), casework.of(tx, incident_id))
