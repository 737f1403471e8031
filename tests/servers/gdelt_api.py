"""GDELT's DOC interface: counts and lists of articles, with its cap, its mistakes in words, and its odd JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.servers.web import Reply, Request, WebServer

_FORM = "%Y%m%d%H%M%S"


@dataclass
class Article:
    """An article as GDELT saw it; `is_listed` is false for one that is counted and never given."""

    url: str
    title: str
    seen_at: datetime
    language: str = "English"
    is_listed: bool = True


class GdeltServer(WebServer):
    """Answers as documented, and serves one feed at `/feed`."""

    def __init__(self, cap: int = 250) -> None:
        super().__init__()
        self.articles: list[Article] = []
        self.cap = cap
        self.feed = b""

    def may_fail(self, request: Request) -> bool:
        return request.path == "/doc"

    def answer(self, request: Request) -> Reply:
        if request.path == "/feed":
            return Reply(200, self.feed, {"content-type": "application/rss+xml"})
        query = request.query
        words = re.sub(r"[()\"]", "", query["query"])
        if len(words) < 3:
            return _words("The specified phrase is too short.")
        if "(" in query["query"] and " OR " not in query["query"]:
            return _words("Parentheses may only be used around OR'd statements.")
        if len(query["query"]) > 256:
            return _words("Your query was too short or too long.")
        start, end = (
            datetime.strptime(query[name], _FORM).replace(tzinfo=UTC) for name in ("startdatetime", "enddatetime")
        )
        found = [article for article in self.articles if start <= article.seen_at <= end]
        return self._count(found) if query["mode"] == "timelinevolraw" else self._list(found, query)

    def _count(self, found: list[Article]) -> Reply:
        quarters = Counter(int(article.seen_at.timestamp()) // 900 * 900 for article in found)
        data = [
            {"date": datetime.fromtimestamp(quarter, UTC).strftime("%Y%m%dT%H%M%SZ"), "value": count, "norm": 50_000}
            for quarter, count in sorted(quarters.items())
        ]
        series = [{"series": "Article Count", "data": data}] if data else []
        return _json({"query_details": {"title": "x"}, "timeline": series})

    def _list(self, found: list[Article], query: Any) -> Reply:
        assert query["sort"] == "DateAsc"
        listed = sorted((article for article in found if article.is_listed), key=lambda article: article.seen_at)
        shown = [_shown(article) for article in listed[: min(int(query["maxrecords"]), self.cap)]]
        return _json({"articles": shown} if shown else {})


def _shown(article: Article) -> dict[str, str]:
    return {
        "url": article.url,
        "url_mobile": "",
        "title": article.title,
        "seendate": article.seen_at.strftime("%Y%m%dT%H%M%SZ"),
        "socialimage": "",
        "domain": article.url.split("/")[2],
        "language": article.language,
        "sourcecountry": "Sweden",
    }


def _words(text: str) -> Reply:
    return Reply(200, text.encode(), {"content-type": "text/html; charset=utf-8"})


def _json(content: Any) -> Reply:
    """JSON in which a title may hold a backslash that escapes nothing, as GDELT's may."""
    body = json.dumps(content).replace("STRAY", "\\-")
    return Reply(200, body.encode(), {"content-type": "application/json; charset=utf-8"})
