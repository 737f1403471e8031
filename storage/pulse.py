"""Counts for people: how much is said of a brand, when, where and by whom; from the rollup wherever it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, Table, case, exists, func, select, union_all

from storage.columns import EPOCH
from storage.database import Transaction
from storage.records import BIN_SECONDS, Label
from storage.rows import M, P
from storage.schema import bin_, bin_day, mention, post
from storage.statements import is_one_of, spans_since

_COUNTED = ("posts", "negative", "positive", "unscored")
DAY = timedelta(days=1)
SLOT = timedelta(seconds=BIN_SECONDS)
MOST_COUNTED = 20_000
"""Mentions that authors are counted in: each costs a look at its post, and a year has millions."""


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
    return pulses(tx, [brand], since, until, every, source)[brand]


def pulses(
    tx: Transaction,
    brands: Sequence[str],
    since: datetime,
    until: datetime,
    every: timedelta,
    source: str | None = None,
) -> dict[str, list[Counts]]:
    """What `pulse` gives for each of several brands, asked at once."""
    empty = [Counts()] * max(1, -(-(until - since) // every))
    counted = {brand: list(empty) for brand in brands}
    by_days = not every % DAY and not (since - EPOCH) % DAY
    of = _counts(tx, brands, since, until, source, whole_days=by_days).c
    place = spans_since(tx, of.start, since, every)
    for brand, number, *sums in tx.execute(select(of.brand, place, *_sums(of)).group_by(of.brand, place)):
        counted[brand][int(number)] = Counts(*map(int, sums))
    return counted


def total(tx: Transaction, brand: str, since: datetime, until: datetime, source: str | None = None) -> Counts:
    """All of the brand's counts in `[since, until)`."""
    row = tx.execute(select(*_sums(_counts(tx, [brand], since, until, source).c))).one()
    return Counts(*(int(value or 0) for value in row))


def by_source(tx: Transaction, brand: str, since: datetime, until: datetime) -> dict[str, Counts]:
    """The brand's counts in `[since, until)` by source, the largest first."""
    of = _counts(tx, [brand], since, until).c
    statement = select(of.source, *_sums(of)).group_by(of.source)
    rows = {source: Counts(*map(int, sums)) for source, *sums in tx.execute(statement)}
    return dict(sorted(rows.items(), key=lambda item: (-item[1].posts, item[0])))


def voices(
    tx: Transaction, brand: str, since: datetime, until: datetime, source: str | None = None, limit: int = 20
) -> list[Voice]:
    """Accounts that spoke most of the brand in `[since, until)`, by the newest `MOST_COUNTED` mentions in it."""
    count = func.count()
    said = select(M.post_id, M.label).where(M.brand == brand, M.created_at >= since, M.created_at < until)
    if source is not None:
        said = said.where(exists().where(P.id == M.post_id, P.source == source))
    newest = said.order_by(M.created_at.desc()).limit(MOST_COUNTED).subquery()
    negative = func.sum(_is(newest.c.label == Label.NEGATIVE.value))
    statement = (
        select(P.source, P.author, count, negative, func.max(P.author_reach))
        .select_from(newest.join(post, P.id == newest.c.post_id))
        .where(P.author.is_not(None))
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


def brands_counted(tx: Transaction, brands: Sequence[str], since: datetime, until: datetime) -> dict[str, Counts]:
    """The counts of several brands in `[since, until)`; what is not there was not spoken of."""
    of = _counts(tx, brands, since, until).c
    rows = tx.execute(select(of.brand, *_sums(of)).group_by(of.brand))
    return {brand: Counts(*map(int, sums)) for brand, *sums in rows}


def largest_post_number(tx: Transaction) -> int:
    """The number of the post stored last: how many were ever stored, where none was erased."""
    return int(tx.scalar(select(func.max(P.id)).select_from(post)) or 0)


def _counts(
    tx: Transaction,
    brands: Sequence[str],
    since: datetime,
    until: datetime,
    source: str | None = None,
    *,
    whole_days: bool = True,
) -> Subquery:
    """The counts of the brands in `[since, until)`: whole days from their sums, what is left from the bins."""
    first, last = _floor_day(since - SLOT) + DAY, _floor_day(until)
    if whole_days and first < last:
        parts = [(bin_, since, first), (bin_day, first, last), (bin_, last, until)]
    else:
        parts = [(bin_, since, until)]
    return union_all(*(_part(tx, table, brands, source, *span) for table, *span in parts)).subquery()


def _part(
    tx: Transaction, table: Table, brands: Sequence[str], source: str | None, since: datetime, until: datetime
) -> Select[Any]:
    of = table.c
    is_meant = of.brand == brands[0] if len(brands) == 1 else is_one_of(tx, of.brand, brands)
    statement = select(of.brand, of.start, of.source, *(of[name] for name in _COUNTED))
    statement = statement.where(is_meant, of.start >= since, of.start < until)
    return statement if source is None else statement.where(of.source == source)


def _sums(of: Any) -> list[Any]:
    return [func.sum(of[name]) for name in _COUNTED]


def _floor_day(at: datetime) -> datetime:
    return at - (at - EPOCH) % DAY


def _is(condition: ColumnElement[bool]) -> Any:
    return case((condition, 1), else_=0)
