"""Looking back: what past pages were, and how fast people responded over the year."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from monitor.care import find
from monitor.web.access import Analyst, Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from storage import audit, response, verdicts
from storage.records import Severity, Verdict
from storage.response import Response as Clock

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
YEAR = timedelta(days=365)
MOST_OF_A_YEAR = 5_000
SHOWN = 100
PAGED = (Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True)
class Month:
    """The incidents of one month, their clocks as medians; `real` and `wrong` count verdicts."""

    name: str
    incidents: int
    real: int
    wrong: int
    to_know: timedelta | None
    to_tell: timedelta | None
    to_take: timedelta | None
    to_answer: timedelta | None
    to_end: timedelta | None


@router.get("/review")
def review(
    request: Request,
    person: Viewer,
    desk: AtDesk,
    brand: Annotated[str, Query(max_length=100)] = "",
    all_severities: Annotated[bool, Query(alias="all")] = False,
) -> HTMLResponse:
    """Past incidents with their verdicts, and the response clock by month."""
    now = desk.clock()
    with desk.database.read() as tx:
        clocks = response.between(
            tx,
            now - YEAR,
            now + timedelta(minutes=5),
            brand=brand or None,
            severities=() if all_severities else PAGED,
            limit=MOST_OF_A_YEAR,
        )
        judged = verdicts.given(tx, since=now - YEAR)
    zone = ZoneInfo(desk.settings.general.timezone)
    today = now.astimezone(zone).date()
    return page(
        request,
        person,
        "review.html",
        clocks=clocks[:SHOWN],
        more=len(clocks) - SHOWN,
        judged=judged,
        waiting=sum(1 for one in clocks if one.id not in judged),
        months=months(clocks, {name: one.verdict for name, one in judged.items()}, zone),
        year=summed("the year", clocks, {name: one.verdict for name, one in judged.items()}),
        verdicts=list(Verdict),
        brands=[one.name for one in desk.settings.brands],
        chosen=brand,
        all_severities=all_severities,
        today=today,
        monday=today - timedelta(days=today.weekday()),
    )


@router.post("/review/{incident_id}")
def judge(
    person: Analyst,
    desk: AtDesk,
    incident_id: str,
    verdict: Annotated[Verdict, Form()],
    note: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say what an incident was; thresholds are measured by it."""
    at = desk.clock()
    with desk.database.write() as tx:
        found = find(tx, incident_id)
        desk.care.judge(tx, found.id, verdict, person.name, at, note)
        audit.add(tx, at, person.name, "judged", found.id, {"verdict": verdict.value})
    return RedirectResponse(f"/review#i-{found.id}", 303)


def months(clocks: Sequence[Clock], judged: dict[str, Verdict], zone: ZoneInfo) -> list[Month]:
    """The clocks by month, the newest first."""
    groups: dict[str, list[Clock]] = {}
    for one in clocks:
        groups.setdefault(f"{one.opened_at.astimezone(zone):%B %Y}", []).append(one)
    return [summed(name, group, judged) for name, group in groups.items()]


def summed(name: str, clocks: Sequence[Clock], judged: dict[str, Verdict]) -> Month:
    """What incidents come to; those that were no real ones do not count into the clocks."""
    said = [judged.get(one.id) for one in clocks]
    real = [one for one in clocks if judged.get(one.id, Verdict.REAL) is Verdict.REAL]
    return Month(
        name=name,
        incidents=len(clocks),
        real=said.count(Verdict.REAL),
        wrong=said.count(Verdict.FALSE_ALARM) + said.count(Verdict.NOT_ABOUT_US),
        to_know=_median(real, lambda one: one.to_know),
        to_tell=_median(real, lambda one: one.to_tell),
        to_take=_median(real, lambda one: one.to_take),
        to_answer=_median(real, lambda one: one.to_answer),
        to_end=_median(real, lambda one: one.to_end),
    )


def _median(clocks: Iterable[Clock], span: Callable[[Clock], timedelta | None]) -> timedelta | None:
    seconds = [found.total_seconds() for one in clocks if (found := span(one)) is not None]
    return timedelta(seconds=median(seconds)) if seconds else None
