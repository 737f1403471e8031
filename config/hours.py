"""Hours of a week as people write them: "monday-friday 08:00-18:00", "saturday, sunday 10:00-14:00", "18:00-08:00".

Without days they hold on every day. An end that is not later than the start lies on the next day, so that a night is
one entry, belonging to the day on which it begins; "00:00-24:00" is a whole day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from typing import get_args

from config.names import Weekday
from config.problems import Mistake
from config.suggestions import did_you_mean

WEEKDAYS: tuple[str, ...] = get_args(Weekday)
WEEK = 7 * 24 * 60
_WINDOW = re.compile(r"(?:(?P<days>[^\d]+?)\s+)?(?P<start>\d\d:\d\d)\s*-\s*(?P<end>\d\d:\d\d)", re.IGNORECASE)
_ADVICE = 'write "monday-friday 08:00-18:00", or "18:00-08:00" for every day'


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to `end` on the weekdays `days` (0 = Monday); over midnight where `end` is not later."""

    days: frozenset[int]
    start: time
    end: time

    def minutes(self) -> set[int]:
        """The minutes of a week on the wall clock, from Monday's first, that lie inside."""
        start, end = (at.hour * 60 + at.minute for at in (self.start, self.end))
        length = (end - start) % (24 * 60) or 24 * 60
        return {(day * 24 * 60 + start + number) % WEEK for day in self.days for number in range(length)}


def window(text: str) -> Window:
    """The window that a text means; `Mistake` where it means none."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise Mistake(f'"{text}" names no hours', _ADVICE)
    return Window(_days(match["days"] or ""), _time(match["start"], text), _time(match["end"], text))


def covers_the_week(windows: Iterable[Window]) -> bool:
    """Whether no minute of a week is left out."""
    covered: set[int] = set()
    for each in windows:
        covered |= each.minutes()
    return len(covered) == WEEK


def _days(text: str) -> frozenset[int]:
    if not text.strip():
        return frozenset(range(7))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        start = _day(first)
        end = _day(last) if dash else start
        found |= {(start + number) % 7 for number in range((end - start) % 7 + 1)}
    return frozenset(found)


def _day(name: str) -> int:
    if name.casefold() not in WEEKDAYS:
        raise Mistake(f'"{name}" is no day of the week', did_you_mean(name.casefold(), WEEKDAYS, none=_ADVICE))
    return WEEKDAYS.index(name.casefold())


def _time(text: str, whole: str) -> time:
    hour, minute = map(int, text.split(":"))
    if (hour, minute) == (24, 0):
        return time(0)
    if hour > 23 or minute > 59:
        raise Mistake(f'"{whole}" names a time that no clock shows', 'times lie between "00:00" and "24:00"')
    return time(hour, minute)
