"""The weeks and months that briefs look back on, by the calendar of their readers.

Days begin at midnight on the readers' clock, so that a week in which the clocks change has 167 or 169 hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from config.briefs import BriefSettings
from config.hours import WEEKDAYS
from config.names import BriefPeriod

EARLIEST = date(1970, 1, 1)
"""The first day that a brief may be asked for; nobody posted before it."""
_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to the one before `next`, in the zone of the readers."""

    every: BriefPeriod
    first: date
    next: date
    zone: str

    @classmethod
    def up_to(cls, every: BriefPeriod, day: date, zone: str) -> Self:
        """What a brief made on `day` looks back on: the seven days before it, or the calendar month before."""
        if every == "week":
            return cls(every, day - _WEEK, day, zone)
        this = day.replace(day=1)
        return cls(every, _month_before(this), this, zone)

    @property
    def begin(self) -> datetime:
        """The moment at which it begins."""
        return _moment(self.first, time(), self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return _moment(self.next, time(), self.zone)

    @property
    def before(self) -> Period:
        """The period of the same kind that ended where this one begins."""
        return Period.up_to(self.every, self.first, self.zone)

    @property
    def words(self) -> str:
        """As people call it: `the week of 2 to 8 February 2026`, `February 2026`."""
        if self.every == "month":
            return f"{self.first:%B %Y}"
        last = self.next - timedelta(days=1)
        year = f" {self.first.year}" if self.first.year != last.year else ""
        month = f" {self.first:%B}{year}" if self.first.month != last.month else ""
        return f"the week of {self.first.day}{month} to {last.day} {last:%B %Y}"

    def days(self) -> list[date]:
        """Its days."""
        return [self.first + timedelta(days=number) for number in range((self.next - self.first).days)]


def last_due(brief: BriefSettings, now: datetime, zone: str) -> tuple[date, datetime]:
    """The newest day on which such a brief was to be made by `now`, and the moment; `zone` is that of the readers."""
    day = _this_time(brief, now.astimezone(ZoneInfo(zone)).date())
    at = _moment(day, brief.at, zone)
    if at <= now:
        return day, at
    earlier = day - _WEEK if brief.every == "week" else _month_before(day)
    return earlier, _moment(earlier, brief.at, zone)


def is_due(brief: BriefSettings, made_at: datetime, now: datetime, zone: str) -> bool:
    """Whether its time has come since it was made last, or since it was first asked for."""
    return made_at < last_due(brief, now, zone)[1]


def _this_time(brief: BriefSettings, today: date) -> date:
    """The day of this week or month on which it is made; of a week the one that was last."""
    if brief.every == "month":
        return today.replace(day=brief.day)
    return today - timedelta(days=(today.weekday() - WEEKDAYS.index(brief.weekday)) % 7)


def _month_before(day: date) -> date:
    """The same day of the month before; no later one than the 28th."""
    return (day.replace(day=1) - timedelta(days=1)).replace(day=day.day)


def _moment(day: date, at: time, zone: str) -> datetime:
    """A time on the readers' clock; one that the clock leaves out when it goes forward is an hour later."""
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
