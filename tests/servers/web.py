"""A web server on loopback whose answers a test decides, faults included, and who keeps the log of what was asked."""

from __future__ import annotations

import contextlib
import json
import queue
import select
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from tests.servers.websocket import CLOSE, Line


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
    feed: Feed | None = None
    """An answer without an end: what is told here from now on."""


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply of JSON."""
    return Reply(status, json.dumps(content).encode(), {"content-type": "application/json", **(headers or {})})


class Feed:
    """What is told to all who listen at the moment."""

    def __init__(self) -> None:
        self.listeners: list[queue.SimpleQueue[bytes | None]] = []
        self.joined: queue.SimpleQueue[int] = queue.SimpleQueue()
        """A number for everyone who has begun to listen."""
        self.left: queue.SimpleQueue[int] = queue.SimpleQueue()
        """A number for everyone who has gone."""
        self._lock = threading.Lock()

    def join(self) -> queue.SimpleQueue[bytes | None]:
        """Begin to listen."""
        with self._lock:
            own: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
            self.listeners.append(own)
        return own

    def leave(self, own: queue.SimpleQueue[bytes | None]) -> None:
        """Listen no longer."""
        with self._lock, contextlib.suppress(ValueError):
            self.listeners.remove(own)
        self.left.put(len(self.listeners))

    def serve(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        """Pass on what is told until it is hung up or the other side has gone."""
        own = self.join()
        handler.close_connection = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if handler.headers.get("upgrade"):
                self._serve_messages(handler, own)
            else:
                self._serve_chunks(handler, reply, own)
        self.leave(own)

    def _serve_chunks(
        self, handler: BaseHTTPRequestHandler, reply: Reply, own: queue.SimpleQueue[bytes | None]
    ) -> None:
        handler.send_response(reply.status)
        for name, value in {**reply.headers, "transfer-encoding": "chunked"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.flush()
        self.joined.put(len(self.listeners))
        for line in self.lines(own, handler):
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")
        handler.wfile.flush()

    def _serve_messages(self, handler: BaseHTTPRequestHandler, own: queue.SimpleQueue[bytes | None]) -> None:
        """Over a WebSocket, a message for each line."""
        line = Line(handler)
        handler.wfile.flush()
        self.joined.put(len(self.listeners))
        for said in self.lines(own, handler):
            line.send(said)
            handler.wfile.flush()
        line.send(b"", CLOSE)
        handler.wfile.flush()

    def lines(self, own: queue.SimpleQueue[bytes | None], handler: BaseHTTPRequestHandler) -> Iterator[bytes]:
        """What is told, until it is hung up or the other side has gone."""
        while True:
            try:
                line = own.get(timeout=0.02)
            except queue.Empty:
                if select.select([handler.connection], [], [], 0)[0]:
                    return
                continue
            if line is None:
                return
            yield line

    def tell(self, line: bytes) -> None:
        """Tell everybody who listens now."""
        with self._lock:
            for each in self.listeners:
                each.put(line)

    def hang_up(self) -> None:
        """End every connection."""
        with self._lock:
            for each in self.listeners:
                each.put(None)
            self.listeners.clear()


class WebServer:
    """Serves within `with`. A subclass says in `answer` what its platform would."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.faults: deque[Reply] = deque()
        """Answers to the next requests, in place of the platform's own."""
        self.failing = ""
        """Faults are for addresses with this in them."""
        self.feeds: set[Feed] = set()
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
                    reply = reply or server.answer(request)
                    if reply.feed is None:
                        self._send(reply)
                if reply.feed is not None:
                    server.feeds.add(reply.feed)
                    reply.feed.serve(self, reply)

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
        return self.failing in request.path

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for feed in self.feeds:
            feed.hang_up()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
