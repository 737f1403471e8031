"""Meta's Graph API: a page, an account of Instagram, comments, hashtags, usage headers and errors by code."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json

TOKEN, SECRET = "a-page-token", "an-app-secret"
PAGE_ID, INSTAGRAM_ID = "100", "17841"


@dataclass
class Node:
    """A post, media or comment; `edges` are the lists that it stands in, `above` is the comment that it answers."""

    number: str
    at: datetime
    text: str
    edges: tuple[str, ...]
    kind: str = "post"
    above: str = ""
    likes: int = 3
    is_hidden: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)


class GraphServer(WebServer):
    """Answers as documented; `used` is what its headers say is used up, in percent."""

    def __init__(self, clock: Callable[[], datetime], page: int = 100) -> None:
        super().__init__()
        self.nodes: dict[str, Node] = {}
        self.clock, self.page = clock, page
        self.used, self.regain_minutes = 1, 0
        self.wants_proof = False
        self.searched: list[str] = []

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.refused(190, "Error validating access token: Session has expired", 401, error_subcode=463)
        proof = hmac.new(SECRET.encode(), TOKEN.encode(), hashlib.sha256).hexdigest()
        if self.wants_proof and request.query.get("appsecret_proof") != proof:
            return self.refused(100, "API calls from the server require an appsecret_proof argument", 400)
        first, _, edge = request.path.removeprefix("/").partition("/")
        return self._content(first, edge, request)

    def _content(self, first: str, edge: str, request: Request) -> Reply:
        if first == "me":
            return self._told({"id": PAGE_ID, "name": "Norrvik"})
        if first == "ig_hashtag_search":
            self.searched.append(request.query["q"])
            return self._told({"data": [{"id": f"tag-{request.query['q']}"}]})
        if edge == "recent_media":
            return self._recent(first.removeprefix("tag-"), request)
        if edge:
            return self._listed(first, edge, request)
        if first not in self.nodes:
            message = f"Unsupported get request. Object with ID '{first}' does not exist"
            return self.refused(100, message, 400, error_subcode=33)
        return self._told(self._json(self.nodes[first]))

    def refused(self, code: int, message: str, status: int, **more: Any) -> Reply:
        """An error as the interface tells it."""
        error = {"message": message, "type": "OAuthException", "code": code, "fbtrace_id": "x", **more}
        return as_json({"error": error}, status, self._usage())

    def _told(self, content: Any) -> Reply:
        return as_json(content, headers=self._usage())

    def _usage(self) -> dict[str, str]:
        group = {"type": "pages", "call_count": self.used, "total_cputime": 1, "total_time": 1}
        business = {PAGE_ID: [{**group, "estimated_time_to_regain_access": self.regain_minutes}]}
        app = {"call_count": 2, "total_time": 1, "total_cputime": 1}
        return {"x-app-usage": json.dumps(app), "x-business-use-case-usage": json.dumps(business)}

    def _listed(self, first: str, edge: str, request: Request) -> Reply:
        name = f"{first}/{edge}"
        found = [node for node in self.nodes.values() if name in node.edges]
        found.sort(key=lambda node: (node.at, node.number), reverse=True)
        after = request.query.get("after")
        numbers = [node.number for node in found]
        start = numbers.index(after) + 1 if after in numbers else 0
        end = start + min(int(request.query["limit"]), self.page)
        shown = found[start:end]
        paging: dict[str, Any] = {"cursors": {"after": shown[-1].number, "before": shown[0].number}} if shown else {}
        if end < len(found):
            paging["next"] = f"{self.url}{request.path}?after={shown[-1].number}"
        return self._told({"data": [self._json(node) for node in shown], "paging": paging})

    def _recent(self, tag: str, request: Request) -> Reply:
        """What carries a hashtag, of the last 24 hours; the cursor is the same on every page, the server remembers."""
        since = self.clock() - timedelta(hours=24)
        found = [node for node in self.nodes.values() if f"#{tag}" in node.text and node.at >= since]
        found.sort(key=lambda node: (node.at, node.number), reverse=True)
        self._read_of_tag = self._read_of_tag if request.query.get("after") else 0
        end = self._read_of_tag + min(int(request.query["limit"]), self.page)
        shown, self._read_of_tag = found[self._read_of_tag : end], end
        items = [{name: value for name, value in self._json(node).items() if name != "username"} for node in shown]
        paging: dict[str, Any] = {"cursors": {"after": "same"}} | ({"next": "https://more"} if end < len(found) else {})
        return self._told({"data": items, "paging": paging})

    _read_of_tag = 0

    def _json(self, node: Node) -> dict[str, Any]:
        comments = [each for each in self.nodes.values() if f"{node.number}/comments" in each.edges]
        stamp = node.at.strftime("%Y-%m-%dT%H:%M:%S+0000")
        person = {"id": "55", "name": "Ann"}
        if node.kind == "media":
            counts = {"like_count": node.likes, "comments_count": len(comments)}
            return {
                "id": node.number,
                "caption": node.text,
                "timestamp": stamp,
                "permalink": f"https://ig/{node.number}",
                "username": "ann",
                **counts,
            }
        if node.kind == "reply":
            answers = {"replies": {"data": node.answers}} if node.answers else {}
            return {
                "id": node.number,
                "text": node.text,
                "timestamp": stamp,
                "username": "bo",
                "like_count": 1,
                **answers,
            }
        common = {
            "id": node.number,
            "message": node.text,
            "created_time": stamp,
            "from": person,
            "is_hidden": node.is_hidden,
        }
        if node.kind == "comment":
            above = {"parent": {"id": node.above}} if node.above else {}
            return {**common, "like_count": node.likes, "comment_count": 0, **above}
        totals = {"reactions": {"data": [], "summary": {"total_count": node.likes}}, "shares": {"count": 2}}
        return {**common, **totals, "comments": {"data": [], "summary": {"total_count": len(comments)}}}
