"""Who was told: alerts, deliveries, attempts, channels."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Table, Text, text

from storage.schema.building import json_, metadata, number, of_incident, text_, time_

alert = Table(
    "alert",
    metadata,
    of_incident(primary_key=True),
    number("episode", "Episode of the incident", primary_key=True),
    number("seq", "Number within the incident", primary_key=True),
    text_("reason", "opened, escalated, update, reminder or resolved"),
    text_("severity", "watch, warning or critical"),
    time_("at", "When it was decided to speak"),
    text_("why", "Why, in a sentence"),
    json_("page", "What people are told"),
    Index(None, "at"),
    comment="What was worth saying about incidents",
)

delivery = Table(
    "delivery",
    metadata,
    text_("id", "Identity, also sent along with the message", primary_key=True),
    of_incident(),
    number("episode", "Episode of the incident"),
    number("seq", "Number of the alert within the incident"),
    text_("reason", "opened, escalated, update, reminder or resolved"),
    text_("severity", "watch, warning or critical"),
    text_("channel", "The channel, as configured"),
    text_("target", "Address within the channel"),
    text_("state", "pending, sending, retry, ambiguous, checking, sent, dead or superseded"),
    json_("page", "What people are told"),
    text_("why", "Why it is sent, in a sentence"),
    time_("created_at", "When it was decided"),
    time_("due_at", "When the next step is due"),
    time_("first_due_at", "When it was first due"),
    number("attempt", "Attempts to send begun"),
    text_("owner", "Process that holds it", nullable=True),
    time_("lease_until", "Until when it is held", nullable=True),
    Column(
        "fence", BigInteger, nullable=False, comment="Rises with every claim; results with an older one are refused"
    ),
    text_("remote_id", "The provider's name for the message", nullable=True),
    time_("sent_at", "When the provider accepted it", nullable=True),
    time_("attempted_at", "When the last attempt began", nullable=True),
    text_("last_error", "What went wrong last", nullable=True),
    number("step", "Step of the escalation that it belongs to, 0 for a fallback; NULL for all others", nullable=True),
    text_("digest", "The digest that it waits for, by name; NULL for none", nullable=True),
    text_(
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
    of_incident(primary_key=True),
    number("episode", "Episode of the incident"),
    json_("policy", "The policy as it was when the incident opened"),
    number("step", "Number of the next step, from 1"),
    time_("next_at", "When the next step is due; NULL when there is none", nullable=True),
    number("alert_seq", "Number of the alert that the last step made"),
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
    text_("purpose", "send, or check whether an earlier attempt arrived"),
    number("attempt", "Number of the attempt to send"),
    text_("owner", "Process that made it"),
    time_("started_at", "When it was claimed, before anything was sent"),
    time_("ended_at", "When its result was recorded; NULL if it never was", nullable=True),
    text_("outcome", "State of the delivery afterwards", nullable=True),
    text_("remote_id", "The provider's name for the message", nullable=True),
    text_("error", "What went wrong", nullable=True),
    comment="Attempts to deliver, each recorded before it is made",
)

bucket = Table(
    "bucket",
    metadata,
    text_("channel", "The channel, as configured; empty for all together", primary_key=True),
    text_("target", "Address within the channel; empty for the whole channel", primary_key=True),
    time_("full_at", "When the bucket will be full again", nullable=True),
    time_("ready_at", "From when on it holds a token", nullable=True),
    text_("spares", "What it counts and never holds back: urgent, critical, or nothing"),
    comment="How often each channel may still be written to: token buckets that all processes share",
)

channel = Table(
    "channel",
    metadata,
    text_("name", "The channel, as configured", primary_key=True),
    time_("blocked_until", "No request is made before", nullable=True),
    text_("why", "Why not"),
    comment="Channels that asked to be left alone for a while",
)

picture = Table(
    "picture",
    metadata,
    text_("id", "Identity", primary_key=True),
    of_incident(),
    text_("channel", "The channel, as configured"),
    text_("target", "Address within the channel"),
    text_("state", "wanted, uploaded, shown or doomed"),
    text_("file", "The provider's name for the file; NULL until it is uploaded", nullable=True),
    time_("drawn_until", "End of the curve that it shows", nullable=True),
    Column("highest", Float, nullable=True, comment="The highest point of the curve that it shows"),
    number("attempt", "Attempts at the next step"),
    time_("due_at", "When the next step is due; NULL when there is none", nullable=True),
    Column(
        "fence", BigInteger, nullable=False, comment="Rises with every claim; results with an older one are refused"
    ),
    Index(None, "incident_id", "channel", "target"),
    Index(None, "due_at"),
    comment="Pictures of curves that lie with a channel's provider as files of their own",
)
