"""What Slack sends us when somebody presses a button: whether it is really Slack, and what it says.

Signatures: https://docs.slack.dev/authentication/verifying-requests-from-slack. Payloads:
https://docs.slack.dev/reference/interaction-payloads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier

from alerts.actions import Action
from alerts.render.slack_buttons import FORM, MENU, PRESSED, Asked, unpacked

REMEMBERED_FOR = timedelta(minutes=10)
"""Twice as long as a signature is valid."""


class NotFromSlackError(Exception):
    """A request is not signed by Slack, too old, or was here before; the message says which, for the log alone."""


@dataclass(frozen=True, slots=True)
class Presser:
    """Who pressed, as Slack says: the id, and the name in the request, which may be a handle."""

    user: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """A button or a line of the menu; `trigger` opens a form within three seconds, `room` is where it was pressed."""

    action: Action
    incident: str
    by: Presser
    trigger: str
    response_url: str = ""
    room: str = ""
    from_menu: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that somebody sent, with what stands in its fields (`note`, `link`, `time`, `incident`, `brand`)."""

    asked: Asked
    by: Presser
    fields: Mapping[str, str]
    view: str = ""


class _At(Clock):
    """A clock that stands, for the library."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> float:
        """The moment."""
        return self._moment.timestamp()


@dataclass
class Once:
    """Remembers names for a while, so that what comes twice is done once."""

    clock: Callable[[], datetime]
    kept_for: timedelta = REMEMBERED_FOR
    _seen: dict[str, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, name: str) -> bool:
        """Whether the name was not here before; from now on it was."""
        now = self.clock()
        with self._lock:
            for old in [one for one, at in self._seen.items() if now - at > self.kept_for]:
                del self._seen[old]
            if name in self._seen:
                return False
            self._seen[name] = now
            return True


@dataclass
class Signed:
    """Lets in what Slack signed with one of the secrets (two while a secret is changed), each request once."""

    clock: Callable[[], datetime]
    once: Once

    def admit(self, body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
        """Return where the request is Slack's; `NotFromSlackError` where it is not, whatever stands in it."""
        given = {name.lower(): value for name, value in headers.items()}
        timestamp, signature = given.get("x-slack-request-timestamp", ""), given.get("x-slack-signature", "")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NotFromSlackError("no time on it")
        if not signature.isascii():
            raise NotFromSlackError("no signature on it")
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            raise NotFromSlackError("no UTF-8 in it") from error
        now = _At(self.clock())
        verifiers = [SignatureVerifier(secret, now) for secret in secrets if secret.strip()]
        if not any(one.is_valid(text, timestamp, signature) for one in verifiers):
            raise NotFromSlackError("the signature is wrong, or older or younger than five minutes")
        if not self.once.is_new(f"{timestamp}:{signature}"):
            raise NotFromSlackError("it was here before")


def payload_of(body: bytes) -> Mapping[str, Any] | None:
    """The payload in the form that Slack posts; `None` where there is none."""
    try:
        said = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def read(payload: Mapping[str, Any]) -> Press | Filled | None:
    """What somebody did; `None` for what is none of ours, which other parts of an app may send."""
    try:
        kind = payload.get("type")
        if kind == "block_actions":
            return _press(payload)
        return _filled(payload) if kind == "view_submission" else None
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None


def _press(payload: Mapping[str, Any]) -> Press | None:
    one = payload["actions"][0]
    name = str(one["action_id"])
    if name != MENU and not name.startswith(PRESSED):
        return None
    value = str(one["selected_option"]["value"] if name == MENU else one["value"])
    action, _, incident = value.partition(":")
    return Press(
        action=Action(action),
        incident=incident,
        by=_presser(payload),
        trigger=str(payload["trigger_id"]),
        response_url=str(payload.get("response_url", "")),
        room=str((payload.get("channel") or {}).get("id", "")),
        from_menu=name == MENU,
    )


def _filled(payload: Mapping[str, Any]) -> Filled | None:
    view = payload["view"]
    asked = unpacked(str(view.get("private_metadata", ""))) if view.get("callback_id") == FORM else None
    if asked is None or asked.action not in set(Action):
        return None
    fields = {name: _said(block["said"]) for name, block in view["state"]["values"].items() if "said" in block}
    return Filled(asked, _presser(payload), fields, str(view.get("id", "")))


def _said(element: Mapping[str, Any]) -> str:
    chosen = element.get("selected_option")
    return str((chosen or {}).get("value") or element.get("value") or "")


def _presser(payload: Mapping[str, Any]) -> Presser:
    user = payload["user"]
    return Presser(str(user["id"]), str(user.get("name") or user.get("username") or ""))
