"""Answers with a page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from monitor.web.access import csrf_of, remember_seat, seat_of
from monitor.web.desk import Desk, desk_of
from monitor.web.roles import Person
from monitor.web.seen import LATELY, Seen, seen
from storage.errors import StorageError

MENU = (
    ("/", "Now"),
    ("/incidents", "Incidents"),
    ("/explore", "Explore"),
    ("/tune", "Tune"),
    ("/sources", "Sources"),
    ("/review", "Review"),
)
"""The pages that everybody finds at the top."""


def page(request: Request, person: Person | None, template: str, status: int = 200, /, **context: Any) -> HTMLResponse:
    """The page that a template makes for this person."""
    desk = desk_of(request)
    now = desk.clock()
    text = desk.templates.get_template(template).render(
        person=person,
        csrf=person.csrf if person else csrf_of(seat_of(request)),
        menu=MENU,
        path=request.url.path,
        request_path=f"{request.url.path}?{request.url.query}".rstrip("?"),
        installation=desk.settings.general.name,
        timezone=desk.settings.general.timezone,
        now=now,
        seen_lately=_seen_lately(desk, now) if person else None,
        **context,
    )
    response = HTMLResponse(text, status)
    remember_seat(request, response)
    return response


def _seen_lately(desk: Desk, now: datetime) -> Seen | None:
    """What was read of the last day; None where the database does not say, which is no reason to show no page."""
    try:
        with desk.database.read() as tx:
            return seen(tx, desk.settings, now - LATELY, now)
    except StorageError:
        return None
