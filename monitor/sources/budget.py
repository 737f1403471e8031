"""What a day of reading a source may cost, and what is left of it.

Days are days in UTC, as platforms bill and limit. A part of each is kept for incidents: reading as usual stops when
only the reserve is left, reading for a live incident goes on to the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Self

from collectors.contract import Charged, Collector, Tariff
from config.settings import SourceSettings
from storage.records import CollectorRun, Spent

FREE = Tariff()
DAY = timedelta(days=1)


def tariff_of(collector: Collector) -> Tariff:
    """What reading the source costs; one that says nothing is free and asks once a turn."""
    return collector.tariff() if isinstance(collector, Charged) else FREE


@dataclass(frozen=True, slots=True)
class Cost:
    """What something takes: requests, posts and money."""

    requests: float = 0.0
    posts: float = 0.0
    dollars: float = 0.0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a source may take in a day (`None`: without limit), and which share of it is for incidents alone."""

    requests: int | None = None
    posts: int | None = None
    dollars: float | None = None
    reserve: float = 0.25

    @classmethod
    def of(cls, source: SourceSettings, tariff: Tariff) -> Self:
        """The operator's budget, within what the platform allows."""
        limits = [limit for limit in (source.requests_per_day, tariff.requests_per_day) if limit is not None]
        return cls(min(limits, default=None), tariff.posts_per_day, source.dollars_per_day, source.reserve)

    @property
    def is_limited(self) -> bool:
        """Whether there is anything to keep within."""
        return (self.requests, self.posts, self.dollars) != (None, None, None)

    def turns_left(self, spent: Spent, turn: Cost, *, for_incident: bool) -> float:
        """How many turns of this cost the rest of the budget pays for (infinite where nothing limits them)."""
        share = 1.0 if for_incident else 1.0 - self.reserve
        limits = (
            (self.requests, spent.requests, turn.requests),
            (self.posts, spent.posts, turn.posts),
            (self.dollars, spent.dollars, turn.dollars),
        )
        times = (_times(limit * share - used, each) for limit, used, each in limits if limit is not None)
        return min(times, default=math.inf)


def _times(left: float, each: float) -> float:
    if each > 0:
        return max(left, 0.0) / each
    return math.inf if left > 0 else 0.0


def usual_turn(tariff: Tariff, runs: Sequence[CollectorRun]) -> Cost:
    """What a turn takes: the mean of the last runs, and of a source never read what its tariff says."""
    if not runs:
        return Cost(tariff.requests_per_turn, 0.0, tariff.price(requests=tariff.requests_per_turn))
    requests = sum(run.requests for run in runs) / len(runs)
    posts = sum(run.posts for run in runs) / len(runs)
    requests = max(requests, 1.0)
    return Cost(requests, posts, requests * tariff.dollars_per_request + posts * tariff.dollars_per_post)


def rest_of_day(now: datetime) -> timedelta:
    """Until the next midnight in UTC."""
    return datetime.combine(now.astimezone(UTC).date(), time(), UTC) + DAY - now
