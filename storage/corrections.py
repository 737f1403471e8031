"""What people said of posts where a scorer was wrong: the label toward a brand, or that the brand is not meant.

A correction is of a wording: it counts for the post that it was made on and, where the wording is long enough to be
told again, for every copy of it, whenever that comes. The newest that was not taken back counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update

from storage.database import Transaction
from storage.records import CorrectedLabel, MentionedPost, PostKey
from storage.rows import M, P
from storage.schema import correction, mention, post
from storage.statements import insert_new, is_one_of


@dataclass(frozen=True, slots=True)
class Correction:
    """What `author` said of a post toward a brand; `copies` tells whether it counts for copies of its wording, too."""

    id: str
    source: str
    external_id: str
    brand: str
    content_key: str
    copies: bool
    label: CorrectedLabel
    at: datetime
    author: str
    comment: str = ""
    undone_at: datetime | None = None
    undone_by: str | None = None

    @property
    def key(self) -> PostKey:
        """The post that it was made on."""
        return (self.source, self.external_id)


MentionKey = tuple[PostKey, str]
"""A post and the brand it mentions."""

_NAMES = tuple(field.name for field in fields(Correction))
_COLUMNS = tuple(correction.c[name] for name in _NAMES)
_ANY = select(correction.c.id).limit(1)


def add(tx: Transaction, said: Correction) -> None:
    """Store a correction; one with the same id stays as it is."""
    row = {name: getattr(said, name) for name in _NAMES}
    insert_new(tx, correction, [{**row, "label": said.label.value}])


def undo(tx: Transaction, correction_id: str, at: datetime, author: str) -> bool:
    """Take a correction back; whether it still counted."""
    statement = update(correction).where(correction.c.id == correction_id, correction.c.undone_at.is_(None))
    return bool(tx.execute(statement.values(undone_at=at, undone_by=author)).rowcount)


def named(tx: Transaction, name: str, most: int = 10) -> list[Correction]:
    """Corrections whose id begins or ends so, at the most so many."""
    ids = correction.c.id
    statement = select(*_COLUMNS).where(ids.startswith(name, autoescape=True) | ids.endswith(name, autoescape=True))
    return _read(tx, statement.order_by(ids).limit(most))


def recent(
    tx: Transaction, *, brand: str | None = None, undone: bool = False, limit: int | None = None
) -> list[Correction]:
    """Corrections, the newest first; those that were taken back only with `undone`."""
    statement = select(*_COLUMNS).order_by(correction.c.at.desc(), correction.c.id.desc())
    if brand is not None:
        statement = statement.where(correction.c.brand == brand)
    if not undone:
        statement = statement.where(correction.c.undone_at.is_(None))
    return _read(tx, statement if limit is None else statement.limit(limit))


def standing(tx: Transaction, mentions: Iterable[MentionedPost]) -> dict[MentionKey, Correction]:
    """The correction that counts for each of the mentions that has one."""
    if not tx.scalar(_ANY):
        return {}  # nearly always, and cheaper to see than to look for every wording
    wanted = list(mentions)
    keys = {item.content_key for item in wanted}
    statement = select(*_COLUMNS).where(is_one_of(tx, correction.c.content_key, sorted(keys)))
    said: dict[tuple[str, str], list[Correction]] = {}
    for each in _read(tx, statement.where(correction.c.undone_at.is_(None)).order_by(correction.c.at, correction.c.id)):
        said.setdefault((each.content_key, each.brand), []).append(each)
    found: dict[MentionKey, Correction] = {}
    for item in wanted:
        for each in said.get((item.content_key, item.mention.brand), ()):
            if each.copies or each.key == item.post.key:
                found[item.post.key, item.mention.brand] = each
    return found


def copies(tx: Transaction, brand: str, content_key: str) -> list[PostKey]:
    """The stored mentions of a brand in one wording, oldest first; reads all mentions of the brand."""
    statement = select(P.source, P.external_id).select_from(mention.join(post, P.id == M.post_id))
    chosen = statement.where(M.brand == brand, M.content_key == content_key).order_by(P.created_at, P.id)
    return [(row.source, row.external_id) for row in tx.execute(chosen)]


def count(tx: Transaction) -> tuple[int, int]:
    """How many corrections there are, and how many of them were taken back: both only grow."""
    row = tx.execute(select(func.count(correction.c.id), func.count(correction.c.undone_at))).one()
    return row[0], row[1]


def _read(tx: Transaction, statement: Select[Any]) -> list[Correction]:
    return [_record(row) for row in tx.execute(statement)]


def _record(row: Sequence[Any]) -> Correction:
    values = dict(zip(_NAMES, row, strict=True))
    return Correction(**{**values, "label": CorrectedLabel(values["label"])})
