"""A made backlash against a real brand, through the real pipeline, in a database that is forgotten afterwards.

Fire drills and canaries need an incident that came about as real ones do: posts that are understood, stored, counted,
judged and correlated under the operator's own configuration. None of it touches what the program knows about the brand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.page import Page
from alerts.policy import Rules
from alerts.routing import Routing
from alerts.speak import Speaker
from config.settings import Settings
from monitor import incidents as correlation
from monitor.briefing import Briefing
from monitor.pipeline import Batch, Pipeline
from monitor.register import Told
from storage import incidents
from storage.database import Database
from storage.records import Incident, Post

SOURCE = "drill"
CALM_DAYS = 4
A_DAY = 48
ANGRY = 160
_CALM = (
    "asked {brand} about opening hours today",
    "the {brand} parcel came in the morning",
    "is {brand} any good for a small office",
    "saw a poster of {brand} at the station",
    "my neighbour works at {brand} now",
)
_ANGRY = (
    (
        "Never again {brand}:",
        "Shame on {brand},",
        "So this is how {brand} treats people,",
        "I am furious with {brand},",
        "{brand} is a disgrace,",
        "Everybody should know what {brand} did,",
    ),
    (
        "they lied to my face",
        "they threatened a customer who complained",
        "they took the money and laughed",
        "they blame the people they hurt",
        "they hid it for months",
        "nobody there even says sorry",
        "they call honest people liars",
    ),
    (
        "and I want my money back",
        "and it makes me sick",
        "this is disgusting",
        "I have never seen worse",
        "so cancel everything you have there",
        "and they think we forget it",
        "what a horrible company",
    ),
)


class RehearsalError(Exception):
    """The made backlash opened no incident; the message says what that means."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The incident that came of it, and what people would be told."""

    incident: Incident
    page: Page


Build = Callable[[Settings, Database, Speaker], Pipeline]
"""Puts the real pipeline together over a database, with a speaker in place of the channels (monitor/assembly.py)."""


def rehearse(settings: Settings, brand: str, now: datetime, build: Build) -> Rehearsed:
    """Let a backlash against `brand` break out, ending at `now`; `RehearsalError` when nothing came of it."""
    silent = Speaker(Rules(), Routing((), {}))
    with Database.open("sqlite://") as database:
        pipeline = build(settings, database, silent)
        pipeline.ingest(Batch(posts=list(posts(brand, now))))
        pipeline.advance(now, early=True)
        with database.read() as tx:
            live = incidents.live(tx, brand)
            if not live:
                raise RehearsalError(
                    f"{ANGRY} made posts against {brand} in an hour opened no incident; "
                    'look with "tocsin score" whether they are understood, and at its thresholds'
                )
            worst = max(live, key=lambda one: (one.severity.rank, len(one.evidence)))
            briefing = Briefing(settings.general.public_url, settings.general.timezone, drill=True)
            told = Told(correlation.Change.HELD, worst, worst, "", now)
            return Rehearsed(worst, briefing.page(tx, told))


def posts(brand: str, now: datetime) -> Iterator[Post]:
    """Some calm days, and an hour of anger that goes on."""
    luck = random.Random(brand)  # noqa: S311  (a story, not a secret)
    start = now - timedelta(days=CALM_DAYS)
    calm = [(start + (now - start) * luck.random(), (_CALM,)) for _ in range(CALM_DAYS * A_DAY)]
    angry = [(now - timedelta(hours=1) * luck.random() ** 1.5, _ANGRY) for _ in range(ANGRY)]
    said: list[tuple[datetime, tuple[tuple[str, ...], ...]]] = [*calm, *angry]
    for number, (at, parts) in enumerate(sorted(said, key=lambda pair: pair[0])):
        words = " ".join(luck.choice(lines) for lines in parts).format(brand=brand)
        yield Post(
            source=SOURCE,
            external_id=f"made-{number}",
            created_at=at,
            text=words,
            author=f"drill-{number}",
            author_name=f"Nobody {number}",
            language="en",
            brands=(brand,),
        )
