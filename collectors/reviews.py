"""What reviews of apps have in common, whichever store they stand in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from collectors.contract import Page, Tariff
from collectors.listed import Listed
from collectors.moments import not_after
from collectors.plain import tidy
from collectors.rounds import Found
from storage.records import Engagement, Post, PostKind

FULL, EMPTY, STARS = "★", "☆", 5


class ReviewedApp(BaseModel):
    """An app whose reviews are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    id: str = Field(pattern=r"^[A-Za-z0-9._]{1,200}$")
    """Its name in the store: a number (App Store) or a package such as "com.example.app" (Google Play)."""
    brand: str | None = None
    """The brand that its reviews are about; reviewers seldom name it."""


def _as_table(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


App = Annotated[ReviewedApp, BeforeValidator(_as_table, json_schema_input_type=str | ReviewedApp)]
"""As it is written in the configuration: its name alone, or a table."""


class Unthreaded:
    """What a platform of `Listed` answers where threads do not grow; it is never asked."""

    at_once = 1
    counts_below = True
    requests_per_day: int | None = None

    def looked_up(self, names: Sequence[str]) -> Found:  # noqa: ARG002
        """Nothing."""
        return Found()

    def replies(self, root: Post, unread: int) -> Found:  # noqa: ARG002
        """Nothing."""
        return Found()


class Reviews:
    """Lists of reviews, read as lists are. No more than that: a store does not tell whether an old review still stands,
    so that none may be taken for deleted."""

    def __init__(self, lists: Listed, tariff: Tariff) -> None:
        self.name = lists.name
        self._lists, self._tariff = lists, tariff

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read every list back to what is known."""
        return self._lists.collect(cursor)

    def probe(self) -> str:
        """Ask for the newest review."""
        return self._lists.probe()

    def tariff(self) -> Tariff:
        """What the store allows."""
        return self._tariff

    def reread(self, raw: bytes) -> list[Post]:
        """A review that was set aside."""
        return self._lists.reread(raw)


def stars(rating: Any) -> str:
    """A rating of one to five as people read it, "★★☆☆☆"; `ValueError` for none."""
    number = int(rating)
    if not 1 <= number <= STARS:
        raise ValueError(f"{rating!r:.20} is no rating of one to five stars")
    return FULL * number + EMPTY * (STARS - number)


def review(
    *,
    source: str,
    external_id: str,
    app: ReviewedApp,
    rating: Any,
    title: str,
    text: str,
    created_at: datetime,
    now: datetime,
    is_answered: bool = False,
    **fields: Any,
) -> Post:
    """A review as a post. Its title begins with its stars, which say best what its author thinks.

    That the developers answered is counted as a reply; their words are no voice about the brand.
    """
    told = tidy(title)
    likes = fields.pop("likes", None)
    return Post(
        source=source,
        external_id=external_id,
        created_at=not_after(created_at, now),
        text=tidy(text) or told or stars(rating),
        kind=PostKind.REVIEW,
        title=f"{stars(rating)} {told}".strip(),
        thread_id=external_id,
        engagement=Engagement(likes=likes, replies=1 if is_answered else 0),
        collected_at=now,
        brands=(app.brand,) if app.brand else (),
        **fields,
    )
