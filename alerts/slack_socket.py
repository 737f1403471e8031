"""Slack's Socket Mode: presses come in through a connection that we open, so that no port need be open to the world.

One thread: ask for an address (`apps.connections.open`), connect, answer each envelope at once and hand it on. What
Slack closes, or what breaks, is opened again; Slack may send an envelope twice. Protocol:
https://docs.slack.dev/apis/events-api/using-socket-mode.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from typing import Any
from urllib.parse import urlsplit

import structlog
from slack_sdk.errors import SlackApiError
from websocket import ABNF, WebSocket, WebSocketException, WebSocketTimeoutException, create_connection

from alerts.channels.contract import ChannelError
from alerts.deadline import Deadline
from alerts.slack_api import Client
from alerts.slack_requests import Once
from config.references import MissingSecretError, SecretReference

_log = structlog.get_logger(__name__)

OPENS_WITHIN = 10.0
LISTENS_FOR = 1.0
"""Seconds after which the thread looks whether it is to stop, or whether the line is dead."""
PING_EVERY, DEAD_AFTER = 15.0, 45.0
WAITS = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)

Answer = Mapping[str, Any] | None
Handler = Callable[[Mapping[str, Any]], Answer]


@dataclass
class SlackSocket:
    """Listens for one channel; `handle` gets each payload once and may answer with what Slack is to show."""

    name: str
    token: SecretReference
    base_url: str
    proxy: str
    handle: Handler
    once: Once
    stopping: threading.Event = field(default_factory=threading.Event)
    connected: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        """Make the thread; nothing is connected yet."""
        self._line: WebSocket | None = None
        self._thread = threading.Thread(target=self._run, name=f"slack:{self.name}", daemon=True)

    def start(self) -> None:
        """Begin to listen; what cannot be opened is tried again and again, and logged."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection, also while it waits for something to come."""
        self.stopping.set()
        line = self._line
        if line is not None and line.sock is not None:
            with suppress(OSError):
                line.sock.shutdown(SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join(OPENS_WITHIN + LISTENS_FOR + 1)

    def _run(self) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                with _closing(self._open()) as line:
                    failures, self._line = 0, line
                    self._listen(line)
            except (ChannelError, SlackApiError, MissingSecretError, WebSocketException, OSError, ValueError) as error:
                if self.stopping.is_set():
                    return
                wait = WAITS[min(failures, len(WAITS) - 1)]
                failures += 1
                _log.warning("no line to Slack's buttons", channel=self.name, error=_said(error), again_in=wait)
                self.stopping.wait(wait)
            finally:
                self.connected.clear()

    def _open(self) -> WebSocket:
        deadline = Deadline(OPENS_WITHIN)
        token = self.token.resolve().get_secret_value()
        answer = Client(token, self.base_url, deadline, self.proxy).api_call("apps.connections.open")
        proxy = urlsplit(self.proxy)
        return create_connection(
            str(answer["url"]),
            timeout=OPENS_WITHIN,
            http_proxy_host=proxy.hostname,
            http_proxy_port=proxy.port,
            proxy_type="http" if proxy.hostname else None,
        )

    def _listen(self, line: WebSocket) -> None:
        """Answer envelopes until Slack wants another connection, the line is dead, or we are to stop."""
        line.settimeout(LISTENS_FOR)
        silent = 0.0
        while not self.stopping.is_set():
            try:
                kind, frame = line.recv_data_frame(control_frame=True)
            except WebSocketTimeoutException:
                silent += LISTENS_FOR
                if silent >= DEAD_AFTER:
                    raise
                if silent % PING_EVERY < LISTENS_FOR:
                    line.ping()
                continue
            silent = 0.0
            if kind == ABNF.OPCODE_CLOSE or (kind == ABNF.OPCODE_TEXT and not self._take(line, frame.data)):
                return

    def _take(self, line: WebSocket, said: bytes) -> bool:
        """Answer one message; whether the line is to be kept."""
        message = json.loads(said)
        kind = message.get("type")
        if kind == "hello":
            self.connected.set()
            _log.info("listening for Slack's buttons", channel=self.name)
        elif kind == "disconnect":
            _log.info("Slack wants another line", channel=self.name, reason=message.get("reason", ""))
            return False
        elif envelope := message.get("envelope_id"):
            answer = self._answer(str(envelope), message)
            line.send(json.dumps({"envelope_id": envelope, **({"payload": answer} if answer else {})}))
        return True

    def _answer(self, envelope: str, message: Mapping[str, Any]) -> Answer:
        payload = message.get("payload")
        if message.get("type") != "interactive" or not isinstance(payload, dict) or not self.once.is_new(envelope):
            return None
        try:
            return self.handle(payload)
        except Exception:  # noqa: BLE001  (one press that fails must not end the listening)
            _log.exception("a press could not be handled", channel=self.name)
            return None


class _closing:  # noqa: N801  (used as contextlib's)
    """Closes a line at the end, whatever state it is in."""

    def __init__(self, line: WebSocket) -> None:
        self.line = line

    def __enter__(self) -> WebSocket:
        return self.line

    def __exit__(self, *_error: object) -> None:
        with suppress(WebSocketException, OSError):
            self.line.close(timeout=1)
        self.line.shutdown()  # type: ignore[no-untyped-call]  # where the other side had closed it, close() leaves the socket open


def _said(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return str(error.response.get("error") or error.response.status_code)
    return f"{type(error).__name__}: {error}" if not isinstance(error, ChannelError) else str(error)
