"""What X's answers mean. X is renaming tweets to posts in its interface; both vocabularies are read.

Parsed from plain JSON and not from a library's objects, which break on renamed fields.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.contract import CollectorError, Quarantined, set_aside
from collectors.moments import not_after, read_moment
from collectors.rounds import Found
from storage.records import Engagement, Post, PostKind

_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
"""The beginning of time in ids ("snowflakes"): the upper bits of an id count milliseconds since then."""

_OLD_CODES = {"in": "id", "iw": "he"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of posts: `newest` is the largest id in it, `count` how many posts X announced."""

    posts: list[Post]
    bad: list[Quarantined]
    newest: int
    token: str | None
    announced: int
    given: int


def moment_of(identifier: int) -> datetime:
    """When the post with this id was written, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=identifier >> 22)


def id_at(moment: datetime) -> int:
    """The smallest id that a post written at `moment` can have."""
    return max(int((moment - _EPOCH) / timedelta(milliseconds=1)), 0) << 22


def answer_of(content: Mapping[str, Any], source: str, now: datetime) -> Answer:
    """The posts in an answer of search or lookup; `CollectorError` where it has not the documented shape."""
    items = content.get("data") or []
    meta = content.get("meta")
    if not isinstance(items, list) or not isinstance(meta, dict):
        raise CollectorError("X gave an answer without the documented data and meta")
    posts, bad, newest = _posts(items, _authors(content), source, now)
    token = meta.get("next_token")
    announced = meta.get("result_count")
    return Answer(posts, bad, newest, token or None, announced if isinstance(announced, int) else 0, len(items))


def told_of(content: Mapping[str, Any], source: str, now: datetime) -> Found:
    """The post in a line of the stream; `ValueError` and the like where it has not the documented shape."""
    post = _post(content["data"], _authors(content), source, now)
    return Found([post], given=1)


def looked_up(content: Mapping[str, Any], source: str, now: datetime) -> list[Post]:
    """The posts in an answer of lookup; those that are gone are missing."""
    items = content.get("data") or []
    return _posts(items if isinstance(items, list) else [], _authors(content), source, now)[0]


def count_of(content: Mapping[str, Any]) -> int:
    """How many posts a count announces."""
    total = _either(content.get("meta") or {}, "total_tweet_count", "total_post_count")
    if not isinstance(total, int):
        raise CollectorError("X gave a count without a total")
    return total


def _posts(
    items: list[Any], authors: Mapping[str, Mapping[str, Any]], source: str, now: datetime
) -> tuple[list[Post], list[Quarantined], int]:
    posts: list[Post] = []
    bad: list[Quarantined] = []
    newest = 0
    for item in items:
        try:
            newest = max(newest, int(item["id"]))
            posts.append(_post(item, authors, source, now))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            bad.append(_set_aside(item, authors, error))
    if items and not posts:
        raise CollectorError(f"no post in X's answer could be read: {bad[0].reason}")
    return posts, bad, newest


def _set_aside(item: Any, authors: Mapping[str, Mapping[str, Any]], error: object) -> Quarantined:
    """A post that could not be read, kept in the form of a line of the stream."""
    author = authors.get(str(item.get("author_id"))) if isinstance(item, dict) else None
    kept = {"data": item, "includes": {"users": [author] if author else []}}
    return set_aside("post", repr(error), json.dumps(kept))


def read_again(raw: bytes, source: str, now: datetime) -> list[Post]:
    """The post in what was set aside, of an answer or of the stream; `ValueError` where it still makes no sense."""
    try:
        return told_of(json.loads(raw), source, now).posts
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(repr(error)) from error


def _post(item: Mapping[str, Any], authors: Mapping[str, Mapping[str, Any]], source: str, now: datetime) -> Post:
    original, edited_at = _versions(item)
    references = {
        each["type"]: str(each["id"]) for each in _either(item, "referenced_tweets", "referenced_posts") or ()
    }
    repost_of = references.get("retweeted") or references.get("reposted")
    author = authors.get(str(item.get("author_id")), {})
    long_form = _either(item, "note_tweet", "note_post") or {}
    return Post(
        source=source,
        external_id=original,
        created_at=not_after(moment_of(int(original)) if edited_at else read_moment(item["created_at"]), now),
        text=html.unescape(long_form.get("text") or item["text"]),
        kind=PostKind.REPOST if repost_of else PostKind.REPLY if "replied_to" in references else PostKind.POST,
        url=f"https://x.com/i/web/status/{original}",
        author=item.get("author_id"),
        author_name=author.get("username"),
        author_reach=(author.get("public_metrics") or {}).get("followers_count"),
        thread_id=item.get("conversation_id"),
        parent_id=references.get("replied_to") or references.get("quoted"),
        repost_of=repost_of,
        language=_language(item.get("lang")),
        engagement=_engagement(item.get("public_metrics") or {}),
        edited_at=edited_at,
        collected_at=now,
    )


def _versions(item: Mapping[str, Any]) -> tuple[str, datetime | None]:
    """The id of the first wording, under which a post stays known, and when the present one was made if it is another.

    An edit is a new id; answers to a post and its conversation keep naming the first.
    """
    latest = str(item["id"])
    history = _either(item, "edit_history_tweet_ids", "edit_history_post_ids") or [latest]
    original = min(map(str, history), key=int)
    return original, moment_of(int(latest)) if original != latest else None


def _authors(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    users = (content.get("includes") or {}).get("users") or []
    return {str(user["id"]): user for user in users if isinstance(user, dict) and "id" in user}


def _engagement(metrics: Mapping[str, Any]) -> Engagement:
    shares = [_either(metrics, "retweet_count", "repost_count"), metrics.get("quote_count")]
    known = [count for count in shares if count is not None]
    return Engagement(
        likes=metrics.get("like_count"),
        shares=sum(known) if known else None,
        replies=metrics.get("reply_count"),
        views=metrics.get("impression_count"),
    )


def _language(code: Any) -> str | None:
    """A two-letter code; X also has codes of its own for posts without words, which say nothing."""
    return _OLD_CODES.get(code, code) if isinstance(code, str) and len(code) == 2 else None


def _either(mapping: Mapping[str, Any], *names: str) -> Any:
    return next((mapping[name] for name in names if mapping.get(name) is not None), None)
