"""Reddit's interface: sign-in, listings, `api/info`, threads and their further comments, with rate limit headers."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tests.servers.web import Reply, Request, WebServer, as_json

CLIENT_ID, CLIENT_SECRET = "an-app", "a-secret"


@dataclass
class Thing:
    """A submission (no `parent`) or a comment (full name of what it answers)."""

    name: str
    at: int
    text: str
    subreddit: str = "gadgets"
    title: str = ""
    parent: str = ""
    thread: str = ""
    author: str = "someone"
    score: int = 1
    removed: bool = False
    edited: float | bool = False

    @property
    def is_comment(self) -> bool:
        return self.name.startswith("t1_")


class RedditServer(WebServer):
    """Answers as documented; a listing ends after `ends_after` entries, a thread shows `shown` comments at first."""

    def __init__(self, *, ends_after: int = 1000, page: int = 100, shown: int = 500) -> None:
        super().__init__()
        self.things: dict[str, Thing] = {}
        self.ends_after, self.page, self.shown = ends_after, page, shown
        self.remaining, self.reset = 595.0, 300
        self.token = "token-1"

    def may_fail(self, request: Request) -> bool:
        return request.path != "/api/v1/access_token"

    def answer(self, request: Request) -> Reply:
        if request.path == "/api/v1/access_token":
            return self._sign_in(request)
        if request.headers.get("authorization", "").lower() != f"bearer {self.token}":
            return as_json({"message": "Unauthorized", "error": 401}, 401)
        self.remaining -= 1
        limits = {
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": "5",
            "x-ratelimit-reset": str(self.reset),
        }
        content = self._content(request)
        return Reply(404, headers=limits) if content is None else as_json(content, headers=limits)

    def _sign_in(self, request: Request) -> Reply:
        expected = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != expected:
            return as_json({"message": "Unauthorized", "error": 401}, 401)
        return as_json({"access_token": self.token, "token_type": "bearer", "expires_in": 86400, "scope": "*"})

    def _content(self, request: Request) -> Any:
        listing = re.fullmatch(r"/r/([\w+]+)/(search|comments)/?", request.path)
        if listing:
            return self._listing(request, listing.group(1), comments=listing.group(2) == "comments")
        if request.path.rstrip("/") == "/api/info":
            names = request.query["id"].split(",")
            return _listing([self._json(self.things[name]) for name in names if name in self.things])
        thread = re.fullmatch(r"/comments/(\w+)/?", request.path)
        if thread and f"t3_{thread.group(1)}" in self.things:
            return self._whole_thread(f"t3_{thread.group(1)}")
        if request.path.rstrip("/") == "/api/morechildren":
            return self._more(dict(parse_qsl(request.body.decode())) | dict(request.query))
        return None

    def _listing(self, request: Request, places: str, *, comments: bool) -> dict[str, Any]:
        found = [
            thing
            for thing in self.things.values()
            if thing.is_comment == comments and (places == "all" or thing.subreddit in places.split("+"))
        ]
        found.sort(key=lambda thing: (-thing.at, thing.name))
        names = [thing.name for thing in found[: self.ends_after]]
        after = request.query.get("after")
        start = names.index(after) + 1 if after in names else len(names) if after else 0
        size = min(int(request.query.get("limit", "25")), self.page)
        shown = names[start : start + size]
        following = shown[-1] if start + size < len(names) else None
        return _listing([self._json(self.things[name]) for name in shown], following)

    def _whole_thread(self, name: str) -> list[dict[str, Any]]:
        comments = self._comments_of(name)
        children = [self._json(thing) for thing in comments[: self.shown]]
        left = [thing.name.removeprefix("t1_") for thing in comments[self.shown :]]
        if left:
            more = {
                "count": len(left),
                "name": f"t1_{left[0]}",
                "id": left[0],
                "parent_id": name,
                "children": left,
                "depth": 0,
            }
            children.append({"kind": "more", "data": more})
        return [_listing([self._json(self.things[name])]), _listing(children)]

    def _more(self, asked: dict[str, str]) -> dict[str, Any]:
        wanted = [f"t1_{number}" for number in asked["children"].split(",")]
        things = [self._json(self.things[name]) for name in wanted if name in self.things]
        return {"json": {"errors": [], "data": {"things": things}}}

    def _comments_of(self, name: str) -> list[Thing]:
        found = [thing for thing in self.things.values() if thing.is_comment and thing.thread == name]
        return sorted(found, key=lambda thing: -thing.at)

    def _json(self, thing: Thing) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": thing.name[3:],
            "name": thing.name,
            "created_utc": float(thing.at),
            "author": "[deleted]" if thing.removed else thing.author,
            "score": thing.score,
            "edited": thing.edited,
            "subreddit": thing.subreddit,
            "permalink": f"/r/{thing.subreddit}/comments/{thing.name[3:]}/",
        }
        words = "[removed]" if thing.removed else thing.text
        if thing.is_comment:
            links = {"link_id": thing.thread, "parent_id": thing.parent or thing.thread, "replies": ""}
            return {"kind": "t1", "data": shown | {"body": words} | links}
        counts = {"num_comments": len(self._comments_of(thing.name)), "num_crossposts": 0}
        return {"kind": "t3", "data": shown | {"title": thing.title, "selftext": words} | counts}


def _listing(children: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": children, "after": after, "before": None}}
