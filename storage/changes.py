"""What changed lately, asked cheaply: for pages that follow what happens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from storage.database import Transaction
from storage.schema import audit, delivery, incident, incident_event, post, schedule
from storage.statements import is_constantly_in

Mark = tuple[Any, ...]
"""Differs from another one when something happened in between."""
_FINISHED = ("sent", "dead", "superseded")


def mark(tx: Transaction) -> Mark:
    """Where things stand: posts, incidents and their timelines, what people did, runs, messages on their way."""
    parts = (
        select(func.max(post.c.id)),
        select(func.max(incident.c.updated_at)),
        select(func.max(audit.c.seq)),
        select(func.max(schedule.c.last_ended_at)),
        select(func.count()).select_from(incident_event),
        select(func.count()).select_from(delivery).where(~is_constantly_in(delivery.c.state, _FINISHED)),
    )
    return tuple(tx.execute(select(*(part.scalar_subquery() for part in parts))).one())
