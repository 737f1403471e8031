"""The posts that may be handed in: their fields, and what is wrong with a message that is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from collectors.moments import not_after, read_moment
from collectors.plain import LONGEST, tidy
from storage.records import Engagement, Letter, Post, PostKind

MOST_POSTS = 1000
"""Posts in one message."""
MOST_COMPLAINTS = 20

Count = Annotated[int, Field(ge=0, lt=2**63)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
Moment = Annotated[
    datetime,
    BeforeValidator(read_moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number"}]}),
]


class _Handed(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class HandedCounts(_Handed):
    """What is counted around a post."""

    likes: Count | None = None
    shares: Count | None = None
    replies: Count | None = None
    views: Count | None = None


class HandedPost(_Handed):
    """A post as it is handed in."""

    external_id: Name
    """Your own name for it; a post of the same name is the same post, in a newer wording where that differs."""
    created_at: Moment
    """When it was published: ISO 8601 with an offset, or seconds since 1970."""
    text: str = Field(min_length=1, max_length=LONGEST)
    """Its words, plain."""
    title: str = Field(default="", max_length=1000)
    """Its title, where it has one."""
    kind: Annotated[PostKind, Field(strict=False)] = PostKind.POST
    """What it is."""
    url: str | None = Field(default=None, pattern=r"^https?://", max_length=2000)
    """Where people read it."""
    author: Name | None = None
    """The account that published it."""
    author_name: Name | None = None
    """The name that account shows."""
    author_reach: Count | None = None
    """Its audience, such as followers."""
    thread_id: Name | None = None
    """`external_id` of the thread's root; unset for a root."""
    parent_id: Name | None = None
    """`external_id` of the post answered."""
    repost_of: Name | None = None
    """`external_id` of the post carried on."""
    language: str | None = Field(default=None, pattern=r"^[a-z]{2,3}$")
    """Its language, by its code."""
    engagement: HandedCounts = HandedCounts()
    """What is counted around it."""
    edited_at: Moment | None = None
    """When it was last edited."""
    brands: list[Name] = Field(default_factory=list, max_length=50)
    """Configured brands that it is known to be about, beside those that it names."""


class Message(_Handed):
    """What is sent to /ingest/NAME."""

    posts: list[HandedPost] = Field(min_length=1, max_length=MOST_POSTS)
    """The posts; all of them are taken, or none."""


class MessageError(ValueError):
    """A message that cannot be taken: `complaints` say what is wrong, each beginning with the field."""

    def __init__(self, complaints: Sequence[str], *, is_no_json: bool = False) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = tuple(complaints)
        self.is_no_json = is_no_json


def message_of(body: bytes, brands: Sequence[str]) -> list[dict[str, Any]]:
    """The posts in a message, as JSON types; `MessageError` with everything that is wrong with them."""
    try:
        message = Message.model_validate_json(body)
    except ValidationError as error:
        is_no_json = any(each["type"] == "json_invalid" for each in error.errors(include_url=False))
        raise MessageError(_complaints(error), is_no_json=is_no_json) from error
    unknown = [
        f"posts[{number}].brands: {brand!r:.60} is not configured"
        for number, post in enumerate(message.posts)
        for brand in post.brands
        if brand not in brands
    ]
    if unknown:
        raise MessageError(unknown[:MOST_COMPLAINTS])
    return [post.model_dump(mode="json", exclude_defaults=True) for post in message.posts]


def post_of(letter: Letter, source: str, now: datetime) -> Post:
    """The post that was handed in; `ValueError` where it is none by the present rules."""
    return handed_post(letter.post, source, now)


def handed_post(given: Mapping[str, Any], source: str, now: datetime) -> Post:
    """The post that these fields make."""
    handed = HandedPost.model_validate(given)
    counted = handed.engagement
    return Post(
        source=source,
        external_id=handed.external_id,
        created_at=not_after(handed.created_at, now),
        text=tidy(handed.text) or "(no words)",
        kind=handed.kind,
        title=tidy(handed.title),
        url=handed.url,
        author=handed.author,
        author_name=handed.author_name,
        author_reach=handed.author_reach,
        thread_id=handed.thread_id or handed.parent_id or handed.external_id,
        parent_id=handed.parent_id,
        repost_of=handed.repost_of,
        language=handed.language,
        engagement=Engagement(counted.likes, counted.shares, counted.replies, counted.views),
        edited_at=not_after(handed.edited_at, now) if handed.edited_at else None,
        collected_at=now,
        brands=tuple(dict.fromkeys(handed.brands)),
    )


def _complaints(error: ValidationError) -> list[str]:
    """What is wrong, a sentence each, led by where: `posts[3].created_at: ...`."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    told = [f"{_place(each['loc'])}: {_reason(each['msg'])}" for each in errors[:MOST_COMPLAINTS]]
    left = len(errors) - MOST_COMPLAINTS
    return [*told, f"and {left} more"] if left > 0 else told


def _place(parts: Sequence[str | int]) -> str:
    place = ""
    for part in parts:
        place += f"[{part}]" if isinstance(part, int) else f".{part:.60}" if place else f"{part:.60}"
    return place or "the message"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")[:300]
