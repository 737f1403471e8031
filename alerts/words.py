"""How numbers, spans, moments and severities are said, the same in every message."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from storage.records import Severity

_SEVERITY = {Severity.CRITICAL: "critical", Severity.WARNING: "a warning", Severity.WATCH: "a watch"}
WAYS = ("slack", "mail", "pagerduty", "web", "api")
"""Ways in which people act, as they stand before a name in the timeline."""
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SHORT = {"day": "d", "hour": "h", "minute": "min", "second": "s"}


def severity_words(severity: Severity) -> str:
    """The severity as a sentence goes on after "it is": `critical`, `a warning`, `a watch`."""
    return _SEVERITY[severity]


def person(actor: str) -> str:
    """Somebody as people call them, without the way by which they came: `slack:Kim` is "Kim"."""
    way, _, name = actor.partition(":")
    return name if way in WAYS and name else actor


def kind_words(kind: str) -> str:
    """A kind of incident as people say it: `legal_threat` is "legal threat"."""
    return kind.replace("_", " ")


def count(number: float) -> str:
    """A count for reading: `1,204`; below ten with one decimal where it is not whole, `2.5`."""
    rounded = round(number, 1) if abs(number) < 10 else round(number)
    return f"{rounded:,.1f}" if rounded != int(rounded) else f"{int(rounded):,}"


def short_count(number: float) -> str:
    """A large count in a few characters: `940`, `12k`, `1.3M`."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.0f}{letter}" if scaled >= 10 else f"{scaled:.1f}".removesuffix(".0") + letter
    return count(number)


def span(seconds: float) -> str:
    """A length of time in its largest whole unit, `3 hours`, or in two, `1 hour 30 minutes`."""
    left = max(1, round(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        number, left = divmod(left, size)
        if number:
            parts.append(f"{number} {unit}{'' if number == 1 else 's'}")
    return " ".join(parts[:2])


def short_span(seconds: float) -> str:
    """The same for a narrow column: `3 h`, `1 h 30 min`."""
    said = span(seconds)
    for _, unit in _UNITS:
        said = said.replace(f" {unit}s", f" {_SHORT[unit]}").replace(f" {unit}", f" {_SHORT[unit]}")
    return said


def span_words(seconds: float) -> str:
    """A window that ends now: `the last hour`, `the last 15 minutes`."""
    length = span(seconds)
    return f"the last {length.removeprefix('1 ')}" if length.count(" ") == 1 else f"the last {length}"


def every(seconds: float) -> str:
    """How often: `every hour`, `every 40 minutes`, to a whole minute, and to five where it is more than ten."""
    step = 300 if seconds > 600 else 60 if seconds > 60 else 1
    rounded = round(seconds / step) * step
    return f"every {span_words(rounded).removeprefix('the last ')}"


def clock(at: datetime, zone: str, beside: datetime | None = None) -> str:
    """A moment on the reader's clock: `14:05`, with its date where that is another than that of `beside`."""
    local = at.astimezone(ZoneInfo(zone))
    if beside is not None and local.date() == beside.astimezone(ZoneInfo(zone)).date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%B %H:%M}"


def moment(at: datetime, zone: str) -> str:
    """A moment in full, with its zone: `Sunday 22 February 2015, 14:05 CET`."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M %Z}"


def listed(items: list[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""
