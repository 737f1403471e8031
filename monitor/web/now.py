"""What is going on now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from storage import incidents as incident_store

router = APIRouter(include_in_schema=False)


@router.get("/")
def now(request: Request, person: Viewer, desk: Annotated[Desk, Depends(desk_of)]) -> HTMLResponse:
    """The incidents that go on."""
    with desk.database.read() as tx:
        live = incident_store.live(tx)
    return page(request, person, "now.html", incidents=live[::-1])
