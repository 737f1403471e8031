"""A server of Bluesky: sign-in, search, posts by address and threads, with its names of errors and its limits."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.servers.web import Feed, Reply, Request, WebServer, as_json

HANDLE, PASSWORD = "monitor.bsky.example", "abcd-efgh-ijkl-mnop"
JETSTREAM = "network.bsky.jetstream.subscribeEvents"
_MOST_LOOKED_UP, _LARGEST_PAGE = 25, 100


@dataclass
class Skeet:
    """A post; `answers` and `root` are addresses."""

    address: str
    at: datetime
    text: str
    answers: str = ""
    root: str = ""
    likes: int = 0
    embed: dict[str, Any] | None = None
    said_at: datetime | None = None


class BlueskyServer(WebServer):
    """Answers as documented. A short token is good until `expire`; a cursor counts to `counted` at the most."""

    def __init__(self, clock: Callable[[], datetime], page: int = 100, counted: int = 10_000) -> None:
        super().__init__()
        self.skeets: dict[str, Skeet] = {}
        self.clock, self.page, self.counted = clock, page, counted
        self.sign_ins = self.renewals = self.events = 0
        self.oldest_event = 0
        self.blocked: set[str] = set()
        """Posts of those who have blocked the account: nodes of threads without a post."""
        self.feed = Feed()
        self.short, self.long = "short-0", "long-0"
        self.finds: Callable[[str, Skeet], bool] = lambda query, skeet: query.strip('"').lower() in skeet.text.lower()

    def expire(self, *, long: bool = False) -> None:
        """Let the short token run out, and the long one too."""
        self.short = ""
        self.long = "" if long else self.long

    def may_fail(self, request: Request) -> bool:
        return "com.atproto.server" not in request.path and super().may_fail(request)

    def answer(self, request: Request) -> Reply:
        name = request.path.removeprefix("/xrpc/")
        if name == JETSTREAM:
            return self._jetstream(request)
        if name == "com.atproto.server.createSession":
            return self._sign_in(json.loads(request.body))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name == "com.atproto.server.refreshSession":
            return self._renew(token)
        if token != self.short:
            return as_json({"error": "ExpiredToken", "message": "Token has expired"}, 400)
        answers = {
            "app.bsky.feed.searchPosts": self._search,
            "app.bsky.feed.getPosts": self._posts,
            "app.bsky.feed.getPostThread": self._whole_thread,
        }
        return answers[name](request) if name in answers else as_json({"error": "MethodNotImplemented"}, 501)

    # -- Jetstream -----------------------------------------------------------------------------------------------------

    def tell(self, skeet: Skeet, operation: str = "create") -> None:
        """Tell of a post on the stream."""
        did, collection, rkey = skeet.address.removeprefix("at://").split("/")
        record = {} if operation == "delete" else {"record": self._view(skeet)["record"], "cid": "c"}
        event = {"did": did, "operation": operation, "collection": collection, "rkey": rkey, "rev": "3k"}
        self.tell_event("commit", **event, **record)

    def tell_event(self, kind: str, **fields: Any) -> None:
        """Tell of anything."""
        self.events += 1
        payload = {"$type": f"{JETSTREAM}#{kind}", "seq": self.events, "time": _stamp(self.clock()), **fields}
        self.feed.tell(json.dumps({"$type": "message", "payload": payload}).encode())

    def _jetstream(self, request: Request) -> Reply:
        if request.headers.get("sec-websocket-protocol") != "xrpc.v1.json":
            return as_json({"error": "InvalidRequest", "message": "unknown subprotocol"}, 400)
        kinds = {value for name, value in request.pairs if name == "kinds"}
        if not kinds <= {"commit", "identity", "account", "sync"} or (kinds and "commit" not in kinds):
            return as_json({"error": "InvalidRequest", "message": "unknown kind"}, 400)
        if int(request.query.get("cursor", self.oldest_event)) < self.oldest_event:
            return as_json({"error": "CursorTooOld", "message": "gone"}, 400)
        return Reply(feed=self.feed)

    def _sign_in(self, asked: dict[str, str]) -> Reply:
        if (asked["identifier"], asked["password"]) != (HANDLE, PASSWORD):
            return as_json({"error": "AuthenticationRequired", "message": "Invalid identifier or password"}, 401)
        self.sign_ins += 1
        return self._tokens()

    def _renew(self, token: str) -> Reply:
        if token != self.long:
            return as_json({"error": "ExpiredToken", "message": "Token has been revoked"}, 400)
        self.renewals += 1
        return self._tokens()

    def _tokens(self) -> Reply:
        number = self.sign_ins + self.renewals
        self.short, self.long = f"short-{number}", f"long-{number}"
        return as_json({"did": "did:plc:me", "handle": HANDLE, "accessJwt": self.short, "refreshJwt": self.long})

    def _search(self, request: Request) -> Reply:
        query = request.query
        if not 1 <= int(query.get("limit", "25")) <= _LARGEST_PAGE or not query.get("q"):
            return as_json({"error": "InvalidRequest", "message": "Error: limit or q"}, 400)
        since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
        found = [skeet for skeet in self.skeets.values() if self.finds(query["q"], skeet) and since <= skeet.at < until]
        found.sort(key=lambda skeet: (skeet.at, skeet.address), reverse=True)
        start = int(query.get("cursor", "0"))
        if start >= self.counted:
            return as_json({"error": "InvalidRequest", "message": "Error: cursor"}, 400)
        end = start + min(int(query["limit"]), self.page)
        shown: dict[str, Any] = {"posts": [self._view(skeet) for skeet in found[start:end]]}
        if end < len(found):
            shown["cursor"] = str(end)
        return as_json(shown)

    def _posts(self, request: Request) -> Reply:
        names = [value for name, value in request.pairs if name == "uris"]
        if not 1 <= len(names) <= _MOST_LOOKED_UP:
            return as_json({"error": "InvalidRequest", "message": "Error: uris"}, 400)
        return as_json({"posts": [self._view(self.skeets[name]) for name in names if name in self.skeets]})

    def _whole_thread(self, request: Request) -> Reply:
        skeet = self.skeets.get(request.query["uri"])
        if skeet is None:
            return as_json({"error": "NotFound", "message": "Post not found"}, 400)
        return as_json({"thread": self._node(skeet)})

    def _node(self, skeet: Skeet) -> dict[str, Any]:
        if skeet.address in self.blocked:
            return {"$type": "app.bsky.feed.defs#blockedPost", "uri": skeet.address, "blocked": True}
        below = [self._node(each) for each in self.skeets.values() if each.answers == skeet.address]
        gone = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": "at://gone", "notFound": True}
        return {"$type": "app.bsky.feed.defs#threadViewPost", "post": self._view(skeet), "replies": [*below, gone]}

    def _view(self, skeet: Skeet) -> dict[str, Any]:
        record: dict[str, Any] = {
            "text": skeet.text,
            "createdAt": _stamp(skeet.said_at or skeet.at),
            "langs": ["en-GB"],
        }
        if skeet.answers:
            record["reply"] = {"root": {"uri": skeet.root, "cid": "c"}, "parent": {"uri": skeet.answers, "cid": "c"}}
        if skeet.embed:
            record["embed"] = skeet.embed
        did = re.sub(r"^at://([^/]+)/.*", r"\1", skeet.address)
        return {
            "uri": skeet.address,
            "cid": "c",
            "author": {"did": did, "handle": "ann.example"},
            "record": record,
            "indexedAt": _stamp(skeet.at + timedelta(seconds=2 if skeet.said_at is None else 0)),
            "replyCount": sum(each.answers == skeet.address for each in self.skeets.values()),
            "repostCount": 2,
            "quoteCount": 1,
            "likeCount": skeet.likes,
        }


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
