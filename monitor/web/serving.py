"""Serves the web application in a thread of its own, and stops it cleanly."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import structlog
import uvicorn

from monitor.web.access import is_loopback
from monitor.web.app import create
from monitor.web.desk import Desk
from monitor.web.upgrades import NoWebSocket
from storage import accounts

_log = structlog.get_logger(__name__)

STOPS_WITHIN = 3
"""Seconds that requests under way are given at the end."""
STARTS_WITHIN = 30.0


class WebError(Exception):
    """The page cannot be served; the message says why and what to do."""


class PortTakenError(WebError):
    """Somebody else listens there."""


class Serving:
    """The page while it is served. `address` is where."""

    def __init__(self, desk: Desk) -> None:
        """Listen; `WebError` when that cannot or must not be."""
        web = desk.settings.web
        refuse_open_doors(desk)
        self._desk = desk
        self._socket = _listening(web.host, web.port)
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.address = f"{'https' if web.certificate else 'http'}://{shown}:{port}"
        self._server = _Server(
            uvicorn.Config(
                create(desk),
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                ws=NoWebSocket,
                timeout_graceful_shutdown=STOPS_WITHIN,
                ssl_certfile=web.certificate,
                ssl_keyfile=web.certificate_key,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()
        if not self._server.has_begun.wait(STARTS_WITHIN) or not self._server.started:
            raise WebError(f"the web page at {self.address} did not start; the log says why")
        _log.info("serving", address=self.address)

    def stop(self) -> None:
        """End every stream, let requests under way finish, and stop listening."""
        self._desk.stopping.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOPS_WITHIN + 5)
        with suppress(OSError):
            self._socket.close()


class _Server(uvicorn.Server):
    """A server that says when it has begun."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_begun = threading.Event()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        try:
            super().run(sockets)
        finally:
            self.has_begun.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin."""
        await super().startup(sockets)
        self.has_begun.set()


def refuse_open_doors(desk: Desk) -> None:
    """`WebError` when others could reach the page and nobody could sign in."""
    web = desk.settings.web
    if is_loopback(web.host) or web.oidc is not None:
        return
    with desk.database.read() as tx:
        has_accounts = accounts.is_any_with_password(tx)
    if not has_accounts:
        raise WebError(
            f"web.host is {web.host}, where others can reach the page, and nobody could sign in; "
            'add somebody with "tocsin users add", set [web.oidc], or listen on 127.0.0.1'
        )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise PortTakenError(
            f"the web page cannot be served at {host}:{port}: {error.strerror}; set another web.port or web.host"
        ) from error
    return listening
