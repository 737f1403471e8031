"""Incidents, their timelines, signals and alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, and_, bindparam, func, or_, select
from sqlalchemy import update as update_rows

from storage.casework import is_chosen, stands_by_itself
from storage.database import Transaction
from storage.records import SYSTEM, Alert, Incident, IncidentEvent, IncidentState, Reason, Severity, Signal
from storage.schema import alert, incident, incident_event, signal
from storage.statements import insert_if_new, insert_new, is_after, is_before, is_constantly_in

_LIVE = tuple(state.value for state in IncidentState if state.is_live)
_INCIDENT = tuple(column for column in incident.c)
_EVENT = tuple(incident_event.c[name] for name in IncidentEvent.__slots__)
_SIGNAL = tuple(signal.c[name] for name in Signal.__slots__)
_ALERT = tuple(alert.c[name] for name in Alert.__slots__)

# What is asked whenever an incident is told of, put together once: that takes longer than to be answered.
_NAMED: BindParameter[str] = bindparam("name")
_BY_ID = select(*_INCIDENT).where(incident.c.id == _NAMED)
_BY_FINGERPRINT = (
    select(*_INCIDENT)
    .where(incident.c.fingerprint == _NAMED)
    .order_by(is_constantly_in(incident.c.state, _LIVE).desc(), incident.c.opened_at.desc(), incident.c.id)
    .limit(1)
)
_CHANGED = update_rows(incident).where(incident.c.id == _NAMED, incident.c.version == bindparam("expected_version"))
_LAST_LINE = select(func.max(incident_event.c.seq)).where(incident_event.c.incident_id == _NAMED)
_EVENTS = select(*_EVENT).where(incident_event.c.incident_id == _NAMED).order_by(incident_event.c.seq)
_SIGNALS = (
    select(*_SIGNAL)
    .where(signal.c.incident_id == _NAMED)
    .order_by(signal.c.at, signal.c.detector, signal.c.topic, signal.c.kind)
)
_ALERTS = select(*_ALERT).where(alert.c.incident_id == _NAMED).order_by(alert.c.episode, alert.c.seq)


def insert(tx: Transaction, new: Incident) -> bool:
    """Store a new incident. False, and nothing done, when its id is known or a live one has its fingerprint."""
    return insert_if_new(tx, incident, _row(new))


def update(tx: Transaction, changed: Incident, expected_version: int) -> bool:
    """Store a change of an incident, unless somebody else changed it since `expected_version` was read.

    `changed.version` must be higher than the expected one. False, and nothing done, when the incident has moved on.
    """
    if changed.version <= expected_version:
        raise ValueError(f"incident {changed.id}: version {changed.version} does not follow {expected_version}")
    row = _row(changed)
    return bool(tx.execute(_CHANGED, row | {"name": row.pop("id"), "expected_version": expected_version}).rowcount)


def get(tx: Transaction, incident_id: str) -> Incident | None:
    """The incident of this id."""
    return _one(tx, _BY_ID, incident_id)


def lock(tx: Transaction, incident_id: str) -> None:
    """Let nobody else change the incident until the end of `tx`: what is read of it from now on is what they left."""
    if tx.dialect.name == "postgresql":  # on SQLite there is one writer anyway
        tx.execute(select(incident.c.id).where(incident.c.id == incident_id).with_for_update())


def is_free(tx: Transaction, incident_id: str) -> bool:
    """Lock the incident unless somebody else is changing it just now, whom it is not worth to wait for: False then.

    Who holds something else already must not wait for an incident: the one who has it may be waiting for that.
    """
    if tx.dialect.name != "postgresql":
        return True
    statement = select(incident.c.id).where(incident.c.id == incident_id)
    return tx.scalar(statement.with_for_update(skip_locked=True)) is not None


def by_fingerprint(tx: Transaction, fingerprint: str) -> Incident | None:
    """The live incident with this fingerprint, else the one last opened."""
    return _one(tx, _BY_FINGERPRINT, fingerprint)


def live(
    tx: Transaction,
    brand: str | None = None,
    severities: Sequence[Severity] = (),
    *,
    tag: str = "",
    assigned_to: str = "",
) -> list[Incident]:
    """Incidents that still go on, the oldest first."""
    statement = select(*_INCIDENT).where(is_constantly_in(incident.c.state, _LIVE))
    if severities:
        statement = statement.where(incident.c.severity.in_([severity.value for severity in severities]))
    if brand is not None:
        statement = statement.where(incident.c.brand == brand)
    statement = statement.where(*is_chosen(tag, assigned_to))
    return _read(tx, statement.order_by(incident.c.opened_at, incident.c.id))


def recent(
    tx: Transaction,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
    states: Sequence[IncidentState] = (),
    severities: Sequence[Severity] = (),
    tag: str = "",
    assigned_to: str = "",
    limit: int = 100,
) -> list[Incident]:
    """Incidents by their opening in `[since, until)`, the newest first."""
    statement = select(*_INCIDENT).where(
        *_is_meant(since, until, brand, states, severities), *is_chosen(tag, assigned_to)
    )
    return _read(tx, statement.order_by(incident.c.opened_at.desc(), incident.c.id).limit(limit))


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many incidents of brands began since a moment, and how many go on."""

    begun: int
    live: int


def numbers(tx: Transaction, since: datetime) -> Numbers:
    """Counted by the database, without reading the incidents; those of the program about itself are none of them."""
    count, is_live = select(func.count()).where(incident.c.brand != SYSTEM), is_constantly_in(incident.c.state, _LIVE)
    return Numbers(tx.scalar(count.where(incident.c.opened_at >= since)) or 0, tx.scalar(count.where(is_live)) or 0)


@dataclass(frozen=True, slots=True)
class Outline:
    """What an incident was about, without the posts that it rests on."""

    id: str
    brand: str
    kind: str
    opened_at: datetime
    facts: Mapping[str, Any]


_OUTLINES = (
    select(*(incident.c[name] for name in Outline.__slots__))
    .where(
        incident.c.opened_at < bindparam("until"),
        or_(incident.c.brand == bindparam("brand"), and_(incident.c.kind == bindparam("kind"), incident.c.kind != "")),
        stands_by_itself(),
    )
    .order_by(incident.c.opened_at.desc(), incident.c.id)
    .limit(bindparam("most"))
)


def outlines(tx: Transaction, *, until: datetime, brand: str, kind: str, limit: int) -> list[Outline]:
    """Incidents opened before `until` of the brand or of the kind (empty for none), the newest first; none that people
    merged into another."""
    asked = {"until": until, "brand": brand, "kind": kind, "most": limit}
    return [Outline(*row) for row in tx.execute(_OUTLINES, asked)]


def page(
    tx: Transaction,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
    states: Sequence[IncidentState] = (),
    severities: Sequence[Severity] = (),
    tag: str = "",
    assigned_to: str = "",
    before: tuple[datetime, str] | None = None,
    limit: int = 100,
) -> list[Incident]:
    """Incidents opened in `[since, until)`, the newest first; `before` (opening and id) goes on after one."""
    columns = incident.c
    statement = select(*_INCIDENT).where(
        *_is_meant(since, until, brand, states, severities), *is_chosen(tag, assigned_to)
    )
    if before is not None:
        statement = statement.where(is_before(columns.opened_at, columns.id, before))
    return _read(tx, statement.order_by(columns.opened_at.desc(), columns.id.desc()).limit(limit))


def _is_meant(
    since: datetime | None,
    until: datetime | None,
    brand: str | None,
    states: Sequence[IncidentState],
    severities: Sequence[Severity],
) -> list[ColumnElement[bool]]:
    """Opened in `[since, until)`, of the brand, in one of the states, of one of the severities, as far as given."""
    columns = incident.c
    return [
        *([columns.opened_at >= since] if since is not None else []),
        *([columns.opened_at < until] if until is not None else []),
        *([columns.brand == brand] if brand is not None else []),
        *([columns.state.in_([state.value for state in states])] if states else []),
        *([columns.severity.in_([severity.value for severity in severities])] if severities else []),
    ]


def changed(tx: Transaction, after: tuple[datetime, str], limit: int = 100) -> list[Incident]:
    """Incidents that changed after a moment (and, at that moment, of a greater id), in the order of their changes."""
    statement = select(*_INCIDENT).where(is_after(incident.c.updated_at, incident.c.id, after))
    return _read(tx, statement.order_by(incident.c.updated_at, incident.c.id).limit(limit))


def next_line(tx: Transaction, incident_id: str) -> int:
    """The number that the next line of an incident's timeline gets; the incident stays locked until the end of `tx`."""
    lock(tx, incident_id)  # so that two writers do not take the same number
    return (tx.scalar(_LAST_LINE, {"name": incident_id}) or 0) + 1


def said(tx: Transaction, after: tuple[datetime, str], limit: int = 100) -> list[IncidentEvent]:
    """Lines that people wrote into timelines after a moment and, at that moment, of a greater name, by both.

    The name of a line is `<incident>.<number>`, which sorts behind its incident and before the next one.
    """
    since, name = after
    incident_id, _, seq = name.partition(".")
    columns = incident_event.c
    later_line = and_(columns.incident_id == incident_id, columns.seq > int(seq or 0))
    at_once = and_(columns.at == since, or_(columns.incident_id > incident_id, later_line))
    statement = select(*_EVENT).where(columns.actor != "tocsin", or_(columns.at > since, at_once))
    ordered = statement.order_by(columns.at, columns.incident_id, columns.seq).limit(limit)
    return [IncidentEvent(*row) for row in tx.execute(ordered)]


def append_event(
    tx: Transaction,
    incident_id: str,
    at: datetime,
    kind: str,
    actor: str = "tocsin",
    details: dict[str, Any] | None = None,
) -> IncidentEvent:
    """Add a line to an incident's timeline, with the next number."""
    event = IncidentEvent(incident_id, next_line(tx, incident_id), at, kind, actor, details or {})
    tx.execute(incident_event.insert(), {name: getattr(event, name) for name in IncidentEvent.__slots__})
    return event


def events(tx: Transaction, incident_id: str) -> list[IncidentEvent]:
    """The timeline of an incident."""
    return [IncidentEvent(*row) for row in tx.execute(_EVENTS, {"name": incident_id})]


def add_signals(tx: Transaction, incident_id: str, signals: Sequence[Signal]) -> None:
    """Attach signals to an incident; known ones (detector, tick, topic and kind) stay as they are."""
    rows = [{name: getattr(item, name) for name in Signal.__slots__} for item in signals]
    for row in rows:
        row.update(incident_id=incident_id, severity=row["severity"].value, facts=dict(row["facts"]))
    insert_new(tx, signal, rows)


def signals(tx: Transaction, incident_id: str) -> list[Signal]:
    """The signals of an incident, by time."""
    return [_signal(row) for row in tx.execute(_SIGNALS, {"name": incident_id})]


def add_alert(tx: Transaction, said: Alert) -> bool:
    """Store an alert; False when it is known (incident, episode and number)."""
    row = {name: getattr(said, name) for name in Alert.__slots__}
    row.update(reason=said.reason.value, severity=said.severity.value, page=dict(said.page))
    return insert_if_new(tx, alert, row)


def alerts(tx: Transaction, incident_id: str) -> list[Alert]:
    """The alerts of an incident, in the order they were decided."""
    return [_alert(row) for row in tx.execute(_ALERTS, {"name": incident_id})]


def last_alert(tx: Transaction, incident_id: str) -> Alert | None:
    """What was decided to be said about an incident last."""
    statement = select(*_ALERT).where(alert.c.incident_id == incident_id)
    row = tx.execute(statement.order_by(alert.c.episode.desc(), alert.c.seq.desc()).limit(1)).first()
    return _alert(row) if row is not None else None


SHELTERED = "storm: "
"""Begins the reason of an alert that was stored without messages of its own (alerts/storm.py)."""
_IS_SHELTERED = alert.c.why.startswith(SHELTERED)


def opened_between(tx: Transaction, start: datetime, end: datetime) -> int:
    """How many incidents about brands were first told of in `(start, end]`, by the time of the decision."""
    statement = (
        select(func.count(func.distinct(alert.c.incident_id)))
        .join(incident, incident.c.id == alert.c.incident_id)
        .where(alert.c.at > start, alert.c.at <= end, alert.c.reason == Reason.OPENED.value, incident.c.brand != SYSTEM)
    )
    return tx.scalar(statement) or 0


def critical_pages(tx: Transaction, since: datetime) -> int:
    """How many critical incidents have paged for themselves after `since`."""
    ringing = (Reason.OPENED.value, Reason.ESCALATED.value)
    statement = (
        select(func.count(func.distinct(alert.c.incident_id)))
        .join(incident, incident.c.id == alert.c.incident_id)
        .where(
            alert.c.at > since,
            alert.c.severity == Severity.CRITICAL.value,
            alert.c.reason.in_(ringing),
            ~_IS_SHELTERED,
            incident.c.brand != SYSTEM,
        )
    )
    return tx.scalar(statement) or 0


def sheltered(tx: Transaction, since: datetime) -> list[Incident]:
    """The incidents that have been told of by nobody but the storm since then, the oldest first."""
    silent = select(alert.c.incident_id).where(alert.c.at >= since, _IS_SHELTERED)
    ended = Reason.RESOLVED.value
    loud = select(alert.c.incident_id).where(alert.c.at >= since, ~_IS_SHELTERED, alert.c.reason != ended)
    statement = select(*_INCIDENT).where(incident.c.id.in_(silent), incident.c.id.not_in(loud))
    return _read(tx, statement.order_by(incident.c.opened_at, incident.c.id))


def _row(of: Incident) -> dict[str, Any]:
    row = {name: getattr(of, name) for name in Incident.__slots__ if name != "origin"}
    source, external_id = of.origin or (None, None)
    row.update(
        state=of.state.value,
        severity=of.severity.value,
        facts=dict(of.facts),
        origin_source=source,
        origin_id=external_id,
    )
    return row


def _read(tx: Transaction, statement: Select[Any]) -> list[Incident]:
    return [_incident(row) for row in tx.execute(statement).mappings()]


def _one(tx: Transaction, statement: Select[Any], name: str) -> Incident | None:
    row = tx.execute(statement, {"name": name}).mappings().first()
    return None if row is None else _incident(row)


def _incident(row: Any) -> Incident:
    values = dict(row)
    source, external_id = values.pop("origin_source"), values.pop("origin_id")
    values.update(
        state=IncidentState(values["state"]),
        severity=Severity(values["severity"]),
        sources=tuple(values["sources"]),
        evidence=_keys(values["evidence"]),
        origin=None if source is None else (source, external_id),
    )
    return Incident(**values)


def _signal(row: Sequence[Any]) -> Signal:
    values = dict(zip(Signal.__slots__, row, strict=True))
    values.update(
        severity=Severity(values["severity"]), sources=tuple(values["sources"]), evidence=_keys(values["evidence"])
    )
    return Signal(**values)


def _alert(row: Sequence[Any]) -> Alert:
    values = dict(zip(Alert.__slots__, row, strict=True))
    values.update(reason=Reason(values["reason"]), severity=Severity(values["severity"]))
    return Alert(**values)


def _keys(stored: Sequence[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((source, external_id) for source, external_id in stored)
