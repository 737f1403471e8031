"""A made backlash of the kind that begins with one customer and a voicemail, as posts of four sources at event time.

Deterministic: the same seed tells the same story to the letter, so that the demo, the fire drill and the tests agree.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.demo import words
from storage.records import Engagement, EngagementSample, Post, PostKind

SCENE = datetime(2026, 6, 2, tzinfo=UTC)
"""Midnight before the day of the story."""

DAYS_BEFORE = 15
"""Ordinary days that come first, so that the detectors know what is usual."""

_HOURLY_WEIGHTS = (1, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 9, 8, 8, 8, 8, 9, 9, 8, 7, 5, 3, 2)


@dataclass(frozen=True, slots=True)
class Story:
    """The posts of the story in order of time, the growth of its threads, and the moments that people ask about."""

    posts: tuple[Post, ...]
    samples: tuple[EngagementSample, ...]
    published_at: datetime
    apology_at: datetime


def _handle(number: int) -> str:
    """A name as strangers have one, another for each number."""
    return f"{words.HANDLES[number % len(words.HANDLES)]}{number // len(words.HANDLES)}"


class _Teller:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a story, not a secret
        self._count = 0

    def sentence(self, parts: tuple[tuple[str, ...], ...]) -> str:
        return " ".join(filter(None, (self._random.choice(part) for part in parts))).strip()

    def post(self, source: str, at: datetime, text: str, *, kind: PostKind = PostKind.POST, **more: Any) -> Post:
        self._count += 1
        author = str(more.pop("author", _handle(self._random.randrange(90_000))))
        reach = more.pop("author_reach", int(self._random.paretovariate(1.1) * 60) if source == "twitter" else None)
        likes = min(9, int(self._random.paretovariate(1.4)) - 1)  # seen within the minute, when few have answered
        fields: dict[str, Any] = {"engagement": Engagement(likes=likes), "language": "en", **more}
        return Post(
            source=source,
            external_id=f"{source}-{self._count:06d}",
            created_at=at,
            text=text,
            kind=kind,
            author=author,
            author_reach=reach,
            collected_at=at + timedelta(seconds=40),
            **fields,
        )

    def moments(self, start: datetime, end: datetime, per_hour: float) -> Iterator[datetime]:
        """Arrival times of a Poisson process with `per_hour` arrivals an hour."""
        at = start
        while per_hour > 0:
            at += timedelta(hours=self._random.expovariate(per_hour))
            if at >= end:
                return
            yield at.replace(microsecond=0)

    def chance(self) -> float:
        return self._random.random()


def _ordinary_days(teller: _Teller) -> Iterator[Post]:
    for hour in range(-24 * DAYS_BEFORE, 24):
        start = SCENE + timedelta(hours=hour)
        weight = _HOURLY_WEIGHTS[start.hour] / 8
        for source, per_hour in (("twitter", 6.0), ("reddit", 1.2), ("hackernews", 0.05)):
            for at in teller.moments(start, start + timedelta(hours=1), per_hour * weight):
                yield teller.post(source, at, teller.sentence(words.ORDINARY))


def _wave(elapsed_hours: float, peak_hour: float, growth_hours: float, decay_hours: float) -> float:
    """Relative intensity of a wave that doubles every `growth_hours`, then halves every `decay_hours`."""
    distance = elapsed_hours - peak_hour
    return float(2.0 ** (distance / growth_hours if distance < 0 else -distance / decay_hours))


def _thread(
    teller: _Teller,
    root: Post,
    *,
    until: datetime,
    peak: float,
    peak_hour: float,
    growth_hours: float,
    parts: tuple[tuple[str, ...], ...],
) -> Iterator[Post | EngagementSample]:
    """Replies under a root post, and its reply count as it was read every ten minutes."""
    replies, step, at = 0, timedelta(minutes=10), root.created_at
    while at < until:
        elapsed = (at - root.created_at) / timedelta(hours=1)
        for moment in teller.moments(at, at + step, peak * _wave(elapsed, peak_hour, growth_hours, 4.0)):
            replies += 1
            kind = PostKind.COMMENT
            yield teller.post(
                root.source,
                moment,
                teller.sentence(parts),
                kind=kind,
                thread_id=root.external_id,
                parent_id=root.external_id,
            )
        at += step
        yield EngagementSample(root.source, root.external_id, at, Engagement(likes=replies * 2 + 4, replies=replies))


def _roots(teller: _Teller, published_at: datetime) -> dict[str, Post]:
    blog = teller.post(
        "feeds",
        published_at,
        words.BLOG_TEXT,
        kind=PostKind.ARTICLE,
        title=words.BLOG_TITLE,
        author="Ada Brenner",
        url="https://ada-brenner.example/voicemail",
    )
    news = teller.post(
        "feeds",
        published_at + timedelta(minutes=58),
        words.NEWS_TEXT,
        kind=PostKind.ARTICLE,
        title=words.NEWS_TITLE,
        author="The Fjord Gazette",
        url="https://fjord-gazette.example/norrvik-voicemail",
        author_reach=180_000,
    )
    forum = teller.post(
        "hackernews",
        published_at + timedelta(minutes=31),
        "",
        kind=PostKind.STORY,
        title=words.FORUM_TITLE,
        author="tallpine",
        url="https://forum.example/item?id=4411",
    )
    return {"blog": blog, "news": news, "forum": forum}


def _flood(teller: _Teller, start: datetime, until: datetime, apology_at: datetime) -> Iterator[Post]:
    at, step = start, timedelta(minutes=10)
    while at < until:
        rate = 150 * _wave((at - start) / timedelta(hours=1), 4.0, 0.75, 5.0)
        for moment in teller.moments(at, at + step, rate):
            chance = teller.chance()
            if moment > apology_at and chance < 0.5:
                yield teller.post("twitter", moment, teller.sentence(words.AFTER))
            elif chance > 0.92:
                yield teller.post("twitter", moment, teller.sentence(words.SPANISH), language="es")
            elif chance > 0.87:
                yield teller.post("twitter", moment, teller.sentence(words.GERMAN), language="de")
            elif chance > 0.75:
                yield teller.post("twitter", moment, words.COPIED[int(chance * 1000) % 2])
            else:
                yield teller.post("twitter" if chance > 0.1 else "reddit", moment, teller.sentence(words.OUTRAGE))
        at += step


def tell(seed: int = 20) -> Story:
    """The whole story: fifteen ordinary days, then the day of the voicemail, to midnight."""
    teller = _Teller(seed)
    published_at, midnight = SCENE + timedelta(hours=7, minutes=42), SCENE + timedelta(days=1)
    apology_at = SCENE + timedelta(hours=15, minutes=20)
    roots = _roots(teller, published_at)
    told: list[Post | EngagementSample] = [*_ordinary_days(teller), *roots.values()]
    for name, peak, peak_hour, growth in (
        ("blog", 60.0, 3.0, 0.6),
        ("news", 90.0, 2.5, 0.5),
        ("forum", 70.0, 2.0, 0.5),
    ):
        told += _thread(
            teller,
            roots[name],
            until=midnight,
            peak=peak,
            peak_hour=peak_hour,
            growth_hours=growth,
            parts=words.OUTRAGE,
        )
    told += _flood(teller, published_at + timedelta(minutes=75), midnight, apology_at)
    told.append(
        teller.post(
            "twitter",
            published_at + timedelta(hours=2, minutes=9),
            words.INFLUENCER,
            author="liv_on_air",
            author_reach=410_000,
        )
    )
    told.append(teller.post("twitter", apology_at, words.APOLOGY, author="norrvik", author_reach=52_000))
    posts = sorted((part for part in told if isinstance(part, Post)), key=lambda post: (post.created_at, post.key))
    samples = sorted(
        (part for part in told if isinstance(part, EngagementSample)),
        key=lambda sample: (sample.at, sample.external_id),
    )
    return Story(tuple(posts), tuple(samples), published_at, apology_at)
