"""The index of words: FTS5 on SQLite, tsvector on PostgreSQL, filled a batch at a time.

A trigger per row would cost five times as much. Scripts written without spaces (Chinese, Japanese, Thai) are indexed by
the character, and searched as phrases of characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, column, func, select, table

from storage.database import Transaction
from storage.reading import Wording

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)

_ASKED = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')

INDEX = table("post_search", column("rowid"), column("post_id"), column("words"), column("post_search"))
"""The index as a table. On SQLite `post_search` names the table itself, which is how FTS5 is asked."""

INDEXED_CHARACTERS = 100_000
"""Longer texts are indexed by their beginning; PostgreSQL refuses vectors of more than a megabyte."""


def add(tx: Transaction, of_posts: Sequence[tuple[int, Wording]]) -> None:
    """Index the words of posts that are not in the index."""
    if not of_posts:
        return
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql("INSERT INTO post_search (rowid, words) VALUES (?, ?)", _rows(of_posts))
        return
    ids, words = zip(*_rows(of_posts), strict=True)
    tx.exec_driver_sql(
        "INSERT INTO post_search (post_id, words) SELECT id, to_tsvector('simple', words)"
        " FROM unnest(%s::bigint[], %s::text[]) AS given (id, words)",
        (list(ids), list(words)),
    )


def remove(tx: Transaction, of_posts: Sequence[tuple[int, Wording]]) -> None:
    """Take posts out of the index; SQLite must be told the words that it was given."""
    if not of_posts:
        return
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(
            "INSERT INTO post_search (post_search, rowid, words) VALUES ('delete', ?, ?)", _rows(of_posts)
        )
    else:
        ids = [number for number, _ in of_posts]
        tx.exec_driver_sql("DELETE FROM post_search WHERE post_id = ANY(%s)", (ids,))


def separated(words: str) -> str:
    """The words with spaces between the characters of scripts that have none."""
    return words if words.isascii() else _UNSPACED.sub(r" \1 ", words)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing searched for: words in a row, all of them; `is_prefix` lets the last one go on, `is_excluded` forbids
    them."""

    words: str
    is_prefix: bool = False
    is_excluded: bool = False


def terms(query: str) -> list[Term]:
    """What a person asks for: words, `"words in a row"`, `begin*`, `-without`. Nothing else has a meaning, so no query
    is wrong; one that asks for nothing (or only excludes) gives no term."""
    found = [_term(*parts) for parts in _ASKED.findall(query.replace("\0", " "))]  # no engine takes a NUL
    asked = [term for term in found if any(character.isalnum() for character in term.words)]
    return asked if any(not term.is_excluded for term in asked) else []


def matches(tx: Transaction, asked: Sequence[Term]) -> ColumnElement[bool]:
    """Whether a row of `post_search` has what is asked for."""
    if tx.dialect.name == "sqlite":
        return INDEX.c.post_search.op("MATCH", is_comparison=True)(_for_sqlite(asked))
    return INDEX.c.words.op("@@", is_comparison=True)(_for_postgresql(asked))


FEW = 10_000
"""Posts that are all looked at; where there are more, of some millions, fifty are soon met from the newest back."""


def are_few(tx: Transaction, conditions: Sequence[ColumnElement[bool]]) -> bool:
    """Whether so few posts meet the conditions that the index is to be asked for all of them.

    PostgreSQL knows frequent words by its statistics and takes every other for one in a thousand, so that it would look
    for fifty posts with a rare one from the newest back to the very first. SQLite walks along the word in any case.
    """
    if tx.dialect.name == "sqlite":
        return False
    asked = select(INDEX.c.post_id).where(*conditions).compile(dialect=tx.dialect)
    plan: Any = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {asked}", dict(asked.params)).scalar()
    return int(plan[0]["Plan"]["Plan Rows"]) <= FEW


@contextmanager
def one_after_another(tx: Transaction) -> Iterator[None]:
    """Let posts be fetched in the order in which they were found, and no more of them than are asked for."""
    if tx.dialect.name == "sqlite":
        yield
        return
    for way in ("mergejoin", "hashjoin"):
        tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    yield
    for way in ("mergejoin", "hashjoin"):
        tx.exec_driver_sql(f"SET LOCAL enable_{way} TO DEFAULT")


def index_id(tx: Transaction) -> ColumnClause[Any]:
    """The column of `post_search` that is `post.id`."""
    return INDEX.c.rowid if tx.dialect.name == "sqlite" else INDEX.c.post_id


def _term(minus: str, phrase: str, word: str) -> Term:
    return Term(separated(phrase or word.rstrip("*")), is_prefix=word.endswith("*"), is_excluded=bool(minus))


def _for_sqlite(asked: Sequence[Term]) -> str:
    wanted = " AND ".join(_quoted(term) for term in asked if not term.is_excluded)
    return " NOT ".join([f"({wanted})", *(_quoted(term) for term in asked if term.is_excluded)])


def _quoted(term: Term) -> str:
    inside = term.words.replace('"', " ")
    return f'"{inside}"' + ("*" if term.is_prefix else "")


def _for_postgresql(asked: Sequence[Term]) -> Any:
    parts = []
    for term in asked:
        part: Any = func.phraseto_tsquery("simple", term.words)
        if term.is_prefix:
            last = re.sub(r"[^\w]", " ", term.words).split()
            part = func.to_tsquery("simple", " <-> ".join([*last[:-1], f"{last[-1]}:*"]))
        parts.append(func.tsquery_not(part) if term.is_excluded else part)
    return reduce(func.tsquery_and, parts)


def _rows(of_posts: Sequence[tuple[int, Wording]]) -> list[tuple[int, str]]:
    return [(number, separated(_words(*of))) for number, of in of_posts]


def _words(title: str, text: str) -> str:
    return (f"{title}\n{text}" if title else text)[:INDEXED_CHARACTERS]
