"""An instance of Mastodon: search, hashtags, posts by id and their context, with rate limit headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.servers.web import Feed, Reply, Request, WebServer, as_json

TOKEN = "an-access-token"
_MOST_IDS = 20


@dataclass
class Toot:
    """A post; `answers` is the id of what it answers."""

    number: int
    at: datetime
    text: str
    answers: int | None = None
    tags: list[str] = field(default_factory=list)
    favourites: int = 0
    visibility: str = "public"
    edited_at: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict)


class MastodonServer(WebServer):
    """Answers as documented. `knows_ids` is false for an instance older than 4.3."""

    def __init__(self, clock: Callable[[], datetime], page: int = 40) -> None:
        super().__init__()
        self.toots: dict[int, Toot] = {}
        self.clock, self.page = clock, page
        self.knows_ids = True
        self.remaining = 299
        self.feed = Feed()
        """The streams, of which a test opens one."""
        self.finds: Callable[[str, Toot], bool] = lambda query, toot: query.strip('"').lower() in toot.text.lower()

    def answer(self, request: Request) -> Reply:
        authorization = request.headers.get("authorization")
        if authorization not in (None, f"Bearer {TOKEN}"):
            return as_json({"error": "The access token is invalid"}, 401)
        if self.remaining <= 0:
            return as_json({"error": "Too many requests"}, 429, self._limits())
        self.remaining -= 1
        if request.path in ("/api/v1/streaming/public", "/api/v1/streaming/hashtag"):
            return self._stream(request, is_signed_in=authorization is not None)
        content = self._content(request, is_signed_in=authorization is not None)
        if content is None:
            return as_json({"error": "Record not found"}, 404, self._limits())
        return content if isinstance(content, Reply) else as_json(content, headers=self._limits())

    def tell(self, toot: Toot, event: str = "update") -> None:
        """Tell of a post on the stream."""
        self.feed.tell(f"event: {event}\ndata: {json.dumps(self._json(toot))}\n\n".encode())

    def take_back(self, number: int) -> None:
        """Delete a post, and tell of it."""
        del self.toots[number]
        self.feed.tell(f"event: delete\ndata: {number}\n\n".encode())

    def _stream(self, request: Request, *, is_signed_in: bool) -> Reply:
        if not is_signed_in:
            return as_json({"error": "Missing access token"}, 401)
        if request.path.endswith("hashtag") and not request.query.get("tag"):
            return as_json({"error": "Unknown channel requested"}, 400)
        return Reply(200, headers={"content-type": "text/event-stream"}, feed=self.feed)

    def _limits(self) -> dict[str, str]:
        reset = (self.clock() + timedelta(minutes=3)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": str(self.remaining), "X-RateLimit-Reset": reset}

    def _content(self, request: Request, *, is_signed_in: bool) -> Any:
        query = request.query
        if request.path == "/api/v2/search":
            if not is_signed_in:
                return {"accounts": [], "hashtags": [], "statuses": []}
            found = [toot for toot in self.toots.values() if self.finds(query["q"], toot)]
            return {"accounts": [], "hashtags": [], "statuses": self._page(found, query)}
        tag = re.fullmatch(r"/api/v1/timelines/tag/(\w+)", request.path)
        if tag:
            return self._page([toot for toot in self.toots.values() if tag.group(1) in toot.tags], query)
        if request.path == "/api/v1/statuses":
            return self._looked_up([int(value) for name, value in request.pairs if name == "id[]"])
        one = re.fullmatch(r"/api/v1/statuses/(\d+)(/context)?", request.path)
        toot = self.toots.get(int(one.group(1))) if one else None
        if toot is None or one is None:
            return None
        return self._context(toot) if one.group(2) else self._json(toot)

    def _page(self, found: list[Toot], query: Any) -> list[dict[str, Any]]:
        before = int(query.get("max_id") or 2**62)
        newest_first = sorted((toot for toot in found if toot.number < before), key=lambda toot: -toot.number)
        return [self._json(toot) for toot in newest_first[: min(int(query.get("limit", "20")), self.page)]]

    def _looked_up(self, numbers: list[int]) -> Any:
        if not self.knows_ids:
            return None
        if len(numbers) > _MOST_IDS:
            return as_json({"error": "Too many ids"}, 422, self._limits())
        return [self._json(self.toots[number]) for number in numbers if number in self.toots]

    def _context(self, toot: Toot) -> dict[str, Any]:
        ancestors: list[Toot] = []
        above = toot
        while above.answers in self.toots:
            above = self.toots[above.answers]
            ancestors.insert(0, above)
        below = {toot.number}
        for each in sorted(self.toots.values(), key=lambda toot: toot.number):
            if each.answers in below:
                below.add(each.number)
        shown = [self._json(self.toots[number]) for number in sorted(below - {toot.number})]
        return {"ancestors": [self._json(each) for each in ancestors], "descendants": shown}

    def _json(self, toot: Toot) -> dict[str, Any]:
        return {
            "id": str(toot.number),
            "created_at": _stamp(toot.at),
            "edited_at": _stamp(toot.edited_at) if toot.edited_at else None,
            "in_reply_to_id": str(toot.answers) if toot.answers else None,
            "visibility": toot.visibility,
            "spoiler_text": "",
            "language": "en",
            "uri": f"https://social.example/users/ann/statuses/{toot.number}",
            "url": f"https://social.example/@ann/{toot.number}",
            "content": f"<p>{toot.text}</p>",
            "replies_count": sum(each.answers == toot.number for each in self.toots.values()),
            "reblogs_count": 2,
            "favourites_count": toot.favourites,
            "reblog": None,
            "media_attachments": [],
            "account": {
                "id": "7",
                "acct": "ann@social.example",
                "username": "ann",
                "display_name": "Ann",
                "followers_count": 40,
            },
            **toot.fields,
        }


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
