"""The index of words: FTS5 on SQLite, tsvector on PostgreSQL, filled a batch at a time.

A trigger per row would cost five times as much. Scripts written without spaces (Chinese, Japanese, Thai) are indexed by
the character, and searched as phrases of characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from storage.database import Transaction
from storage.reading import Wording

_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)

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


def matching(tx: Transaction) -> str:
    """SQL that yields the ids of posts matching the parameter `words` (`query` makes it)."""
    if tx.dialect.name == "sqlite":
        return "SELECT rowid FROM post_search WHERE post_search MATCH :words"
    return "SELECT post_id FROM post_search WHERE words @@ to_tsquery('simple', :words)"


def _rows(of_posts: Sequence[tuple[int, Wording]]) -> list[tuple[int, str]]:
    return [(number, separated(_words(*of))) for number, of in of_posts]


def _words(title: str, text: str) -> str:
    return (f"{title}\n{text}" if title else text)[:INDEXED_CHARACTERS]
