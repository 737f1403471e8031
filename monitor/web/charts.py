"""Curves as the page draws them: JSON for uPlot, a table for those who do not see it, and small pictures in SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from alerts.page import Curve
from storage.pulse import Counts

Values = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts per slot of `every` from `start`; `expected` with its band and `negative` may be empty."""

    start: datetime
    every: timedelta
    observed: Values
    unit: str = "posts"
    expected: Values = ()
    low: Values = ()
    high: Values = ()
    negative: Values = ()
    marks: tuple[tuple[datetime, str], ...] = ()
    others: tuple[tuple[str, Values], ...] = field(default=())
    """Further curves with their names, such as those of rivals."""

    def drawn(self, timezone: str) -> dict[str, Any]:
        """What the script of the page draws."""
        return {
            "start": self.start.timestamp(),
            "step": self.every.total_seconds(),
            "unit": self.unit,
            "timezone": timezone,
            "observed": self.observed,
            "expected": self.expected,
            "low": self.low,
            "high": self.high,
            "negative": self.negative,
            "marks": [{"at": at.timestamp(), "label": label} for at, label in self.marks],
            "others": [{"label": label, "values": values} for label, values in self.others],
        }

    def rows(self) -> list[tuple[datetime, float | None, float | None, float | None]]:
        """The table: begin, observed, expected and negative of each slot that is not empty, the newest first."""
        found = [
            (self.start + place * self.every, value, _at(self.expected, place), _at(self.negative, place))
            for place, value in enumerate(self.observed)
            if value is None or value > 0
        ]
        return found[::-1]


def of_curve(curve: Curve) -> Chart:
    """The chart of an incident's curve."""
    return Chart(
        start=curve.start,
        every=timedelta(seconds=curve.bin_seconds),
        observed=curve.observed,
        unit=curve.unit,
        expected=curve.expected,
        low=curve.low,
        high=curve.high,
        marks=tuple((mark.at, mark.label) for mark in curve.marks),
    )


def of_counts(start: datetime, every: timedelta, counted: Sequence[Counts], covered: Values = ()) -> Chart:
    """The chart of a brand's pulse; `covered` is the share of each slot that was read, where that is known."""
    unread = [_at(covered, place) == 0.0 and one.posts == 0 for place, one in enumerate(counted)]
    pairs = list(zip(counted, unread, strict=True))
    observed = tuple(None if blind else float(one.posts) for one, blind in pairs)
    return Chart(start, every, observed, negative=tuple(None if blind else float(one.negative) for one, blind in pairs))


@dataclass(frozen=True, slots=True)
class Spark:
    """A small picture of a pulse, 100 wide and 30 high: the line, the usual band, and the slots above it."""

    points: str
    band_top: float
    band_height: float
    above: tuple[tuple[float, float], ...]


def spark(values: Sequence[float], low: float, high: float) -> Spark:
    """The picture of these values against a band that is usual."""
    top = max([*values, high, 1.0])
    step = 100 / max(1, len(values) - 1)
    places = [(round(place * step, 2), round(29 - 27 * value / top, 2)) for place, value in enumerate(values)]
    return Spark(
        points=" ".join(f"{x},{y}" for x, y in places),
        band_top=round(29 - 27 * high / top, 2),
        band_height=round(27 * (high - low) / top, 2),
        above=tuple(place for place, value in zip(places, values, strict=True) if value > high and value > 0),
    )


def _at(values: Values, place: int) -> float | None:
    return values[place] if place < len(values) else None
