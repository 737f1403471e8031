"""PagerDuty's Events API v2 on loopback: keys, formats, limits, and the alerts that people would see, deduplicated."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.servers.platform import Platform, Reply, Request, said

KEY = "0123456789abcdef0123456789abcdef"
LARGEST_EVENT = 512 * 1024


@dataclass
class Alert:
    """An alert as people see it, with every event that it took."""

    key: str
    status: str
    summary: str
    events: list[dict[str, Any]] = field(default_factory=list)


class PagerDuty(Platform):
    """One account with one integration."""

    busy = said({"status": "throttle exceeded", "message": "Rate limit exceeded"}, 429)

    def __init__(self, key: str = KEY) -> None:
        super().__init__()
        self.key = key
        self.alerts: list[Alert] = []
        self.events: list[dict[str, Any]] = []

    def handle(self, request: Request) -> Reply:
        """Take an event."""
        if (request.method, request.path) != ("POST", "/v2/enqueue"):
            return Reply(404, b"not found")
        if len(request.body) > LARGEST_EVENT:
            return Reply(413, b"too large")
        event = request.json()
        if errors := self._errors(event):
            invalid = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return said(invalid, 400)
        self._take(event)
        return said({"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}, 202)

    def shown(self) -> list[str]:
        """The delivery of every event that was taken, probes aside."""
        details = [event.get("payload", {}).get("custom_details", {}) for event in self.events]
        return [one["delivery_id"] for one in details if "delivery_id" in one]

    def _take(self, event: dict[str, Any]) -> None:
        self.events.append(event)
        live = next((one for one in self.alerts if one.key == event["dedup_key"] and one.status != "resolved"), None)
        action = event["event_action"]
        if live is None and action != "trigger":
            return  # what does not exist is neither taken nor over
        if live is None:
            live = Alert(event["dedup_key"], "triggered", event["payload"]["summary"])
            self.alerts.append(live)
        live.events.append(event)
        live.status = {"acknowledge": "acknowledged", "resolve": "resolved"}.get(action, live.status)

    def _errors(self, event: Any) -> list[str]:
        if not isinstance(event, dict):
            return ["the event is no object"]
        key = event.get("routing_key", "")
        if len(key) != 32:
            return ["Length of 'routing_key' is incorrect (should be 32 characters)"]
        if key != self.key:
            return ["Invalid routing key"]
        if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
            return ["'event_action' is invalid"]
        if len(event.get("dedup_key", "")) > 255:
            return ["'dedup_key' is too long"]
        return self._payload_errors(event) if event["event_action"] == "trigger" or "payload" in event else []

    @staticmethod
    def _payload_errors(event: dict[str, Any]) -> list[str]:
        payload = event.get("payload") or {}
        missing = [name for name in ("summary", "source", "severity") if not payload.get(name)]
        errors = [f"'payload.{name}' is missing or blank" for name in missing]
        if payload.get("severity") not in ("critical", "error", "warning", "info"):
            errors.append("'payload.severity' is invalid")
        if len(payload.get("summary", "")) > 1024:
            errors.append("'payload.summary' is too long")
        if any(not str(link.get("href", "")).startswith(("https://", "http://")) for link in event.get("links", [])):
            errors.append("'links' is invalid")
        return errors
