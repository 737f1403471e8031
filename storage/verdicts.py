"""What people said of incidents: real, false alarm, duplicate, not about us.

A verdict is a line in the incident's timeline, and the last one counts. Ending an incident as a false alarm, as a
duplicate or as not about us is one, too.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select

from storage.database import Transaction
from storage.records import Verdict
from storage.schema import incident, incident_event

KIND = "verdict"
"""Kind of the line in the timeline; its details hold the `verdict`."""
_KINDS = (KIND, *(verdict.value for verdict in Verdict if verdict is not Verdict.REAL))
_COLUMNS = tuple(incident_event.c[name] for name in ("incident_id", "kind", "at", "actor", "details"))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict that counts for an incident, when it was given and by whom."""

    incident_id: str
    verdict: Verdict
    at: datetime
    by: str
    note: str = ""


def of(tx: Transaction, incident_id: str) -> Judgement | None:
    """The last verdict on an incident, `None` when nobody gave one."""
    return _last(tx, _lines().where(incident_event.c.incident_id == incident_id)).get(incident_id)


def given(
    tx: Transaction, *, since: datetime | None = None, until: datetime | None = None, brands: Collection[str] = ()
) -> dict[str, Judgement]:
    """The last verdict on each incident opened in `[since, until)` that has one, by incident id."""
    statement = _lines().join(incident, incident.c.id == incident_event.c.incident_id)
    if since is not None:
        statement = statement.where(incident.c.opened_at >= since)
    if until is not None:
        statement = statement.where(incident.c.opened_at < until)
    if brands:
        statement = statement.where(incident.c.brand.in_(list(brands)))
    return _last(tx, statement)


def _lines() -> Select[Any]:
    return select(*_COLUMNS).where(incident_event.c.kind.in_(_KINDS))


def _last(tx: Transaction, statement: Select[Any]) -> dict[str, Judgement]:
    ordered = statement.order_by(incident_event.c.incident_id, incident_event.c.seq)
    return {row.incident_id: _judgement(row) for row in tx.execute(ordered)}


def _judgement(row: Any) -> Judgement:
    said = row.details.get("verdict", row.kind) if row.kind == KIND else row.kind
    return Judgement(row.incident_id, Verdict(said), row.at, row.actor, str(row.details.get("note", "")))
