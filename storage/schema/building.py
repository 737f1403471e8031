"""What every table is built from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, MetaData, Sequence, Text

from storage.columns import Instant, Json, RowId

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

post_id = Sequence("post_id")
"""Numbers of posts on PostgreSQL; SQLite has one writer at a time, who counts on from the largest."""


def text_(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """Words; never NULL unless `nullable`."""
    return Column(name, Text, nullable=nullable, primary_key=primary_key, comment=comment)


def time_(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """A moment."""
    return Column(name, Instant, nullable=nullable, primary_key=primary_key, comment=comment)


def number(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    """A small whole number."""
    return Column(name, Integer, nullable=nullable, primary_key=primary_key, autoincrement=False, comment=comment)


def count(name: str, comment: str, *, nullable: bool = False) -> Column[Any]:
    """A whole number of any size."""
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def share(name: str, comment: str) -> Column[Any]:
    """A number that has a fraction."""
    return Column(name, Float, nullable=False, comment=comment)


def json_(name: str, comment: str) -> Column[Any]:
    """A value of many parts."""
    return Column(name, Json, nullable=False, comment=comment)


def engagement() -> list[Column[Any]]:
    """What the source counted of a post."""
    return [
        count("likes", "Likes, favourites, points; NULL where the source does not say", nullable=True),
        count("shares", "Shares, reposts, quotes; NULL where the source does not say", nullable=True),
        count("replies", "Replies or comments; NULL where the source does not say", nullable=True),
        count("views", "Views or plays; NULL where the source does not say", nullable=True),
    ]


def of_post() -> Column[Any]:
    """The post that a row belongs to, and goes with."""
    key = ForeignKey("post.id", ondelete="CASCADE")
    return Column("post_id", RowId, key, nullable=False, autoincrement=False, comment="The post (post.id)")


def of_incident(*, primary_key: bool = False) -> Column[Any]:
    """The incident that a row belongs to, and goes with."""
    key = ForeignKey("incident.id", ondelete="CASCADE")
    return Column(
        "incident_id", Text, key, nullable=False, primary_key=primary_key, comment="The incident (incident.id)"
    )
