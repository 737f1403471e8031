"""YouTube: videos that its search finds, how often they are played and liked, and their comments.

Limits: a project may make 100 searches a day (`search.list`, a bucket of its own), and spend 10,000 units a day on all
the rest, a unit for each request of up to 50 videos or 100 comments; both begin anew at midnight in California. Both
are spent evenly, from an allowance that is kept in the cursor. A search gives some 500 videos at the most, and may
leave some out. There is no search in comments: they are read of videos that were found, newest first, by at most
`requests_per_thread` requests a turn. Shares are not counted; plays are the views.

Terms: what is stored is to be read anew or deleted within 30 days, and what was deleted there is to be deleted here.

Three addresses of JSON; Google's own client takes 137 MB on disk to ask them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field

from collectors.allowance import Allowance
from collectors.contract import CollectorError, SourceContext
from collectors.egress import Answer
from collectors.interface import Interface, secret
from collectors.listed import Asked, Listed, ListedOptions, SpentError
from collectors.moments import from_epoch, not_after, read_moment
from collectors.queries import any_of, single_terms
from collectors.rounds import Found, Listing, Round, chunks, entries_in, joined
from config.references import SecretReference
from storage.records import Engagement, Post, PostKind

PAGE = 50
ENDS_AFTER = 450
"""Videos after which the end of a search is taken to be YouTube's and not the videos'."""
_COMMENTS = 100
_VIDEO = "video"
"""What a video belongs to; a comment belongs to its video, by an id that is longer."""
_LENGTH_OF_IDS = 11
"""Characters in the id of a video; those of comments are longer."""
_QUERY_LIMIT = 200
_CALIFORNIA = ZoneInfo("America/Los_Angeles")
_SPENT = {"quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"}
_TOO_FAST = {"rateLimitExceeded", "userRateLimitExceeded"}
_PROBLEMS = {
    "API_KEY_INVALID": "it does not accept the API key; renew it and put the new one where the configuration points",
    "keyInvalid": "it does not accept the API key; renew it and put the new one where the configuration points",
    "keyExpired": "the API key has run out; renew it and put the new one where the configuration points",
    "accessNotConfigured": "the project of the API key has not enabled the YouTube Data API v3",
    "ipRefererBlocked": "the API key may not be used from this address; see its restrictions",
    "commentsDisabled": "the video has no comments, its owner has switched them off",
}


class Options(ListedOptions):
    """Keys of a `[[sources]]` table of type `youtube`."""

    api_key: SecretReference
    """Key of a Google Cloud project in which the YouTube Data API v3 is enabled."""
    searches_per_day: int = Field(default=100, ge=2)
    """Searches that may be made in any 24 hours."""
    units_per_day: int = Field(default=10_000, ge=100)
    """Units that may be spent on all the rest in any 24 hours."""
    requests_per_thread: int = Field(default=5, ge=1, le=50)
    """Requests for the comments of one video in one turn."""
    base_url: str = Field(default="https://www.googleapis.com/youtube/v3", pattern=r"^https?://")
    """Address of the interface."""


class YouTube(Asked):
    """What is asked of YouTube."""

    service = "YouTube"
    at_once = 500

    def __init__(self, options: Options, context: SourceContext) -> None:
        super().__init__(Interface(self.service, options.base_url, context.clock, self._judged), context)
        self._options = options
        self._key = ""
        self.requests_per_day: int | None = options.searches_per_day + options.units_per_day

    def prepare(self) -> None:
        """Read the key."""
        self._key = secret(self._options.api_key, "the API key of YouTube")

    def page(self, listing: Listing, state: Round) -> Found:
        """A page of a search, newest first, with what is known of its videos."""
        asked = {
            "part": "id",
            "type": "video",
            "order": "date",
            "q": listing.query,
            "maxResults": PAGE,
            "publishedAfter": _stamp(from_epoch(state.floor)),
            "pageToken": state.place or None,
        }
        answer = self._ask("search", asked, bucket="searches")
        names = [item["id"]["videoId"] for item in _items(answer) if _is_video(item)]
        found = self._videos(names)
        given = len(_items(answer))
        return Found(found.posts, found.bad, str(answer.get("nextPageToken") or ""), given)

    def looked_up(self, names: Sequence[str]) -> Found:
        """Videos and comments by their ids; those that are gone, or private now, are missing."""
        videos = [name for name in names if len(name) == _LENGTH_OF_IDS]
        comments = [name for name in names if len(name) != _LENGTH_OF_IDS]
        found = [self._videos(some) for some in chunks(videos, PAGE)]
        return joined([*found, *(self._named(some) for some in chunks(comments, PAGE))])

    def replies(self, root: Post, unread: int) -> Found:
        """The newest comments of a video, with what answers them."""
        pages: list[Found] = []
        place, left = "", self._options.requests_per_thread
        while left > 0 and (place or not pages):
            asked = {"videoId": root.external_id, "order": "time", "pageToken": place or None}
            answer = self._ask("commentThreads", {"part": "snippet,replies", **asked, **_WORDS})
            comments, cut_short = _with_answers(_items(answer))
            pages.append(self._comments(comments, root.external_id))
            place, left = str(answer.get("nextPageToken") or ""), left - 1
            for parent in cut_short[: max(left, 0)]:
                more = self._ask("comments", {"part": "snippet", "parentId": parent, **_WORDS})
                pages.append(self._comments(_items(more), root.external_id))
                left -= 1
        found = joined(pages)
        distinct = list({post.external_id: post for post in found.posts}.values())
        return Found(distinct, found.bad, "", found.given, max(unread - len(distinct) - len(found.bad), 0))

    def probe(self, listing: Listing) -> str:
        """Look a video up (one unit): a search would take one of a hundred."""
        self._ask("videos", {"part": "id", "id": "dQw4w9WgXcQ"})
        return f"YouTube accepts the key; it will be searched for {listing.query}"

    def _videos(self, names: Sequence[str]) -> Found:
        """Videos in the order of `names`."""
        if not names:
            return Found()
        answer = self._ask("videos", {"part": "snippet,statistics", "id": ",".join(names), "maxResults": PAGE})
        items = sorted(_items(answer), key=lambda item: names.index(item["id"]) if item.get("id") in names else PAGE)
        return entries_in(items, self, _VIDEO)

    def _named(self, names: Sequence[str]) -> Found:
        """Comments by their ids, which say nothing of their videos where they answer others."""
        answer = self._ask("comments", {"part": "snippet", "id": ",".join(names), **_WORDS})
        return self._comments(_items(answer), "")

    def _comments(self, items: list[Any], video: str) -> Found:
        return entries_in(items, self, video)

    def read(self, entry: Any, of: str) -> Post:
        """The video that an entry is, or the comment on a video."""
        now = self._clock()
        return _video(entry, self._source, now) if of == _VIDEO else _comment(entry, of, self._source, now)

    def _ask(self, name: str, params: Mapping[str, Any], *, bucket: str = "units") -> dict[str, Any]:
        """An answer, paid for out of its bucket before it is known."""
        per_day = self._options.searches_per_day if bucket == "searches" else self._options.units_per_day
        allowance = Allowance.of(self.kept.get(bucket), per_day, self._clock())
        if allowance.left < 1:
            raise SpentError
        allowance.spend(1)
        self.kept[bucket] = allowance.kept()
        return self._interface.get(f"/{name}", params, {"x-goog-api-key": self._key})

    def _judged(self, answer: Answer, content: Any) -> CollectorError | None:
        """Errors by their reasons: that the day's quota is spent is a 403 like any other."""
        if answer.status < 400:
            return None
        reasons = _reasons(content)
        if reasons & _SPENT:
            wait = _until_midnight(self._clock())
            message = f"YouTube answered {answer.status}: the quota of the day is spent; next in {wait / 3600:.1f} h"
            return CollectorError(message, retry_after=wait, status=429)
        if reasons & _TOO_FAST:
            message = f"YouTube answered {answer.status}: too many requests; next in 60 s"
            return CollectorError(message, retry_after=60.0, status=429)
        known = [problem for reason, problem in _PROBLEMS.items() if reason in reasons]
        if known:
            return CollectorError(f"YouTube answered {answer.status}: {known[0]}", permanent=True, status=answer.status)
        return None


_WORDS = {"maxResults": _COMMENTS, "textFormat": "plainText"}


def _reasons(content: Any) -> set[str]:
    """The reasons in an error, of the old form and of the new."""
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict):
        return set()
    each = [*(error.get("errors") or ()), *(error.get("details") or ())]
    return {str(item["reason"]) for item in each if isinstance(item, dict) and "reason" in item}


def _until_midnight(now: datetime) -> float:
    """Seconds until the quota begins anew, at midnight in California."""
    there = now.astimezone(_CALIFORNIA)
    midnight = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max((midnight.astimezone(now.tzinfo) - now).total_seconds(), 60.0)


def _items(answer: Mapping[str, Any]) -> list[Any]:
    items = answer.get("items")
    if not isinstance(items, list):
        raise CollectorError("YouTube gave an answer without items")
    return items


def _is_video(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("id"), dict) and bool(item["id"].get("videoId"))


def _with_answers(threads: Sequence[Any]) -> tuple[list[Any], list[str]]:
    """The comments of threads with the answers shown (five at the most), and those whose answers are not all shown."""
    comments: list[Any] = []
    cut_short: list[str] = []
    for thread in threads:
        snippet = thread.get("snippet") or {}
        shown = (thread.get("replies") or {}).get("comments") or []
        comments += [snippet.get("topLevelComment"), *shown]
        if (snippet.get("totalReplyCount") or 0) > len(shown):
            cut_short.append(str(thread.get("id")))
    return comments, cut_short


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _count(statistics: Mapping[str, Any], name: str) -> int | None:
    """A count, which is text; owners may hide some."""
    return int(statistics[name]) if statistics.get(name) is not None else None


def _video(item: Mapping[str, Any], source: str, now: datetime) -> Post:
    snippet, statistics, number = item["snippet"], item.get("statistics") or {}, item["id"]
    language = snippet.get("defaultAudioLanguage") or snippet.get("defaultLanguage")
    return Post(
        source=source,
        external_id=number,
        created_at=not_after(read_moment(snippet["publishedAt"]), now),
        text=snippet.get("description") or snippet["title"],
        title=snippet["title"],
        url=f"https://www.youtube.com/watch?v={number}",
        author=snippet["channelId"],
        author_name=snippet.get("channelTitle"),
        thread_id=number,
        language=language[:2] if language else None,
        engagement=Engagement(
            likes=_count(statistics, "likeCount"),
            replies=_count(statistics, "commentCount"),
            views=_count(statistics, "viewCount"),
        ),
        collected_at=now,
    )


def _comment(item: Mapping[str, Any], video: str, source: str, now: datetime) -> Post:
    snippet, number = item["snippet"], item["id"]
    written_at, updated_at = read_moment(snippet["publishedAt"]), read_moment(snippet["updatedAt"])
    channel = (snippet.get("authorChannelId") or {}).get("value")
    return Post(
        source=source,
        external_id=number,
        created_at=not_after(written_at, now),
        text=snippet.get("textOriginal") or snippet["textDisplay"],
        kind=PostKind.COMMENT,
        url=f"https://www.youtube.com/watch?v={video}&lc={number}",
        author=channel or snippet.get("authorDisplayName"),
        author_name=snippet.get("authorDisplayName"),
        thread_id=video,
        parent_id=snippet.get("parentId") or video,
        engagement=Engagement(likes=_count(snippet, "likeCount")),
        edited_at=updated_at if updated_at > written_at else None,
        collected_at=now,
    )


def build(options: Options, context: SourceContext) -> Listed:
    """The source as configured."""
    asked = dict.fromkeys((*any_of(single_terms(context.brands), limit=_QUERY_LIMIT, joint="|"), *options.queries))
    listings = [Listing("search", query, ENDS_AFTER) for query in asked]
    return Listed(YouTube(options, context), listings, options, context)
