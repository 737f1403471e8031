"""A Discord webhook on loopback: its limits and errors, its messages with their edits, and whom one would call."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.servers.platform import Platform, Reply, Request, said

_REFERENCE = re.compile(r"ref ([\w-]+)")
_CALL = re.compile(r"<@&?(\d+)>|@(everyone|here)")


@dataclass
class Posted:
    """A message as it stands, and how often it was edited."""

    id: str
    sent: dict[str, Any]
    pictures: dict[str, bytes]
    edits: int = 0
    called: list[str] = field(default_factory=list)


class Discord(Platform):
    """One channel with one webhook."""

    path = "/api/webhooks/1234567890/"
    busy = said({"message": "You are being rate limited.", "retry_after": 0.65, "global": False}, 429, Retry_After="1")

    def __init__(self, token: str = "canary-discord-hook") -> None:
        super().__init__()
        self.token = token
        self.messages: list[Posted] = []
        self.gone = False

    @property
    def address(self) -> str:
        """The webhook's address."""
        return f"{self.url}{self.path}{self.token}"

    def shown(self) -> list[str]:
        """The reference of every message that people see."""
        return [_REFERENCE.findall(json.dumps(one.sent))[-1] for one in self.messages]

    def handle(self, request: Request) -> Reply:
        """Read the webhook, post with it, or edit what it posted."""
        token, _, rest = request.path.removeprefix(self.path).partition("/")
        if self.gone or not request.path.startswith(self.path):
            return said({"message": "Unknown Webhook", "code": 10015}, 404)
        if token != self.token:
            return said({"message": "Invalid Webhook Token", "code": 50027}, 401)
        if request.method == "GET":
            return said({"id": "1234567890", "name": "Tocsin", "channel_id": "42"})
        form, pictures = _form(request)
        if errors := _errors(form, pictures):
            return said({"message": "Invalid Form Body", "code": 50035, "errors": errors}, 400)
        if request.method == "PATCH":
            return self._edit(rest.removeprefix("messages/"), form, pictures)
        return self._post(request, form, pictures)

    def _post(self, request: Request, form: dict[str, Any], pictures: dict[str, bytes]) -> Reply:
        posted = Posted(str(9000 + len(self.messages)), form, pictures, called=_called(form))
        self.messages.append(posted)
        if request.query.get("wait") != "true":
            return Reply(204)
        return said({"id": posted.id, "channel_id": "42", **form})

    def _edit(self, name: str, form: dict[str, Any], pictures: dict[str, bytes]) -> Reply:
        posted = next((one for one in self.messages if one.id == name), None)
        if posted is None:
            return said({"message": "Unknown Message", "code": 10008}, 404)
        posted.sent = {**form, "embeds": [*form.get("embeds", [])], "first": _reference_of(posted.sent)}
        posted.pictures = pictures
        posted.edits += 1
        return said({"id": posted.id, **form})


def _reference_of(sent: dict[str, Any]) -> str:
    """The first reference of a message: an edit keeps it the message that it was."""
    return str(sent.get("first") or f"ref {_REFERENCE.findall(json.dumps(sent))[-1]}")


def _form(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    if not request.headers["content-type"].startswith("multipart/"):
        return request.json(), {}
    parts = request.parts()
    return json.loads(parts.pop("payload_json")), parts


def _called(form: dict[str, Any]) -> list[str]:
    """Who gets a notification: those named in the content whom `allowed_mentions` lets through."""
    allowed = form.get("allowed_mentions", {"parse": ["everyone", "roles", "users"]})
    named = [number or word for number, word in _CALL.findall(form.get("content", ""))]
    fine = {*allowed.get("roles", []), *allowed.get("users", [])}
    return [one for one in named if one in fine or (not one.isdigit() and "everyone" in allowed.get("parse", []))]


def _errors(form: dict[str, Any], pictures: dict[str, bytes]) -> dict[str, str]:
    embeds, content = form.get("embeds", []), form.get("content", "")
    errors = {}
    if not embeds and not content:
        errors["content"] = "Cannot send an empty message"
    if len(content) > 2000:
        errors["content"] = "Must be 2000 or fewer in length."
    if len(embeds) > 10 or sum(map(_length, embeds)) > 6000:
        errors["embeds"] = "Embed size exceeds maximum size of 6000"
    for one in embeds:
        errors |= _embed_errors(one)
    for each in form.get("attachments", []):
        if f"files[{each['id']}]" not in pictures or len(each.get("description", "")) > 1024:
            errors["attachments"] = "unknown file"
    return errors


def _embed_errors(embed: dict[str, Any]) -> dict[str, str]:
    fields = embed.get("fields", [])
    checks = {
        "title": len(embed.get("title", "")) <= 256,
        "description": len(embed.get("description", "")) <= 4096,
        "footer": len(embed.get("footer", {}).get("text", "")) <= 2048,
        "fields": len(fields) <= 25 and all(0 < len(one["name"]) <= 256 for one in fields),
        "values": all(0 < len(one["value"]) <= 1024 for one in fields),
        "url": embed.get("url", "https://").startswith(("https://", "http://")),
    }
    return {name: "is invalid" for name, fine in checks.items() if not fine}


def _length(embed: dict[str, Any]) -> int:
    fields = sum(len(one["name"]) + len(one["value"]) for one in embed.get("fields", []))
    texts = (embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", ""))
    return fields + sum(map(len, texts))
