"""How much room the database takes, by table, and how much it will."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, select, text

from storage.database import Transaction
from storage.schema import metadata, post

INDEX_OF_WORDS = "post_search"
OF_POSTS = ("post", "revision", "mention", "engagement_sample", INDEX_OF_WORDS)
"""Tables that grow with the posts; the others grow with time and incidents, and stay small beside them."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """Room that a table takes together with its indexes, in bytes, and its rows (None where they are not counted)."""

    name: str
    octets: int
    rows: int | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Room that will be needed: `per_post` bytes for each of `posts` posts, and `others` for the rest."""

    per_post: float
    posts: int
    others: int

    @property
    def octets(self) -> int:
        """In all, in bytes."""
        return round(self.per_post * self.posts) + self.others


def sizes(tx: Transaction) -> list[TableSize]:
    """Every table with its room and rows, the largest first. Reads the whole of a SQLite file."""
    octets = _of_sqlite(tx) if tx.dialect.name == "sqlite" else _of_postgresql(tx)
    found = [
        TableSize(table.name, octets.get(table.name, 0), int(tx.scalar(select(func.count()).select_from(table)) or 0))
        for table in metadata.sorted_tables
    ]
    found.append(TableSize(INDEX_OF_WORDS, octets.get(INDEX_OF_WORDS, 0), None))
    return sorted(found, key=lambda size: (-size.octets, size.name))


def forecast(found: list[TableSize], posts: int) -> Forecast | None:
    """What so many posts will take, by what those stored take; None where there are too few to tell."""
    stored = next(size.rows for size in found if size.name == post.name) or 0
    if stored < 100:
        return None
    of_posts = sum(size.octets for size in found if size.name in OF_POSTS)
    others = sum(size.octets for size in found) - of_posts
    return Forecast(of_posts / stored, posts, others)


def _of_sqlite(tx: Transaction) -> dict[str, int]:
    owners = {row.name: row.tbl_name for row in tx.execute(text("SELECT name, tbl_name FROM sqlite_master"))}
    octets: dict[str, int] = defaultdict(int)
    for name, size in tx.execute(text("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")):
        owner = owners.get(name, name)
        octets[INDEX_OF_WORDS if owner.startswith(f"{INDEX_OF_WORDS}_") else owner] += int(size)
    return octets


def _of_postgresql(tx: Transaction) -> dict[str, int]:
    sizes_of_tables = text(
        "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)"
    )
    return {name: int(size) for name, size in tx.execute(sizes_of_tables)}
