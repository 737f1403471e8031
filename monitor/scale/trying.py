"""Backtests by workers: each judges all of stored history for some of the variants."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from monitor.backtest.course import Course, Progress, courses
from monitor.backtest.variants import Variant
from monitor.scale.workers import Alone, Workers
from storage.database import Database


class Trying(NamedTuple):
    """Variants and a span, packed, to be tried on the history of a database."""

    address: str
    asked: bytes


def try_variants(asked: Trying) -> bytes:
    """What each variant would have told, packed."""
    variants, since, until = pickle.loads(asked.asked)  # noqa: S301  (of the process that asked, which is ours)
    with Database.open(asked.address, migrate=False, read_only=True) as database:
        return pickle.dumps(courses(database, variants, since, until))


def courses_by(
    workers: Workers,
    database: Database,
    variants: Sequence[Variant],
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> list[Course]:
    """What `courses` gives. Folds of different variants know nothing of one another, so they may be apart."""
    if isinstance(workers, Alone) or len(variants) < 2 or database.is_in_memory:
        return courses(database, variants, since, until, progress)
    groups = [part for first in range(workers.count) if (part := list(variants[first :: workers.count]))]
    questions = [Trying(database.address, pickle.dumps((group, since, until))) for group in groups]
    found: dict[str, Course] = {}
    for done, answer in enumerate(workers.each(try_variants, questions), 1):
        told: list[Course] = pickle.loads(answer)  # noqa: S301  (of a worker, which is ours)
        found.update({course.variant.name: course for course in told})
        if progress is not None and told:
            progress(told[0].until, done / len(groups))
    return [found[variant.name] for variant in variants if variant.name in found]
