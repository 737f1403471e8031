"""Stack Exchange's interface 2.3: search, questions, answers, comments; packed, with quota, backoff and its errors."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.servers.web import Reply, Request, WebServer

KEY = "a-key"
_ID = {"questions": "question_id", "answers": "answer_id", "comments": "comment_id"}


@dataclass
class Item:
    """A question (no `on`), an answer or a comment, on the entry of the kind and number that `on` names."""

    kind: str
    number: int
    at: datetime
    body: str
    title: str = ""
    on: tuple[str, int] = ("", 0)
    score: int = 1
    views: int = 10
    edited_at: datetime | None = None


class StackExchangeServer(WebServer):
    """Answers as documented; `backoff` is put into the next answers, by the beginning of their address."""

    def __init__(self, page: int = 100) -> None:
        super().__init__()
        self.items: dict[tuple[str, int], Item] = {}
        self.page, self.quota = page, 10_000
        self.backoff: dict[str, int] = {}

    def answer(self, request: Request) -> Reply:
        query = request.query
        if query.get("key") not in (None, KEY):
            return self._error(403, "access_denied", "`key` is not valid for passed `client_id`, or does not exist")
        if int(query.get("page", "1")) > 25 and "key" not in query:
            return self._error(403, "access_denied", "page above 25 requires access token or app key")
        if self.quota <= 0:
            return self._error(
                502, "throttle_violation", "too many requests from this IP, more requests available in 4242 seconds"
            )
        self.quota -= 1
        assert query["filter"] == "withbody"
        found = self._found(request.path.removeprefix("/"), query)
        if found is None:
            return self._error(404, "no_method", "no method found with this name")
        return self._paged(request.path, found, query)

    def _found(self, path: str, query: Any) -> list[Item] | None:
        if path == "search/advanced":
            words = query["q"].strip('"').lower()
            span = range(int(query["fromdate"]), int(query["todate"]) + 1)
            found = [
                item for item in self.items.values() if item.kind == "questions" and int(item.at.timestamp()) in span
            ]
            return [item for item in found if words in f"{item.title} {item.body}".lower()]
        asked = re.fullmatch(r"(questions|answers|comments)/([\d;]+)(?:/(answers|comments))?", path)
        if asked is None:
            return None
        numbers = [int(number) for number in asked.group(2).split(";")]
        if not asked.group(3):
            return [self.items[key] for number in numbers if (key := (asked.group(1), number)) in self.items]
        places = {(asked.group(1), number) for number in numbers}
        return [item for item in self.items.values() if item.kind == asked.group(3) and item.on in places]

    def _paged(self, path: str, found: list[Item], query: Any) -> Reply:
        found.sort(key=lambda item: (item.at, item.number), reverse=True)
        size = min(int(query.get("pagesize", "30")), self.page if path.startswith("/search") else 100)
        start = (int(query.get("page", "1")) - 1) * size
        content: dict[str, Any] = {
            "items": [self._json(item) for item in found[start : start + size]],
            "has_more": start + size < len(found),
            "quota_max": 10_000,
            "quota_remaining": self.quota,
        }
        for beginning, seconds in self.backoff.items():
            if path.startswith(beginning):
                content["backoff"] = seconds
        return _packed(content, 200)

    def _error(self, number: int, name: str, message: str) -> Reply:
        return _packed({"error_id": number, "error_name": name, "error_message": message}, 400)

    def _json(self, item: Item) -> dict[str, Any]:
        shown: dict[str, Any] = {
            _ID[item.kind]: item.number,
            "creation_date": int(item.at.timestamp()),
            "body": f"<p>{item.body}</p>",
            "score": item.score,
            "link": f"https://site.example/{item.kind}/{item.number}",
            "owner": {"user_id": 7, "display_name": "Ann &amp; Bo"},
        }
        if item.edited_at:
            shown["last_edit_date"] = int(item.edited_at.timestamp())
        if item.kind == "questions":
            answers = sum(
                each.kind == "answers" and each.on == ("questions", item.number) for each in self.items.values()
            )
            return shown | {"title": item.title, "answer_count": answers, "view_count": item.views}
        if item.kind == "answers":
            return shown | {"question_id": item.on[1]}
        return shown | {"post_id": item.on[1], "post_type": item.on[0].removesuffix("s")}


def _packed(content: Any, status: int) -> Reply:
    headers = {"content-type": "application/json; charset=utf-8", "content-encoding": "gzip"}
    return Reply(status, gzip.compress(json.dumps(content).encode()), headers)
