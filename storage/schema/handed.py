"""What was left out, and what was handed in."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, UniqueConstraint

from storage.columns import RowId
from storage.schema.building import json_, metadata, number, text_, time_

quarantine = Table(
    "quarantine",
    metadata,
    text_("source", "The source, as configured", primary_key=True),
    text_("raw_hash", "Hash that tells the item from others", primary_key=True),
    text_("place", "Where it stood"),
    text_("reason", "Why it was set aside"),
    text_("stage", "read: the source's own form of it made no sense; understand: the post could not be judged"),
    Column(
        "raw",
        LargeBinary,
        nullable=True,
        comment="The item itself, for another try; NULL when large or older than a week",
    ),
    time_("first_at", "When it was first set aside"),
    time_("last_at", "When it was last set aside"),
    number("times", "How often it was set aside"),
    Index(None, "last_at"),
    comment="Items of sources that were left out, with the reason",
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True, comment="Order of arrival"),
    text_("source", "The source of type webhook, as configured"),
    text_("external_id", "The sender's own name for the post"),
    text_("digest", "Hash of the post's content; the same content is kept once"),
    time_("received_at", "When it arrived"),
    json_("post", "The post as it was sent"),
    UniqueConstraint("source", "external_id", "digest"),
    Index(None, "source", "id"),
    sqlite_autoincrement=True,  # a number that was used is never used again, or the reader would pass over a post
    comment="Posts that were handed in by webhook, kept until their source has read them",
)

inbox_message = Table(
    "inbox_message",
    metadata,
    text_("source", "The source of type webhook, as configured", primary_key=True),
    text_("message_id", "The sender's name for the message (webhook-id)", primary_key=True),
    text_("digest", "Hash of its body"),
    time_("received_at", "When it arrived"),
    Index(None, "received_at"),
    comment="Messages that were accepted by webhook, so that one that comes again changes nothing",
)
