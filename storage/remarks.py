"""What was said of a brand, by the thousand: of each post what the page of an incident needs, and no more.

Such a page is made of thousands of posts at every look at it, of which it shows a handful. Whole posts with all of
their parts take four times as long to make as to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Text, bindparam, cast, select

from storage.columns import json_value
from storage.database import Transaction
from storage.reading import NO_ENGAGEMENT
from storage.records import Engagement, PostKey
from storage.rows import M, P
from storage.samples import counted_at
from storage.schema import mention, post

_NONE = "[]"
"""No kind and no term, as both engines write it."""


class Remark(NamedTuple):
    """A post about a brand. `matched` and `kinds` are lists in JSON; the counts are those of `Engagement`."""

    source: str
    external_id: str
    created_at: datetime
    title: str
    text: str
    author: str | None
    reach: int | None
    thread_id: str | None
    likes: int | None
    shares: int | None
    replies: int | None
    views: int | None
    counted_at: datetime | None
    label: str
    compound: float
    content_key: str
    matched: str
    kinds: str

    @property
    def key(self) -> PostKey:
        """The post."""
        return (self.source, self.external_id)

    @property
    def words(self) -> str:
        """Title and text."""
        return f"{self.title} {self.text}"

    @property
    def has_kinds(self) -> bool:
        """Whether its words point to a kind of incident."""
        return self.kinds != _NONE


_COLUMNS = (
    P.source, P.external_id, P.created_at, P.title, P.text, P.author, P.author_reach, P.thread_id, P.likes, P.shares,
    P.replies, P.views, P.engagement_at, M.label, M.compound, M.content_key, cast(M.matched, Text), cast(M.kinds, Text),
)  # fmt: skip
_NEWEST = (
    select(*_COLUMNS)
    .select_from(mention.join(post, P.id == M.post_id))
    .where(M.brand == bindparam("brand"), M.created_at >= bindparam("since"), M.created_at < bindparam("until"))
    .order_by(M.created_at.desc(), P.source.desc(), P.external_id.desc())
    .limit(bindparam("most"))
)


def newest(tx: Transaction, since: datetime, until: datetime, brand: str, most: int) -> list[Remark]:
    """The last `most` remarks about a brand that were published in `[since, until)`, by (created_at, source,
    external_id), with the engagement known at `until`: what is stored of it may be younger, as in every replay."""
    asked = {"brand": brand, "since": since, "until": until, "most": most}
    found = list(map(Remark._make, tx.execute(_NEWEST, asked).all()))[::-1]
    younger = [one.key for one in found if one.counted_at is not None and one.counted_at > until]
    return _as_counted(tx, found, younger, until) if younger else found


def _as_counted(tx: Transaction, found: Sequence[Remark], younger: Sequence[PostKey], at: datetime) -> list[Remark]:
    changed, then = set(younger), counted_at(tx, younger, at)
    return [_counted(one, then) if one.key in changed else one for one in found]


def _counted(one: Remark, then: dict[PostKey, Engagement]) -> Remark:
    known = then.get(one.key, NO_ENGAGEMENT)
    return one._replace(likes=known.likes, shares=known.shares, replies=known.replies, views=known.views)


def terms(remarks: Sequence[Remark]) -> list[str]:
    """The terms by which the remarks were found, each once."""
    lists = dict.fromkeys(one.matched for one in remarks)
    return list(dict.fromkeys(term for written in lists for term in json_value(written)))
