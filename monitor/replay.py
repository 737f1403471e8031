"""History through the pipeline at event time: what would have been paged, when, and why.

The posts are stored first and judged afterwards, tick by tick, in order of the time at which they were written. A tick
sees nothing that comes later, so the result is what living through it would have given, whatever the order of the file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alerts.policy import Rules, is_audible
from alerts.routing import Destination, Routing
from alerts.speak import Speaker
from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch, Pipeline
from monitor.scale.ahead import ReadAhead, read_ahead
from monitor.scale.workers import Alone, Workers
from storage.database import Database
from storage.records import Alert, EngagementSample, Post

BATCH = 500
EVERYBODY = Destination("replay", "everybody")
"""Stands for the people who would have been told: a replay reaches nobody, whatever channels are configured."""
STEP = timedelta(days=1)

Event = Post | EngagementSample
Progress = Callable[[str, float], None]
"""Told the phase (`read`, `judge`) and how much of it is done, 0…1 (-1: not known)."""


@dataclass
class Replay:
    """What a replay read and what it would have said."""

    posts: int = 0
    samples: int = 0
    mentions: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    alerts: list[Alert] = field(default_factory=list)


def replay(
    events: Iterable[Event],
    settings: Settings,
    *,
    database: Database | None = None,
    on_alert: Callable[[Alert], None] | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
    speaker: Speaker | None = None,
) -> Replay:
    """Replay `events` over `database`, or one that is thrown away; `on_alert` hears each alert as it falls.

    `workers` read the posts ahead, with the same result; `speaker` stands in for one that reaches nobody. Alerts that
    only edit a message, and so reach nobody's ear, are left out.
    """
    speaker = speaker or Speaker(Rules.build(settings), Routing((), {EVERYBODY.channel: (EVERYBODY,)}))
    heard = (on_alert or _unheard, progress or _unseen)
    if database is not None:
        return _replay(database, events, settings, speaker, workers or Alone(), *heard)
    with tempfile.TemporaryDirectory(prefix="tocsin-replay-") as folder:
        database = Database.open(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            return _replay(database, events, settings, speaker, workers or Alone(), *heard)
        finally:
            database.close()


def _replay(
    database: Database,
    events: Iterable[Event],
    settings: Settings,
    speaker: Speaker,
    workers: Workers,
    on_alert: Callable[[Alert], None],
    progress: Progress,
) -> Replay:
    understanding = ReadAhead.build(settings)
    pipeline = assemble(settings, database, speaker=speaker, durable=False, understanding=understanding)
    result = Replay()
    for batch in read_ahead(batches(events), posts_in, understanding, settings, workers):
        _take(pipeline, batch, result)
        progress("read", -1.0)
    if result.first_at is None or result.last_at is None:
        return result
    end, at = result.last_at + timedelta(minutes=5), result.first_at
    while at < end:
        at = min(at + STEP, end)
        for alert in pipeline.advance(at, settle=at):
            if is_audible(alert):
                result.alerts.append(alert)
                on_alert(alert)
        progress("judge", (at - result.first_at) / (end - result.first_at))
    return result


def _take(pipeline: Pipeline, batch: Sequence[Event], result: Replay) -> None:
    posts = posts_in(batch)
    samples = [event for event in batch if isinstance(event, EngagementSample)]
    written = pipeline.ingest(Batch(posts=posts, samples=samples))
    result.posts += written.new_posts
    result.mentions += len(written.new_mentions)
    result.samples += len(samples)
    moments = [*(post.judged_at for post in posts), *(sample.at for sample in samples)]
    result.first_at = min([*moments, *([result.first_at] if result.first_at else [])])
    result.last_at = max([*moments, *([result.last_at] if result.last_at else [])])


def posts_in(batch: Sequence[Event]) -> list[Post]:
    """The posts among the events."""
    return [event for event in batch if isinstance(event, Post)]


def batches(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events in lists of at most `BATCH`."""
    batch: list[Event] = []
    for event in events:
        batch.append(event)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _unheard(_alert: Alert) -> None:
    return


def _unseen(_phase: str, _done: float) -> None:
    return
