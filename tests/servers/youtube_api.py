"""YouTube's Data API v3: search, videos, comment threads and answers, with its quota and its reasons of errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.servers.web import Reply, Request, WebServer, as_json

KEY = "an-api-key"
_SHOWN = 5
"""Answers that are shown with a comment."""


@dataclass
class Video:
    """A video with its comments, by id: text, time, and the comment that is answered."""

    name: str
    at: datetime
    title: str
    description: str = ""
    views: int = 10
    has_comments: bool = True
    comments: dict[str, Comment] = field(default_factory=dict)


@dataclass
class Comment:
    """A comment; `answers` is the id of what it answers."""

    name: str
    at: datetime
    text: str
    answers: str = ""
    updated_at: datetime | None = None


class YouTubeServer(WebServer):
    """Answers as documented; `searches` and `units` are what is left of the day's quota."""

    def __init__(self, clock: Callable[[], datetime], page: int = 50, gives: int = 500) -> None:
        super().__init__()
        self.videos: dict[str, Video] = {}
        self.clock, self.page, self.gives = clock, page, gives
        self.searches, self.units = 100, 10_000
        self.finds: Callable[[str, Video], bool] = lambda query, video: any(
            term.strip('"').lower() in video.title.lower() for term in query.split("|")
        )

    def answer(self, request: Request) -> Reply:
        if request.headers.get("x-goog-api-key") != KEY:
            details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            return _error(400, "badRequest", "API key not valid. Please pass a valid API key.", details)
        name = request.path.removeprefix("/")
        if not self._pays(name):
            return _error(403, "quotaExceeded", "The request cannot be completed because you have exceeded your quota.")
        answers = {
            "search": self._search,
            "videos": self._looked_up,
            "commentThreads": self._threads,
            "comments": self._answers,
        }
        return answers[name](request.query) if name in answers else Reply(404)

    def _pays(self, name: str) -> bool:
        if name == "search":
            self.searches -= 1
            return self.searches >= 0
        self.units -= 1
        return self.units >= 0

    def _search(self, query: Any) -> Reply:
        after = datetime.fromisoformat(query["publishedAfter"])
        found = [video for video in self.videos.values() if self.finds(query["q"], video) and video.at >= after]
        found.sort(key=lambda video: (video.at, video.name), reverse=True)
        return self._paged(
            [{"id": {"kind": "youtube#video", "videoId": each.name}} for each in found], query, self.gives
        )

    def _looked_up(self, query: Any) -> Reply:
        names = query["id"].split(",")
        if len(names) > 50:
            return _error(400, "invalidFilters", "too many ids")
        return as_json({"items": [self._video(self.videos[name]) for name in names if name in self.videos]})

    def _threads(self, query: Any) -> Reply:
        video = self.videos.get(query["videoId"])
        if video is None:
            return _error(404, "videoNotFound", "The video could not be found.")
        if not video.has_comments:
            return _error(403, "commentsDisabled", "The video has disabled comments.")
        top = [comment for comment in video.comments.values() if not comment.answers]
        top.sort(key=lambda comment: comment.at, reverse=True)
        return self._paged([self._top(video, comment) for comment in top], query, 10**6)

    def _top(self, video: Video, comment: Comment) -> dict[str, Any]:
        answers = [each for each in video.comments.values() if each.answers == comment.name]
        snippet = {"topLevelComment": _comment(comment), "totalReplyCount": len(answers)}
        shown = {"comments": [_comment(each) for each in answers[:_SHOWN]]} if answers else {}
        return {"id": comment.name, "snippet": snippet, **({"replies": shown} if shown else {})}

    def _answers(self, query: Any) -> Reply:
        each = [comment for video in self.videos.values() for comment in video.comments.values()]
        if "id" in query:
            names = query["id"].split(",")
            return as_json({"items": [_comment(comment) for comment in each if comment.name in names]})
        return self._paged(
            [_comment(comment) for comment in each if comment.answers == query["parentId"]], query, 10**6
        )

    def _paged(self, items: list[Any], query: Any, most: int) -> Reply:
        start = int((query.get("pageToken") or "P0")[1:])
        end = min(start + min(int(query["maxResults"]), self.page), most)
        shown: dict[str, Any] = {"items": items[start:end], "pageInfo": {"totalResults": len(items)}}
        if end < min(len(items), most):
            shown["nextPageToken"] = f"P{end}"
        return as_json(shown)

    def _video(self, video: Video) -> dict[str, Any]:
        counts = {"viewCount": str(video.views), "likeCount": "4"}
        if video.has_comments:
            counts["commentCount"] = str(len(video.comments))
        snippet = {
            "publishedAt": _stamp(video.at),
            "channelId": "UC7",
            "channelTitle": "Ann films",
            "title": video.title,
            "description": video.description,
            "defaultAudioLanguage": "en-GB",
        }
        return {"id": video.name, "snippet": snippet, "statistics": counts}


def _comment(comment: Comment) -> dict[str, Any]:
    snippet = {
        "textOriginal": comment.text,
        "textDisplay": comment.text,
        "authorDisplayName": "@bo",
        "authorChannelId": {"value": "UC8"},
        "likeCount": 3,
        "publishedAt": _stamp(comment.at),
        "updatedAt": _stamp(comment.updated_at or comment.at),
    }
    return {"id": comment.name, "snippet": snippet | ({"parentId": comment.answers} if comment.answers else {})}


def _error(status: int, reason: str, message: str, details: list[Any] | None = None) -> Reply:
    errors = [{"message": message, "domain": "youtube", "reason": reason}]
    return as_json({"error": {"code": status, "message": message, "errors": errors, "details": details or []}}, status)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
