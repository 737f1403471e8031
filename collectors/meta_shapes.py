"""What posts, media and comments of Facebook and Instagram mean, and the fields that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from collectors.moments import not_after, read_moment
from collectors.plain import tidy
from storage.records import Engagement, Post, PostKind

POST_FIELDS = (
    "id,message,created_time,from,permalink_url,is_hidden,shares,"
    "reactions.limit(0).summary(total_count),comments.limit(0).summary(total_count)"
)
COMMENT_FIELDS = "id,message,created_time,from,like_count,comment_count,parent{id},permalink_url,is_hidden"
MEDIA_FIELDS = "id,caption,timestamp,permalink,like_count,comments_count,username"
REPLY_FIELDS = "id,text,timestamp,username,like_count,replies{id,text,timestamp,username,like_count}"

POST, OWN_MEDIA, OTHER_MEDIA, COMMENT = "fb", "ig", "igx", "comment"
"""Kinds of items: a post of Facebook, media of the account's own on Instagram or of others, which cannot be asked for
again, and a comment, with the name of what it stands below."""


class Shapes:
    """Reads answers for a source; what is posted there is about `brands`."""

    def __init__(self, source: str, clock: Callable[[], datetime], brands: tuple[str, ...]) -> None:
        self._source, self._clock, self._brands = source, clock, brands

    def read(self, item: Mapping[str, Any], of: str) -> Post | None:
        """The post that an item is; `of` says of what kind it is, and of a comment below which post."""
        kind, _, root = of.partition(" ")
        if kind == POST:
            return self._post(item)
        if kind == COMMENT:
            return self._comment(item, root) if root.startswith("fb-") else self._reply(item, root, item.get("above"))
        return self._media(item, kind)

    def _post(self, item: Mapping[str, Any]) -> Post | None:
        """A post on Facebook; `None` for a picture without words, and for what the page has hidden."""
        words = item.get("message")
        if not words or item.get("is_hidden"):
            return None
        name = f"fb-{item['id']}"
        engagement = Engagement(
            likes=_total(item, "reactions"),
            shares=(item.get("shares") or {}).get("count"),
            replies=_total(item, "comments"),
        )
        author = item.get("from") or {}
        return self._common(
            words, item["created_time"], external_id=name, thread_id=name, url=item.get("permalink_url"),
            author=author.get("id"), author_name=author.get("name"), engagement=engagement,
        )  # fmt: skip

    def _media(self, item: Mapping[str, Any], kind: str) -> Post | None:
        words, name = item.get("caption"), f"{kind}-{item['id']}"
        if not words:
            return None
        engagement = Engagement(likes=item.get("like_count"), replies=item.get("comments_count"))
        return self._common(
            words, item["timestamp"], external_id=name, thread_id=name, url=item.get("permalink"),
            author=item.get("username"), author_name=item.get("username"), engagement=engagement,
        )  # fmt: skip

    def _comment(self, item: Mapping[str, Any], root: str) -> Post | None:
        words, number = item.get("message"), item["id"]
        if not words or item.get("is_hidden"):
            return None
        author, above = item.get("from") or {}, (item.get("parent") or {}).get("id")
        return self._common(
            words, item["created_time"], external_id=f"{root}:{number}", kind=PostKind.COMMENT, thread_id=root,
            parent_id=f"{root}:{above}" if above else root, url=item.get("permalink_url"),
            author=author.get("id"), author_name=author.get("name"),
            engagement=Engagement(likes=item.get("like_count"), replies=item.get("comment_count")),
        )  # fmt: skip

    def _reply(self, item: Mapping[str, Any], root: str, above: str | None = None) -> Post:
        return self._common(
            item["text"], item["timestamp"], external_id=f"{root}:{item['id']}", kind=PostKind.COMMENT, thread_id=root,
            parent_id=f"{root}:{above}" if above else root, author=item.get("username"),
            author_name=item.get("username"), engagement=Engagement(likes=item.get("like_count")),
        )  # fmt: skip

    def _common(self, words: str, written_at: str, **fields: Any) -> Post:
        now = self._clock()
        return Post(
            source=self._source,
            created_at=not_after(read_moment(_with_colon(written_at)), now),
            text=tidy(words),
            collected_at=now,
            brands=self._brands,
            **fields,
        )


def with_answers(items: Any) -> Any:
    """Comments, each followed by the answers inside it, which say what they answer; what is no list stays as it is."""
    if not isinstance(items, list):
        return items
    flat: list[Any] = []
    for item in items:
        flat.append(item)
        answers = (item.get("replies") or {}).get("data") if isinstance(item, dict) else None
        flat += [{**answer, "above": item.get("id")} for answer in answers or () if isinstance(answer, dict)]
    return flat


def _with_colon(text: str) -> str:
    """`2026-03-02T12:00:00+0000` as ISO 8601 wants it."""
    return f"{text[:-2]}:{text[-2:]}" if len(text) > 5 and text[-5] in "+-" else text


def _total(item: Mapping[str, Any], name: str) -> int | None:
    total = ((item.get(name) or {}).get("summary") or {}).get("total_count")
    return int(total) if total is not None else None
