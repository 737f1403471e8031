"""Hacker News: Algolia's search by date under `/search_by_date`, the site's items under `/items`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json

CAP = 1000


@dataclass
class Item:
    """A story or comment as the site keeps it."""

    number: int
    time: int
    kind: str = "story"
    title: str = ""
    text: str = ""
    parent: int | None = None
    points: int = 1
    comments: int = 0
    by: str = "someone"
    dead: bool = False
    is_indexed: bool = True


@dataclass
class Shelf:
    """All items, and what the search gives at the most."""

    items: dict[int, Item] = field(default_factory=dict)
    cap: int = CAP

    def root(self, item: Item) -> int:
        while item.parent is not None:
            item = self.items[item.parent]
        return item.number


class HackerNewsServer(WebServer):
    """Answers as documented for both interfaces."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf()

    def answer(self, request: Request) -> Reply:
        if request.path == "/search_by_date":
            return as_json(self._search(request))
        if request.path == "/items/maxitem.json":
            return as_json(max(self.shelf.items, default=0))
        number = re.fullmatch(r"/items/item/(\d+)\.json", request.path)
        return as_json(self._item(int(number.group(1)))) if number else Reply(404)

    def may_fail(self, request: Request) -> bool:
        return request.path == "/search_by_date"

    def _search(self, request: Request) -> dict[str, Any]:
        low, high = 0, 2**40
        for name, sign, value in re.findall(r"(\w+)(>|<=)(\d+)", request.query.get("numericFilters", "")):
            assert name == "created_at_i"
            low, high = (int(value), high) if sign == ">" else (low, int(value))
        kinds = re.findall(r"\w+", request.query["tags"])
        found = [
            item
            for item in self.shelf.items.values()
            if low < item.time <= high and item.kind in kinds and item.is_indexed and not item.dead
        ]
        found.sort(key=lambda item: (-item.time, -item.number))
        size = min(int(request.query.get("hitsPerPage", "20")), self.shelf.cap)
        return {
            "hits": [self._hit(item) for item in found[:size]],
            "nbHits": len(found),
            "page": 0,
            "hitsPerPage": size,
        }

    def _hit(self, item: Item) -> dict[str, Any]:
        hit: dict[str, Any] = {
            "objectID": str(item.number),
            "created_at_i": item.time,
            "author": item.by,
            "_tags": [item.kind, f"author_{item.by}"],
        }
        if item.kind == "comment":
            return hit | {"comment_text": item.text, "story_id": self.shelf.root(item), "parent_id": item.parent}
        return hit | {
            "title": item.title,
            "story_text": item.text or None,
            "points": item.points,
            "num_comments": item.comments,
        }

    def _item(self, number: int) -> dict[str, Any] | None:
        item = self.shelf.items.get(number)
        if item is None:
            return None
        known: dict[str, Any] = {"id": number, "type": item.kind, "time": item.time, "by": item.by, "text": item.text}
        if item.dead:
            known["dead"] = True
        if item.kind == "comment":
            return known | {"parent": item.parent}
        return known | {"title": item.title, "score": item.points, "descendants": item.comments}
