"""Telegram's interface for bots: `getUpdates` with its confirmation by offset, `getMe`, and its errors."""

from __future__ import annotations

import json
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json

TOKEN = "7000001:a-bot-token"
CHANNEL = {"id": -1001, "type": "channel", "title": "Norrvik talk", "username": "norrvik_talk"}


class TelegramServer(WebServer):
    """Keeps updates until they are confirmed, as Telegram does, unless `forgets` is switched off."""

    def __init__(self, page: int = 100) -> None:
        super().__init__()
        self.updates: list[dict[str, Any]] = []
        self.page, self.given = page, 0
        self.reads_groups = self.forgets = True
        self.has_webhook = False

    def tell(self, kind: str, content: dict[str, Any]) -> int:
        """One update."""
        self.given += 1
        self.updates.append({"update_id": self.given, kind: content})
        return self.given

    def answer(self, request: Request) -> Reply:
        bot, _, method = request.path.removeprefix("/bot").partition("/")
        if bot != TOKEN:
            return self._refused(401, "Unauthorized")
        if method == "getMe":
            return self._given({"id": 7, "username": "norrvik_bot", "can_read_all_group_messages": self.reads_groups})
        if method != "getUpdates":
            return self._refused(404, "Not Found: method not found")
        if self.has_webhook:
            return self._refused(409, "Conflict: can't use getUpdates method while webhook is active")
        allowed = json.loads(request.query["allowed_updates"])
        left = [update for update in self.updates if update["update_id"] >= int(request.query["offset"])]
        if self.forgets:
            self.updates = left
        shown = [update for update in left if set(update) & set(allowed)]
        return self._given(shown[: min(int(request.query["limit"]), self.page)])

    def _given(self, result: Any) -> Reply:
        return as_json({"ok": True, "result": result})

    def _refused(self, status: int, description: str, **parameters: int) -> Reply:
        content: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
        return as_json(content | ({"parameters": parameters} if parameters else {}), status)
