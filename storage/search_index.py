"""The index of words: FTS5 on SQLite, tsvector on PostgreSQL, filled a batch at a time.

A trigger per row would cost five times as much. Scripts written without spaces (Chinese, Japanese, Thai) are indexed by
the character, and searched as phrases of characters. Who wrote it is one more word, which nobody can write, and so is
the name that the account shows: that costs a fraction of an index of either, whose order is no post's order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from typing import Any

from sqlalchemy import CTE, ColumnClause, ColumnElement, cast, column, func, literal, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

from storage.database import Transaction

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)

_ASKED = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')

INDEX = table("post_search", column("rowid"), column("post_id"), column("words"), column("post_search"))
"""The index as a table. On SQLite `post_search` names the table itself, which is how FTS5 is asked."""

INDEXED_CHARACTERS = 100_000
"""Longer texts are indexed by their beginning; PostgreSQL refuses vectors of more than a megabyte."""


_AUTHOR, _NAME = "\ue000", "\ue001"
"""They begin words of ours. Both engines keep them in a word, and they stand for nothing that people write."""
_BYTES = 6


Entry = tuple[int, str, str, str | None, str | None]
"""What is indexed of a post: its number, title, text, author and the name that the author shows."""


def add(tx: Transaction, entries: Iterable[Entry]) -> None:
    """Index posts that are not in the index."""
    if tx.dialect.name == "sqlite":
        if rows := _joined(entries):
            tx.exec_driver_sql("INSERT INTO post_search (rowid, words) VALUES (?, ?)", rows)
        return
    given = [(number, _words(title, text), author_words(author, name)) for number, title, text, author, name in entries]
    if not given:
        return
    ids, words, who = zip(*given, strict=True)
    tx.exec_driver_sql(
        "INSERT INTO post_search (post_id, words)"
        " SELECT id, to_tsvector('simple', words) || array_to_tsvector(array_remove(string_to_array(who, ' '), ''))"
        " FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS given (id, words, who)",
        (list(ids), list(words), list(who)),
    )


def remove(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Take posts out of the index; SQLite must be told the words that it was given."""
    if not entries:
        return
    if tx.dialect.name == "sqlite":
        statement = "INSERT INTO post_search (post_search, rowid, words) VALUES ('delete', ?, ?)"
        tx.exec_driver_sql(statement, _joined(entries))
    else:
        tx.exec_driver_sql("DELETE FROM post_search WHERE post_id = ANY(%s)", ([number for number, *_ in entries],))


def author_word(author: str | None) -> str:
    """The word by which posts of an author are found; empty for none. Two in a million authors may share one."""
    return _AUTHOR + _digest(author) if author else ""


def author_words(author: str | None, name: str | None) -> str:
    """The words of who wrote a post; whoever shows the name that the source knows has one."""
    who = _AUTHOR + _digest(author) if author else ""
    return f"{who} {_NAME}{_digest(name)}" if name and name != author else who


def _digest(name: str) -> str:
    return sha256(name.encode("utf-8", "replace")).digest()[:_BYTES].hex()


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


def matches(tx: Transaction, asked: Sequence[Term], author: str | None = None) -> ColumnElement[bool]:
    """Whether a row of `post_search` has what is asked for, and is of the author; of a few others, too, who share his
    word."""
    if tx.dialect.name == "sqlite":
        return INDEX.c.post_search.op("MATCH", is_comparison=True)(_for_sqlite(asked, author_word(author)))
    return INDEX.c.words.op("@@", is_comparison=True)(_for_postgresql(asked, author_word(author)))


def written_by(tx: Transaction, authors: Iterable[str], shown: Iterable[str] = ()) -> CTE:
    """The numbers (`id`) of posts of which one of them is the author, or shows one of the names; of few others, too."""
    words = [*(_AUTHOR + _digest(author) for author in authors), *(_NAME + _digest(name) for name in shown)]
    if tx.dialect.name == "sqlite":
        is_theirs = INDEX.c.post_search.op("MATCH", is_comparison=True)(" OR ".join(f'"{word}"' for word in words))
    else:
        asked = cast(literal(" | ".join(f"'{word}'" for word in words)), TSQUERY)
        is_theirs = INDEX.c.words.op("@@", is_comparison=True)(asked)
    found = select(index_id(tx).label("id")).where(is_theirs).cte("found")
    return found.prefix_with("MATERIALIZED")  # else either engine may look at every post


FEW = 10_000
"""Posts that are all looked at; where there are more, of some millions, fifty are soon met from the newest back."""
_UNHEARD_OF = cast(literal("'\ue002'"), TSQUERY)


def are_few(tx: Transaction, conditions: Sequence[ColumnElement[bool]], author: str | None = None) -> bool:
    """Whether so few posts meet the conditions that the index is to be asked for all of them; an author has few.

    PostgreSQL knows frequent words by its statistics and takes every other for one in a thousand, so that it would look
    for fifty posts with a rare one from the newest back to the very first. Where one in a thousand is many, those that
    it does not know are counted, as far as the bound. SQLite walks along the word in any case.
    """
    if tx.dialect.name == "sqlite":
        return False
    if author:
        return True
    expected = _expected(tx, conditions)
    if expected <= FEW:
        return True
    is_known = expected > _expected(tx, [INDEX.c.words.op("@@", is_comparison=True)(_UNHEARD_OF)])
    return not is_known and _counted(tx, conditions, FEW + 1) <= FEW


def _expected(tx: Transaction, conditions: Sequence[ColumnElement[bool]]) -> int:
    """How many posts PostgreSQL expects to meet the conditions."""
    asked = select(INDEX.c.post_id).where(*conditions).compile(dialect=tx.dialect)
    plan: Any = tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {asked}", dict(asked.params)).scalar()
    return int(plan[0]["Plan"]["Plan Rows"])


def _counted(tx: Transaction, conditions: Sequence[ColumnElement[bool]], most: int) -> int:
    """How many posts meet the conditions, up to `most`, by the index."""
    found = select(INDEX.c.post_id).where(*conditions).limit(most).subquery()
    with _without(tx, "seqscan", "indexscan"):  # either would look at every post where none has the word
        return tx.scalar(select(func.count()).select_from(found)) or 0


@contextmanager
def one_after_another(tx: Transaction) -> Iterator[None]:
    """Let posts be fetched in the order in which they were found, and no more of them than are asked for."""
    if tx.dialect.name == "sqlite":
        yield
        return
    with _without(tx, "mergejoin", "hashjoin"):
        yield


@contextmanager
def _without(tx: Transaction, *ways: str) -> Iterator[None]:
    """Keep PostgreSQL from these ways of finding rows."""
    for way in ways:
        tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    yield
    for way in ways:
        tx.exec_driver_sql(f"SET LOCAL enable_{way} TO DEFAULT")


def index_id(tx: Transaction) -> ColumnClause[Any]:
    """The column of `post_search` that is `post.id`."""
    return INDEX.c.rowid if tx.dialect.name == "sqlite" else INDEX.c.post_id


def _term(minus: str, phrase: str, word: str) -> Term:
    return Term(separated(phrase or word.rstrip("*")), is_prefix=word.endswith("*"), is_excluded=bool(minus))


def _for_sqlite(asked: Sequence[Term], author: str) -> str:
    wanted = [f'"{author}"'] if author else []
    wanted += [_quoted(term) for term in asked if not term.is_excluded]
    return " NOT ".join([f"({' AND '.join(wanted)})", *(_quoted(term) for term in asked if term.is_excluded)])


def _quoted(term: Term) -> str:
    inside = term.words.replace('"', " ")
    return f'"{inside}"' + ("*" if term.is_prefix else "")


def _for_postgresql(asked: Sequence[Term], author: str) -> Any:
    parts: list[Any] = [cast(literal(f"'{author}'"), TSQUERY)] if author else []
    for term in asked:
        part: Any = func.phraseto_tsquery("simple", term.words)
        if term.is_prefix:
            last = re.sub(r"[^\w]", " ", term.words).split()
            part = func.to_tsquery("simple", " <-> ".join([*last[:-1], f"{last[-1]}:*"]))
        parts.append(func.tsquery_not(part) if term.is_excluded else part)
    return reduce(func.tsquery_and, parts)


def _joined(entries: Iterable[Entry]) -> list[tuple[int, str]]:
    return [
        (number, f"{_words(title, text)} {author_words(author, name)}") for number, title, text, author, name in entries
    ]


def _words(title: str, text: str) -> str:
    said = f"{title}\n{text}" if title else text
    return said if said.isascii() and len(said) <= INDEXED_CHARACTERS else separated(said[:INDEXED_CHARACTERS])
