"""A backtest from end to end: history in, the configurations' courses, their stories and figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from config.settings import Settings
from monitor.assembly import assemble
from monitor.backtest.course import Course, Progress
from monitor.backtest.figures import Figures, figures
from monitor.backtest.stories import Anchor, Story, judged_incidents, stories, stretched
from monitor.backtest.variants import Variant
from monitor.pipeline import Batch
from monitor.replay import Event, batches, posts_in
from monitor.scale.ahead import ReadAhead, read_ahead
from monitor.scale.trying import courses_by
from monitor.scale.workers import Alone, Workers
from storage.database import Database
from storage.records import EngagementSample


@dataclass(frozen=True, slots=True)
class Backtest:
    """What each configuration made of the history; `figures` and the shares of `stories` are in the courses' order."""

    courses: tuple[Course, ...]
    stories: tuple[Story, ...]
    judged: tuple[Anchor, ...]
    figures: tuple[Figures, ...]

    @property
    def since(self) -> datetime:
        """Beginning of the span that is reported."""
        return self.courses[0].since

    @property
    def until(self) -> datetime:
        """End of the span."""
        return self.courses[0].until


def backtest(
    database: Database,
    variants: Sequence[Variant],
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
    workers: Workers | None = None,
) -> Backtest | None:
    """Judge stored history under every variant and compare; `None` when nothing is stored in the span.

    `workers` share the variants among them, with the same result.
    """
    found = courses_by(workers or Alone(), database, variants, since, until, progress)
    if not found:
        return None
    brands = {brand.name for variant in variants for brand in variant.settings.brands}
    judged = stretched(judged_incidents(database, found[0].since, found[0].until, brands), found[0])
    told = stories(found, judged)
    return Backtest(
        courses=tuple(found),
        stories=tuple(told),
        judged=tuple(judged),
        figures=tuple(figures(course, number, told, judged) for number, course in enumerate(found)),
    )


def read_history(
    database: Database,
    settings: Settings,
    events: Iterable[Event],
    progress: Callable[[int], None] | None = None,
    workers: Workers | None = None,
) -> int:
    """Match, score and store history from files, as a replay does; returns how many mentions there are.

    `progress` is told the number of posts and samples read so far. `workers` read ahead.
    """
    understanding = ReadAhead.build(settings)
    pipeline = assemble(settings, database, durable=False, understanding=understanding)
    read = mentions = 0
    for batch in read_ahead(batches(events), posts_in, understanding, settings, workers or Alone()):
        posts = posts_in(batch)
        samples = [event for event in batch if isinstance(event, EngagementSample)]
        mentions += len(pipeline.ingest(Batch(posts=posts, samples=samples)).new_mentions)
        read += len(batch)
        if progress is not None:
            progress(read)
    return mentions


def most_sensitive(found: Backtest, pages_per_week: float) -> Variant | None:
    """The most sensitive place on the scale that stays within so many pages a week, as every stricter one does too.

    Pages need not fall at each step: two incidents of a strict configuration may be one of a keener. What only happens
    to fit, with a stricter neighbour that does not, is passed over. `None` when even the strictest pages more often.
    """
    scale = [
        (course.variant.strictness, course.variant, one.pages_per_week)
        for course, one in zip(found.courses, found.figures, strict=True)
        if course.variant.strictness is not None
    ]
    chosen: Variant | None = None
    for _, variant, pages in sorted(scale, key=lambda place: -place[0]):
        if pages > pages_per_week:
            break
        chosen = variant
    return chosen
