"""Incidents and pages of a made company, for tests."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from alerts.page import (
    Curve,
    Forecast,
    Mark,
    OnDuty,
    Page,
    Quote,
    Response,
    Similar,
    SourceCoverage,
    SourceShare,
    ThreadGrowth,
)
from storage.records import Incident, IncidentState, Reason, Severity, fingerprint

NOW = datetime(2024, 3, 5, 14, 20, tzinfo=UTC)
BRAND = "Halden Mobile"


def incident(**changes: Any) -> Incident:
    """A live critical incident of the made company."""
    usual = Incident(
        id="01HR7Q4Z8XK3M2N5P6T7V9W0AB",
        brand=BRAND,
        fingerprint=fingerprint(BRAND, "voicemail"),
        state=IncidentState.OPEN,
        severity=Severity.CRITICAL,
        headline="A voicemail in which Halden Mobile threatens a customer is spreading",
        began_at=NOW - timedelta(hours=2),
        opened_at=NOW - timedelta(minutes=70),
        updated_at=NOW,
        kind="legal_threat",
        topic="voicemail",
        sources=("feeds", "hackernews", "reddit"),
    )
    return replace(usual, **changes)


def page(**changes: Any) -> Page:
    """What people are told about it, with everything that a page can hold."""
    usual = Page(
        headline="A voicemail in which Halden Mobile threatens a customer is spreading",
        brand=BRAND,
        severity=Severity.CRITICAL,
        reason=Reason.OPENED,
        incident_id="01HR7Q4Z8XK3M2N5P6T7V9W0AB",
        at=NOW,
        began_at=NOW - timedelta(hours=2),
        kind="legal_threat",
        kind_title="legal trouble",
        opened_at=NOW - timedelta(minutes=70),
        observed=388,
        expected=21,
        low=9,
        high=40,
        unit="negative voices",
        window_seconds=3600,
        voices=412,
        posts=1204,
        authors=655,
        reach=2_300_000,
        copies_share=0.58,
        negative_share=0.91,
        doubling_hours=1.4,
        forecast=Forecast(hours=3, expected=1150, low=700, high=1600),
        sources=(
            SourceShare("feeds", NOW - timedelta(hours=2), posts=38, voices=31),
            SourceShare("hackernews", NOW - timedelta(minutes=95), posts=402, voices=260),
            SourceShare("reddit", NOW - timedelta(minutes=50), posts=764, voices=121),
        ),
        origin=Quote(
            "I wrote to the chief executive of Halden Mobile twice about my contract. This morning a manager left a "
            "voicemail: if I write again, they will send a cease and desist letter. Here is the recording.",
            "feeds",
            NOW - timedelta(hours=2),
            author="Jonas Lind",
            url="https://blog.example/halden-voicemail",
            title="My carrier threatened me for writing an e-mail",
            replies=340,
        ),
        quotes=(
            Quote(
                "So the answer to a polite mail is a lawyer? I have just mailed the man too. Everybody should.",
                "hackernews",
                NOW - timedelta(minutes=80),
                author="tapeworm",
                url="https://news.example/item?id=4711",
                likes=512,
                replies=88,
                sentiment=-0.8,
            ),
            Quote(
                "Halden Mobile threatens its own customers <b>on tape</b> & thinks nobody would post it. #haldenout",
                "reddit",
                NOW - timedelta(minutes=31),
                author="Maren K. Ødegård",
                url="https://forum.example/r/phones/77/",
                reach=184_000,
                likes=2913,
                shares=640,
                copies=212,
                sentiment=-0.9,
            ),
            Quote(
                "Cancelled today after nine years. Not because of the price. Because of the voicemail.",
                "reddit",
                NOW - timedelta(minutes=12),
                author="quietfjord",
                url="https://forum.example/r/phones/78/",
                likes=301,
                sentiment=-0.7,
                answers="Has anybody else left over this?",
            ),
        ),
        thread=ThreadGrowth(
            "My carrier threatened me for writing an e-mail",
            "hackernews",
            url="https://news.example/item?id=4700",
            replies=402,
            replies_per_hour=260,
            usual_per_hour=12,
        ),
        terms=("voicemail", "cease and desist", "chief executive", "#haldenout"),
        coverage=(SourceCoverage("reddit", 0.72, "rate limit reached"), SourceCoverage("feeds", 1.0)),
        why=(
            "388 negative voices in the last hour, where 9 to 40 are usual: 4.1 times the alarm level",
            "one thread on hackernews grows 22 times as fast as threads do",
            "12 posts speak of a legal threat",
        ),
        curve=curve(),
        similar=(
            Similar(
                "01HQ",
                NOW - timedelta(days=140),
                "Anger over the price rise of October",
                "answered after 5 hours",
                answer="https://halden.example/prices",
            ),
        ),
        response=Response(
            detected_at=NOW - timedelta(minutes=70),
            began_at=NOW - timedelta(hours=2),
            paged_at=NOW - timedelta(minutes=69, seconds=56),
        ),
        on_duty=(OnDuty("Ines Moller (+47 555 0142)", NOW + timedelta(hours=3, minutes=40)),),
        url="https://tocsin.example/incidents/01HR7Q4Z8XK3M2N5P6T7V9W0AB",
        timezone="Europe/Oslo",
    )
    return replace(usual, **changes)


def curve() -> Curve:
    """A quiet day with a steep end."""
    size = 96
    start = NOW - timedelta(minutes=15 * size)
    usual = [6 + 4 * math.sin((number - 30) / 96 * 2 * math.pi) for number in range(size)]
    wobble = [3 * math.sin(number * 1.7) + 2 * math.sin(number * 0.9) for number in range(size)]
    rise = [0.0 if number < 88 else 3 * 1.75 ** (number - 87) for number in range(size)]
    observed = [max(0.0, round(a + b + c)) for a, b, c in zip(usual, wobble, rise, strict=True)]
    return Curve(
        start=start,
        bin_seconds=900,
        observed=(*observed[:40], None, None, *observed[42:]),
        expected=tuple(usual),
        low=tuple(max(0.0, value - 5) for value in usual),
        high=tuple(value + 6 for value in usual),
        marks=(
            Mark(NOW - timedelta(hours=2), "began"),
            Mark(NOW - timedelta(minutes=95), "hackernews"),
            Mark(NOW - timedelta(minutes=70), "rang"),
        ),
        unit="voices",
    )
