"""How people responded: when each incident began, was told, was taken, answered and ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from storage.casework import stands_by_itself
from storage.database import Transaction
from storage.records import IncidentState, Severity
from storage.schema import delivery, incident, incident_event
from storage.statements import is_before

ANSWERED = "answered"
"""Kind of the line in the timeline that says that there is a public answer."""


@dataclass(frozen=True, slots=True)
class Response:
    """One incident's clock; `told_at` is when the first message about it was accepted anywhere."""

    id: str
    brand: str
    severity: Severity
    state: IncidentState
    headline: str
    kind: str
    began_at: datetime
    opened_at: datetime
    told_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    answered_at: datetime | None
    resolved_at: datetime | None

    @property
    def to_know(self) -> timedelta:
        """From its first evidence to our knowing."""
        return max(timedelta(), self.opened_at - self.began_at)

    @property
    def to_tell(self) -> timedelta | None:
        """From our knowing to the first message."""
        return self.told_at - self.opened_at if self.told_at else None

    @property
    def to_take(self) -> timedelta | None:
        """From our knowing to somebody's taking it."""
        return self.acknowledged_at - self.opened_at if self.acknowledged_at else None

    @property
    def to_answer(self) -> timedelta | None:
        """From its first evidence to a public answer."""
        return self.answered_at - self.began_at if self.answered_at else None

    @property
    def to_end(self) -> timedelta | None:
        """From our knowing to its end."""
        return self.resolved_at - self.opened_at if self.resolved_at else None


def between(
    tx: Transaction,
    since: datetime,
    until: datetime,
    *,
    brand: str | None = None,
    severities: Sequence[Severity] = (),
    before: tuple[datetime, str] | None = None,
    only_whole: bool = False,
    limit: int = 1_000,
) -> list[Response]:
    """Incidents opened in `[since, until)`, the newest first; `before` (opening and id) goes on after one.

    With `only_whole` none that people, or detection, found to be part of another one.
    """
    columns = incident.c
    told = select(func.min(delivery.c.sent_at)).where(delivery.c.incident_id == columns.id).scalar_subquery()
    statement = select(
        columns.id, columns.brand, columns.severity, columns.state, columns.headline, columns.kind, columns.began_at,
        columns.opened_at, told, columns.acknowledged_at, columns.acknowledged_by, _first(ANSWERED),
        columns.resolved_at,
    ).where(columns.opened_at >= since, columns.opened_at < until)  # fmt: skip
    if brand is not None:
        statement = statement.where(columns.brand == brand)
    if severities:
        statement = statement.where(columns.severity.in_([severity.value for severity in severities]))
    if only_whole:
        statement = statement.where(stands_by_itself(), columns.facts["merged_into"].as_string().is_(None))
    if before is not None:
        statement = statement.where(is_before(columns.opened_at, columns.id, before))
    rows = tx.execute(statement.order_by(columns.opened_at.desc(), columns.id.desc()).limit(limit))
    return [_record(row) for row in rows]


def _first(kind: str) -> Any:
    columns = incident_event.c
    happened = select(func.min(columns.at)).where(columns.incident_id == incident.c.id, columns.kind == kind)
    return happened.scalar_subquery()


def _record(row: Sequence[Any]) -> Response:
    values = dict(zip(Response.__slots__, row, strict=True))
    values.update(severity=Severity(values["severity"]), state=IncidentState(values["state"]))
    return Response(**values)
