"""What a silence would have held back, found and counted by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from storage import incidents
from storage.database import Transaction
from storage.records import Incident, Reason, Severity, Silence
from storage.schema import alert, incident


@dataclass(frozen=True, slots=True)
class Muted:
    """An incident of the past that a silence would have held back, with the number of its messages."""

    incident: Incident
    messages: int


@dataclass(frozen=True, slots=True)
class Muting:
    """How many incidents and messages a silence would have held back, and the newest of those incidents."""

    incidents: int
    messages: int
    newest: tuple[Muted, ...]


def muting(tx: Transaction, rule: Silence, since: datetime, until: datetime, most: int) -> Muting:
    """What `rule` would have held back of the incidents opened in `[since, until)`, with the newest `most` of them."""
    opened = (incident.c.opened_at >= since, incident.c.opened_at < until)
    counted = (
        select(incident.c.id, incident.c.opened_at, func.count().label("messages"))
        .join(alert, alert.c.incident_id == incident.c.id)
        .where(*opened, *_is_meant_by(tx, rule), _is_audible())
        .group_by(incident.c.id, incident.c.opened_at)
        .subquery()
    )
    number, messages = tx.execute(select(func.count(), func.coalesce(func.sum(counted.c.messages), 0))).one()
    newest = select(counted.c.id, counted.c.messages).order_by(counted.c.opened_at.desc(), counted.c.id).limit(most)
    found = [(incidents.get(tx, name), count) for name, count in tx.execute(newest).all()]
    return Muting(number, int(messages), tuple(Muted(one, count) for one, count in found if one is not None))


def _is_meant_by(tx: Transaction, rule: Silence) -> list[ColumnElement[bool]]:
    """As `alerts.restraint.is_meant_by` decides it."""
    columns, conditions = incident.c, []
    for column, wanted in (
        (columns.brand, rule.brand),
        (columns.severity, rule.severity and rule.severity.value),
        (columns.id, rule.incident_id),
        (columns.kind, rule.kind),
        (columns.topic, rule.topic),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if not rule.include_critical:
        conditions.append(columns.severity != Severity.CRITICAL.value)
    if rule.source is not None:
        conditions.append(_is_carried_by(tx, rule.source))
    return conditions


def _is_carried_by(tx: Transaction, source: str) -> ColumnElement[bool]:
    if tx.dialect.name == "postgresql":
        return type_coerce(incident.c.sources, JSONB).contains([source])
    carrying = func.json_each(incident.c.sources).table_valued("value", joins_implicitly=True)
    return select(carrying.c.value).where(carrying.c.value == source).exists()


def _is_audible() -> ColumnElement[bool]:
    """As `alerts.policy.is_audible` decides it."""
    return or_(alert.c.reason != Reason.UPDATE.value, alert.c.page["changed"].as_string() != "[]")
