"""X's v2 interface: recent search, counts and lookup, in the vocabulary of tweets or of posts, limits enforced."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.servers.web import Feed, Reply, Request, WebServer, as_json

TOKEN = "a-bearer-token"
EPOCH_MS = 1288834974657


def snowflake(moment: datetime, sequence: int = 0) -> int:
    """The id of the post number `sequence` of the millisecond `moment`."""
    return ((round(moment.timestamp() * 1000) - EPOCH_MS) << 22) + sequence


@dataclass
class Tweet:
    """A post on X; `matches` says which queries find it, when not all."""

    number: int
    at: datetime
    text: str
    author: str = "7001"
    conversation: int = 0
    replied_to: int | None = None
    reposted: int | None = None
    likes: int = 0
    replies: int = 0
    edits: list[int] = field(default_factory=list)
    long_text: str = ""
    lang: str = "en"


class XServer(WebServer):
    """Answers as documented; refuses what X refuses."""

    def __init__(self, clock: Callable[[], datetime], vocabulary: str = "tweet", page: int = 100) -> None:
        super().__init__()
        self.tweets: dict[int, Tweet] = {}
        self.clock = clock
        self.vocabulary = vocabulary
        self.page = page
        self.protected: set[int] = set()
        self.jobs: dict[str, list[str] | None] = {}
        self.polls_until_done = 1
        self.jobs_allowed = True
        self.feed = Feed()
        self.rules: dict[str, dict[str, str]] = {}
        self.most_rules, self.most_connections, self.rules_made = 1000, 1, 0
        self.finds: Callable[[str, Tweet], bool] = lambda query, tweet: (
            _conversation(query) in (None, tweet.conversation)
        )

    def answer(self, request: Request) -> Reply:
        if request.path.startswith("/bucket/"):
            return self._bucket(request)
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"title": "Unauthorized", "status": 401, "detail": "Unauthorized"}, 401)
        return self._interface(request)

    def _interface(self, request: Request) -> Reply:
        places = {"/2/tweets/search/stream/rules": self._rules, "/2/tweets/search/stream": self._stream}
        if request.path.startswith("/2/compliance/jobs"):
            return self._job(request)
        if request.path in places:
            return places[request.path](request)
        if request.path == "/2/tweets":
            return as_json(self._lookup(request))
        problem = self._problem(request)
        if problem:
            return as_json({"errors": [{"message": problem}], "title": "Invalid Request"}, 400)
        found = self._found(request)
        if request.path == "/2/tweets/counts/recent":
            return as_json({"data": [], "meta": {f"total_{self.vocabulary}_count": len(found)}})
        return as_json(self._search(request, found)) if request.path == "/2/tweets/search/recent" else Reply(404)

    def _problem(self, request: Request) -> str | None:
        """What X would find wrong with a search or count, or None."""
        query, now = request.query, self.clock()
        bound = now - timedelta(days=7)
        fields = {name for name in query if name.endswith(".fields")} - {"user.fields", f"{self.vocabulary}.fields"}
        wrong = {
            "query is to have 1 to 512 characters": not 1 <= len(query.get("query", "")) <= 512,
            "start_time is too old": "start_time" in query and _moment(query["start_time"]) < bound,
            "since_id is too old": int(query.get("since_id", snowflake(bound))) < snowflake(bound),
            "end_time is too new": _moment(query["end_time"]) > now - timedelta(seconds=10),
            "next_token is none of ours": not re.fullmatch(r"t\d+", query.get("next_token", "t0")),
            "max_results is to be between 10 and 100": not 10 <= int(query.get("max_results", "10")) <= 100,
            "unknown fields": bool(fields),
        }
        return next((problem for problem, applies in wrong.items() if applies), None)

    def _found(self, request: Request) -> list[Tweet]:
        query = request.query
        low = int(query["since_id"]) if "since_id" in query else snowflake(_moment(query["start_time"])) - 1
        high = snowflake(_moment(query["end_time"])) if "end_time" in query else 2**62
        found = [
            tweet for tweet in self.tweets.values() if low < tweet.number < high and self.finds(query["query"], tweet)
        ]
        by_relevance = query.get("sort_order") == "relevancy"
        return sorted(found, key=lambda tweet: (-tweet.likes if by_relevance else 0, -tweet.number))

    def _search(self, request: Request, found: list[Tweet]) -> dict[str, Any]:
        size = min(int(request.query["max_results"]), self.page)
        start = int(request.query.get("next_token", "t0").removeprefix("t"))
        shown = found[start : start + size]
        meta: dict[str, Any] = {"result_count": len(shown)}
        if start + size < len(found):
            meta["next_token"] = f"t{start + size}"
        if not shown:
            return {"meta": meta}
        return {"data": [self._json(tweet) for tweet in shown], "meta": meta} | self._includes(request, shown)

    def _lookup(self, request: Request) -> dict[str, Any]:
        wanted = [int(number) for number in request.query["ids"].split(",")]
        hidden = [number for number in wanted if number in self.protected]
        lost = [number for number in wanted if number not in self.tweets]
        gone = [{"resource_id": str(number), "title": "Not Found Error"} for number in lost]
        gone += [{"resource_id": str(number), "title": "Authorization Error"} for number in hidden]
        shown = [self.tweets[number] for number in wanted if number not in {*lost, *hidden}]
        return {"data": [self._json(tweet) for tweet in shown], "errors": gone}

    # -- the filtered stream -------------------------------------------------------------------------------------------

    def tell(self, tweet: Tweet) -> None:
        """Tell of a post on the stream, as found by all rules."""
        rules = [{"id": name, "tag": rule.get("tag", "")} for name, rule in self.rules.items()]
        self.feed.tell(json.dumps({"data": self._json(tweet), "matching_rules": rules}).encode() + b"\r\n")

    def _stream(self, request: Request) -> Reply:
        if not self.rules:
            return as_json({"title": "ConnectionException", "connection_issue": "RuleConfigurationIssue"}, 409)
        if len(self.feed.listeners) >= self.most_connections:
            said = {"title": "ConnectionException", "connection_issue": "TooManyConnections"}
            return as_json(said, 429, {"x-rate-limit-reset": str(int(self.clock().timestamp()) + 30)})
        return Reply(200, headers={"content-type": "application/json"}, feed=self.feed)

    def _rules(self, request: Request) -> Reply:
        if request.method == "GET":
            return as_json({"data": list(self.rules.values()), "meta": {"result_count": len(self.rules)}})
        asked = json.loads(request.body)
        for name in asked.get("delete", {}).get("ids", ()):
            del self.rules[name]
        if "add" not in asked:
            return as_json({"meta": {"summary": {"deleted": 1}}})
        made, errors = [], []
        for rule in asked["add"]:
            known = next((name for name, kept in self.rules.items() if kept["value"] == rule["value"]), None)
            if known is not None:
                errors.append({"value": rule["value"], "id": known, "title": "DuplicateRule"})
            elif len(rule["value"]) > 1024 or "((" * 3 in rule["value"] or "bad:" in rule["value"]:
                details = ["Reference to invalid operator 'bad'."]
                errors.append({"value": rule["value"], "details": details, "title": "UnprocessableEntity"})
            else:
                self.rules_made += 1
                made.append({**rule, "id": str(9000 + self.rules_made)})
        if len(self.rules) + len(made) > self.most_rules:
            return as_json({"title": "RulesCapExceeded", "detail": "too many"}, 422)
        if request.query.get("dry_run") != "true":
            self.rules |= {rule["id"]: rule for rule in made}
        return as_json({"data": made, "errors": errors} if errors else {"data": made}, 201)

    # -- batch compliance ----------------------------------------------------------------------------------------------

    def _job(self, request: Request) -> Reply:
        if not self.jobs_allowed:
            return as_json({"title": "Client Forbidden", "status": 403}, 403)
        if request.method == "POST":
            if json.loads(request.body) != {"type": "tweets"}:
                return as_json({"title": "Invalid Request"}, 400)
            name = str(1000 + len(self.jobs))
            self.jobs[name] = None
            return as_json({"data": self._job_fields(name, "created")})
        name = request.path.rpartition("/")[2]
        if name not in self.jobs:
            return as_json({"title": "Not Found Error"}, 404)
        self.polls_until_done -= 1
        is_done = self.jobs[name] is not None and self.polls_until_done < 0
        return as_json({"data": self._job_fields(name, "complete" if is_done else "in_progress")})

    def _job_fields(self, name: str, status: str) -> dict[str, str]:
        places = {f"{way}_url": f"{self.url}/bucket/{name}" for way in ("upload", "download")}
        return {"id": name, "type": "tweets", "status": status, **places}

    def _bucket(self, request: Request) -> Reply:
        """Google's storage, where ids are handed in and results lie; it wants no token."""
        name = request.path.rpartition("/")[2]
        if request.method == "PUT":
            self.jobs[name] = request.body.decode().split()
            return Reply(200)
        removed = [(number, self._why_gone(int(number))) for number in self.jobs[name] or ()]
        lines = [{"id": number, "action": "delete", "reason": why} for number, why in removed if why]
        harmless = [{"id": number, "action": "scrub_geo", "reason": "scrub_geo"} for number, why in removed if not why]
        return Reply(200, "\n".join(map(json.dumps, lines + harmless[:1])).encode())

    def _why_gone(self, number: int) -> str:
        return "protected" if number in self.protected else "" if number in self.tweets else "deleted"

    def _includes(self, request: Request, shown: list[Tweet]) -> dict[str, Any]:
        if "author_id" not in request.query.get("expansions", ""):
            return {}
        authors = sorted({tweet.author for tweet in shown})
        metrics = {"followers_count": 1234, "following_count": 1}
        users = [
            {"id": author, "username": f"user{author}", "name": "A", "public_metrics": metrics} for author in authors
        ]
        return {"includes": {"users": users}}

    def _json(self, tweet: Tweet) -> dict[str, Any]:
        is_old = self.vocabulary == "tweet"
        references = [("replied_to", tweet.replied_to), ("retweeted" if is_old else "reposted", tweet.reposted)]
        shown: dict[str, Any] = {
            "id": str(tweet.number),
            "text": tweet.text,
            "author_id": tweet.author,
            "created_at": tweet.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "conversation_id": str(tweet.conversation or tweet.number),
            "lang": tweet.lang,
            f"edit_history_{self.vocabulary}_ids": [str(number) for number in (*tweet.edits, tweet.number)],
            "public_metrics": {
                "like_count": tweet.likes,
                "reply_count": tweet.replies,
                "quote_count": 1,
                "retweet_count" if is_old else "repost_count": 2,
                "impression_count": 500,
            },
        }
        referenced = [{"type": kind, "id": str(number)} for kind, number in references if number is not None]
        if referenced:
            shown["referenced_tweets" if is_old else "referenced_posts"] = referenced
        if tweet.long_text:
            shown["note_tweet" if is_old else "note_post"] = {"text": tweet.long_text}
        return shown


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _conversation(query: str) -> int | None:
    named = re.fullmatch(r"conversation_id:(\d+)", query)
    return int(named.group(1)) if named else None
