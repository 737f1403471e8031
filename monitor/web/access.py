"""The one place where it is decided who may do what.

Every route declares what it asks for by exactly one `Access` among its dependencies (`Viewer`, `Responder`, `Analyst`,
`Operator`, or `Anyone` for what has a lock of its own, such as a signature); `app.create` refuses a route without one.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.responses import Response

from monitor.web.desk import desk_of
from monitor.web.roles import Person, Role, Way

SEAT = "tocsin_seat"
"""Cookie of a browser that needs no sign-in: forms made for it are bound to it."""
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_READING = ("GET", "HEAD", "OPTIONS")


class Access:
    """Asks for a role; a dependency that gives the person who has it."""

    def __init__(self, role: Role | None) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Person | None:
        """The person, or 401 when nobody is known, 403 when that role may not."""
        person = who(request)
        if self.role is None:
            return person
        if person is None:
            raise HTTPException(401, "Sign in first.", {"WWW-Authenticate": "Bearer"})
        if not person.role.may(self.role):
            raise HTTPException(403, f"This needs the role {self.role.value}; {person.name} is {person.role.value}.")
        if request.method not in _READING:
            await _refuse_forgery(request, person)
        return person


Anyone = Annotated[Person | None, Depends(Access(None))]
"""For what asks for no role: it has a lock of its own, or hides nothing."""
Viewer = Annotated[Person, Depends(Access(Role.VIEWER))]
Responder = Annotated[Person, Depends(Access(Role.RESPONDER))]
Analyst = Annotated[Person, Depends(Access(Role.ANALYST))]
Operator = Annotated[Person, Depends(Access(Role.OPERATOR))]


def who(request: Request) -> Person | None:
    """Who asks, if anybody is known."""
    if is_local(request):
        seat = request.cookies.get(SEAT) or new_seat(request)
        return Person("local", Role.OPERATOR, Way.LOOPBACK, csrf_of(seat))
    return None


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine, not through a proxy, and asks for it by a name of this machine.

    The last keeps out pages of the internet whose name was bent to 127.0.0.1 (DNS rebinding).
    """
    if not desk_of(request).settings.web.trust_loopback or any(name in request.headers for name in FORWARDED):
        return False
    return request.client is not None and is_loopback(request.client.host) and is_loopback(request.url.hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def new_seat(request: Request) -> str:
    """A seat for a browser that has none; `remember_seat` sends it with the answer."""
    if not hasattr(request.state, "seat"):
        request.state.seat = secrets.token_urlsafe(32)
    seat: str = request.state.seat
    return seat


def remember_seat(request: Request, response: Response) -> None:
    """Let the browser keep the seat that was made for it."""
    if hasattr(request.state, "seat"):
        response.set_cookie(SEAT, request.state.seat, httponly=True, samesite="lax")


def csrf_of(cookie: str) -> str:
    """What a form must carry that was made for the browser with this cookie; nobody else can know it."""
    return hashlib.sha256(f"csrf:{cookie}".encode()).hexdigest()


async def _refuse_forgery(request: Request, person: Person) -> None:
    """403 unless the request was meant by the person: same origin, and with the token of one of our forms.

    Programs send neither Origin nor Sec-Fetch-Site, which browsers always do when they post; they need no token then,
    but their JSON cannot come from another site's form.
    """
    if person.way is Way.TOKEN:
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "The request came from another site.")
    if site is not None and site not in ("same-origin", "none"):
        raise HTTPException(403, "The request came from another site.")
    is_program = origin is None and site is None and request.url.path.startswith("/api/")
    if not is_program and not hmac.compare_digest(await _given_token(request), person.csrf):
        raise HTTPException(403, "This form is too old or not ours; load the page again.")


async def _given_token(request: Request) -> str:
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    return str((await request.form()).get(CSRF_FIELD, ""))
