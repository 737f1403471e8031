"""Who is on duty at a moment, by the hours and turns of the configuration: so that a message names a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from alerts.page import OnDuty
from alerts.quiet import Hours, weekdays
from config.alerting import DutySettings
from config.settings import Settings

_WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Duty:
    """Hours, and who has them in turn; `first` is a Monday of the first one's week."""

    people: tuple[str, ...]
    hours: Hours
    first: date
    brands: tuple[str, ...] = ()

    @classmethod
    def build(cls, chosen: DutySettings, timezone: str) -> Self:
        """The duty of one table of the configuration."""
        hours = Hours(chosen.start, chosen.end, ZoneInfo(chosen.timezone or timezone), weekdays(chosen.days))
        since = date.fromisoformat(chosen.since)
        monday = since - timedelta(days=since.weekday())
        return cls(tuple(chosen.people), hours, monday, tuple(chosen.brands))

    def at(self, moment: datetime, brand: str) -> OnDuty | None:
        """Who has it then, and until when they have it without a break."""
        window = self.hours.window(moment) if not self.brands or brand in self.brands else None
        if window is None:
            return None
        name = self._whose(window[0])
        end = window[1]
        for _ in range(len(self.people) * 7):
            following = self.hours.window(end)
            if following is None or self._whose(following[0]) != name or following[1] <= end:
                return OnDuty(name, end)
            end = following[1]
        return OnDuty(name)  # always the same person

    def _whose(self, start: datetime) -> str:
        day = start.astimezone(self.hours.zone).date()
        return self.people[(day - self.first) // _WEEK % len(self.people)]


@dataclass(frozen=True, slots=True)
class Rota:
    """Every duty of the configuration."""

    duties: tuple[Duty, ...] = ()

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The rota of one configuration."""
        return cls(tuple(Duty.build(chosen, settings.general.timezone) for chosen in settings.on_duty))

    def at(self, moment: datetime, brand: str) -> tuple[OnDuty, ...]:
        """Everybody who is on duty then for the brand, each once."""
        found = [one for duty in self.duties if (one := duty.at(moment.astimezone(UTC), brand)) is not None]
        return _each_once(found)


def _each_once(found: Sequence[OnDuty]) -> tuple[OnDuty, ...]:
    last: dict[str, OnDuty] = {}
    for one in found:
        known = last.get(one.name)
        later = known is None or (known.until is not None and one.until is not None and one.until > known.until)
        last[one.name] = one if known is None or later else replace(known)
    return tuple(last.values())
