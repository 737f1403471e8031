"""Index the author of a post beside its words"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

AT_ONCE, INDEXED = 2_000, 100_000
OWN = "\ue000"
UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _fill_anew(with_authors=True)
        return
    op.execute(
        "UPDATE post_search SET words = words ||"
        f" array_to_tsvector(ARRAY['{OWN}' || left(encode(sha256(convert_to(author, 'UTF8')), 'hex'), 12)])"
        " FROM post WHERE post.id = post_search.post_id AND author <> ''"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _fill_anew(with_authors=False)
        return
    op.execute(
        "UPDATE post_search SET words = ts_delete(words,"
        f" '{OWN}' || left(encode(sha256(convert_to(author, 'UTF8')), 'hex'), 12))"
        " FROM post WHERE post.id = post_search.post_id AND author <> ''"
    )


def _fill_anew(*, with_authors: bool) -> None:
    """SQLite keeps no words to which one could be added, so that all are indexed again."""
    connection = op.get_bind()
    connection.exec_driver_sql("INSERT INTO post_search (post_search) VALUES ('delete-all')")
    for posts in _pages(connection):
        rows = [(post.id, _words(post) + (_author_word(post.author) if with_authors else "")) for post in posts]
        connection.exec_driver_sql("INSERT INTO post_search (rowid, words) VALUES (?, ?)", rows)


def _pages(connection: sa.Connection) -> Iterator[Sequence[sa.Row[Any]]]:
    statement = sa.text("SELECT id, title, text, author FROM post WHERE id > :last ORDER BY id LIMIT :number")
    last = -1
    while posts := connection.execute(statement, {"last": last, "number": AT_ONCE}).all():
        yield posts
        last = posts[-1].id


def _words(post: sa.Row[Any]) -> str:
    words: str = (f"{post.title}\n{post.text}" if post.title else post.text)[:INDEXED]
    return words if words.isascii() else UNSPACED.sub(r" \1 ", words)


def _author_word(author: str | None) -> str:
    return f" {OWN}{sha256(author.encode()).hexdigest()[:12]}" if author else " "
