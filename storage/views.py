"""Views for people who ask the database themselves: words instead of numbers, and times that can be read.

They are made anew after every change of the tables (storage/migrations/steps.py), and dropped before it, because both
engines refuse to change a table that a view reads. Their names and columns are a promise: columns are added, none is
taken away. Whoever changes a view adds a step to the migrations, an empty one if need be: databases learn of it so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """One column: its name, how it is made (`TIME(x)`, `MINUTES(from, to)`, `SHARE(part, whole)`,
    `LIST(column, table, id)` are spelled for each engine), and what it holds."""

    name: str
    made: str
    comment: str


@dataclass(frozen=True, slots=True)
class View:
    """One view: its name, what a row is, its columns, and what they are read from."""

    name: str
    comment: str
    columns: tuple[ViewColumn, ...]
    read_from: str

    def statement(self, engine: str) -> str:
        """The CREATE VIEW for `sqlite` or `postgresql`."""
        columns = ",\n  ".join(f"{_spelled(column.made, engine)} AS {column.name}" for column in self.columns)
        return f"CREATE VIEW {self.name} AS\nSELECT\n  {columns}\nFROM {_spelled(self.read_from, engine)}"


_SPELLINGS = {
    # strftime keeps milliseconds; a text like this sorts by time and is read by every tool.
    "sqlite": {
        r"TIME\(([\w.]+)\)": r"strftime('%Y-%m-%dT%H:%M:%fZ', \1 / 1000000.0, 'unixepoch')",
        r"MINUTES\(([\w.]+), ([\w.]+)\)": r"round((\2 - \1) / 60000000.0, 2)",
        r"SECONDS\(([\w.]+), ([\w.]+)\)": r"round((\2 - \1) / 1000000.0, 3)",
        r"MICROS\(([\w.]+)\)": r"\1",
        r"FIELD\(([\w.]+), (\w+)\)": r"json_extract(\1, '$.\2')",
        r"LIST\((\w+), (\w+), ([\w.]+)\)": r"coalesce((SELECT group_concat(one, ', ') FROM (SELECT \1 AS one FROM \2"
        r" WHERE incident_id = \3 ORDER BY \1)), '')",
    },
    "postgresql": {
        r"TIME\(([\w.]+)\)": r"\1",
        r"MINUTES\(([\w.]+), ([\w.]+)\)": r"round((extract(epoch FROM \2 - \1) / 60)::numeric, 2)::double precision",
        r"SECONDS\(([\w.]+), ([\w.]+)\)": r"round(extract(epoch FROM \2 - \1)::numeric, 3)::double precision",
        r"MICROS\(([\w.]+)\)": r"(extract(epoch FROM \1) * 1000000)::bigint",
        r"FIELD\(([\w.]+), (\w+)\)": r"(\1 ->> '\2')",
        r"LIST\((\w+), (\w+), ([\w.]+)\)": r"coalesce((SELECT string_agg(\1, ', ' ORDER BY \1) FROM \2"
        r" WHERE incident_id = \3), '')",
    },
}
_SHARE = re.compile(r"SHARE\(([^,]+), ([^)]+)\)")


def _spelled(made: str, engine: str) -> str:
    for written, spelled in _SPELLINGS[engine].items():
        made = re.sub(written, spelled, made)
    return _SHARE.sub(r"round(CAST(\1 AS numeric) / nullif(\2, 0), 4)", made)


def _columns(*rows: tuple[str, str, str]) -> tuple[ViewColumn, ...]:
    return tuple(ViewColumn(*row) for row in rows)


INCIDENTS = View(
    "v_incidents",
    "Incidents, a row each, with the response clock",
    _columns(
        ("id", "i.id", "Identity"),
        ("brand", "i.brand", "The brand"),
        ("headline", "i.headline", "What happened, in a line"),
        ("severity", "i.severity", "watch, warning or critical"),
        ("state", "i.state", "open, acknowledged, resolved or false_alarm"),
        ("kind", "i.kind", "Kind of incident, empty where none is known"),
        ("topic", "i.topic", "The thread or story it is about"),
        ("episode", "i.episode", "Rises with every reopening, from 1"),
        ("began_at", "TIME(i.began_at)", "Time of its first evidence"),
        ("opened_at", "TIME(i.opened_at)", "When it was decided to be an incident"),
        ("first_sent_at", "TIME(d.first_sent_at)", "When the first message about it was accepted anywhere"),
        ("acknowledged_at", "TIME(i.acknowledged_at)", "When a person took it"),
        ("acknowledged_by", "i.acknowledged_by", "Who took it"),
        ("resolved_at", "TIME(i.resolved_at)", "When it ended"),
        ("minutes_to_open", "MINUTES(i.began_at, i.opened_at)", "From its first evidence to the decision"),
        ("minutes_to_tell", "MINUTES(i.opened_at, d.first_sent_at)", "From the decision to the first message"),
        ("minutes_to_acknowledge", "MINUTES(i.opened_at, i.acknowledged_at)", "From the decision until it was taken"),
        ("minutes_to_resolve", "MINUTES(i.opened_at, i.resolved_at)", "From the decision to its end"),
        ("origin_source", "i.origin_source", "Source of the post where it began"),
        ("origin_id", "i.origin_id", "external_id of the post where it began"),
        ("messages_sent", "coalesce(d.messages_sent, 0)", "Messages that were accepted"),
        ("opened_micros", "MICROS(i.opened_at)", "opened_at in microseconds since 1970"),
        ("assigned_to", "c.assigned_to", "Who carries it"),
        ("tags", "LIST(tag, incident_tag, i.id)", "Its tags, with commas between them"),
        ("links", "LIST(other_id, incident_link, i.id)", "Ids of related incidents, with commas between them"),
        ("merged_into", "c.merged_into", "The incident that it was merged into by a person"),
        ("split_from", "c.split_from", "The incident that it was split off by a person"),
    ),
    "incident AS i LEFT JOIN casework AS c ON c.incident_id = i.id LEFT JOIN"
    " (SELECT incident_id, min(sent_at) AS first_sent_at, count(sent_at) AS messages_sent"
    " FROM delivery GROUP BY incident_id) AS d ON d.incident_id = i.id",
)

POSTS = View(
    "v_posts",
    "Posts that mention a brand, a row per post and brand, with the sentiment toward it",
    _columns(
        ("source", "p.source", "Where it was published, as configured"),
        ("external_id", "p.external_id", "The source's own name for it"),
        ("brand", "m.brand", "The brand mentioned"),
        ("created_at", "TIME(p.created_at)", "When it was published"),
        ("kind", "p.kind", "post, reply, repost, story, article, comment, review or message"),
        ("author", "p.author", "The account that published it"),
        ("author_name", "p.author_name", "The account's name as shown"),
        ("author_reach", "p.author_reach", "The account's audience, where the source says"),
        ("title", "p.title", "Its title, empty where it has none"),
        ("text", "p.text", "The words as published"),
        ("url", "p.url", "Its address"),
        ("language", "p.language", "Language that the source states or that was recognised"),
        ("label", "m.label", "negative, neutral, positive or unscored"),
        ("compound", "m.compound", "Sentiment toward the brand, -1 to 1"),
        ("uncertainty", "m.uncertainty", "Doubt about the label; 0.5 is a coin's toss"),
        ("relevance", "m.relevance", "How sure it is that the brand is meant, 0 to 1"),
        ("why_relevant", "m.reason", "Why it counts as a mention"),
        ("likes", "p.likes", "Likes, favourites, points"),
        ("shares", "p.shares", "Shares, reposts, quotes"),
        ("replies", "p.replies", "Replies or comments"),
        ("views", "p.views", "Views or plays"),
        ("thread_id", "p.thread_id", "external_id of the root of its thread"),
        ("parent_id", "p.parent_id", "external_id of the post that it answers"),
        ("edited_at", "TIME(p.edited_at)", "When it was last edited, as the source says"),
        ("collected_at", "TIME(p.collected_at)", "When it was first read"),
        ("content_key", "m.content_key", "Equal for texts that are copies of one another"),
        ("created_micros", "MICROS(m.created_at)", "created_at in microseconds since 1970"),
    ),
    "mention AS m JOIN post AS p ON p.id = m.post_id",
)

BINS = View(
    "v_bins",
    "Counts of mentions per brand, source and five minutes",
    _columns(
        ("start", "TIME(b.start)", "Begin of the five minutes"),
        ("brand", "b.brand", "The brand"),
        ("source", "b.source", "The source"),
        ("posts", "b.posts", "Posts that mention the brand, reposts included"),
        ("negative", "b.negative", "Of them, scored negative"),
        ("positive", "b.positive", "Of them, scored positive"),
        ("unscored", "b.unscored", "Of them, not judged"),
        ("reposts", "b.reposts", "Of them, reposts of others' words"),
        ("reach", "b.reach", "Sum of the authors' audiences"),
        ("negative_share", "SHARE(b.negative, b.posts - b.unscored)", "negative / judged; NULL where none was judged"),
        ("start_micros", "MICROS(b.start)", "start in microseconds since 1970"),
    ),
    "bin AS b",
)

TIMELINE = View(
    "v_timeline",
    "What happened to incidents, a row an event",
    _columns(
        ("incident_id", "e.incident_id", "The incident (v_incidents.id)"),
        ("brand", "i.brand", "The brand"),
        ("seq", "e.seq", "Number within the incident, from 1"),
        ("at", "TIME(e.at)", "When it happened"),
        ("what", "e.kind", "What happened"),
        ("who", "e.actor", "Who did it; tocsin for the program"),
        ("note", "coalesce(FIELD(e.details, note), FIELD(e.details, why))", "The words that were left with it"),
        ("details", "e.details", "All that belongs to it, as JSON"),
    ),
    "incident_event AS e JOIN incident AS i ON i.id = e.incident_id",
)

SIGNALS = View(
    "v_signals",
    "What detectors found, a row a finding",
    _columns(
        ("incident_id", "s.incident_id", "The incident (v_incidents.id)"),
        ("brand", "s.brand", "The brand"),
        ("detector", "s.detector", "Who found it"),
        ("at", "TIME(s.at)", "When it was found"),
        ("window_start", "TIME(s.window_start)", "Begin of the span counted"),
        ("window_end", "TIME(s.window_end)", "End of the span counted"),
        ("unit", "s.unit", "What was counted"),
        ("observed", "s.observed", "What was counted in it"),
        ("expected", "s.expected", "What was usual"),
        ("low", "s.low", "Lower end of the usual"),
        ("high", "s.high", "Upper end of the usual"),
        ("surprise", "s.surprise", "Strength in units of the detector's threshold"),
        ("severity", "s.severity", "watch, warning or critical"),
        ("kind", "s.kind", "Kind of incident it points to"),
        ("topic", "s.topic", "The thread or story, empty for the brand as a whole"),
        ("coverage", "s.coverage", "Share of the window that its sources covered"),
        ("why", "FIELD(s.facts, why)", "The finding in a sentence"),
    ),
    "signal AS s",
)

DELIVERIES = View(
    "v_deliveries",
    "Messages to people, a row a message and place",
    _columns(
        ("id", "d.id", "Identity, also sent along with the message"),
        ("incident_id", "d.incident_id", "The incident (v_incidents.id)"),
        ("brand", "i.brand", "The brand"),
        ("headline", "i.headline", "What the incident is about"),
        ("reason", "d.reason", "opened, escalated, update, reminder or resolved"),
        ("severity", "d.severity", "watch, warning or critical"),
        ("channel", "d.channel", "The channel, as configured"),
        ("target", "d.target", "Address within the channel"),
        ("state", "d.state", "pending, sending, retry, ambiguous, checking, sent, dead or superseded"),
        ("created_at", "TIME(d.created_at)", "When it was decided"),
        ("first_due_at", "TIME(d.first_due_at)", "When it was first due"),
        ("sent_at", "TIME(d.sent_at)", "When the provider accepted it"),
        ("seconds_late", "SECONDS(d.first_due_at, d.sent_at)", "From when it was first due until it was accepted"),
        ("attempts", "d.attempt", "Attempts to send begun"),
        ("last_error", "d.last_error", "What went wrong last"),
        ("why", "d.why", "Why it is sent, in a sentence"),
    ),
    "delivery AS d JOIN incident AS i ON i.id = d.incident_id",
)

GAPS = View(
    "v_gaps",
    "Spans in which a source was not, or not wholly, read",
    _columns(
        ("source", "g.source", "The source"),
        ("starts_at", "TIME(g.starts_at)", "Begin of the span"),
        ("ends_at", "TIME(g.ends_at)", "End of the span"),
        ("minutes", "MINUTES(g.starts_at, g.ends_at)", "Its length"),
        ("share_missing", "g.share_missing", "Share of the span's posts that is missing, 0 to 1"),
        ("reason", "g.reason", "Why it was not read"),
        ("filled_at", "TIME(g.filled_at)", "When it was read after all; NULL while it is missing"),
    ),
    "gap AS g",
)

VIEWS = (INCIDENTS, POSTS, BINS, TIMELINE, SIGNALS, DELIVERIES, GAPS)
"""Every view, in the order of docs/database.md."""


def remove(connection: Connection) -> list[str]:
    """Drop the views; returns the statements that give back what roles might read (none on SQLite)."""
    grants = [] if connection.dialect.name == "sqlite" else _grants(connection)
    for view in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")
    return grants


def create(connection: Connection, grants: list[str]) -> None:
    """Make the views, and let those read them who might before."""
    for view in VIEWS:
        connection.exec_driver_sql(view.statement(connection.dialect.name))
        if connection.dialect.name == "postgresql":
            comment = view.comment.replace("'", "''")
            connection.exec_driver_sql(f"COMMENT ON VIEW {view.name} IS '{comment}'")
    for grant in grants:
        connection.exec_driver_sql(grant)


_GRANTED = text(
    "SELECT table_name, grantee FROM information_schema.role_table_grants"
    " WHERE privilege_type = 'SELECT' AND table_schema = current_schema() AND grantee <> current_user"
    " AND table_name = ANY(:names)"
)


def _grants(connection: Connection) -> list[str]:
    quoted = connection.dialect.identifier_preparer.quote
    rows = connection.execute(_GRANTED, {"names": [view.name for view in VIEWS]})
    return [f"GRANT SELECT ON {name} TO {quoted(grantee)}" for name, grantee in rows]
