"""The people in our Slack: they press what stands in the messages, fill in forms, and read what is said to them alone.

Presses reach the app as Slack sends them: through Socket Mode where the app has a line open, each answer awaited for
three seconds; or signed, as an HTTP request.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.servers.websocket import CLOSE, Line

APP_TOKEN = "xapp-for-tests"
WAITS_FOR = 3.0
"""Seconds in which Slack wants an answer; later it tells the person that the app does not respond."""


@dataclass
class View:
    """A form that the app opened for somebody, and what the app said was wrong with it."""

    trigger: str
    view: dict[str, Any]
    is_open: bool = True
    errors: dict[str, str] = field(default_factory=dict)


class People:
    """What people do and see beside messages; a part of `tests.servers.slack.Slack`."""

    def __init__(self) -> None:
        self.names = {"U0KIM": "Kim Berg", "U0ROB": "Rob"}
        self.views: list[View] = []
        self.whispers: list[dict[str, Any]] = []
        self.tickets: set[str] = set()
        self.answers: dict[str, dict[str, Any]] = {}
        self.changed = threading.Condition()
        self._lines: list[Line] = []
        self._numbers = itertools.count(1)

    # -- What the app asks ---------------------------------------------------------------------------------------------

    def open_view(self, sent: dict[str, Any]) -> dict[str, Any]:
        """`views.open`."""
        view = sent.get("view")
        if not isinstance(view, dict) or not view.get("blocks") or len(view["title"]["text"]) > 24:
            return {"ok": False, "error": "invalid_arguments"}
        if not str(sent.get("trigger_id", "")).startswith("trigger."):
            return {"ok": False, "error": "invalid_trigger_id"}
        with self.changed:
            self.views.append(View(sent["trigger_id"], view))
            self.changed.notify_all()
        return {"ok": True, "view": {"id": f"V{len(self.views)}"}}

    def user(self, sent: dict[str, Any]) -> dict[str, Any]:
        """`users.info`."""
        name = self.names.get(str(sent.get("user")))
        if name is None:
            return {"ok": False, "error": "user_not_found"}
        return {"ok": True, "user": {"id": sent["user"], "profile": {"display_name": name}}}

    def ticket(self) -> str:
        """What an address for one connection holds."""
        made = f"ticket-{next(self._numbers)}"
        self.tickets.add(made)
        return made

    def whisper(self, said: dict[str, Any]) -> None:
        """What the app tells one person, through a `response_url`."""
        with self.changed:
            self.whispers.append(said)
            self.changed.notify_all()

    def serve(self, line: Line) -> None:
        """Keep a line until the app closes it."""
        line.send(json.dumps({"type": "hello", "num_connections": 1}).encode())
        with self.changed:
            self._lines.append(line)
            self.changed.notify_all()
        try:
            while (said := line.receive()) is not None:
                answer = json.loads(said)
                with self.changed:
                    self.answers[answer["envelope_id"]] = answer
                    self.changed.notify_all()
        except (OSError, ValueError):
            return
        finally:
            with self.changed:
                self._lines.remove(line)
                self.changed.notify_all()

    # -- What people do ------------------------------------------------------------------------------------------------

    def line(self, seconds: float = 10.0) -> Line:
        """The newest line of the app, awaited."""
        with self.changed:
            assert self.changed.wait_for(lambda: self._lines, seconds), "the app opened no line"
            return self._lines[-1]

    def pressed(self, blocks: list[dict[str, Any]], label: str, user: str, room: str, url: str) -> dict[str, Any]:
        """The payload of a press on what stands in a message."""
        for element in (one for block in blocks if block["type"] == "actions" for one in block["elements"]):
            options = [one for one in element.get("options", []) if one["text"]["text"] == label]
            if options or (element.get("text") or {}).get("text") == label:
                said = {"selected_option": options[0]} if options else {"value": element["value"]}
                return self._payload(
                    user,
                    type="block_actions",
                    channel={"id": room},
                    response_url=url,
                    actions=[{"type": element["type"], "action_id": element["action_id"], **said}],
                )
        raise AssertionError(f"no button says {label!r}")

    def sent(self, view: View, user: str, **fields: str) -> dict[str, Any]:
        """The payload of a form that somebody filled in."""
        kinds = {block["block_id"]: block["element"]["type"] for block in view.view["blocks"] if "element" in block}
        values = {name: {"said": _field(kind, fields.get(name, ""))} for name, kind in kinds.items()}
        shown = {**view.view, "id": f"V{self.views.index(view) + 1}", "state": {"values": values}}
        return self._payload(user, type="view_submission", view=shown)

    def through_line(self, payload: dict[str, Any], envelope: str = "", *, again: bool = False) -> dict[str, Any]:
        """Send a payload as an envelope, twice with `again`; the app's answer, which must come within three seconds."""
        name = envelope or f"envelope-{next(self._numbers)}"
        said = json.dumps({"envelope_id": name, "type": "interactive", "payload": payload}).encode()
        line = self.line()
        for _ in range(2 if again else 1):
            line.send(said)
        with self.changed:
            assert self.changed.wait_for(lambda: name in self.answers, WAITS_FOR), "the app did not answer in time"
            return self.answers[name].get("payload") or {}

    def ask_for_another_line(self) -> None:
        """What Slack does every few hours."""
        self.line().send(json.dumps({"type": "disconnect", "reason": "warning"}).encode())

    def hang_up(self) -> None:
        """Close every line."""
        for line in list(self._lines):
            line.send(b"", CLOSE)

    def view(self, number: int = 0, seconds: float = 10.0) -> View:
        """A form, awaited."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.views) > number, seconds), "no form was opened"
            return self.views[number]

    def whispered(self, number: int = 0, seconds: float = 10.0) -> str:
        """What was said to one person alone, awaited."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.whispers) > number, seconds), "nothing was said"
            return str(self.whispers[number]["text"])

    def _payload(self, user: str, **parts: Any) -> dict[str, Any]:
        who = {"id": user, "username": user.lower(), "name": user.lower()}
        return {"user": who, "team": {"id": "T0"}, "trigger_id": f"trigger.{next(self._numbers)}", **parts}


def _field(kind: str, said: str) -> dict[str, Any]:
    if kind == "static_select":
        return {"type": kind, "selected_option": {"value": said} if said else None}
    return {"type": kind, "value": said or None}


def signed(payload: dict[str, Any], secret: str, at: float | None = None) -> tuple[bytes, dict[str, str]]:
    """A payload as Slack posts it, with its signature."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(time.time() if at is None else at))
    mac = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={mac}",
    }
