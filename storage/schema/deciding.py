"""What it means: incidents, and what people made of them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, LargeBinary, Table, text

from storage.columns import Json
from storage.schema.building import json_, metadata, number, of_incident, share, text_, time_

_LIVE = text("state IN ('open', 'acknowledged')")

incident = Table(
    "incident",
    metadata,
    text_("id", "Identity", primary_key=True),
    text_("brand", "The brand"),
    text_("fingerprint", "What it is about, as a digest: two live incidents never have the same"),
    text_("state", "open, acknowledged, resolved or false_alarm"),
    text_("severity", "watch, warning or critical"),
    text_("headline", "What happened, in a line"),
    text_("kind", "Kind of incident, empty where none is known"),
    text_("topic", "The thread or story it is about, empty for the brand as a whole"),
    number("episode", "Rises with every reopening, from 1"),
    number("version", "Rises with every stored change"),
    time_("began_at", "Time of its first evidence"),
    time_("opened_at", "When it was decided to be an incident"),
    time_("updated_at", "Last change"),
    time_("resolved_at", "When it ended", nullable=True),
    time_("acknowledged_at", "When a person took it", nullable=True),
    text_("acknowledged_by", "Who took it", nullable=True),
    text_("origin_source", "Source of the post where it began", nullable=True),
    text_("origin_id", "external_id of the post where it began", nullable=True),
    json_("sources", "Sources that carry it"),
    json_("evidence", "Posts it rests on, as [source, external_id], most telling first"),
    json_("facts", "What explanations need beside"),
    Index("uq_incident_live_fingerprint", "fingerprint", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    Index(None, "fingerprint", "opened_at"),
    Index(None, "brand", "opened_at"),
    Index(None, "opened_at"),
    comment="What people are talking about",
)

casework = Table(
    "casework",
    metadata,
    of_incident(primary_key=True),
    text_("assigned_to", "Who carries it", nullable=True),
    text_("merged_into", "The incident that it is part of (incident.id)", nullable=True),
    text_("split_from", "The incident that it was split off (incident.id)", nullable=True),
    json_("shaping", "Corrections, what was split off, and how it is part of another"),
    Column("detected", Json, nullable=True, comment="The incident as detection knows it, where people see another"),
    Index(None, "assigned_to"),
    Index(None, "merged_into"),
    Index(None, "split_from"),
    comment="What people made of incidents beside taking and ending them; made from the timelines",
)

incident_tag = Table(
    "incident_tag",
    metadata,
    of_incident(primary_key=True),
    text_("tag", "The tag", primary_key=True),
    Index(None, "tag"),
    comment="Tags of incidents",
)

incident_link = Table(
    "incident_link",
    metadata,
    of_incident(primary_key=True),
    text_("other_id", "The related incident (incident.id)", primary_key=True),
    comment="Incidents that people called related, a row in each direction",
)

incident_event = Table(
    "incident_event",
    metadata,
    of_incident(primary_key=True),
    number("seq", "Number within the incident, from 1 and without holes", primary_key=True),
    time_("at", "When it happened"),
    text_("kind", "What happened"),
    text_("actor", "Who did it"),
    json_("details", "What belongs to it"),
    comment="Timelines of incidents",
)

signal = Table(
    "signal",
    metadata,
    of_incident(primary_key=True),
    text_("detector", "Who found it", primary_key=True),
    time_("at", "The tick at which it was found", primary_key=True),
    text_("topic", "The thread or story, empty for the brand as a whole", primary_key=True),
    text_("kind", "Kind of incident it points to", primary_key=True),
    text_("brand", "The brand"),
    text_("version", "Version of the detector"),
    time_("window_start", "Begin of the span counted"),
    time_("window_end", "End of the span counted"),
    share("observed", "What was counted"),
    share("expected", "What was usual"),
    share("low", "Lower end of the usual"),
    share("high", "Upper end of the usual"),
    share("surprise", "Strength in units of the detector's threshold"),
    text_("severity", "watch, warning or critical"),
    text_("unit", "What was counted"),
    json_("sources", "Sources that carry it"),
    json_("evidence", "Posts it rests on, as [source, external_id], most telling first"),
    share("coverage", "Share of the window that its sources covered"),
    json_("facts", "What explanations need beside"),
    comment="Findings of detectors that belong to incidents",
)

silence = Table(
    "silence",
    metadata,
    text_("id", "Identity", primary_key=True),
    time_("starts_at", "From when it holds deliveries back"),
    time_("ends_at", "Until when"),
    text_("author", "Who made it"),
    text_("comment", "Why"),
    text_("brand", "The brand; NULL for all", nullable=True),
    text_("severity", "The severity; NULL for all", nullable=True),
    text_("incident_id", "The incident; NULL for all", nullable=True),
    text_("kind", "The kind of incident; NULL for all", nullable=True),
    text_("topic", "The thread or story; NULL for all", nullable=True),
    text_("source", "A source that must carry it; NULL for all", nullable=True),
    Column("include_critical", Boolean, nullable=False, comment="Whether critical incidents are held back too"),
    Index(None, "ends_at"),
    comment="Rules that hold deliveries back until a time",
)

checkpoint = Table(
    "checkpoint",
    metadata,
    text_("name", "Whose state it is", primary_key=True),
    time_("at", "Event time up to which it has seen everything"),
    Column("blob", LargeBinary, nullable=False, comment="The state, in its owner's own form"),
    comment="States that let a restarted process go on where it was",
)

lease = Table(
    "lease",
    metadata,
    text_("name", "What is held", primary_key=True),
    text_("owner", "Who holds it; empty when it was given back"),
    Column("fence", BigInteger, nullable=False, comment="Rises with every holder; writes with an older one are stale"),
    time_("expires_at", "Until when, unless renewed"),
    comment="Who may act alone",
)

instance = Table(
    "instance",
    metadata,
    text_("name", "The process: its machine, its number there, and a random part", primary_key=True),
    time_("started_at", "When it began"),
    time_("alive_until", "Until when it counts as running, unless it says so again"),
    text_("degraded", "Why it judges sentiment by less than what is configured; empty while it does not"),
    comment="Processes that run over this database and share its sources",
)
