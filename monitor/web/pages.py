"""Answers with a page."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from monitor.web.access import csrf_of, remember_seat, seat_of
from monitor.web.desk import desk_of
from monitor.web.roles import Person

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
    text = desk.templates.get_template(template).render(
        person=person,
        csrf=person.csrf if person else csrf_of(seat_of(request)),
        menu=MENU,
        path=request.url.path,
        request_path=f"{request.url.path}?{request.url.query}".rstrip("?"),
        installation=desk.settings.general.name,
        timezone=desk.settings.general.timezone,
        now=desk.clock(),
        **context,
    )
    response = HTMLResponse(text, status)
    remember_seat(request, response)
    return response
