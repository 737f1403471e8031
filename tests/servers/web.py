"""A web server on loopback whose answers a test decides, faults included, and who keeps the log of what was asked."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    pairs: Sequence[tuple[str, str]] = ()
    """The query with names that stand in it several times."""


@dataclass(frozen=True)
class Reply:
    """What is answered. `cut` ends the connection that many bytes before the length that was announced."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    pieces: int = 1


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of JSON."""
    return Reply(status, json.dumps(content).encode(), {"content-type": "application/json", **(headers or {})})


class WebServer:
    """Serves within `with`. A subclass says in `answer` what its platform would."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Reply] = deque()
        """Answers to the next requests, in place of the platform's own."""
        server = self
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body in one packet, or every answer waits 40 ms for an acknowledgement

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                length = int(self.headers.get("content-length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                pairs = parse_qsl(parts.query, keep_blank_values=True)
                request = Request(self.command, parts.path, dict(pairs), headers, self.rfile.read(length), pairs)
                with lock:
                    server.requests.append(request)
                    reply = server.faults.popleft() if server.faults and server.may_fail(request) else None
                    self._send(reply or server.answer(request))

            do_POST = do_PUT = do_GET  # noqa: N815  (the names that http.server looks for)

            def _send(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                body = reply.body[: len(reply.body) - reply.cut]
                size = max(len(body) // reply.pieces, 1)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    for start in range(0, len(body), size):
                        self.wfile.write(body[start : start + size])
                        self.wfile.flush()
                    self.wfile.flush()
                self.close_connection = bool(reply.cut)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def answer(self, request: Request) -> Reply:
        """What the platform would answer."""
        return Reply(404)

    def may_fail(self, request: Request) -> bool:
        """Whether a fault may stand in for the answer to this request."""
        return True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
