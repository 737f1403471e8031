"""Index the name that an account shows beside its posts' words, and keep no lengths of texts in the index"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

AT_ONCE, INDEXED = 2_000, 100_000
AUTHOR, NAME = "\ue000", "\ue001"
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)
_WORD = f"'{NAME}' || left(encode(sha256(convert_to(author_name, 'UTF8')), 'hex'), 12)"
_SHOWN = "post.id = post_search.post_id AND author_name <> '' AND author_name IS DISTINCT FROM author"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(", columnsize=0", with_names=True)
    else:
        op.execute(f"UPDATE post_search SET words = words || array_to_tsvector(ARRAY[{_WORD}]) FROM post WHERE {_SHOWN}")
        op.execute("ANALYZE post_search")  # what is left of the rows before is taken for rows until then


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew("", with_names=False)
    else:
        op.execute(f"UPDATE post_search SET words = ts_delete(words, {_WORD}) FROM post WHERE {_SHOWN}")


def _make_anew(lengths: str, *, with_names: bool) -> None:
    """SQLite keeps no words to which one could be added, so that all are indexed again."""
    connection = op.get_bind()
    op.execute("DROP TABLE post_search")
    op.execute(
        "CREATE VIRTUAL TABLE post_search"
        f" USING fts5(words, content='', tokenize='unicode61 remove_diacritics 2'{lengths})"
    )
    for name, parts in (("automerge", 32), ("crisismerge", 64)):
        op.execute(f"INSERT INTO post_search (post_search, rank) VALUES ('{name}', {parts})")
    for posts in _pages(connection):
        rows = [(post.id, f"{_words(post)} {_who(post, with_names=with_names)}") for post in posts]
        connection.exec_driver_sql("INSERT INTO post_search (rowid, words) VALUES (?, ?)", rows)


def _pages(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    statement = sa.text(
        "SELECT id, title, text, author, author_name FROM post WHERE id > :last ORDER BY id LIMIT :number"
    )
    last = -1
    while posts := connection.execute(statement, {"last": last, "number": AT_ONCE}).all():
        yield posts
        last = posts[-1].id


def _words(post: sa.Row[Any]) -> str:
    words: str = (f"{post.title}\n{post.text}" if post.title else post.text)[:INDEXED]
    return words if words.isascii() else UNSPACED.sub(r" \1 ", words)


def _who(post: sa.Row[Any], *, with_names: bool) -> str:
    word = f"{AUTHOR}{_digest(post.author)}" if post.author else ""
    has_other = with_names and post.author_name and post.author_name != post.author
    return f"{word} {NAME}{_digest(post.author_name)}" if has_other else word


def _digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()[:12]
