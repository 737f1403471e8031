"""What a row of a file means: a post, or readings of engagement.

The row format is documented for users in docs/sources/files.md; `ALIASES` is its table. Of several aliases in one row
the first of the table is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from msgspec.structs import replace

from collectors.moments import read_moment
from storage.records import Engagement, EngagementSample, Post, PostKey, PostKind

ALIASES: dict[str, tuple[str, ...]] = {
    "external_id": ("id", "external_id"),
    "source": ("source",),
    "created_at": ("created_at", "timestamp", "date", "created_utc"),
    "text": ("text", "body", "content"),
    "title": ("title",),
    "kind": ("kind",),
    "author": ("author", "user"),
    "author_name": ("author_name",),
    "author_reach": ("followers", "author_reach"),
    "brands": ("brand", "brands"),
    "language": ("lang", "language"),
    "url": ("url", "link", "permalink"),
    "thread_id": ("thread_id", "conversation_id"),
    "parent_id": ("reply_to", "parent_id"),
    "repost_of": ("repost_of",),
    "edited_at": ("edited_at",),
    "likes": ("likes", "points"),
    "shares": ("shares", "reposts"),
    "replies": ("replies", "comments", "num_comments"),
    "views": ("views",),
    "at": ("at",),
    "items": ("items",),
    "is_reply": ("is_reply",),
}

FIELDS = frozenset(ALIASES)

_DIGITS = re.compile(r"\D*(?=\d+$)")
_SEVERAL = re.compile(r"\s*[|;]\s*")
_MOST_PLANS = 10_000
_NO_ENGAGEMENT = Engagement()
_ABSENT = "\0"  # no column is called so


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How rows are to be read.

    `columns` names the column of a field where it is none of the aliases. `source` is for rows that name none. `brands`
    are added to every post. `sample_source` and `sample_id` (with `{id}`) say which posts the numbers of a snapshot row
    mean; unset, they are those of the posts read before it.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    source: str = "files"
    brands: tuple[str, ...] = ()
    sample_source: str | None = None
    sample_id: str | None = None


class _Plan(NamedTuple):
    """Which key holds what, for rows of one set of keys; `_ABSENT` where they have no such key."""

    created_at: str
    text: str
    at: str
    items: str
    is_reply: str
    fields: tuple[tuple[str, str, Callable[[Any], Any]], ...]
    counts: tuple[tuple[str, str], ...]
    brands: str


class RowReader:
    """Reads rows of one format; remembers which keys rows have, so that each set of keys is puzzled out once."""

    def __init__(self, row_format: RowFormat, *, collected_at: datetime | None = None) -> None:
        self._format = row_format
        self._collected_at = collected_at
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._last_key: PostKey | None = None

    def read(self, row: Mapping[str, Any]) -> Post | Sequence[EngagementSample]:
        """The post, or the engagement samples, that the row means; `ValueError` says why it means nothing."""
        keys = tuple(row)
        plan = self._plans.get(keys) or self._planned(keys)
        if plan.items is not _ABSENT:
            return self._snapshot(row, plan)
        if plan.at is not _ABSENT and plan.text is _ABSENT:
            return [self._sample(row, plan)]
        post = self._post(row, plan)
        self._last_key = (post.source, post.external_id)
        return post

    def _planned(self, keys: tuple[str, ...]) -> _Plan:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        lowered = {key.strip().lower(): key for key in reversed(keys)}
        found: dict[str, str] = {}
        for name, aliases in ALIASES.items():
            own = self._format.columns.get(name)
            wanted = (own.lower(),) if own else aliases
            found[name] = next((lowered[alias] for alias in wanted if alias in lowered), _ABSENT)
        plan = self._plans[keys] = _Plan(
            created_at=found["created_at"],
            text=found["text"] if found["text"] is not _ABSENT else found["title"],
            at=found["at"],
            items=found["items"],
            is_reply=found["is_reply"],
            fields=tuple((name, found[name], read) for name, read in _OPTIONAL if found[name] is not _ABSENT),
            counts=tuple((name, found[name]) for name in _COUNTS if found[name] is not _ABSENT),
            brands=found["brands"],
        )
        return plan

    def _post(self, row: Mapping[str, Any], plan: _Plan) -> Post:
        if plan.created_at is _ABSENT:
            raise ValueError("no time")
        created_at = read_moment(row[plan.created_at])
        given: dict[str, Any] = {}
        for name, key, read in plan.fields:
            value = row[key]
            if value is not None and value != "":
                given[name] = read(value)
        text = _words(row.get(plan.text)) or given.get("title")
        if not text:
            raise ValueError("no text")
        source = given.pop("source", self._format.source)
        external_id = given.pop("external_id", None) or _made_id(source, created_at, given.get("author"), text)
        if plan.brands is not _ABSENT:
            given["brands"] = self._brands(row[plan.brands], plan.brands)
        elif self._format.brands:
            given["brands"] = self._format.brands
        given["engagement"] = _engagement(row, plan) if plan.counts else _NO_ENGAGEMENT
        if "kind" not in given:
            given["kind"] = _kind(given, is_reply=_is_true(row.get(plan.is_reply)))
        return Post(source, external_id, created_at, text, collected_at=self._collected_at, **given)

    def _brands(self, value: Any, key: str) -> tuple[str, ...]:
        always = self._format.brands
        if value is None or value == "":
            return always
        if isinstance(value, str):
            if key.lower() == "brand":
                return (*always, value) if value not in always else always
            named = [name for name in _SEVERAL.split(value) if name]
        else:
            named = [_name(each) for each in _items(value)]
        return tuple(dict.fromkeys((*always, *named)))

    def _sample(self, row: Mapping[str, Any], plan: _Plan) -> EngagementSample:
        given = {name: read(row[key]) for name, key, read in plan.fields if row[key] not in (None, "")}
        external_id = given.get("external_id")
        if external_id is None:
            raise ValueError("a reading of engagement without id")
        source = given.get("source") or self._sample_source()
        return EngagementSample(source, external_id, read_moment(row[plan.at]), _engagement(row, plan))

    def _snapshot(self, row: Mapping[str, Any], plan: _Plan) -> list[EngagementSample]:
        """`{"created_at": T, "items": [[id, rank, points, comments], …]}`: many readings at one moment."""
        moment = read_moment(row.get(plan.created_at))
        items = _items(row[plan.items])
        if not all(isinstance(item, list) and len(item) >= 4 for item in items):
            raise ValueError("items are to be lists of id, rank, points and comments")
        source = self._sample_source()
        pattern = self._sample_id()
        return [
            EngagementSample(
                source,
                pattern.replace("{id}", str(item[0])) if isinstance(item[0], int) else str(item[0]),
                moment,
                Engagement(likes=_count(item[2]), replies=_count(item[3])),
            )
            for item in items
        ]

    def _sample_source(self) -> str:
        return self._format.sample_source or (self._last_key[0] if self._last_key else self._format.source)

    def _sample_id(self) -> str:
        """`hn-{id}` where the posts before were called `hn-` and a number, unless the format says otherwise."""
        if self._format.sample_id is not None:
            return self._format.sample_id
        beginning = _DIGITS.match(self._last_key[1]) if self._last_key else None
        return f"{beginning.group()}{{id}}" if beginning else "{id}"


def joined(first: Post, second: Post) -> Post:
    """One post out of two rows of the same identity: the second row's content, the brands of both."""
    return replace(second, brands=tuple(dict.fromkeys((*first.brands, *second.brands))))


def made_key(parts: Iterable[str]) -> str:
    """A name for a row that has none, the same whenever the same row is read (blake2b, 16 hex digits)."""
    return "row-" + blake2b("\x1f".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()


def _made_id(source: str, created_at: datetime, author: str | None, text: str) -> str:
    return made_key((source, created_at.astimezone(UTC).isoformat(), author or "", text))


def _words(value: Any) -> str:
    text = value if type(value) is str else "" if value is None else str(value)
    return text.replace("\0", "�") if "\0" in text else text


def _name(value: Any) -> str:
    """An identifier or short text; numbers as their digits."""
    if type(value) is str:
        return _words(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r:.60} is no name")  # noqa: TRY004  (a row's fault, not a caller's)
    return str(int(value)) if isinstance(value, int) or value.is_integer() else str(value)


def _count(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if type(value) is int:
        return value if 0 <= value < 2**63 else None
    try:
        number = float(value)
        return int(number) if 0 <= number < 2**63 else None  # not a number compares false as well
    except (TypeError, ValueError):
        raise ValueError(f"{value!r:.60} is not a count") from None


def _items(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ValueError(f"{value!r:.60} is not a list")


def _engagement(row: Mapping[str, Any], plan: _Plan) -> Engagement:
    return Engagement(**{name: _count(row[key]) for name, key in plan.counts})


def _is_true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() in ("true", "1", "yes"))


def _kind(given: Mapping[str, Any], *, is_reply: bool) -> PostKind:
    if "repost_of" in given:
        return PostKind.REPOST
    return PostKind.REPLY if is_reply or "parent_id" in given else PostKind.POST


def _named_kind(value: Any) -> PostKind:
    try:
        return PostKind(value)
    except ValueError:
        raise ValueError(f"{value!r:.60} is no kind of post; known are {', '.join(PostKind)}") from None


_OPTIONAL: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("external_id", _name),
    ("source", _name),
    ("title", _words),
    ("kind", _named_kind),
    ("author", _name),
    ("author_name", _name),
    ("author_reach", _count),
    ("language", _name),
    ("url", _name),
    ("thread_id", _name),
    ("parent_id", _name),
    ("repost_of", _name),
    ("edited_at", read_moment),
)
_COUNTS = ("likes", "shares", "replies", "views")
