"""Tables for analysts, as pandas DataFrames.

    with database.read() as tx:
        frames.incidents(tx).query("severity == 'critical'").time_to_acknowledge.median()

Times are `datetime64[us, UTC]`, spans `timedelta64[us]`, counts `Int64` (with `<NA>` where a source does not say),
words `string`, and small sets of words `category`. Rows are ordered by their first time. No frame holds a post twice
unless it mentions several brands. `posts_in_parts` gives what is too much for memory a part at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Select, Table, func, select

from storage.database import Transaction
from storage.records import DeliveryState, IncidentState, Label, PostKind, Reason, Severity
from storage.rows import M, P
from storage.schema import (
    alert,
    bin_,
    casework,
    delivery,
    gap,
    incident,
    incident_event,
    incident_link,
    incident_tag,
    mention,
    post,
)

_TIME = "datetime64[us, UTC]"
_SPAN = "timedelta64[us]"
_SEVERITIES = pd.CategoricalDtype([severity.value for severity in Severity], ordered=True)
_LABELS = pd.CategoricalDtype([label.value for label in Label])
_KINDS = pd.CategoricalDtype([kind.value for kind in PostKind])
_REASONS = pd.CategoricalDtype([reason.value for reason in Reason])

INCIDENTS: Mapping[str, Any] = {
    "id": "string",
    "brand": "string",
    "kind": "string",
    "topic": "string",
    "severity": _SEVERITIES,
    "state": pd.CategoricalDtype([state.value for state in IncidentState]),
    "headline": "string",
    "episode": "Int64",
    "began_at": _TIME,
    "opened_at": _TIME,
    "acknowledged_at": _TIME,
    "acknowledged_by": "string",
    "resolved_at": _TIME,
    "first_sent_at": _TIME,
    "alerts": "Int64",
    "time_to_open": _SPAN,
    "time_to_tell": _SPAN,
    "time_to_acknowledge": _SPAN,
    "time_to_resolve": _SPAN,
    "assigned_to": "string",
    "tags": "string",
    "links": "string",
    "merged_into": "string",
    "split_from": "string",
}
"""Columns of `incidents`. `first_sent_at` is when the first message about it was accepted anywhere; the spans are
counted from its first evidence (`time_to_open`) and from its opening (the others). `tags` and `links` have commas
between them."""

POSTS: Mapping[str, Any] = {
    "source": "string",
    "external_id": "string",
    "created_at": _TIME,
    "collected_at": _TIME,
    "kind": _KINDS,
    "brand": "string",
    "relevance": "Float64",
    "compound": "Float64",
    "label": _LABELS,
    "uncertainty": "Float64",
    "scorer": "string",
    "author": "string",
    "author_reach": "Int64",
    "language": "string",
    "thread_id": "string",
    "likes": "Int64",
    "shares": "Int64",
    "replies": "Int64",
    "views": "Int64",
    "content_key": "string",
    "title": "string",
    "text": "string",
    "url": "string",
}
"""Columns of `posts`, a row per post and brand mentioned. `compound` is the sentiment toward the brand, -1 to 1."""

BINS: Mapping[str, Any] = {
    "start": _TIME,
    "brand": "string",
    "source": "string",
    "posts": "Int64",
    "negative": "Int64",
    "positive": "Int64",
    "unscored": "Int64",
    "reposts": "Int64",
    "reach": "Int64",
    "negative_share": "Float64",
}
"""Columns of `bins`. `negative_share` is negative / (posts - unscored), `<NA>` where nothing was scored."""

DELIVERIES: Mapping[str, Any] = {
    "id": "string",
    "incident_id": "string",
    "episode": "Int64",
    "seq": "Int64",
    "reason": _REASONS,
    "severity": _SEVERITIES,
    "channel": "string",
    "target": "string",
    "state": pd.CategoricalDtype([state.value for state in DeliveryState]),
    "created_at": _TIME,
    "first_due_at": _TIME,
    "sent_at": _TIME,
    "attempts": "Int64",
    "last_error": "string",
    "delay": _SPAN,
}
"""Columns of `deliveries`. `delay` is from when it was first due until a provider accepted it."""

TIMELINE: Mapping[str, Any] = {
    "incident_id": "string",
    "seq": "Int64",
    "at": _TIME,
    "what": "string",
    "who": "string",
    "note": "string",
}
"""Columns of `timeline`: what happened to incidents, who did it (`tocsin` for the program), and the words left."""

GAPS: Mapping[str, Any] = {
    "source": "string",
    "starts_at": _TIME,
    "ends_at": _TIME,
    "share_missing": "Float64",
    "reason": "string",
    "filled_at": _TIME,
    "length": _SPAN,
}
"""Columns of `gaps`. `share_missing` is the share of the span's posts that is missing, 0 to 1."""


def incidents(tx: Transaction, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Incidents that opened in `[since, until)`, in the columns `INCIDENTS`."""
    names = [name for name in INCIDENTS if name in incident.c]
    sent = select(func.min(delivery.c.sent_at)).where(delivery.c.incident_id == incident.c.id).scalar_subquery()
    said = select(func.count()).select_from(alert).where(alert.c.incident_id == incident.c.id).scalar_subquery()
    columns = (*(incident.c[name] for name in names), sent.label("first_sent_at"), said.label("alerts"))
    worked = [casework.c[name] for name in ("assigned_to", "merged_into", "split_from")]
    joined = incident.outerjoin(casework, casework.c.incident_id == incident.c.id)
    statement = select(*columns, *worked).select_from(joined).where(*_within(incident.c.opened_at, since, until))
    found = _frame(tx, statement.order_by(incident.c.opened_at, incident.c.id), INCIDENTS)
    found["tags"] = _in_a_row(tx, incident_tag, "tag", found)
    found["links"] = _in_a_row(tx, incident_link, "other_id", found)
    found["time_to_open"] = found.opened_at - found.began_at
    found["time_to_tell"] = found.first_sent_at - found.opened_at
    found["time_to_acknowledge"] = found.acknowledged_at - found.opened_at
    found["time_to_resolve"] = found.resolved_at - found.opened_at
    return found


def posts(
    tx: Transaction, since: datetime | None = None, until: datetime | None = None, brand: str | None = None
) -> pd.DataFrame:
    """Mentions of posts published in `[since, until)`, of one brand or all, in the columns `POSTS`."""
    return _frame(tx, _select_posts(since, until, brand), POSTS)


def posts_in_parts(
    tx: Transaction,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
    *,
    size: int = 20_000,
) -> Iterator[pd.DataFrame]:
    """What `posts` gives, in frames of at most `size` rows, in bounded memory; an empty one where there is nothing."""
    result = tx.execute(_select_posts(since, until, brand), execution_options={"yield_per": size})
    names, is_empty = list(result.keys()), True
    for rows in result.partitions():
        is_empty = False
        yield _typed(pd.DataFrame.from_records(list(map(tuple, rows)), columns=names), POSTS)
    if is_empty:
        yield _typed(pd.DataFrame(columns=names), POSTS)


def _select_posts(since: datetime | None, until: datetime | None, brand: str | None) -> Select[Any]:
    columns = [P[name] if name in P else M[name] for name in POSTS]
    statement = select(*columns).select_from(mention.join(post, P.id == M.post_id))
    statement = statement.where(*_within(M.created_at, since, until))
    if brand is not None:
        statement = statement.where(M.brand == brand)
    return statement.order_by(M.created_at, P.source, P.external_id, M.brand)


def bins(
    tx: Transaction,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
    *,
    every: str = "5min",
) -> pd.DataFrame:
    """Counts by brand, source and time in `[since, until)`, in the columns `BINS`; slots without posts are left out.

    `every` joins the five minutes into longer slots, in pandas' words: `1h`, `1D`.
    """
    counts = [name for name in BINS if name in bin_.c]
    statement = select(*(bin_.c[name] for name in counts)).where(*_within(bin_.c.start, since, until))
    if brand is not None:
        statement = statement.where(bin_.c.brand == brand)
    found = _frame(tx, statement.order_by(bin_.c.start, bin_.c.brand, bin_.c.source), BINS)
    if every != "5min" and len(found):
        found["start"] = found["start"].dt.floor(every)
        found = found.groupby(["start", "brand", "source"], as_index=False).sum()
    found["negative_share"] = (found.negative / (found.posts - found.unscored).replace(0, pd.NA)).astype("Float64")
    return found[list(BINS)]


def deliveries(tx: Transaction, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Deliveries created in `[since, until)`, in the columns `DELIVERIES`."""
    columns = [
        delivery.c.attempt.label("attempts") if name == "attempts" else delivery.c.get(name) for name in DELIVERIES
    ]
    statement = select(*(column for column in columns if column is not None))
    statement = statement.where(*_within(delivery.c.created_at, since, until))
    found = _frame(tx, statement.order_by(delivery.c.created_at, delivery.c.id), DELIVERIES)
    found["delay"] = found.sent_at - found.first_due_at
    return found


def timeline(tx: Transaction, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """What happened to incidents in `[since, until)`, in the columns `TIMELINE`."""
    of = incident_event.c
    statement = select(of.incident_id, of.seq, of.at, of.kind.label("what"), of.actor.label("who"), of.details)
    result = tx.execute(statement.where(*_within(of.at, since, until)).order_by(of.at, of.incident_id, of.seq))
    rows = [(*row[:5], row.details.get("note") or row.details.get("why")) for row in result]
    return _typed(pd.DataFrame.from_records(rows, columns=list(TIMELINE)), TIMELINE)


def gaps(tx: Transaction, since: datetime | None = None, until: datetime | None = None) -> pd.DataFrame:
    """Spans that began in `[since, until)` in which a source was not wholly read, in the columns `GAPS`."""
    statement = select(*(gap.c[name] for name in GAPS if name in gap.c)).where(*_within(gap.c.starts_at, since, until))
    found = _frame(tx, statement.order_by(gap.c.starts_at, gap.c.source, gap.c.ends_at), GAPS)
    found["length"] = found.ends_at - found.starts_at
    return found


def _in_a_row(tx: Transaction, table: Table, name: str, found: pd.DataFrame) -> pd.Series[str]:
    """What several rows say of an incident, with commas between."""
    said: dict[str, list[str]] = {}
    for incident_id, value in tx.execute(select(table.c.incident_id, table.c[name]).order_by(table.c[name])):
        said.setdefault(incident_id, []).append(value)
    return found.id.map(lambda incident_id: ", ".join(said.get(incident_id, ()))).astype("string")


def _within(
    column: ColumnElement[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(column >= since)
    if until is not None:
        conditions.append(column < until)
    return conditions


def _frame(tx: Transaction, statement: Select[Any], columns: Mapping[str, Any]) -> pd.DataFrame:
    result = tx.execute(statement)
    return _typed(pd.DataFrame.from_records(list(map(tuple, result)), columns=list(result.keys())), columns)


def _typed(found: pd.DataFrame, columns: Mapping[str, Any]) -> pd.DataFrame:
    return found.reindex(columns=list(columns)).astype(dict(columns))
