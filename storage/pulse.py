"""Counts for people: how much is said of a brand, when, where and by whom; from the rollup wherever it can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from storage.database import Transaction
from storage.records import BIN_SECONDS, Label
from storage.rows import M, P
from storage.schema import bin_, mention, post
from storage.statements import is_one_of

_C = bin_.c
_SUMS = tuple(func.sum(_C[name]) for name in ("posts", "negative", "positive", "unscored"))
SLOT = timedelta(seconds=BIN_SECONDS)


@dataclass(frozen=True, slots=True)
class Counts:
    """Mentions that were counted; `scored` are those that were judged."""

    posts: int = 0
    negative: int = 0
    positive: int = 0
    unscored: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.posts + other.posts,
            self.negative + other.negative,
            self.positive + other.positive,
            self.unscored + other.unscored,
        )

    @property
    def negative_share(self) -> float | None:
        """Share of negative ones among those that were judged; None when none was."""
        scored = self.posts - self.unscored
        return self.negative / scored if scored > 0 else None


@dataclass(frozen=True, slots=True)
class Voice:
    """An account that spoke of the brand."""

    source: str
    author: str
    posts: int
    negative: int
    reach: int | None


def pulse(
    tx: Transaction, brand: str, since: datetime, until: datetime, every: timedelta, source: str | None = None
) -> list[Counts]:
    """The brand's counts in `[since, until)`, a slot of `every` (a multiple of five minutes) each, empty ones too."""
    counted = [Counts()] * max(1, -(-(until - since) // every))
    statement = select(_C.start, *_SUMS).where(*_of(brand, since, until, source)).group_by(_C.start)
    for start, *sums in tx.execute(statement):
        place = (start - since) // every
        counted[place] = counted[place] + Counts(*map(int, sums))
    return counted


def total(tx: Transaction, brand: str, since: datetime, until: datetime, source: str | None = None) -> Counts:
    """All of the brand's counts in `[since, until)`."""
    row = tx.execute(select(*_SUMS).where(*_of(brand, since, until, source))).one()
    return Counts(*(int(value or 0) for value in row))


def by_source(tx: Transaction, brand: str, since: datetime, until: datetime) -> dict[str, Counts]:
    """The brand's counts in `[since, until)` by source, the largest first."""
    statement = select(_C.source, *_SUMS).where(*_of(brand, since, until, None)).group_by(_C.source)
    rows = {source: Counts(*map(int, sums)) for source, *sums in tx.execute(statement)}
    return dict(sorted(rows.items(), key=lambda item: (-item[1].posts, item[0])))


def voices(
    tx: Transaction, brand: str, since: datetime, until: datetime, source: str | None = None, limit: int = 20
) -> list[Voice]:
    """Accounts that spoke most of the brand in `[since, until)`."""
    count = func.count()
    negative = func.sum(_is(M.label == Label.NEGATIVE.value))
    conditions = [M.brand == brand, M.created_at >= since, M.created_at < until, P.author.is_not(None)]
    if source is not None:
        conditions.append(P.source == source)
    statement = (
        select(P.source, P.author, count, negative, func.max(P.author_reach))
        .select_from(mention.join(post, P.id == M.post_id))
        .where(*conditions)
        .group_by(P.source, P.author)
        .order_by(count.desc(), P.source, P.author)
        .limit(limit)
    )
    return [Voice(*row) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many speak, and how many things they say: distinct authors, and distinct texts."""

    authors: int
    texts: int

    @property
    def voices(self) -> int:
        """Distinct authors that say distinct things; copies are reach, not voices."""
        return min(self.authors, self.texts) if self.authors else self.texts


def crowd(tx: Transaction, brand: str, since: datetime, until: datetime) -> Crowd:
    """Who speaks of the brand in `[since, until)`; reads every mention of that time."""
    within = (M.brand == brand, M.created_at >= since, M.created_at < until)
    texts = tx.scalar(select(func.count(func.distinct(M.content_key))).where(*within))
    accounts = (
        select(P.source, P.author)
        .select_from(mention.join(post, P.id == M.post_id))
        .where(*within, P.author.is_not(None))
        .distinct()
        .subquery()
    )
    return Crowd(int(tx.scalar(select(func.count()).select_from(accounts)) or 0), int(texts or 0))


def brands_counted(tx: Transaction, brands: list[str], since: datetime, until: datetime) -> dict[str, Counts]:
    """The counts of several brands in `[since, until)`; what is not there was not spoken of."""
    statement = select(_C.brand, *_SUMS).where(is_one_of(tx, _C.brand, brands), _C.start >= since, _C.start < until)
    rows = tx.execute(statement.group_by(_C.brand))
    return {brand: Counts(*map(int, sums)) for brand, *sums in rows}


def largest_post_number(tx: Transaction) -> int:
    """The number of the post stored last: how many were ever stored, where none was erased."""
    return int(tx.scalar(select(func.max(P.id)).select_from(post)) or 0)


def _of(brand: str, since: datetime, until: datetime, source: str | None) -> list[ColumnElement[bool]]:
    conditions = [_C.brand == brand, _C.start >= since, _C.start < until]
    return conditions if source is None else [*conditions, _C.source == source]


def _is(condition: ColumnElement[bool]) -> Any:
    return case((condition, 1), else_=0)
