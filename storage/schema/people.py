"""Who may come in, and who did what."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, Text, UniqueConstraint

from storage.schema.building import json_, metadata, number, text_, time_

account = Table(
    "account",
    metadata,
    text_("name", "How the person signs in, and is called in timelines", primary_key=True),
    text_("role", "viewer, responder, analyst or operator"),
    text_("password", "argon2id hash; NULL for who only uses tokens", nullable=True),
    time_("created_at", "When it was made"),
    comment="People who sign in with a password",
)

web_session = Table(
    "web_session",
    metadata,
    text_("key", "SHA-256 of the cookie", primary_key=True),
    text_("name", "Who is signed in"),
    text_("role", "Role that an OpenID Connect provider gave; NULL for that of the account", nullable=True),
    time_("created_at", "When the person signed in"),
    time_("seen_at", "Last request, to the minute"),
    Index(None, "name"),
    Index(None, "seen_at"),
    comment="Browsers that are signed in",
)

api_token = Table(
    "api_token",
    metadata,
    text_("id", "Identity, shown to people", primary_key=True),
    text_("key", "SHA-256 of the token"),
    Column(
        "account", Text, ForeignKey("account.name", ondelete="CASCADE"), nullable=False, comment="Whose (account.name)"
    ),
    text_("purpose", "What it is for"),
    json_("scopes", "What it may do: read, respond, analyse, operate"),
    time_("created_at", "When it was made"),
    time_("expires_at", "Until when it holds"),
    time_("seen_at", "Last use, to the minute", nullable=True),
    UniqueConstraint("key"),
    Index(None, "account"),
    comment="Tokens of programs",
)

audit = Table(
    "audit",
    metadata,
    number("seq", "Number, from 1 and without holes", primary_key=True),
    time_("at", "When it happened"),
    text_("actor", "Who did it"),
    text_("action", "What was done"),
    text_("subject", "To what"),
    json_("details", "What belongs to it; never words of posts"),
    text_("digest", "SHA-256 over this line and the digest before it, so that a changed or removed line shows"),
    comment="What people did here; only ever added to",
)

saved_view = Table(
    "saved_view",
    metadata,
    text_("name", "Its name", primary_key=True),
    text_("author", "Who saved it"),
    text_("query", "What it asks for, as in the address of the page"),
    time_("saved_at", "When it was saved"),
    comment="Questions to the posts that people keep",
)
