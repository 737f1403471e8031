"""Moments until which something waits, when the clock by which they were set is put back.

They are moments and not spans, so that every process and every restart agrees on them. A clock that is put back by an
hour would make each of them an hour late.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from storage.database import Transaction
from storage.schema import bucket, channel, delivery, escalation, lease, picture, schedule

_WAITING = (
    delivery.c.due_at,
    delivery.c.lease_until,
    escalation.c.next_at,
    schedule.c.next_at,
    bucket.c.full_at,
    bucket.c.ready_at,
    channel.c.blocked_until,
    picture.c.due_at,
    lease.c.expires_at,
)


def bring_forward(tx: Transaction, by: timedelta, now: datetime) -> int:
    """Let all that waits past `now` wait less by the span that the clock was put back; how many moments there were.

    What a person has set by the calendar (silences, the end of a night) is judged by the calendar as ever.
    """
    count = 0
    for column in _WAITING:
        table = column.table
        keys = list(table.primary_key.columns)
        for row in tx.execute(select(*keys, column.label("moment")).where(column > now)).all():
            same = [key == getattr(row, key.name) for key in keys]
            tx.execute(update(table).where(*same).values({column.name: row.moment - by}))
            count += 1
    return count
