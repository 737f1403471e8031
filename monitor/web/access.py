"""The one place where it is decided who may do what.

Every route declares what it asks for by exactly one `Access` among its dependencies (`Viewer`, `Responder`, `Analyst`,
`Operator`, or `Anyone` for what has a lock of its own, such as a signature); `app.create` refuses a route without one.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from monitor.web.desk import desk_of
from monitor.web.roles import Person, Role, Way
from storage import accounts

HERE = "local"
"""How somebody is called who sits at this machine and did not sign in."""
SESSION = "tocsin_session"
SESSION_OVER_TLS = "__Host-tocsin_session"
SCOPES: Mapping[str, Role] = {
    "read": Role.VIEWER,
    "respond": Role.RESPONDER,
    "analyse": Role.ANALYST,
    "operate": Role.OPERATOR,
}
"""What the scopes of tokens allow; never more than the role of the account."""
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
        person = await run_in_threadpool(who, request)
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
    """Who asks, if anybody is known: by a token, by being signed in, or by sitting at this machine."""
    authorization = request.headers.get("authorization", "")
    if authorization:
        return _by_token(request, authorization)
    signed_in = _by_session(request)
    if signed_in is not None:
        return signed_in
    return Person(HERE, Role.OPERATOR, Way.LOOPBACK, csrf_of(seat_of(request))) if is_local(request) else None


def _by_token(request: Request, authorization: str) -> Person | None:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    desk, now = desk_of(request), desk_of(request).clock()
    with desk.database.read() as tx:
        token = accounts.token(tx, secret.strip(), now)
    if token is None:
        return None
    if token.seen_at is None or token.seen_at <= now - accounts.SEEN_TO:
        with desk.database.write() as tx:
            accounts.see_token(tx, token.id, now)
    allowed = [SCOPES[scope] for scope in token.scopes if scope in SCOPES]
    role = min(Role(token.role), max(allowed, default=Role.VIEWER, key=_rank), key=_rank)
    return Person(token.account, role, Way.TOKEN) if allowed else None


def _by_session(request: Request) -> Person | None:
    cookie = session_cookie(request)
    if not cookie:
        return None
    desk, now = desk_of(request), desk_of(request).clock()
    with desk.database.read() as tx:
        found = accounts.session(tx, cookie, now, desk.settings.web.session_idle)
    if found is None:
        return None
    if found.seen_at <= now - accounts.SEEN_TO:
        with desk.database.write() as tx:
            accounts.see_session(tx, cookie, now)
    return Person(found.name, Role(found.role), Way.SESSION, csrf_of(cookie))


def session_cookie(request: Request) -> str:
    """The cookie of a browser that is signed in, or nothing."""
    return request.cookies.get(SESSION_OVER_TLS) or request.cookies.get(SESSION) or ""


def is_over_tls(request: Request) -> bool:
    """Whether the browser came by https; whoever is not at this machine must have."""
    return request.url.scheme == "https" or not is_loopback(request.url.hostname or "")


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


def seat_of(request: Request) -> str:
    """The seat of a browser; `remember_seat` sends it a new one with the answer when it has none."""
    if request.cookies.get(SEAT):
        return request.cookies[SEAT]
    if not hasattr(request.state, "seat"):
        request.state.seat = secrets.token_urlsafe(32)
    seat: str = request.state.seat
    return seat


def remember_seat(request: Request, response: Response) -> None:
    """Let the browser keep the seat that was made for it."""
    if hasattr(request.state, "seat"):
        response.set_cookie(SEAT, request.state.seat, httponly=True, samesite="lax")


def _rank(role: Role) -> int:
    return role.rank


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
    if not is_program:
        await refuse_foreign_form(request, person.csrf)


async def refuse_foreign_form(request: Request, expected: str) -> None:
    """403 unless the request carries what our forms carry."""
    if not hmac.compare_digest((await _given_token(request)).encode(), expected.encode()):
        raise HTTPException(403, "This form is too old or not ours; load the page again.")


async def _given_token(request: Request) -> str:
    header = request.headers.get(CSRF_HEADER)
    if header is not None:
        return header
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return ""
    return str((await request.form()).get(CSRF_FIELD, ""))
