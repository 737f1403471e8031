"""What Reddit's things mean, read from their fields.

Of praw's objects the dictionaries are read: asking one for an attribute that is missing makes it send a request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collectors.contract import CollectorError, Quarantined
from collectors.moments import from_epoch, not_after
from collectors.rounds import entry_set_aside
from storage.records import Engagement, Post, PostKind

_GONE = {"[deleted]", "[removed]"}


@dataclass(frozen=True, slots=True)
class Things:
    """The fields of things, and the name to go on after (empty at the end)."""

    things: Iterable[Any]
    after: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Posts, oldest first, and where the page lies: the times (s) of all `given` things, removed ones too."""

    posts: list[Post]
    bad: list[Quarantined]
    after: str
    given: int
    newest: float
    oldest: float


def found_in(things: Things, source: str, now: datetime) -> Found:
    """The posts among things; `CollectorError` where none of them can be read."""
    posts: list[Post] = []
    bad: list[Quarantined] = []
    times: list[float] = []
    for fields in things.things:
        try:
            times.append(float(fields["created_utc"]))
            if not is_gone(fields):
                posts.append(post_of(fields, source, now))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            bad.append(entry_set_aside(_plain(fields), repr(error), "", "thing"))
    if bad and not times:
        raise CollectorError(f"nothing in Reddit's answer could be read: {bad[0].reason}")
    posts.sort(key=lambda post: (post.created_at, post.external_id))
    oldest, newest = min(times, default=0.0), max(times, default=0.0)
    return Found(posts, bad, things.after, len(times) + len(bad), newest, oldest)


def _plain(fields: Any) -> Any:
    """Fields without what praw keeps for itself beside them."""
    if not isinstance(fields, Mapping):
        return fields
    return {name: value for name, value in fields.items() if not str(name).startswith("_")}


def gone_in(names: Iterable[str], things: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Those of the things asked for that are not there any more, or only as an empty shell, and why."""
    shown = {_name(fields): fields for fields in things if isinstance(fields, Mapping) and "id" in fields}
    gone = {name: "deleted" for name in names if name not in shown}
    for name, fields in shown.items():
        if is_gone(fields):
            gone[name] = str(fields.get("removed_by_category") or "deleted")
    return gone


def _name(fields: Mapping[str, Any]) -> str:
    """The full name of a thing: its kind and its id."""
    return f"t1_{fields['id']}" if "body" in fields else f"t3_{fields['id']}"


def is_gone(fields: Mapping[str, Any]) -> bool:
    """Whether a thing is only the shell of one that was deleted or removed."""
    words = fields.get("body", fields.get("selftext"))
    return bool(fields.get("removed_by_category")) or (words in _GONE and _author(fields) is None)


def _author(fields: Mapping[str, Any]) -> str | None:
    """The account's name, from Reddit's text or praw's object; deleted accounts have none."""
    author = fields.get("author")
    name = author if isinstance(author, str) else getattr(author, "name", None)
    return None if name in _GONE else name


def post_of(fields: Mapping[str, Any], source: str, now: datetime) -> Post:
    """The post that a thing is."""
    is_comment = "body" in fields
    name = _name(fields)
    title = "" if is_comment else fields["title"]
    crosspost_of = fields.get("crosspost_parent")
    author = _author(fields)
    parent_id = fields.get("parent_id")
    return Post(
        source=source,
        external_id=name,
        created_at=not_after(from_epoch(fields["created_utc"]), now),
        text=(fields["body"] if is_comment else fields.get("selftext")) or title,
        kind=PostKind.COMMENT if is_comment else PostKind.REPOST if crosspost_of else PostKind.POST,
        title=title,
        url=f"https://www.reddit.com{fields['permalink']}" if fields.get("permalink") else None,
        author=author,
        author_name=author,
        thread_id=fields["link_id"] if is_comment else name,
        parent_id=parent_id if is_comment else None,
        repost_of=crosspost_of,
        engagement=_engagement(fields, is_comment=is_comment),
        edited_at=from_epoch(fields["edited"]) if fields.get("edited") not in (None, False, True) else None,
        collected_at=now,
    )


def _engagement(fields: Mapping[str, Any], *, is_comment: bool) -> Engagement:
    score = None if fields.get("score_hidden") or fields.get("hide_score") else fields.get("score")
    likes = max(int(score), 0) if score is not None else None
    if is_comment:
        return Engagement(likes=likes)
    return Engagement(likes=likes, shares=fields.get("num_crossposts"), replies=fields.get("num_comments"))
