"""Quiet hours: wall-clock windows in which watches and warnings wait.

People write them in local time, and local time has holes and repeats. A window begins at the first moment that its
start names and ends at the last moment that its end names; a start or an end that the clock skips falls where the clock
would have shown it, had it not been put forward. So a night is never cut short by an hour that happens twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from config.settings import Settings

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)


def weekdays(names: Iterable[str]) -> frozenset[int]:
    """Weekdays by number (0 = Monday); all of them where none is named."""
    return frozenset(_WEEKDAYS.index(name) for name in names) or frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` to `end` in `zone` on the weekdays `days` (0 = Monday); over midnight where `end` is not later."""

    start: time
    end: time
    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(7))

    def window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The window that `now` lies in, in UTC, the one that ends last where there are two; `None` outside of all."""
        today = now.astimezone(self.zone).date()
        windows = (self._window(day) for day in (today - _DAY, today) if day.weekday() in self.days)
        return max((found for found in windows if found[0] <= now < found[1]), key=lambda found: found[1], default=None)

    def _window(self, day: date) -> tuple[datetime, datetime]:
        last = day if self.end > self.start else day + _DAY
        return moments(day, self.start, self.zone)[0], moments(last, self.end, self.zone)[1]


class QuietHours(Hours):
    """Hours in which watches and warnings wait."""

    __slots__ = ()

    @classmethod
    def build(cls, settings: Settings) -> Self | None:
        """The quiet hours that the operator set, in their own zone or the general one."""
        quiet = settings.quiet_hours
        if quiet is None:
            return None
        zone = ZoneInfo(quiet.timezone or settings.general.timezone)
        return cls(quiet.start, quiet.end, zone, weekdays(quiet.days))

    def until(self, now: datetime) -> datetime | None:
        """The end of the window that `now` lies in, in UTC, or `None` outside of every window."""
        found = self.window(now)
        return None if found is None else found[1]


def moments(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first and the last moment, in UTC, at which clocks of `zone` show `at` on `day`.

    Where the clock skips `at`, fold 0 counts on from before the jump and fold 1 back from after it, so that the later
    of the two is the one that people mean, and fold 1 comes first.
    """
    early, late = (datetime.combine(day, at, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return (early, late) if early <= late else (early, early)
