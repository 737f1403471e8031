"""The base of the platforms of our own on loopback: HTTP, faults scripted per request, and a log of what was asked.

A platform (`handle`) enforces what its documentation says: who may write, what a message may hold, and with which
errors it refuses. Faults stand in front of it: answers before or after the message was taken, slow and dripping ones,
broken connections.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.alerts.stage import Trouble


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float = 0.0

    def json(self) -> Any:
        """The body as JSON; `None` where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def form(self) -> dict[str, str]:
        """The body as a form's fields."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=bool(self.body)))

    def parts(self) -> dict[str, bytes]:
        """The parts of a `multipart/form-data` body by name."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        parsed: Message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        return {
            str(part.get_param("name", header="content-disposition")): bytes(part.get_payload(decode=True) or b"")  # type: ignore[arg-type]
            for part in parsed.iter_parts()  # type: ignore[attr-defined]
        }


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def said(content: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json", **named})


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: nothing of it is done, or (`after`) it is done and the answer goes wrong."""

    reply: Reply | None = None
    after: bool = False
    reset: bool = False
    silent: bool = False
    drip: float = 0.0
    endless: bool = False


class Platform:
    """Serves within `with`; a subclass says in `handle` what its platform would do."""

    busy = Reply(429, b"slow down", {"Retry-After": "1"})
    """How the platform says that it is asked too often."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Fault] = deque()
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.platform = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def handle(self, request: Request) -> Reply:
        """What the platform does and answers."""
        raise NotImplementedError

    def may_fail(self, request: Request) -> bool:
        """Whether a fault may stand in for the answer to this request."""
        return True

    def script(self, *faults: Fault) -> None:
        """What goes wrong with the next requests."""
        self.faults.extend(faults)

    def trouble(self, trouble: Trouble) -> None:
        """The conformance suite's ways to trouble a message."""
        self.script(
            {
                Trouble.BUSY: Fault(self.busy),
                Trouble.LOST_ANSWER: Fault(after=True, reset=True),
                Trouble.LOST_REQUEST: Fault(reset=True),
                Trouble.SILENCE: Fault(silent=True),
            }[trouble]
        )

    def take(self, request: Request) -> tuple[Fault, Reply]:
        """The fault of this request, and what is answered."""
        with self.lock:
            self.requests.append(request)
            fault = self.faults.popleft() if self.faults and self.may_fail(request) else None
            if fault is None:
                return Fault(), self.handle(request)
            answer = self.handle(request) if fault.after else Reply(500)
            return fault, fault.reply or answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    platform: Platform
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the server's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(self.command, parts.path, query, headers, body, time.time())
        self._answer(*self.server.platform.take(request))

    do_GET = do_PATCH = do_PUT = do_HEAD = do_POST  # noqa: N815  (the names that http.server looks for)

    def _answer(self, fault: Fault, reply: Reply) -> None:
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if fault.silent:
            self.server.platform.stopping.wait(60)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        length = 1_000_000_000 if fault.endless else len(reply.body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self._write(fault, reply.body)

    def _write(self, fault: Fault, body: bytes) -> None:
        wait = self.server.platform.stopping.wait
        if fault.endless:
            while not wait(0):
                self.wfile.write(b"x" * 65536)
        elif fault.drip:
            self.wfile.flush()
            for number in range(len(body)):
                if wait(fault.drip):
                    return
                self.wfile.write(body[number : number + 1])
                self.wfile.flush()
        else:
            self.wfile.write(body)
            self.wfile.flush()
