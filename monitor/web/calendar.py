"""Moments and days that people and programs ask for, where one can reckon with them.

Some clients say "always" and "for ever" with the first and the last day of the calendar: a zone or a span more, and
there is no such day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

FIRST, LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)


def within_calendar(at: datetime) -> datetime:
    """The moment, or the first or last with which we reckon."""
    return min(max(at, FIRST), LAST)


def day_within_calendar(day: date) -> date:
    """The day, or the first or last with which we reckon."""
    return min(max(day, FIRST.date()), LAST.date())
