"""What was read, and what each post says of whom."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint, text

from storage.columns import RowId
from storage.schema.building import count, engagement, json_, metadata, of_post, share, text_, time_

post = Table(
    "post",
    metadata,
    Column(
        "id", RowId, primary_key=True, autoincrement=False, comment="Number within this database, in order of storing"
    ),
    text_("source", "Where it was read, as configured"),
    text_("external_id", "The source's own name for it"),
    text_("kind", "post, reply, repost, story, article, comment, review or message"),
    text_("thread_id", "external_id of the thread's root on the same source; its own for a root", nullable=True),
    text_("parent_id", "external_id of the post answered", nullable=True),
    text_("repost_of", "external_id of the post carried on", nullable=True),
    text_("url", "Where people read it", nullable=True),
    text_("author", "The account on its source", nullable=True),
    text_("author_name", "The name the account shows", nullable=True),
    count("author_reach", "Audience (followers) of the account, when the source says", nullable=True),
    text_("title", "Title, empty where there is none"),
    text_("text", "The words as published"),
    text_("language", "Language that the source states", nullable=True),
    time_("created_at", "When it was published"),
    time_("edited_at", "When it was last edited, as the source says", nullable=True),
    time_("collected_at", "When we first read it", nullable=True),
    time_("read_at", "When we last read it (its edit or publication where no reading time is known)"),
    time_("engagement_at", "When the engagement was read", nullable=True),
    *engagement(),
    json_("brands", "Brands that the source itself says the post is about"),
    UniqueConstraint("source", "external_id"),
    Index(None, "created_at"),
    Index(
        None,  # of replies alone: a root is found by its own name, and an index more of names in no order costs most
        "source",
        "thread_id",
        "created_at",
        sqlite_where=text("external_id != thread_id"),
        postgresql_where=text("external_id != thread_id"),
    ),
    Index(
        "ix_post_surfaced_at",  # what feeds and front pages show late counts when it was first seen
        "collected_at",
        sqlite_where=text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
        postgresql_where=text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
    ),
    Index(
        None,  # what was counted around posts of late is read at every tick
        "engagement_at",
        sqlite_where=text("engagement_at IS NOT NULL"),
        postgresql_where=text("engagement_at IS NOT NULL"),
    ),
    comment="Posts as their sources published them, one row each, in their newest wording",
)

stored_day = Table(
    "stored_day",
    metadata,
    time_("day", "Begin of the day, in UTC", primary_key=True),
    text_("source", "The source", primary_key=True),
    count("first_id", "Smallest number (post.id) of a post published in it"),
    count("last_id", "Largest one"),
    sqlite_with_rowid=False,
    comment="Which numbers the posts of a day have, so that a search in a span reads its part of the index",
)

revision = Table(
    "revision",
    metadata,
    of_post(),
    text_("digest", "Digest of title and text"),
    text_("title", "Title in this wording"),
    text_("text", "The words in this wording"),
    time_("version_at", "Edit time that the source gave for this wording, or the time of publication"),
    time_("read_at", "When this wording was last read"),
    PrimaryKeyConstraint("post_id", "digest"),
    comment="Other wordings of edited posts; the newest wording stands in post",
)

mention = Table(
    "mention",
    metadata,
    of_post(),
    text_("brand", "The brand mentioned"),
    time_("created_at", "When the post was published (post.created_at)"),
    share("relevance", "How sure it is that the brand is meant, 0 to 1"),
    json_("matched", "Terms that matched"),
    text_("reason", "Why it counts as a mention"),
    share("compound", "Sentiment toward the brand, -1 to 1"),
    text_("label", "negative, neutral, positive or unscored"),
    text_("scorer", "Who scored it"),
    text_("scorer_version", "Version of the scorer"),
    share("uncertainty", "Doubt about the label, 0 to 1; 0.5 is a coin's toss"),
    text_("content_key", "Equal for texts that are copies of one another"),
    json_("kinds", "Incident kinds that the words point to, strongest first"),
    time_("version_at", "Edit time of the wording that was judged, or the time of publication"),
    time_("read_at", "When the wording that was judged was last read"),
    PrimaryKeyConstraint("post_id", "brand"),
    Index(None, "brand", "created_at"),
    sqlite_with_rowid=False,
    comment="Posts about a brand with the score toward it, one row per post and brand",
)

engagement_sample = Table(
    "engagement_sample",
    metadata,
    text_("source", "Where it was read", primary_key=True),
    text_("external_id", "The post (post.external_id)", primary_key=True),
    time_("at", "When it was read", primary_key=True),
    *engagement(),
    Index(None, "at"),
    sqlite_with_rowid=False,
    comment="Earlier engagement of posts; the newest stands in post",
)


def _counts() -> list[Column[Any]]:
    """What is counted of the mentions of a span."""
    return [
        count("posts", "Posts that mention the brand, reposts included"),
        count("negative", "Of them, scored negative"),
        count("positive", "Of them, scored positive"),
        count("unscored", "Of them, not judged"),
        count("reposts", "Of them, reposts of others' words"),
        count("reach", "Sum of the authors' audiences"),
    ]


bin_ = Table(
    "bin",
    metadata,
    text_("brand", "The brand", primary_key=True),
    time_("start", "Begin of the five minutes, by the posts' time of publication", primary_key=True),
    text_("source", "The source", primary_key=True),
    *_counts(),
    sqlite_with_rowid=False,
    comment="Counts of mentions per brand, source and five minutes, kept exact with every write",
)

bin_day = Table(
    "bin_day",
    metadata,
    text_("brand", "The brand", primary_key=True),
    time_("start", "Begin of the day, in UTC", primary_key=True),
    text_("source", "The source", primary_key=True),
    *_counts(),
    sqlite_with_rowid=False,
    comment="The counts of bin summed up by day, kept exact with every write",
)

erased = Table(
    "erased",
    metadata,
    text_("source", "Where it had been read", primary_key=True),
    text_("external_id", "The source's own name for it", primary_key=True),
    time_("at", "When it was erased"),
    text_("reason", "Why it was erased"),
    sqlite_with_rowid=False,
    comment="Posts erased on request or because their source deleted them; they are not stored again",
)

correction = Table(
    "correction",
    metadata,
    text_("id", "Identity", primary_key=True),
    text_("source", "Source of the post that was corrected"),
    text_("external_id", "The post (post.external_id)"),
    text_("brand", "The brand toward which it was corrected"),
    text_("content_key", "Key of the wording that was judged (mention.content_key)"),
    Column("copies", Boolean, nullable=False, comment="Whether it counts for copies of the wording, too"),
    text_("label", "negative, neutral, positive or not_about_us"),
    time_("at", "When it was said"),
    text_("author", "Who said it"),
    text_("comment", "Why"),
    time_("undone_at", "When it was taken back", nullable=True),
    text_("undone_by", "Who took it back", nullable=True),
    Index(None, "content_key"),
    Index(None, "source", "external_id"),
    Index(None, "at"),
    comment="What people said of posts where a scorer was wrong; the newest on a wording counts",
)
