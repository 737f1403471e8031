"""Reports as files to read, print and send on: the post-mortem of an incident, the brief of a week or a month."""

from __future__ import annotations

from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.responses import Response

from config.names import BriefPeriod
from monitor.briefs import file_name
from monitor.care import find
from monitor.report.brief import brief
from monitor.report.document import Document
from monitor.report.html import html
from monitor.report.incident import post_mortem
from monitor.report.period import EARLIEST, Period
from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of

router = APIRouter(include_in_schema=False)

AtDesk = Annotated[Desk, Depends(desk_of)]
Form = Annotated[Literal["html", "pdf"], Query()]
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""A report brings its own style and pictures, and needs nothing else."""


@router.get("/incidents/{incident_id}/report")
def of_incident(_: Viewer, desk: AtDesk, incident_id: str, form: Form = "html", redact: bool = False) -> Response:
    """The post-mortem of one incident; `redact` leaves out who wrote what."""
    with desk.database.read() as tx:
        found = find(tx, incident_id)
        document = post_mortem(tx, desk.settings, found, desk.clock(), redacted=redact)
    return _file(desk, document, f"report-{found.id}.{form}")


@router.get("/briefs/{every}/{day}/{brand:path}")
def of_time(
    _: Viewer,
    desk: AtDesk,
    every: BriefPeriod,
    day: date,
    brand: str,
    form: Form = "html",
    zone: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The brief of a brand as it is made on a day; `zone` is that in which its days are counted."""
    if desk.settings.brand(brand) is None:
        raise HTTPException(404, f"There is no brand {brand}.")
    chosen = _zone(zone or desk.settings.general.timezone)
    period = Period.up_to(every, max(day, EARLIEST), chosen)
    if day < EARLIEST or period.begin > desk.clock():
        raise HTTPException(404, "Nothing is known of that time.")
    with desk.database.read() as tx:
        document = brief(tx, desk.settings, brand, period, desk.clock())
    return _file(desk, document, file_name(brand, period, form))


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(404, "There is no such time zone.") from error
    return name


def _file(desk: Desk, document: Document, name: str) -> Response:
    headers = {"Content-Security-Policy": POLICY}
    if PurePosixPath(name).suffix == ".pdf":
        from monitor.report.pdf import pdf  # noqa: PLC0415 - half a second with its fonts, which no page needs

        shown = name.encode("ascii", "replace").decode().replace("?", "-")
        headers["Content-Disposition"] = f'inline; filename="{shown}"'
        return Response(pdf(document, desk.clock()), media_type="application/pdf", headers=headers)
    return Response(html(document), media_type="text/html; charset=utf-8", headers=headers)
