"""The tables. Every table and column says what it holds; docs/database.md is made from here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)

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


def _text(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return Column(name, Text, nullable=nullable, primary_key=primary_key, comment=comment)


def _time(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return Column(name, Instant, nullable=nullable, primary_key=primary_key, comment=comment)


def _number(name: str, comment: str, *, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return Column(name, Integer, nullable=nullable, primary_key=primary_key, autoincrement=False, comment=comment)


def _count(name: str, comment: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=nullable, comment=comment)


def _share(name: str, comment: str) -> Column[Any]:
    return Column(name, Float, nullable=False, comment=comment)


def _json(name: str, comment: str) -> Column[Any]:
    return Column(name, Json, nullable=False, comment=comment)


def _engagement() -> list[Column[Any]]:
    return [
        _count("likes", "Likes, favourites, points; NULL where the source does not say", nullable=True),
        _count("shares", "Shares, reposts, quotes; NULL where the source does not say", nullable=True),
        _count("replies", "Replies or comments; NULL where the source does not say", nullable=True),
        _count("views", "Views or plays; NULL where the source does not say", nullable=True),
    ]


def _of_post() -> Column[Any]:
    key = ForeignKey("post.id", ondelete="CASCADE")
    return Column("post_id", RowId, key, nullable=False, autoincrement=False, comment="The post (post.id)")


def _of_incident(*, primary_key: bool = False) -> Column[Any]:
    key = ForeignKey("incident.id", ondelete="CASCADE")
    return Column(
        "incident_id", Text, key, nullable=False, primary_key=primary_key, comment="The incident (incident.id)"
    )


# -- What was read ----------------------------------------------------------------------------------------------------

post = Table(
    "post",
    metadata,
    Column(
        "id", RowId, primary_key=True, autoincrement=False, comment="Number within this database, in order of storing"
    ),
    _text("source", "Where it was read, as configured"),
    _text("external_id", "The source's own name for it"),
    _text("kind", "post, reply, repost, story, article, comment, review or message"),
    _text("thread_id", "external_id of the thread's root on the same source; its own for a root", nullable=True),
    _text("parent_id", "external_id of the post answered", nullable=True),
    _text("repost_of", "external_id of the post carried on", nullable=True),
    _text("url", "Where people read it", nullable=True),
    _text("author", "The account on its source", nullable=True),
    _text("author_name", "The name the account shows", nullable=True),
    _count("author_reach", "Audience (followers) of the account, when the source says", nullable=True),
    _text("title", "Title, empty where there is none"),
    _text("text", "The words as published"),
    _text("language", "Language that the source states", nullable=True),
    _time("created_at", "When it was published"),
    _time("edited_at", "When it was last edited, as the source says", nullable=True),
    _time("collected_at", "When we first read it", nullable=True),
    _time("read_at", "When we last read it (its edit or publication where no reading time is known)"),
    _time("engagement_at", "When the engagement was read", nullable=True),
    *_engagement(),
    _json("brands", "Brands that the source itself says the post is about"),
    UniqueConstraint("source", "external_id"),
    Index(None, "created_at"),
    Index(
        None,
        "source",
        "thread_id",
        "created_at",
        sqlite_where=text("thread_id IS NOT NULL"),
        postgresql_where=text("thread_id IS NOT NULL"),
    ),
    Index(
        "ix_post_surfaced_at",  # what feeds and front pages show late counts when it was first seen
        "collected_at",
        sqlite_where=text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
        postgresql_where=text("kind IN ('article', 'story') AND collected_at IS NOT NULL"),
    ),
    comment="Posts as their sources published them, one row each, in their newest wording",
)

stored_day = Table(
    "stored_day",
    metadata,
    _time("day", "Begin of the day, in UTC", primary_key=True),
    _text("source", "The source", primary_key=True),
    _count("first_id", "Smallest number (post.id) of a post published in it"),
    _count("last_id", "Largest one"),
    sqlite_with_rowid=False,
    comment="Which numbers the posts of a day have, so that a search in a span reads its part of the index",
)

revision = Table(
    "revision",
    metadata,
    _of_post(),
    _text("digest", "Digest of title and text"),
    _text("title", "Title in this wording"),
    _text("text", "The words in this wording"),
    _time("version_at", "Edit time that the source gave for this wording, or the time of publication"),
    _time("read_at", "When this wording was last read"),
    PrimaryKeyConstraint("post_id", "digest"),
    comment="Other wordings of edited posts; the newest wording stands in post",
)

mention = Table(
    "mention",
    metadata,
    _of_post(),
    _text("brand", "The brand mentioned"),
    _time("created_at", "When the post was published (post.created_at)"),
    _share("relevance", "How sure it is that the brand is meant, 0 to 1"),
    _json("matched", "Terms that matched"),
    _text("reason", "Why it counts as a mention"),
    _share("compound", "Sentiment toward the brand, -1 to 1"),
    _text("label", "negative, neutral, positive or unscored"),
    _text("scorer", "Who scored it"),
    _text("scorer_version", "Version of the scorer"),
    _share("uncertainty", "Doubt about the label, 0 to 1; 0.5 is a coin's toss"),
    _text("content_key", "Equal for texts that are copies of one another"),
    _json("kinds", "Incident kinds that the words point to, strongest first"),
    _time("version_at", "Edit time of the wording that was judged, or the time of publication"),
    _time("read_at", "When the wording that was judged was last read"),
    PrimaryKeyConstraint("post_id", "brand"),
    Index(None, "brand", "created_at"),
    sqlite_with_rowid=False,
    comment="Posts about a brand with the score toward it, one row per post and brand",
)

engagement_sample = Table(
    "engagement_sample",
    metadata,
    _text("source", "Where it was read", primary_key=True),
    _text("external_id", "The post (post.external_id)", primary_key=True),
    _time("at", "When it was read", primary_key=True),
    *_engagement(),
    Index(None, "at"),
    sqlite_with_rowid=False,
    comment="Engagement of posts over time",
)

bin_ = Table(
    "bin",
    metadata,
    _text("brand", "The brand", primary_key=True),
    _time("start", "Begin of the five minutes, by the posts' time of publication", primary_key=True),
    _text("source", "The source", primary_key=True),
    _count("posts", "Posts that mention the brand, reposts included"),
    _count("negative", "Of them, scored negative"),
    _count("positive", "Of them, scored positive"),
    _count("unscored", "Of them, not judged"),
    _count("reposts", "Of them, reposts of others' words"),
    _count("reach", "Sum of the authors' audiences"),
    sqlite_with_rowid=False,
    comment="Counts of mentions per brand, source and five minutes, kept exact with every write",
)

bin_day = Table(
    "bin_day",
    metadata,
    _text("brand", "The brand", primary_key=True),
    _time("start", "Begin of the day, in UTC", primary_key=True),
    _text("source", "The source", primary_key=True),
    _count("posts", "Posts that mention the brand, reposts included"),
    _count("negative", "Of them, scored negative"),
    _count("positive", "Of them, scored positive"),
    _count("unscored", "Of them, not judged"),
    _count("reposts", "Of them, reposts of others' words"),
    _count("reach", "Sum of the authors' audiences"),
    sqlite_with_rowid=False,
    comment="The counts of bin summed up by day, kept exact with every write",
)

erased = Table(
    "erased",
    metadata,
    _text("source", "Where it had been read", primary_key=True),
    _text("external_id", "The source's own name for it", primary_key=True),
    _time("at", "When it was erased"),
    _text("reason", "Why it was erased"),
    sqlite_with_rowid=False,
    comment="Posts erased on request or because their source deleted them; they are not stored again",
)

correction = Table(
    "correction",
    metadata,
    _text("id", "Identity", primary_key=True),
    _text("source", "Source of the post that was corrected"),
    _text("external_id", "The post (post.external_id)"),
    _text("brand", "The brand toward which it was corrected"),
    _text("content_key", "Key of the wording that was judged (mention.content_key)"),
    Column("copies", Boolean, nullable=False, comment="Whether it counts for copies of the wording, too"),
    _text("label", "negative, neutral, positive or not_about_us"),
    _time("at", "When it was said"),
    _text("author", "Who said it"),
    _text("comment", "Why"),
    _time("undone_at", "When it was taken back", nullable=True),
    _text("undone_by", "Who took it back", nullable=True),
    Index(None, "content_key"),
    Index(None, "source", "external_id"),
    Index(None, "at"),
    comment="What people said of posts where a scorer was wrong; the newest on a wording counts",
)

# -- How it was read --------------------------------------------------------------------------------------------------

cursor = Table(
    "cursor",
    metadata,
    _text("source", "The source", primary_key=True),
    _json("position", "How far it has been read, in the collector's own terms"),
    _time("updated_at", "When the position was reached"),
    comment="How far every source has been read; written together with the posts it covers",
)

run = Table(
    "run",
    metadata,
    _text("source", "The source", primary_key=True),
    _time("started_at", "When the run began", primary_key=True),
    _time("ended_at", "When it ended"),
    _text("outcome", "complete, partial or failed"),
    _number("posts", "Posts read"),
    _number("new_posts", "Of them, not known before"),
    _number("requests", "Requests made"),
    _text("error", "What went wrong", nullable=True),
    Index(None, "started_at"),
    comment="Runs of collectors",
)

gap = Table(
    "gap",
    metadata,
    _text("source", "The source", primary_key=True),
    _time("starts_at", "Begin of the span", primary_key=True),
    _time("ends_at", "End of the span", primary_key=True),
    _text("reason", "Why it was not read", primary_key=True),
    _share("share_missing", "Share of the span's posts that is missing, 0 to 1"),
    _time("filled_at", "When it was read after all", nullable=True),
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
    _text("source", "The source", primary_key=True),
    _time("day", "Begin of the day, in UTC", primary_key=True),
    _count("requests", "Requests made"),
    _count("posts", "Posts read, those known before too"),
    _share("dollars", "What that cost by the source's tariff, in US dollars"),
    comment="What reading every source took, by day; all processes share it",
)

schedule = Table(
    "schedule",
    metadata,
    _text("source", "The source", primary_key=True),
    Column("every_seconds", Float, nullable=False, comment="Time between runs"),
    _time("next_at", "When it is due next"),
    _number("failures", "Runs that failed since the last one that did not"),
    _text("last_outcome", "How the last run ended", nullable=True),
    _time("last_ended_at", "When the last run ended", nullable=True),
    Index(None, "next_at"),
    comment="When every source is due",
)

shard = Table(
    "shard",
    metadata,
    _text("job", "The work it is a part of", primary_key=True),
    _number("number", "Number within the work, from 0", primary_key=True),
    _json("what", "What it covers"),
    _count("fence", "Rises whenever somebody takes it"),
    _text("owner", "Who took it last"),
    _json("position", "How far it has come, and what came of it so far"),
    _time("done_at", "When it was complete", nullable=True),
    sqlite_with_rowid=False,
    comment="Parts of work on history that many processes share, so that what is done is not done again",
)

# -- What it means ----------------------------------------------------------------------------------------------------

_LIVE = text("state IN ('open', 'acknowledged')")

incident = Table(
    "incident",
    metadata,
    _text("id", "Identity", primary_key=True),
    _text("brand", "The brand"),
    _text("fingerprint", "What it is about, as a digest: two live incidents never have the same"),
    _text("state", "open, acknowledged, resolved or false_alarm"),
    _text("severity", "watch, warning or critical"),
    _text("headline", "What happened, in a line"),
    _text("kind", "Kind of incident, empty where none is known"),
    _text("topic", "The thread or story it is about, empty for the brand as a whole"),
    _number("episode", "Rises with every reopening, from 1"),
    _number("version", "Rises with every stored change"),
    _time("began_at", "Time of its first evidence"),
    _time("opened_at", "When it was decided to be an incident"),
    _time("updated_at", "Last change"),
    _time("resolved_at", "When it ended", nullable=True),
    _time("acknowledged_at", "When a person took it", nullable=True),
    _text("acknowledged_by", "Who took it", nullable=True),
    _text("origin_source", "Source of the post where it began", nullable=True),
    _text("origin_id", "external_id of the post where it began", nullable=True),
    _json("sources", "Sources that carry it"),
    _json("evidence", "Posts it rests on, as [source, external_id], most telling first"),
    _json("facts", "What explanations need beside"),
    Index("uq_incident_live_fingerprint", "fingerprint", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    Index(None, "fingerprint", "opened_at"),
    Index(None, "brand", "opened_at"),
    Index(None, "opened_at"),
    comment="What people are talking about",
)

casework = Table(
    "casework",
    metadata,
    _of_incident(primary_key=True),
    _text("assigned_to", "Who carries it", nullable=True),
    _text("merged_into", "The incident that it is part of (incident.id)", nullable=True),
    _text("split_from", "The incident that it was split off (incident.id)", nullable=True),
    _json("shaping", "Corrections, what was split off, and how it is part of another"),
    Column("detected", Json, nullable=True, comment="The incident as detection knows it, where people see another"),
    Index(None, "assigned_to"),
    Index(None, "merged_into"),
    Index(None, "split_from"),
    comment="What people made of incidents beside taking and ending them; made from the timelines",
)

incident_tag = Table(
    "incident_tag",
    metadata,
    _of_incident(primary_key=True),
    _text("tag", "The tag", primary_key=True),
    Index(None, "tag"),
    comment="Tags of incidents",
)

incident_link = Table(
    "incident_link",
    metadata,
    _of_incident(primary_key=True),
    _text("other_id", "The related incident (incident.id)", primary_key=True),
    comment="Incidents that people called related, a row in each direction",
)

incident_event = Table(
    "incident_event",
    metadata,
    _of_incident(primary_key=True),
    _number("seq", "Number within the incident, from 1 and without holes", primary_key=True),
    _time("at", "When it happened"),
    _text("kind", "What happened"),
    _text("actor", "Who did it"),
    _json("details", "What belongs to it"),
    comment="Timelines of incidents",
)

signal = Table(
    "signal",
    metadata,
    _of_incident(primary_key=True),
    _text("detector", "Who found it", primary_key=True),
    _time("at", "The tick at which it was found", primary_key=True),
    _text("topic", "The thread or story, empty for the brand as a whole", primary_key=True),
    _text("kind", "Kind of incident it points to", primary_key=True),
    _text("brand", "The brand"),
    _text("version", "Version of the detector"),
    _time("window_start", "Begin of the span counted"),
    _time("window_end", "End of the span counted"),
    _share("observed", "What was counted"),
    _share("expected", "What was usual"),
    _share("low", "Lower end of the usual"),
    _share("high", "Upper end of the usual"),
    _share("surprise", "Strength in units of the detector's threshold"),
    _text("severity", "watch, warning or critical"),
    _text("unit", "What was counted"),
    _json("sources", "Sources that carry it"),
    _json("evidence", "Posts it rests on, as [source, external_id], most telling first"),
    _share("coverage", "Share of the window that its sources covered"),
    _json("facts", "What explanations need beside"),
    comment="Findings of detectors that belong to incidents",
)

silence = Table(
    "silence",
    metadata,
    _text("id", "Identity", primary_key=True),
    _time("starts_at", "From when it holds deliveries back"),
    _time("ends_at", "Until when"),
    _text("author", "Who made it"),
    _text("comment", "Why"),
    _text("brand", "The brand; NULL for all", nullable=True),
    _text("severity", "The severity; NULL for all", nullable=True),
    _text("incident_id", "The incident; NULL for all", nullable=True),
    _text("kind", "The kind of incident; NULL for all", nullable=True),
    _text("topic", "The thread or story; NULL for all", nullable=True),
    _text("source", "A source that must carry it; NULL for all", nullable=True),
    Column("include_critical", Boolean, nullable=False, comment="Whether critical incidents are held back too"),
    Index(None, "ends_at"),
    comment="Rules that hold deliveries back until a time",
)

checkpoint = Table(
    "checkpoint",
    metadata,
    _text("name", "Whose state it is", primary_key=True),
    _time("at", "Event time up to which it has seen everything"),
    Column("blob", LargeBinary, nullable=False, comment="The state, in its owner's own form"),
    comment="States that let a restarted process go on where it was",
)

lease = Table(
    "lease",
    metadata,
    _text("name", "What is held", primary_key=True),
    _text("owner", "Who holds it; empty when it was given back"),
    Column("fence", BigInteger, nullable=False, comment="Rises with every holder; writes with an older one are stale"),
    _time("expires_at", "Until when, unless renewed"),
    comment="Who may act alone",
)

# -- Who was told -----------------------------------------------------------------------------------------------------

alert = Table(
    "alert",
    metadata,
    _of_incident(primary_key=True),
    _number("episode", "Episode of the incident", primary_key=True),
    _number("seq", "Number within the incident", primary_key=True),
    _text("reason", "opened, escalated, update, reminder or resolved"),
    _text("severity", "watch, warning or critical"),
    _time("at", "When it was decided to speak"),
    _text("why", "Why, in a sentence"),
    _json("page", "What people are told"),
    Index(None, "at"),
    comment="What was worth saying about incidents",
)

delivery = Table(
    "delivery",
    metadata,
    _text("id", "Identity, also sent along with the message", primary_key=True),
    _of_incident(),
    _number("episode", "Episode of the incident"),
    _number("seq", "Number of the alert within the incident"),
    _text("reason", "opened, escalated, update, reminder or resolved"),
    _text("severity", "watch, warning or critical"),
    _text("channel", "The channel, as configured"),
    _text("target", "Address within the channel"),
    _text("state", "pending, sending, retry, ambiguous, checking, sent, dead or superseded"),
    _json("page", "What people are told"),
    _text("why", "Why it is sent, in a sentence"),
    _time("created_at", "When it was decided"),
    _time("due_at", "When the next step is due"),
    _time("first_due_at", "When it was first due"),
    _number("attempt", "Attempts to send begun"),
    _text("owner", "Process that holds it", nullable=True),
    _time("lease_until", "Until when it is held", nullable=True),
    Column(
        "fence", BigInteger, nullable=False, comment="Rises with every claim; results with an older one are refused"
    ),
    _text("remote_id", "The provider's name for the message", nullable=True),
    _time("sent_at", "When the provider accepted it", nullable=True),
    _time("attempted_at", "When the last attempt began", nullable=True),
    _text("last_error", "What went wrong last", nullable=True),
    _number("step", "Step of the escalation that it belongs to, 0 for a fallback; NULL for all others", nullable=True),
    _text("digest", "The digest that it waits for, by name; NULL for none", nullable=True),
    _text(
        "digest_id",
        "Identity of the message that it is told in together with others; NULL for one of its own",
        nullable=True,
    ),
    Index(None, "incident_id", "channel", "target", "episode", "seq"),
    Index(
        "ix_delivery_unfinished",
        "due_at",
        sqlite_where=text("state NOT IN ('sent', 'dead', 'superseded')"),
        postgresql_where=text("state NOT IN ('sent', 'dead', 'superseded')"),
    ),
    comment="Alerts on their way through channels: the outbox",
)

escalation = Table(
    "escalation",
    metadata,
    _of_incident(primary_key=True),
    _number("episode", "Episode of the incident"),
    _json("policy", "The policy as it was when the incident opened"),
    _number("step", "Number of the next step, from 1"),
    _time("next_at", "When the next step is due; NULL when there is none", nullable=True),
    _number("alert_seq", "Number of the alert that the last step made"),
    Index(None, "next_at"),
    comment="Who is told next while nobody takes an incident",
)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column(
        "delivery_id",
        Text,
        ForeignKey("delivery.id", ondelete="CASCADE"),
        nullable=False,
        primary_key=True,
        comment="The delivery (delivery.id)",
    ),
    Column("fence", BigInteger, primary_key=True, autoincrement=False, comment="Fence of the claim"),
    _text("purpose", "send, or check whether an earlier attempt arrived"),
    _number("attempt", "Number of the attempt to send"),
    _text("owner", "Process that made it"),
    _time("started_at", "When it was claimed, before anything was sent"),
    _time("ended_at", "When its result was recorded; NULL if it never was", nullable=True),
    _text("outcome", "State of the delivery afterwards", nullable=True),
    _text("remote_id", "The provider's name for the message", nullable=True),
    _text("error", "What went wrong", nullable=True),
    comment="Attempts to deliver, each recorded before it is made",
)

bucket = Table(
    "bucket",
    metadata,
    _text("channel", "The channel, as configured; empty for all together", primary_key=True),
    _text("target", "Address within the channel; empty for the whole channel", primary_key=True),
    _time("full_at", "When the bucket will be full again", nullable=True),
    _time("ready_at", "From when on it holds a token", nullable=True),
    _text("spares", "What it counts and never holds back: urgent, critical, or nothing"),
    comment="How often each channel may still be written to: token buckets that all processes share",
)

channel = Table(
    "channel",
    metadata,
    _text("name", "The channel, as configured", primary_key=True),
    _time("blocked_until", "No request is made before", nullable=True),
    _text("why", "Why not"),
    comment="Channels that asked to be left alone for a while",
)

# -- Who may come in --------------------------------------------------------------------------------------------------

account = Table(
    "account",
    metadata,
    _text("name", "How the person signs in, and is called in timelines", primary_key=True),
    _text("role", "viewer, responder, analyst or operator"),
    _text("password", "argon2id hash; NULL for who only uses tokens", nullable=True),
    _time("created_at", "When it was made"),
    comment="People who sign in with a password",
)

web_session = Table(
    "web_session",
    metadata,
    _text("key", "SHA-256 of the cookie", primary_key=True),
    _text("name", "Who is signed in"),
    _text("role", "Role that an OpenID Connect provider gave; NULL for that of the account", nullable=True),
    _time("created_at", "When the person signed in"),
    _time("seen_at", "Last request, to the minute"),
    Index(None, "name"),
    Index(None, "seen_at"),
    comment="Browsers that are signed in",
)

api_token = Table(
    "api_token",
    metadata,
    _text("id", "Identity, shown to people", primary_key=True),
    _text("key", "SHA-256 of the token"),
    Column(
        "account", Text, ForeignKey("account.name", ondelete="CASCADE"), nullable=False, comment="Whose (account.name)"
    ),
    _text("purpose", "What it is for"),
    _json("scopes", "What it may do: read, respond, analyse, operate"),
    _time("created_at", "When it was made"),
    _time("expires_at", "Until when it holds"),
    _time("seen_at", "Last use, to the minute", nullable=True),
    UniqueConstraint("key"),
    Index(None, "account"),
    comment="Tokens of programs",
)

audit = Table(
    "audit",
    metadata,
    _number("seq", "Number, from 1 and without holes", primary_key=True),
    _time("at", "When it happened"),
    _text("actor", "Who did it"),
    _text("action", "What was done"),
    _text("subject", "To what"),
    _json("details", "What belongs to it; never words of posts"),
    _text("digest", "SHA-256 over this line and the digest before it, so that a changed or removed line shows"),
    comment="What people did here; only ever added to",
)

saved_view = Table(
    "saved_view",
    metadata,
    _text("name", "Its name", primary_key=True),
    _text("author", "Who saved it"),
    _text("query", "What it asks for, as in the address of the page"),
    _time("saved_at", "When it was saved"),
    comment="Questions to the posts that people keep",
)

# -- What was left out, and what was handed in -------------------------------------------------------------------------

quarantine = Table(
    "quarantine",
    metadata,
    _text("source", "The source, as configured", primary_key=True),
    _text("raw_hash", "Hash that tells the item from others", primary_key=True),
    _text("place", "Where it stood"),
    _text("reason", "Why it was set aside"),
    _text("stage", "read: the source's own form of it made no sense; understand: the post could not be judged"),
    Column(
        "raw",
        LargeBinary,
        nullable=True,
        comment="The item itself, for another try; NULL when large or older than a week",
    ),
    _time("first_at", "When it was first set aside"),
    _time("last_at", "When it was last set aside"),
    _number("times", "How often it was set aside"),
    Index(None, "last_at"),
    comment="Items of sources that were left out, with the reason",
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True, comment="Order of arrival"),
    _text("source", "The source of type webhook, as configured"),
    _text("external_id", "The sender's own name for the post"),
    _text("digest", "Hash of the post's content; the same content is kept once"),
    _time("received_at", "When it arrived"),
    _json("post", "The post as it was sent"),
    UniqueConstraint("source", "external_id", "digest"),
    Index(None, "source", "id"),
    sqlite_autoincrement=True,  # a number that was used is never used again, or the reader would pass over a post
    comment="Posts that were handed in by webhook, kept until their source has read them",
)

inbox_message = Table(
    "inbox_message",
    metadata,
    _text("source", "The source of type webhook, as configured", primary_key=True),
    _text("message_id", "The sender's name for the message (webhook-id)", primary_key=True),
    _text("digest", "Hash of its body"),
    _time("received_at", "When it arrived"),
    Index(None, "received_at"),
    comment="Messages that were accepted by webhook, so that one that comes again changes nothing",
)
