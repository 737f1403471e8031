"""Templates: everything is escaped, links lead to the web only, times are the readers'."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache, partial
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from alerts import words
from alerts.render.outside import cleaned, safe_link


@lru_cache(maxsize=4)
def environment(timezone: str) -> Environment:
    """The templates for readers in `timezone`; nobody changes them, and they are compiled once."""
    made = Environment(
        loader=PackageLoader("monitor.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(timezone)
    made.filters.update(
        link=lambda address: safe_link(address or ""),
        clean=lambda text: cleaned(text or ""),
        clock=partial(clock, zone=zone),
        moment=partial(moment, zone=zone),
        day=partial(day, zone=zone),
        ago=ago,
        span=span,
        short_span=lambda length: "–" if length is None else words.short_span(length.total_seconds()),
        count=count,
        short=words.short_count,
        percent=percent,
        plain=lambda number: f"{number:g}",
    )
    return made


def clock(at: datetime, zone: ZoneInfo) -> str:
    """The time of day."""
    return f"{at.astimezone(zone):%H:%M}"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Day and time."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M}"


def day(at: datetime, zone: ZoneInfo) -> str:
    """The day."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y}"


def ago(at: datetime, now: datetime) -> str:
    """How long ago a moment was, or in how long it will be."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 60:
        return "just now" if seconds >= 0 else "in a moment"
    said = words.span(abs(seconds) // 60 * 60)
    return f"{said} ago" if seconds > 0 else f"in {said}"


def span(length: timedelta | None) -> str:
    """A length of time; a dash where there is none."""
    return "–" if length is None else words.span(length.total_seconds())


def count(number: float | None) -> str:
    """A count; a dash where there is none."""
    return "–" if number is None else words.count(number)


def percent(share: float | None) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if share is None else f"{round(100 * share)}%"
