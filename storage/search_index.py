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

_ADD = {
    "sqlite": "INSERT INTO post_search (rowid, words) VALUES (?, ?)",
    "postgresql": "INSERT INTO post_search (post_id, words) VALUES (%s, to_tsvector('simple', %s))",
}
_REMOVE = {
    "sqlite": "INSERT INTO post_search (post_search, rowid, words) VALUES ('delete', ?, ?)",
    "postgresql": "DELETE FROM post_search WHERE post_id = %s AND %s IS NOT NULL",
}


def add(tx: Transaction, of_posts: Sequence[tuple[int, Wording]]) -> None:
    """Index the words of posts that are not in the index."""
    _run(tx, _ADD, of_posts)


def remove(tx: Transaction, of_posts: Sequence[tuple[int, Wording]]) -> None:
    """Take posts out of the index; SQLite must be told the words that it was given."""
    _run(tx, _REMOVE, of_posts)


def separated(words: str) -> str:
    """The words with spaces between the characters of scripts that have none."""
    return words if words.isascii() else _UNSPACED.sub(r" \1 ", words)


def _run(tx: Transaction, spelled: dict[str, str], of_posts: Sequence[tuple[int, Wording]]) -> None:
    if of_posts:
        rows = [(number, separated(f"{title}\n{body}" if title else body)) for number, (title, body) in of_posts]
        tx.exec_driver_sql(spelled[tx.dialect.name], rows)


def matching(tx: Transaction) -> str:
    """SQL that yields the ids of posts matching the parameter `words` (`query` makes it)."""
    if tx.dialect.name == "sqlite":
        return "SELECT rowid FROM post_search WHERE post_search MATCH :words"
    return "SELECT post_id FROM post_search WHERE words @@ to_tsquery('simple', :words)"
