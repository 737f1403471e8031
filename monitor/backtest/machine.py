"""A backtest for machines: an object for each configuration, and one for the advice where it was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from monitor.backtest.compare import Backtest, most_sensitive
from monitor.backtest.course import Course
from monitor.backtest.figures import lead_from
from monitor.backtest.stories import Story
from monitor.backtest.variants import toml_of
from monitor.judge import thresholds_of


def lines(found: Backtest, pages_per_week: float | None = None) -> Iterator[dict[str, Any]]:
    """Times are aware datetimes; everything else has JSON types."""
    for number, course in enumerate(found.courses):
        yield _course(found, number, course)
    if pages_per_week is not None:
        chosen = most_sensitive(found, pages_per_week)
        yield {
            "advice": {
                "at_most_pages_per_week": pages_per_week,
                "configuration": chosen.name if chosen else None,
                "strictness": chosen.strictness if chosen else None,
                "toml": toml_of(chosen) if chosen else None,
            }
        }


def _course(found: Backtest, number: int, course: Course) -> dict[str, Any]:
    one = found.figures[number]
    return {
        "configuration": course.variant.name,
        "version": thresholds_of(course.variant.settings.thresholds_for()).digest,
        "strictness": course.variant.strictness,
        "since": course.since,
        "until": course.until,
        "weeks": round(course.weeks, 4),
        **asdict(one),
        "precision": one.precision,
        "recall": one.recall,
        "pages_by_brand": dict(sorted(_by_brand(course).items())),
        "stories": [_story(story, number) for story in found.stories],
    }


def _by_brand(course: Course) -> Counter[str]:
    pages: Counter[str] = Counter()
    for outcome in course.outcomes:
        pages[outcome.incident.brand] += sum(course.since <= at < course.until for at in outcome.pages)
    return pages


def _story(story: Story, number: int) -> dict[str, Any]:
    incident, share = story.anchor.incident, story.shares[number]
    lead = lead_from(story)
    return {
        "incident": incident.id,
        "brand": incident.brand,
        "headline": incident.headline,
        "verdict": story.anchor.verdict,
        "began_at": story.anchor.began_at,
        "noticed_at": share.noticed_at,
        "paged_at": share.paged_at,
        "part_of_an_earlier_page": share.was_paged,
        "lead_minutes": None
        if lead is None or share.paged_at is None
        else (lead - share.paged_at).total_seconds() / 60,
    }
