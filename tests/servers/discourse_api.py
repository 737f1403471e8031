"""A Discourse forum: newest posts, search, topics and posts by number, and its limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json

KEY = "a-forum-key"


@dataclass
class Written:
    """A post: its number of all, topic and number in it, and whether strangers may see it."""

    number: int
    topic: int
    place: int
    at: datetime
    text: str
    answers: int | None = None
    likes: int = 0
    reads: int = 9
    is_private: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


class DiscourseServer(WebServer):
    """Answers as documented; `page` numbers of posts make a page, whether they are there or not."""

    def __init__(self, page: int = 50) -> None:
        super().__init__()
        self.written: dict[int, Written] = {}
        self.titles: dict[int, str] = {}
        self.views: dict[int, int] = {}
        self.page = page

    def answer(self, request: Request) -> Reply:
        key = request.headers.get("api-key")
        if key not in (None, KEY):
            return as_json({"errors": ["You are not permitted"], "error_type": "invalid_access"}, 403)
        seen = [post for post in self.written.values() if key or not post.is_private]
        content = self._content(request, seen)
        return (
            as_json({"errors": ["Not found"], "error_type": "not_found"}, 404) if content is None else as_json(content)
        )

    def _content(self, request: Request, seen: list[Written]) -> Any:
        if request.path == "/posts.json":
            return self._latest(int(request.query.get("before", "0")), seen)
        if request.path == "/search.json":
            return self._search(request.query, seen)
        topic = re.fullmatch(r"/t/(\d+)(/posts)?\.json", request.path)
        if topic:
            wanted = [int(value) for name, value in request.pairs if name == "post_ids[]"]
            return self._whole_topic(int(topic.group(1)), seen, wanted, is_part=bool(topic.group(2)))
        one = re.fullmatch(r"/posts/by_number/(\d+)/(\d+)\.json", request.path)
        place = (int(one.group(1)), int(one.group(2))) if one else None
        return next((self._json(post) for post in seen if (post.topic, post.place) == place), None)

    def _latest(self, before: int, seen: list[Written]) -> dict[str, Any]:
        """As the forum does it: numbers up to and with the one given, and no further back than a page of numbers."""
        last = before or max((post.number for post in seen), default=0)
        found = [post for post in seen if last - self.page < post.number <= last]
        return {"latest_posts": [self._json(post) for post in sorted(found, key=lambda post: -post.number)]}

    def _search(self, query: Any, seen: list[Written]) -> dict[str, Any]:
        asked = re.fullmatch(r"(.+) after:([\d-]+) order:latest", query["q"])
        assert asked is not None
        words, since = asked.group(1).strip('"').lower(), asked.group(2)
        found = [post for post in seen if words in post.text.lower() and post.at.date().isoformat() >= since]
        found.sort(key=lambda post: -post.number)
        start = (int(query["page"]) - 1) * self.page
        shown = found[start : start + self.page]
        return {
            "posts": [
                {
                    "id": post.number,
                    "topic_id": post.topic,
                    "post_number": post.place,
                    "blurb": post.text[:5],
                    "created_at": _stamp(post.at),
                }
                for post in shown
            ],
            "grouped_search_result": {"more_full_page_results": True if start + self.page < len(found) else None},
        }

    def _whole_topic(self, number: int, seen: list[Written], wanted: list[int], *, is_part: bool) -> Any:
        posts = sorted((post for post in seen if post.topic == number), key=lambda post: post.place)
        if not posts:
            return None
        if is_part:
            if len(wanted) > 20:
                return None
            return {"post_stream": {"posts": [self._json(post) for post in posts if post.number in wanted]}}
        stream = {"posts": [self._json(post) for post in posts[:20]], "stream": [post.number for post in posts]}
        views = self.views.get(number, 30)
        return {
            "id": number,
            "title": self.titles.get(number, "A topic"),
            "posts_count": len(posts),
            "views": views,
            "post_stream": stream,
        }

    def _json(self, post: Written) -> dict[str, Any]:
        return {
            "id": post.number,
            "topic_id": post.topic,
            "post_number": post.place,
            "post_type": 1,
            "topic_title": self.titles.get(post.topic, "A topic"),
            "created_at": _stamp(post.at),
            "updated_at": _stamp(post.at),
            "version": 1,
            "cooked": f"<p>{post.text}</p>",
            "username": "ann",
            "name": "Ann",
            "reply_to_post_number": post.answers,
            "reply_count": 0,
            "reads": post.reads,
            "actions_summary": [{"id": 2, "count": post.likes}] if post.likes else [],
            **post.fields,
        }


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
