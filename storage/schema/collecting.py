"""How it was read: cursors, runs, gaps, budgets, and shared work."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, Table, Text, false

from storage.schema.building import count, json_, metadata, number, share, text_, time_

cursor = Table(
    "cursor",
    metadata,
    text_("source", "The source", primary_key=True),
    json_("position", "How far it has been read, in the collector's own terms"),
    time_("updated_at", "When the position was reached"),
    comment="How far every source has been read; written together with the posts it covers",
)

run = Table(
    "run",
    metadata,
    text_("source", "The source", primary_key=True),
    time_("started_at", "When the run began", primary_key=True),
    time_("ended_at", "When it ended"),
    text_("outcome", "complete, partial or failed"),
    number("posts", "Posts read"),
    number("new_posts", "Of them, not known before"),
    number("requests", "Requests made"),
    text_("error", "What went wrong", nullable=True),
    Column(
        "is_refused",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="Whether it said that a person must mend something",
    ),
    Column("odd", Integer, nullable=False, server_default="0", comment="Items that made no sense"),
    Index(None, "started_at"),
    comment="Runs of collectors",
)

gap = Table(
    "gap",
    metadata,
    text_("source", "The source", primary_key=True),
    time_("starts_at", "Begin of the span", primary_key=True),
    time_("ends_at", "End of the span", primary_key=True),
    text_("reason", "Why it was not read", primary_key=True),
    share("share_missing", "Share of the span's posts that is missing, 0 to 1"),
    time_("filled_at", "When it was read after all", nullable=True),
    Column(
        "cause",
        Text,
        nullable=False,
        server_default="source",
        comment="source (it is lost), failure, absence or budget (reading on brings it back)",
    ),
    Index(None, "source", "ends_at"),
    comment="Spans in which a source was not, or not wholly, read",
)

spent = Table(
    "spent",
    metadata,
    text_("source", "The source", primary_key=True),
    time_("day", "Begin of the day, in UTC", primary_key=True),
    count("requests", "Requests made"),
    count("posts", "Posts read, those known before too"),
    share("dollars", "What that cost by the source's tariff, in US dollars"),
    comment="What reading every source took, by day; all processes share it",
)

schedule = Table(
    "schedule",
    metadata,
    text_("source", "The source", primary_key=True),
    Column("every_seconds", Float, nullable=False, comment="Time between runs"),
    time_("next_at", "When it is due next"),
    number("failures", "Runs that failed since the last one that did not"),
    text_("last_outcome", "How the last run ended", nullable=True),
    time_("last_ended_at", "When the last run ended", nullable=True),
    Index(None, "next_at"),
    comment="When every source is due",
)

shard = Table(
    "shard",
    metadata,
    text_("job", "The work it is a part of", primary_key=True),
    number("number", "Number within the work, from 0", primary_key=True),
    json_("what", "What it covers"),
    count("fence", "Rises whenever somebody takes it"),
    text_("owner", "Who took it last"),
    json_("position", "How far it has come, and what came of it so far"),
    time_("done_at", "When it was complete", nullable=True),
    sqlite_with_rowid=False,
    comment="Parts of work on history that many processes share, so that what is done is not done again",
)
