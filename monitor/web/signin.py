"""Signing in and out."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, unquote

import structlog
from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from monitor.web import access
from monitor.web.access import Anyone, Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.guard import address_of
from monitor.web.oidc import Leaving, OidcError, Provider, name_of
from monitor.web.pages import page
from monitor.web.passwords import is_right
from storage import accounts, audit

_log = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

AWAY = "tocsin_away"
"""Cookie of a browser that is at the provider, with what it must bring back."""
AWAY_FOR = timedelta(minutes=10)
_LOCAL = re.compile(r"/(?![/\\])[^\\\x00-\x20]*")

AtDesk = Annotated[Desk, Depends(desk_of)]


@router.get("/login")
def form(request: Request, _: Anyone, desk: AtDesk, next: str = "/") -> Response:  # noqa: A002
    """The form to sign in."""
    return _form(request, desk, after(next))


@router.post("/login")
async def sign_in(
    request: Request,
    _: Anyone,
    desk: AtDesk,
    name: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Sign in with a password."""
    await access.refuse_foreign_form(request, access.csrf_of(access.seat_of(request)))
    return await run_in_threadpool(_sign_in, request, desk, name.strip(), password, after(next))


@router.post("/logout")
def sign_out(request: Request, person: Viewer, desk: AtDesk) -> Response:
    """Sign this browser out."""
    cookie = access.session_cookie(request)
    with desk.database.write() as tx:
        accounts.end_session(tx, cookie)
        audit.add(tx, desk.clock(), person.name, "signed out")
    response = RedirectResponse("/login", 303)
    for key in (access.SESSION, access.SESSION_OVER_TLS):
        response.delete_cookie(key, secure=key == access.SESSION_OVER_TLS, httponly=True, samesite="lax")
    return response


@router.get("/login/provider")
def leave(request: Request, _: Anyone, desk: AtDesk, next: str = "/") -> Response:  # noqa: A002
    """Go to the provider."""
    provider = _provider(desk)
    try:
        left = provider.leave(_return_address(request, desk))
    except OidcError as error:
        _log.warning("no sign-in by the provider", reason=str(error))
        return _form(request, desk, after(next), str(error), 502)
    response = RedirectResponse(left.url, 303)
    carried = ".".join([left.state, left.nonce, left.verifier, quote(after(next), safe="")])
    response.set_cookie(
        AWAY,
        carried,
        max_age=int(AWAY_FOR.total_seconds()),
        path="/login/provider",
        httponly=True,
        secure=access.is_over_tls(request),
        samesite="lax",
    )
    return response


@router.get("/login/provider/back")
def come_back(request: Request, _: Anyone, desk: AtDesk) -> Response:
    """Come back from the provider."""
    provider = _provider(desk)
    carried = request.cookies.get(AWAY, "").split(".", 3)
    if len(carried) != 4 or not secrets.compare_digest(
        carried[0].encode(), request.query_params.get("state", "").encode()
    ):
        return _form(request, desk, "/", "The sign-in took too long or began elsewhere; try again.", 400)
    left = Leaving("", *carried[:3])
    try:
        claims = provider.come_back(str(request.url), left, _return_address(request, desk))
        role = provider.role_of(claims)
    except OidcError as error:
        _log.warning("no sign-in by the provider", reason=str(error))
        return _form(request, desk, "/", str(error), 403)
    response = _begin(request, desk, name_of(claims), after(unquote(carried[3])), role.value)
    response.delete_cookie(AWAY, path="/login/provider")
    return response


def after(wanted: str) -> str:
    """Where to go after signing in: a page of ours, whatever the address says."""
    return wanted if _LOCAL.fullmatch(wanted) else "/"


def _sign_in(request: Request, desk: Desk, name: str, password: str, wanted: str) -> Response:
    now, address = desk.clock(), address_of(request.headers, request.scope)
    waits = (desk.logins.take(f"name {name}", now), desk.logins.take(f"address {address}", now))
    if max(waits) > timedelta():
        minutes = max(1, round(max(waits) / timedelta(minutes=1)))
        answer = _form(request, desk, wanted, f"Too many attempts; try again in {minutes} min.", 429)
        answer.headers["Retry-After"] = str(int(max(waits).total_seconds()) + 1)
        return answer
    with desk.database.read() as tx:
        account = accounts.get(tx, name)
    if not is_right(account.password if account else None, password):
        _log.warning("sign-in refused", name=name[:100], address=address)
        return _form(request, desk, wanted, "Name or password is wrong.", 403)
    desk.logins.forgive(f"name {name}")
    return _begin(request, desk, name, wanted)


def _begin(request: Request, desk: Desk, name: str, wanted: str, role: str | None = None) -> Response:
    """Sign the browser in, with a cookie that nobody has seen before."""
    cookie, now = secrets.token_urlsafe(32), desk.clock()
    with desk.database.write() as tx:
        accounts.forget_idle_sessions(tx, now, desk.settings.web.session_idle)
        if before := access.session_cookie(request):
            accounts.end_session(tx, before)
        accounts.begin_session(tx, cookie, name, now, role)
        audit.add(tx, now, name, "signed in", details={"by": "provider" if role else "password"})
    response = RedirectResponse(wanted, 303)
    is_safe = access.is_over_tls(request)
    response.set_cookie(
        access.SESSION_OVER_TLS if is_safe else access.SESSION, cookie, httponly=True, secure=is_safe, samesite="lax"
    )
    return response


def _form(request: Request, desk: Desk, wanted: str, error: str = "", status: int = 200) -> HTMLResponse:
    with desk.database.read() as tx:
        has_accounts = accounts.is_any_with_password(tx)
    has_provider = desk.settings.web.oidc is not None
    return page(
        request, None, "login.html", status, next=wanted, error=error, by_name=has_accounts, by_provider=has_provider
    )


def _provider(desk: Desk) -> Provider:
    if desk.settings.web.oidc is None:
        raise HTTPException(404, "There is no provider to sign in by; [web.oidc] names one.")
    return Provider(desk.settings.web.oidc)


def _return_address(request: Request, desk: Desk) -> str:
    base = desk.settings.general.public_url or str(request.base_url).rstrip("/")
    return f"{base}/login/provider/back"
