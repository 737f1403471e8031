"""The tables. Every table and column says what it holds; docs/database.md is made from here, in this order."""

from __future__ import annotations

# Tables stand in the order in which their modules are imported.
# isort: off
from storage.schema.building import metadata, post_id
from storage.schema.reading import (
    bin_,
    bin_day,
    correction,
    engagement_sample,
    erased,
    mention,
    post,
    revision,
    stored_day,
)
from storage.schema.collecting import cursor, gap, run, schedule, shard, spent
from storage.schema.deciding import (
    casework,
    checkpoint,
    incident,
    incident_event,
    incident_link,
    incident_tag,
    instance,
    lease,
    signal,
    silence,
)
from storage.schema.telling import alert, bucket, channel, delivery, delivery_attempt, escalation, picture
from storage.schema.people import account, api_token, audit, saved_view, web_session
from storage.schema.handed import inbox, inbox_message, quarantine

# isort: on

__all__ = [
    "account",
    "alert",
    "api_token",
    "audit",
    "bin_",
    "bin_day",
    "bucket",
    "casework",
    "channel",
    "checkpoint",
    "correction",
    "cursor",
    "delivery",
    "delivery_attempt",
    "engagement_sample",
    "erased",
    "escalation",
    "gap",
    "inbox",
    "inbox_message",
    "incident",
    "incident_event",
    "incident_link",
    "incident_tag",
    "instance",
    "lease",
    "mention",
    "metadata",
    "picture",
    "post",
    "post_id",
    "quarantine",
    "revision",
    "run",
    "saved_view",
    "schedule",
    "shard",
    "signal",
    "silence",
    "spent",
    "stored_day",
    "web_session",
]
