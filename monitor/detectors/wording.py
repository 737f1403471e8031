"""Numbers in sentences: what every signal says about itself, in words that a person understands at once."""

from __future__ import annotations

import math


def span(seconds: float) -> str:
    """A length of time: `15 minutes`, `an hour`, `3 hours`, `2 days`."""
    minutes = round(seconds / 60)
    if minutes < 60:
        return counted(minutes, "minute")
    hours = round(minutes / 60)
    if hours == 1:
        return "an hour"
    return counted(hours, "hour") if hours <= 36 else counted(round(hours / 24), "day")


def counted(number: float, noun: str, plural: str = "") -> str:
    """`1 voice`, `12 voices`; whole numbers only."""
    whole = round(number)
    return f"{whole:,} {noun if whole == 1 else plural or noun + 's'}"


def about(number: float) -> str:
    """A usual count as people say it: `almost none`, `1`, `2.5`, `14`."""
    if number < 0.05:
        return "almost none"
    return f"{number:.1f}".removesuffix(".0") if number < 10 else f"{number:,.0f}"


def up_to(number: float) -> str:
    """The upper end of a usual range, never below one."""
    return f"{max(1, math.floor(number)):,}"


def share(part: float) -> str:
    """A share in per cent."""
    return f"{part:.0%}"


def quoted(text: str, longest: int = 90) -> str:
    """A text between quotation marks, cut at a word."""
    plain = " ".join(text.split())
    if len(plain) > longest:
        cut = plain[:longest]
        space = cut.rfind(" ")
        plain = (cut[:space] if space > longest * 2 // 3 else cut).rstrip(" ,.;:-–—") + "…"
    return f"“{plain}”"
