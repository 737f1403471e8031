"""What a signal says of its story: its headline, why it rang, its words and threads, where and when it began."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from storage.records import PostKey, Signal

BRAND_WIDE = ""
"""Topic of signals about the brand as a whole; they join whatever is going on about it."""


def headline_of(signal: Signal) -> str:
    return f"{signal.brand}: {signal.facts.get('headline') or why_of(signal)}"


def why_of(signal: Signal) -> str:
    said = signal.facts.get("why")
    return str(said) if said else f"{signal.observed:g} {signal.unit} where {signal.expected:g} would be usual"


def beginning_of(signal: Signal) -> datetime:
    began = signal.facts.get("began_at")
    return datetime.fromtimestamp(float(began), UTC) if began is not None else signal.window_start


def origin_of(signal: Signal) -> PostKey | None:
    origin = signal.facts.get("origin")
    if origin:
        return (str(origin[0]), str(origin[1]))
    return signal.evidence[0] if signal.evidence else None


def terms_of(signal: Signal) -> Sequence[str]:
    terms: Sequence[str] = signal.facts.get("terms", ())
    return terms


def is_about_one_post(topic: str) -> bool:
    return topic.startswith(("thread:", "text:"))


def threads_of(signal: Signal) -> Sequence[str]:
    """The threads that a signal is about, or that its voices spoke in."""
    if signal.topic.startswith("thread:"):
        return (signal.topic,)
    threads: Sequence[str] = signal.facts.get("threads", ())
    return threads


def line_of(signal: Signal) -> str:
    """Under which name a signal's numbers are remembered."""
    return f"{signal.detector}:{signal.topic}"


def strongest_first(signal: Signal) -> tuple[str, int, float, str, str]:
    return (signal.brand, -signal.severity.rank, -signal.surprise, signal.detector, signal.topic)
