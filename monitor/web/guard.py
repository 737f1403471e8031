"""The outermost step of every request: names by which we may be asked, sizes, what browsers may do, and failures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from config.settings import Settings
from monitor.web.access import is_loopback
from monitor.web.throttle import Throttle

_log = structlog.get_logger(__name__)

LARGEST_BODY = 2 * 1024 * 1024
POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class TooLargeError(Exception):
    """The body of a request is larger than we read."""


class NulError(Exception):
    """A form holds a NUL, which PostgreSQL takes in no text; no browser sends one."""


class Guard:
    """Wraps the pages: refuses unknown names and large bodies, adds headers, and turns a failure into an answer."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], throttle: Throttle, clock: Callable[[], datetime]) -> None:
        self.app = app
        self.hosts = hosts
        self.throttle = throttle
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(send)
        headers = Headers(scope=scope)
        refusal = self._refusal(headers, scope)
        try:
            await (refusal or self.app)(scope, _limited(receive, is_form=_is_form(headers)), answer)
        except TooLargeError:
            await answer.instead(PlainTextResponse("The request is too large.\n", 413), scope, receive)
        except NulError:
            await answer.instead(PlainTextResponse("No form holds a NUL.\n", 400), scope, receive)
        except Exception as error:  # noqa: BLE001  # the last place where a failure of a page can be told
            _log.exception("a page failed", path=scope["path"], method=scope["method"], error=type(error).__name__)
            await answer.instead(
                PlainTextResponse("Something went wrong here; the log says what.\n", 500), scope, receive
            )

    def _refusal(self, headers: Headers, scope: Scope) -> ASGIApp | None:
        asked = _name_of(headers.get("host", ""))
        if not is_loopback(asked) and asked not in self.hosts:
            text = f"This is not {asked or 'anything without a name'}; add the name to web.allowed_hosts.\n"
            return PlainTextResponse(text, 421)
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return PlainTextResponse("No address holds a NUL.\n", 400)  # PostgreSQL takes none, in no question
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return PlainTextResponse(f"A request may have {LARGEST_BODY:,} bytes.\n", 413)
        address = address_of(headers, scope)
        wait = timedelta() if is_loopback(address) else self.throttle.take(address, self.clock())
        if wait:
            seconds = str(int(wait.total_seconds()) + 1)
            return PlainTextResponse(f"Too many requests; ask again in {seconds} s.\n", 429, {"Retry-After": seconds})
        return None


class _Answer:
    """Sends an answer with our headers, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_begun = True
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)

    async def instead(self, response: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Answer this, unless something was answered already."""
        if not self._has_begun:
            await response(scope, receive, self)


def _limited(receive: Receive, *, is_form: bool) -> Receive:
    """The request's body, up to the largest that we read, whatever its header said; a form without a NUL."""
    read, before = 0, b""

    async def limited() -> Message:
        nonlocal read, before
        message = await receive()
        body = message.get("body", b"")
        read += len(body)
        if read > LARGEST_BODY:
            raise TooLargeError
        if is_form and (b"\0" in body or b"%00" in before + body):
            raise NulError
        before = (before + body)[-2:]
        return message

    return limited


def _is_form(headers: Headers) -> bool:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in ("application/x-www-form-urlencoded", "multipart/form-data")


def address_of(headers: Headers, scope: Scope) -> str:
    """Who asks: the peer, or whom a proxy on this machine names as its own peer."""
    peer: str = scope["client"][0] if scope.get("client") else ""
    passed_on = headers.get("x-forwarded-for", "")
    return passed_on.rpartition(",")[2].strip() if passed_on and is_loopback(peer) else peer


def known_hosts(settings: Settings) -> frozenset[str]:
    """Names by which we may be asked, beside those of this machine itself."""
    web = settings.web
    public = urlsplit(settings.general.public_url).hostname
    bound = () if web.host in ("0.0.0.0", "::") else (web.host,)  # noqa: S104  # compared, not listened on
    return frozenset(_lowered([*web.allowed_hosts, *bound, *([public] if public else [])]))


def _lowered(names: Iterable[str]) -> Iterable[Any]:
    return (name.lower() for name in names)


def _name_of(host: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
