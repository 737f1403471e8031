"""Incidents, for programs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from pydantic import Field

from alerts.actions import Action
from monitor import shapes
from monitor.care import find
from monitor.web.access import Responder, Viewer
from monitor.web.api.models import (
    PROBLEMS,
    ActionIn,
    ActionOut,
    Asked,
    Cursor,
    DeliveryOut,
    EventOut,
    IncidentOut,
    Incidents,
    Limit,
    LineOut,
    Moment,
    SignalOut,
    Timeline,
    Words,
)
from monitor.web.cursors import NOT_OURS, decoded, encoded, incident_cursor, moment, read_incident_cursor
from monitor.web.desk import Desk, desk_of
from monitor.web.live import event, marks, stream
from storage import audit, casework, outbox
from storage import incidents as incident_store
from storage.records import IncidentState, Severity

router = APIRouter(prefix="/api/v1", tags=["incidents"], responses=PROBLEMS)

AtDesk = Annotated[Desk, Depends(desk_of)]
Place = tuple[datetime, str]
"""Where a stream stands: a moment, and the name of what was told of it last."""
AT_A_LOOK = 100


class Which(Asked):
    """Which incidents are asked for; `before` is the `next` of the page before."""

    brand: Words = ""
    state: list[IncidentState] = Field(default_factory=list)
    severity: list[Severity] = Field(default_factory=list)
    tag: Words = ""
    assigned_to: Words = ""
    since: Moment | None = None
    until: Moment | None = None
    before: Cursor = ""
    limit: Limit = 50


@router.get("/incidents")
def list_incidents(_: Viewer, desk: AtDesk, which: Annotated[Which, Query()]) -> Incidents:
    """Incidents by their opening, the newest first."""
    with desk.database.read() as tx:
        found = incident_store.page(
            tx,
            since=which.since,
            until=which.until,
            brand=which.brand or None,
            states=which.state,
            severities=which.severity,
            tag=which.tag.casefold(),
            assigned_to=which.assigned_to,
            before=read_incident_cursor(which.before) if which.before else None,
            limit=which.limit + 1,
        )
        shown = found[: which.limit]
        works = casework.of_many(tx, [one.id for one in shown])
    more = incident_cursor(shown[-1]) if len(found) > which.limit else None
    return Incidents(items=[IncidentOut.of(one, works[one.id]) for one in shown], next=more)


@router.get(
    "/incidents/{incident_id}",
    response_model=IncidentOut,
    responses={304: {"description": "It is as you know it."}},
)
def get_incident(_: Viewer, desk: AtDesk, incident_id: str, request: Request, response: Response) -> Any:
    """One incident; with an ETag, so that asking again costs little."""
    with desk.database.read() as tx:
        found = find(tx, incident_id)
        work = casework.of(tx, found.id)
    tag = f'"{found.id}.{found.version}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    response.headers["ETag"] = tag
    return IncidentOut.of(found, work)


@router.get("/incidents/{incident_id}/timeline")
def get_timeline(_: Viewer, desk: AtDesk, incident_id: str) -> Timeline:
    """What happened, what was found, and who was told."""
    with desk.database.read() as tx:
        found = find(tx, incident_id)
        events, signals = incident_store.events(tx, found.id), shapes.signals(tx, found.id)
        deliveries = outbox.history(tx, found.id)
    return Timeline(
        events=[EventOut.of(one) for one in events],
        signals=[SignalOut.of(one) for one in signals],
        deliveries=[DeliveryOut.of(one) for one in deliveries],
    )


@router.post("/incidents/{incident_id}/actions")
def act(person: Responder, desk: AtDesk, incident_id: str, asked: ActionIn) -> ActionOut:
    """Do something about an incident, as the owner of the token."""
    at = desk.clock()
    with desk.database.write() as tx:
        found = find(tx, incident_id)
        done = desk.care.do(
            tx, found.id, asked.action, person.name, at, asked.note, until=asked.until, link=asked.link, twin=asked.twin
        )
        audit.add(tx, at, person.name, asked.action.value, found.id, {"way": person.way.value})
        work = casework.of(tx, found.id)
    return ActionOut(incident=IncidentOut.of(done.incident, work), changed=done.changed)


@router.get("/actions")
def list_actions(_: Viewer) -> list[str]:
    """What can be done about incidents."""
    return [action.value for action in Action]


@router.get(
    "/events",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Events `incident` (as it is now) and `line` (what somebody said or did of one).",
            "content": {"text/event-stream": {}},
        }
    },
)
async def events(request: Request, _: Viewer, desk: AtDesk) -> StreamingResponse:
    """Incidents as they change and what people say of them, as server-sent events; `Last-Event-ID` goes on where a
    stream broke off."""
    known = request.headers.get("last-event-id", "")
    place = _place(known) if known else (desk.clock(), "")
    return stream(_changes(request, desk, place))


async def _changes(request: Request, desk: Desk, place: tuple[datetime, str]) -> AsyncIterator[str]:
    yield "retry: 3000\n\n"
    async for mark in marks(request, desk):
        if mark is None:
            yield ": still here\n\n"
            continue
        for last, name, told in await run_in_threadpool(_changed, desk, place):
            place = last
            yield event(name, told.model_dump(mode="json"), encoded(last[0].isoformat(), last[1]))


def _changed(desk: Desk, after: Place) -> list[tuple[Place, str, IncidentOut | LineOut]]:
    """Incidents that changed and lines that people wrote, in the order of both, a look's worth."""
    with desk.database.read() as tx:
        incidents, lines = incident_store.changed(tx, after, AT_A_LOOK), incident_store.said(tx, after, AT_A_LOOK)
        works = casework.of_many(tx, [one.id for one in incidents])
    found: list[tuple[Place, str, IncidentOut | LineOut]] = [
        *(((one.updated_at, one.id), "incident", IncidentOut.of(one, works[one.id])) for one in incidents),
        *(((one.at, f"{one.incident_id}.{one.seq:06}"), "line", LineOut.model_validate(one)) for one in lines),
    ]
    return sorted(found, key=lambda one: one[0])[:AT_A_LOOK]


def _place(event_id: str) -> Place:
    at, name = decoded(event_id, 2)
    if not re.fullmatch(r"[^.]*(\.[0-9]{1,9})?", str(name)):
        raise HTTPException(422, NOT_OURS)
    return moment(at), str(name)
