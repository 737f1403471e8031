"""A Slack of our own on loopback: the methods that a bot needs, their limits and errors, and what people would see.

Faults are scripted per method: answers before or after the message was taken, slow ones, dripping ones, and broken
connections. Every request is kept with its time and answer, and every message with its edits.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from tests.servers.slack_files import SlackFiles
from tests.servers.slack_limits import refusal
from tests.servers.slack_people import APP_TOKEN, People
from tests.servers.websocket import Line

TOKEN = "xoxb-for-tests"

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: nothing of it is done, or (`after`) it is done and the answer goes wrong."""

    after: bool = False
    delay: float = 0.0
    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    reset: bool = False
    silent: bool = False
    drip: float = 0.0


@dataclass
class Posted:
    """A message as it stands: its newest form, and how often it was edited."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any] | None
    thread_ts: str | None
    is_broadcast: bool
    at: float
    edits: int = 0

    @property
    def delivery_id(self) -> str | None:
        """The delivery that it says it is."""
        found = (self.metadata or {}).get("event_payload", {}).get("delivery_id")
        return str(found) if found else None

    def shown(self, *, metadata: bool) -> dict[str, Any]:
        """As `conversations.history` shows it."""
        said: dict[str, Any] = {"type": "message", "ts": self.ts, "text": self.text, "blocks": self.blocks}
        if self.thread_ts is not None:
            said["thread_ts"] = self.thread_ts
        if metadata and self.metadata is not None:
            said["metadata"] = self.metadata
        return said


@dataclass(frozen=True)
class Request:
    """One request as it came in, and what was answered (nothing where the connection was broken)."""

    method: str
    at: float
    arguments: dict[str, Any]
    answer: str = ""


class Slack:
    """The workspace: channels, messages, and the faults to come."""

    def __init__(self, channels: tuple[str, ...] = ("C0ROOM", "C0OTHER")) -> None:
        self.channels = set(channels)
        self.archived: set[str] = set()
        self.without_bot: set[str] = set()
        self.token = TOKEN
        self.scopes = {"chat:write", "channels:history", "files:write", "users:read"}
        self.people = People()
        self.files = SlackFiles()
        self.messages: list[Posted] = []
        self.requests: list[Request] = []
        self.chaos: Callable[[str], Fault | None] = lambda _method: None
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._lock = threading.RLock()
        self._last_ts = 0.0
        self.stopping = threading.Event()
        self._listen(("127.0.0.1", 0))

    def _listen(self, address: Any) -> None:
        self._server = _Server(address, _Handler)
        self._server.slack = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="slack", daemon=True
        )

    @property
    def url(self) -> str:
        """The API's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def shut(self) -> None:
        """Listen no more: connections are refused, and those that are there go on."""
        self._server.shutdown()
        self._server.socket.close()
        self._thread.join()

    def reopen(self) -> None:
        """Listen again, where it was."""
        self._listen(self._server.server_address)
        self._thread.start()

    def script(self, method: str, *faults: Fault) -> None:
        """What goes wrong with the next requests of a method, in order."""
        with self._lock:
            self._faults[method].extend(faults)

    def roots(self, channel: str = "C0ROOM") -> list[Posted]:
        """What people see in the channel, oldest first."""
        with self._lock:
            return [one for one in self.messages if one.channel == channel and one.thread_ts is None]

    def replies(self, root: Posted) -> list[Posted]:
        """What people see in a thread, oldest first."""
        with self._lock:
            return [one for one in self.messages if one.channel == root.channel and one.thread_ts == root.ts]

    def delivery_ids(self) -> list[str]:
        """The delivery of every message that people see, oldest first."""
        with self._lock:
            return [one.delivery_id for one in self.messages if one.delivery_id]

    def asked(self, method: str) -> list[Request]:
        """The requests of one method."""
        with self._lock:
            return [request for request in self.requests if request.method == method]

    # -- What the handler calls ----------------------------------------------------------------------------------------

    def fault(self, method: str) -> Fault | None:
        """The fault of this request."""
        with self._lock:
            scripted = self._faults[method]
            return scripted.pop(0) if scripted else self.chaos(method)

    def note(self, method: str, arguments: dict[str, Any], answer: str) -> None:
        """Keep a request."""
        with self._lock:
            self.requests.append(Request(method, time.time(), arguments, answer))

    def call(self, method: str, token: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks."""
        if method == "apps.connections.open":
            return self._connections_open(token)
        if token != self.token:
            return _refused("not_authed" if not token else "invalid_auth")
        known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "files.completeUploadExternal": self._file,
            "files.delete": self._file,
            "files.getUploadURLExternal": self._file,
            "users.info": self._user,
            "views.open": self.people.open_view,
        }
        if method not in known:
            return _refused("unknown_method")
        with self._lock:
            return known[method]({**arguments, "method": method} if method.startswith("files.") else arguments)

    def take_file(self, ticket: str, body: bytes) -> int:
        """Take the bytes of a file; the status of the answer."""
        with self._lock:
            return self.files.take(ticket, body)

    def press(self, message: Posted, label: str, user: str = "U0KIM", **ways: Any) -> dict[str, Any]:
        """Somebody presses a button of a message, through the app's line."""
        return self.people.through_line(self.pressed(message, label, user), **ways)

    def pressed(self, message: Posted, label: str, user: str = "U0KIM") -> dict[str, Any]:
        """The payload of that."""
        url = self.url.replace("/api/", "/response/") + message.ts
        return self.people.pressed(message.blocks, label, user, message.channel, url)

    def _connections_open(self, token: str) -> dict[str, Any]:
        if token != APP_TOKEN:
            return _refused("not_allowed_token_type" if token == self.token else "invalid_auth")
        address = self.url.replace("http://", "ws://").replace("/api/", "/link/")
        return {"ok": True, "url": f"{address}?ticket={self.people.ticket()}&app_id=A0"}

    def _user(self, sent: dict[str, Any]) -> dict[str, Any]:
        return self.people.user(sent) if "users:read" in self.scopes else _refused("missing_scope")

    def _file(self, sent: dict[str, Any]) -> dict[str, Any]:
        if "files:write" not in self.scopes:
            return {"ok": False, "error": "missing_scope", "needed": "files:write"}
        return self.files.answer(sent["method"], sent, self.url.replace("/api/", "/upload/"))

    def _auth_test(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "team": "Halden", "user": "tocsin", "bot_id": "B0TOCSIN"}

    def _post(self, sent: dict[str, Any]) -> dict[str, Any]:
        problem = self._room_problem(sent, "chat:write") or refusal(sent, self.files)
        thread = sent.get("thread_ts")
        if problem is None and thread and self._at(sent["channel"], thread) is None:
            problem = "thread_not_found"
        if problem:
            return _refused(problem)
        posted = Posted(
            channel=sent["channel"],
            ts=self._next_ts(),
            text=sent.get("text", ""),
            blocks=sent.get("blocks") or [],
            metadata=sent.get("metadata"),
            thread_ts=thread,
            is_broadcast=bool(sent.get("reply_broadcast")),
            at=time.time(),
        )
        self.messages.append(posted)
        return {"ok": True, "channel": posted.channel, "ts": posted.ts, "message": posted.shown(metadata=True)}

    def _update(self, sent: dict[str, Any]) -> dict[str, Any]:
        problem = self._room_problem(sent, "chat:write") or refusal(sent, self.files)
        if problem:
            return _refused(problem)
        message = self._at(sent["channel"], str(sent.get("ts")))
        if message is None:
            return _refused("message_not_found")
        message.text, message.blocks = sent.get("text", ""), sent.get("blocks") or []
        message.metadata = sent.get("metadata") or message.metadata
        message.edits += 1
        return {"ok": True, "channel": message.channel, "ts": message.ts, "text": message.text}

    def _history(self, sent: dict[str, Any]) -> dict[str, Any]:
        if problem := self._room_problem(sent, "channels:history"):
            return _refused(problem)
        found = [one for one in self.messages if one.channel == sent["channel"]]
        found = [one for one in found if one.thread_ts is None or one.is_broadcast]
        return _paged(sorted(found, key=lambda one: one.ts, reverse=True), sent)

    def _replies(self, sent: dict[str, Any]) -> dict[str, Any]:
        if problem := self._room_problem(sent, "channels:history"):
            return _refused(problem)
        root = self._at(sent["channel"], str(sent.get("ts")))
        if root is None:
            return _refused("thread_not_found")
        return _paged([root, *(one for one in self.messages if one.thread_ts == root.ts)], sent, keep=root)

    def _room_problem(self, sent: dict[str, Any], scope: str) -> str | None:
        channel = sent.get("channel")
        problems = (
            (scope not in self.scopes, "missing_scope"),
            (channel not in self.channels, "channel_not_found"),
            (channel in self.archived and scope == "chat:write", "is_archived"),
            (channel in self.without_bot, "not_in_channel"),
        )
        return next((name for is_so, name in problems if is_so), None)

    def _at(self, channel: str, ts: str) -> Posted | None:
        return next((one for one in self.messages if one.channel == channel and one.ts == ts), None)

    def _next_ts(self) -> str:
        self._last_ts = max(time.time(), self._last_ts + 0.000001)
        return f"{self._last_ts:.6f}"


def _refused(error: str) -> dict[str, Any]:
    said: dict[str, Any] = {"ok": False, "error": error}
    return {**said, "needed": "channels:history"} if error == "missing_scope" else said


def _paged(found: list[Posted], sent: dict[str, Any], keep: Posted | None = None) -> dict[str, Any]:
    oldest = float(sent.get("oldest") or 0)
    latest = float(sent.get("latest") or "inf")
    wanted = [one for one in found if oldest < float(one.ts) < latest or one is keep]
    start, limit = int(sent.get("cursor") or 0), min(int(sent.get("limit") or 100), 999)
    metadata = str(sent.get("include_all_metadata")).lower() in ("true", "1")
    more = start + limit < len(wanted)
    shown = [one.shown(metadata=metadata) for one in wanted[start : start + limit]]
    after = {"response_metadata": {"next_cursor": str(start + limit)}} if more else {}
    return {"ok": True, "messages": shown, "has_more": more, **after}


class _Server(ThreadingHTTPServer):
    slack: Slack
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error of the server's."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        """A line of Socket Mode: each address is good for one connection."""
        people, ticket = self.server.slack.people, self.path.partition("ticket=")[2].partition("&")[0]
        if ticket not in people.tickets:
            self.send_error(408)
            return
        people.tickets.remove(ticket)
        people.serve(Line(self))

    def do_POST(self) -> None:
        slack, method = self.server.slack, self.path.rpartition("/")[2]
        if self.path.startswith("/response/"):
            slack.people.whisper(self._arguments()[0])
            self._answer(Fault(), b"ok")
            return
        if self.path.startswith("/upload/"):
            self._take_file(method)
            return
        arguments, token = self._arguments()
        fault = slack.fault(method) or Fault()
        if fault.delay:
            slack.stopping.wait(fault.delay)
        fails = fault.error or fault.status != 200 or fault.body is not None or fault.reset or fault.silent
        said: dict[str, Any] = {}
        if not fails or fault.after:
            said = slack.call(method, token, arguments)
        if fails:
            said = {"ok": False, "error": fault.error or "internal_error"}
        slack.note(method, arguments, "" if fault.reset or fault.silent else said.get("error", "ok"))
        self._answer(fault, json.dumps(said).encode() if fault.body is None else fault.body)

    def _take_file(self, ticket: str) -> None:
        slack = self.server.slack
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = slack.fault("upload") or Fault()
        if fault.delay:
            slack.stopping.wait(fault.delay)
        status = fault.status if fault.status != 200 else slack.take_file(ticket, body)
        slack.note("upload", {"length": len(body)}, str(status))
        self._answer(Fault(status=status, reset=fault.reset, silent=fault.silent), b"OK")

    def _answer(self, fault: Fault, body: bytes) -> None:
        if fault.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        if fault.silent:
            self.server.slack.stopping.wait(60)
            self.close_connection = True
            return
        self.send_response(fault.status)
        scopes = ",".join(sorted(self.server.slack.scopes))
        said = {"Content-Type": "application/json; charset=utf-8", "X-OAuth-Scopes": scopes}
        for name, value in {**said, **fault.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for piece in self._pieces(body, fault.drip):
            self.wfile.write(piece)

    def _pieces(self, body: bytes, drip: float) -> Iterator[bytes]:
        if not drip:
            yield body
            return
        for number in range(len(body)):
            if self.server.slack.stopping.wait(drip):
                return
            yield body[number : number + 1]

    def _arguments(self) -> tuple[dict[str, Any], str]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if (self.headers.get("Content-Type") or "").startswith("application/json"):
            return json.loads(raw or b"{}"), token
        return dict(parse_qsl(raw.decode())), token


@contextmanager
def slack_server(**choices: Any) -> Iterator[Slack]:
    """A Slack that answers while inside."""
    slack = Slack(**choices)
    slack.start()
    try:
        yield slack
    finally:
        slack.stop()
