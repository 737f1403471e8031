"""Days to live through: the made story, cut to what a test has time for, and ways to go through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from config.settings import Settings
from monitor.assembly import assemble
from monitor.demo.story import SCENE, tell
from monitor.pipeline import Batch, Pipeline
from storage import incidents
from storage.database import Database
from storage.records import EngagementSample, Incident, Post

SETTINGS = Settings.model_validate(
    {
        "brands": [{"name": "Norrvik Mobile", "aliases": ["Norrvik"], "handles": ["@norrvik"]}],
        "understanding": {"languages": ["en", "es", "de"]},
    }
)
LATENESS = SETTINGS.detection.lateness
BEGIN = SCENE - timedelta(days=1)
END = SCENE + timedelta(hours=10, minutes=30)

Event = Post | EngagementSample


@cache
def bad_day() -> tuple[Event, ...]:
    """An ordinary day and the morning of the voicemail, in order of time."""
    story = tell()
    posts = [post for post in story.posts if BEGIN <= post.created_at < END]
    samples = [sample for sample in story.samples if sample.at < END]
    return tuple(sorted([*posts, *samples], key=when))


def when(event: Event) -> datetime:
    """The event time."""
    return event.created_at if isinstance(event, Post) else event.at


def give(pipeline: Pipeline, events: Iterable[Event]) -> None:
    """Ingest events as one batch."""
    told = list(events)
    posts = [event for event in told if isinstance(event, Post)]
    pipeline.ingest(Batch(posts, [event for event in told if isinstance(event, EngagementSample)]))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must not depend on how one came there."""

    brand: str
    fingerprint: str
    severity: str
    state: str
    began_at: datetime
    headline: str
    kind: str


def outcomes(database: Database) -> list[Outcome]:
    """The incidents there are, by what matters of them."""
    with database.read() as tx:
        known: Sequence[Incident] = incidents.recent(tx)
    found = [
        Outcome(
            item.brand, item.fingerprint, item.severity.value, item.state.value, item.began_at, item.headline, item.kind
        )
        for item in known
    ]
    return sorted(found, key=lambda outcome: (outcome.began_at, outcome.fingerprint))


def live_through(database: Database, batches: Sequence[Sequence[Event]], restart_after: set[int]) -> Pipeline:
    """Go through the batches as they arrive, judging what is settled after each; with restarts after some of them."""
    pipeline = assemble(SETTINGS, database)
    newest = BEGIN
    for number, batch in enumerate(batches):
        give(pipeline, batch)
        newest = max([newest, *map(when, batch)])
        pipeline.advance(newest)
        if number in restart_after:
            pipeline = assemble(SETTINGS, database)
    pipeline.advance(END, settle=END)
    return pipeline
