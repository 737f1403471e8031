"""Sources, deliveries and silences, for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from ulid import ULID

from monitor.web.access import Responder, Viewer
from monitor.web.api.models import (
    PROBLEMS,
    Asked,
    DeliveryOut,
    GapOut,
    Limit,
    Moment,
    RunOut,
    SilenceIn,
    SilenceOut,
    SourceOut,
    Words,
)
from monitor.web.desk import Desk, desk_of
from monitor.web.now import healths
from storage import audit, gaps, incidents, outbox, runs, silences
from storage.records import Severity, Silence

router = APIRouter(prefix="/api/v1", responses=PROBLEMS)

AtDesk = Annotated[Desk, Depends(desk_of)]
LONGEST_SILENCE = timedelta(days=30)


class Span(Asked):
    """Which gaps are asked for: those of the last thirty days unless said otherwise."""

    source: Words = ""
    since: Moment | None = None
    until: Moment | None = None


class Lately(Asked):
    """How many of which source, the newest first."""

    source: Words = ""
    limit: Limit = 50


@router.get("/sources", tags=["sources"])
def list_sources(_: Viewer, desk: AtDesk) -> list[SourceOut]:
    """The sources and how they are."""
    with desk.database.read() as tx:
        states = {one.name: one for one in healths(tx, desk.settings, desk.clock())}
    found = []
    for source in desk.settings.sources:
        health, planned = states[source.name], states[source.name].planned
        found.append(
            SourceOut(
                name=source.name,
                type=source.type,
                enabled=source.enabled,
                state=health.word,
                coverage=health.coverage,
                next_at=planned.next_at if planned else None,
                last_ended_at=planned.last_ended_at if planned else None,
                failures=planned.failures if planned else 0,
            )
        )
    return found


@router.get("/gaps", tags=["sources"])
def list_gaps(_: Viewer, desk: AtDesk, span: Annotated[Span, Query()]) -> list[GapOut]:
    """Spans that were not, or not wholly, read."""
    end = span.until or desk.clock()
    since = span.since or end - timedelta(days=30)
    with desk.database.read() as tx:
        found = gaps.between(tx, since, end, span.source or None)
    return [GapOut.model_validate(one) for one in found[-1000:]]


@router.get("/runs", tags=["sources"])
def list_runs(_: Viewer, desk: AtDesk, lately: Annotated[Lately, Query()]) -> list[RunOut]:
    """Runs of collectors, the newest first."""
    with desk.database.read() as tx:
        return [RunOut.model_validate(one) for one in runs.recent(tx, lately.source or None, limit=lately.limit)]


@router.get("/deliveries", tags=["deliveries"])
def list_deliveries(_: Viewer, desk: AtDesk) -> list[DeliveryOut]:
    """Messages that are on their way; those of one incident stand in its timeline."""
    with desk.database.read() as tx:
        return [DeliveryOut.of(one) for one in outbox.unfinished(tx)[:1000]]


@router.get("/silences", tags=["silences"])
def list_silences(_: Viewer, desk: AtDesk) -> list[SilenceOut]:
    """Silences that are in force or to come."""
    with desk.database.read() as tx:
        return [SilenceOut.of(one) for one in silences.every(tx, since=desk.clock())]


@router.post("/silences", tags=["silences"], status_code=201)
def add_silence(person: Responder, desk: AtDesk, asked: SilenceIn) -> SilenceOut:
    """Hold deliveries back until a time, thirty days away at the most."""
    now = desk.clock()
    starts_at = asked.starts_at or now
    if not now < asked.ends_at or not starts_at < asked.ends_at or asked.ends_at - starts_at > LONGEST_SILENCE:
        raise HTTPException(422, "ends_at: a silence ends in the future, after it begins, and within thirty days")
    silence = Silence(
        id=str(ULID()),
        starts_at=starts_at,
        ends_at=asked.ends_at,
        author=person.name,
        comment=asked.comment,
        brand=asked.brand,
        severity=Severity(asked.severity) if asked.severity else None,
        incident_id=asked.incident_id,
        include_critical=asked.include_critical,
    )
    with desk.database.write() as tx:
        if asked.incident_id is not None and incidents.get(tx, asked.incident_id) is None:
            raise HTTPException(404, f"There is no incident {asked.incident_id}.")
        silences.add(tx, silence)
        audit.add(tx, now, person.name, "silenced", silence.id, {"until": asked.ends_at.isoformat()})
    return SilenceOut.of(silence)


@router.delete("/silences/{silence_id}", tags=["silences"])
def end_silence(person: Responder, desk: AtDesk, silence_id: str) -> SilenceOut:
    """End a silence now."""
    now = desk.clock()
    with desk.database.write() as tx:
        if not silences.end(tx, silence_id, now):
            raise HTTPException(404, "There is no silence of this id that still holds.")
        audit.add(tx, now, person.name, "ended silence", silence_id)
        found = silences.get(tx, silence_id)
    assert found is not None  # noqa: S101  # it was there a line ago
    return SilenceOut.of(found)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Viewer) -> JSONResponse:
    """What this API is, for programs that make clients."""
    return JSONResponse(request.app.openapi())
