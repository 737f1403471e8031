"""Spans of time as an operator writes them: `"30s"`, `"5m"`, `"2h"`, `"1d"`, or several together, `"1h30m"`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from config.problems import Mistake

_ADVICE = 'write a number and a unit in quotes: "30s", "5m", "2h", "1d"'
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$"


def parse_duration(text: str) -> timedelta:
    """The span that `text` names; `Mistake` when it names none."""
    compact = text.replace(" ", "")
    if not re.fullmatch(PATTERN, compact):
        raise Mistake(f'"{text}" is not a duration', _ADVICE)
    try:
        parts = [timedelta(seconds=float(number) * _UNITS[unit]) for number, unit in _PART.findall(compact)]
        return sum(parts, timedelta())
    except OverflowError as error:
        raise Mistake(f'"{text}" is longer than any calendar', "write a shorter one") from error


def format_duration(span: timedelta) -> str:
    """`span` in the largest units that name it exactly, to the millisecond: `1h30m`, `5m`, `0s`."""
    left = round(span / timedelta(milliseconds=1))
    parts: list[str] = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise Mistake("is not a duration", _ADVICE)


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": PATTERN, "format": "tocsin-duration"}),
]
"""A pydantic field type: read from text such as `"5m"`, held as a `timedelta`, written back as text."""
