"""The alert API of Opsgenie and Jira Service Management on loopback: keys, limits, and the alerts that people see.

Requests are worked off at once here; the real ones answer before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.servers.platform import Platform, Reply, Request, said

KEY = "canary-genie-key-000"


@dataclass
class Alert:
    """An alert as people see it."""

    alias: str
    sent: dict[str, Any]
    status: str = "open"
    is_taken: bool = False
    count: int = 1
    notes: list[str] = field(default_factory=list)


class Jsm(Platform):
    """One integration of one team."""

    busy = said({"message": "You are making too many requests!", "took": 0.0}, 429)

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.alerts: list[Alert] = []
        self.taken: list[str] = []

    def live(self, alias: str) -> Alert | None:
        """The alert of this alias that is not closed."""
        return next((one for one in self.alerts if one.alias == alias and one.status == "open"), None)

    def handle(self, request: Request) -> Reply:
        """Accept a request and work it off."""
        if request.headers.get("authorization") != f"GenieKey {self.key}":
            return said({"message": "Could not authenticate", "took": 0.0}, 401)
        sent = request.json()
        if not isinstance(sent, dict):
            return said({"message": "Request body is not processable."}, 422)
        if request.path == "/v2/alerts":
            return self._create(sent)
        return self._act(request, sent)

    def _create(self, sent: dict[str, Any]) -> Reply:
        details = sent.get("details", {})
        limits = {
            "message": 0 < len(sent.get("message", "")) <= 130,
            "alias": 0 < len(sent.get("alias", "")) <= 512,
            "description": len(sent.get("description", "")) <= 15_000,
            "priority": sent.get("priority") in ("P1", "P2", "P3", "P4", "P5"),
            "tags": len(sent.get("tags", [])) <= 20 and all(len(tag) <= 50 for tag in sent.get("tags", [])),
            "details": sum(len(name) + len(str(value)) for name, value in details.items()) <= 8_000,
        }
        if wrong := {name: f"{name} is invalid" for name, fine in limits.items() if not fine}:
            return said({"message": "Request body is not processable.", "errors": wrong}, 422)
        if (alert := self.live(sent["alias"])) is not None:
            alert.count += 1
        else:
            self.alerts.append(Alert(sent["alias"], sent))
        self.taken.append(str(details.get("delivery_id", "")))
        return self._accepted()

    def _act(self, request: Request, sent: dict[str, Any]) -> Reply:
        _, _, rest = request.path.partition("/v2/alerts/")
        alias, _, verb = rest.rpartition("/")
        if verb not in ("close", "acknowledge", "notes") or request.query.get("identifierType") != "alias":
            return said({"message": "Not found"}, 404)
        if len(sent.get("note", "")) > 25_000:
            return said({"message": "Request body is not processable.", "errors": {"note": "too long"}}, 422)
        self.taken.append(sent.get("note", "").rpartition("delivery ")[2])
        alert = self.live(unquote(alias))
        if alert is not None:
            alert.notes += [sent["note"]] if sent.get("note") else []
            alert.is_taken |= verb == "acknowledge"
            alert.status = "closed" if verb == "close" else alert.status
        return self._accepted()

    def _accepted(self) -> Reply:
        return said({"result": "Request will be processed", "took": 0.1, "requestId": f"r-{len(self.taken)}"}, 202)
