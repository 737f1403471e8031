"""A Lemmy instance (interface v3): search, lists of communities, posts and comments by number, errors by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json


@dataclass
class Entry:
    """A post (no `post`) or a comment; `path` is a comment's place in the tree."""

    number: int
    at: datetime
    text: str
    title: str = ""
    post: int = 0
    path: str = ""
    community: str = "gadgets"
    votes: int = 1
    deleted: bool = False
    removed: bool = False
    updated: datetime | None = None


class LemmyServer(WebServer):
    """Answers as documented; `is_old` for an instance that tells every error with the status 400."""

    def __init__(self, page: int = 50) -> None:
        super().__init__()
        self.posts: dict[int, Entry] = {}
        self.comments: dict[int, Entry] = {}
        self.page, self.is_old = page, False

    def answer(self, request: Request) -> Reply:
        name, query = request.path.removeprefix("/api/v3/"), request.query
        if name == "search":
            return self._search(query)
        if name in ("post/list", "comment/list"):
            return self._list(name, query)
        if name in ("post", "comment"):
            return self._one(name, int(query["id"]))
        return Reply(404)

    def _search(self, query: Any) -> Reply:
        words = query["q"].strip('"').lower()
        pool = self.posts if query["type_"] == "Posts" else self.comments
        found = [entry for entry in pool.values() if words in f"{entry.title} {entry.text}".lower()]
        shown = self._shown(found, query)
        is_posts = query["type_"] == "Posts"
        return as_json(
            {"type_": query["type_"], "posts": shown if is_posts else [], "comments": [] if is_posts else shown}
        )

    def _list(self, name: str, query: Any) -> Reply:
        pool = self.posts if name == "post/list" else self.comments
        community = query.get("community_name")
        if community not in (None, "gadgets"):
            return self._error("couldnt_find_community")
        found = [
            entry
            for entry in pool.values()
            if community in (None, entry.community) and int(query.get("post_id", entry.post)) == entry.post
        ]
        return as_json({"posts" if name == "post/list" else "comments": self._shown(found, query)})

    def _shown(self, found: list[Entry], query: Any) -> list[Any]:
        if int(query["limit"]) > 50:
            return []
        newest_first = sorted(found, key=lambda entry: (entry.at, entry.number), reverse=True)
        size = min(int(query["limit"]), self.page)
        start = (int(query["page"]) - 1) * size
        return [self._view(entry) for entry in newest_first[start : start + size]]

    def _one(self, name: str, number: int) -> Reply:
        entry = (self.posts if name == "post" else self.comments).get(number)
        if entry is None:
            return self._error(f"couldnt_find_{name}")
        return as_json({f"{name}_view": self._view(entry)})

    def _error(self, name: str) -> Reply:
        return as_json({"error": name}, 400 if self.is_old else 404)

    def _view(self, entry: Entry) -> dict[str, Any]:
        common = {
            "id": entry.number,
            "published": _stamp(entry.at),
            "updated": _stamp(entry.updated) if entry.updated else None,
            "deleted": entry.deleted,
            "removed": entry.removed,
            "ap_id": f"https://lemmy.example/{'comment' if entry.post else 'post'}/{entry.number}",
            "local": True,
        }
        creator = {"id": 5, "name": "ann", "display_name": "Ann", "actor_id": "https://lemmy.example/u/ann"}
        counts = {"score": entry.votes - 1, "upvotes": entry.votes, "downvotes": 1}
        view = {"creator": creator, "community": {"name": entry.community}}
        if not entry.post:
            comments = sum(comment.post == entry.number for comment in self.comments.values())
            post = {**common, "name": entry.title, "body": entry.text or None}
            return {**view, "post": post, "counts": {**counts, "comments": comments}}
        below = sum(comment.path.startswith(f"{entry.path}.") for comment in self.comments.values())
        comment = {**common, "content": entry.text, "post_id": entry.post, "path": entry.path}
        return {**view, "comment": comment, "post": {"id": entry.post}, "counts": {**counts, "child_count": below}}


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
