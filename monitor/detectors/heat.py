"""How hot a thread is: its comments and its points against what threads of its source have at the same age.

Per source and age, histograms over a logarithmic scale that fade over four weeks, beside a prior belief. The heat of a
thread is the mean number of decimal places of the two tail probabilities: 1.0 is one in ten, 2.0 one in a hundred.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

import msgspec

AGES: Final = (1.0, 45.0, 75.0, 105.0, 150.0, 210.0, 300.0, 420.0, 600.0, 900.0, 1440.0)
"""Upper ends of the age classes in minutes."""
FIRST_SIGHT: Final = 0
"""The class of what was seen once."""
CLASSES: Final = 48
PER_DOUBLING: Final = 4.0
"""Classes of the logarithmic scale per doubling: 48 of them reach 4,000 comments."""
MEMORY: Final = 28 * 86400.0
FADE_EVERY: Final = 3600.0
"""Seconds; once an hour is often enough for four weeks of memory."""
PRIOR_THREADS: Final = 200.0
"""Threads that the prior belief is worth at each age."""
PRIOR_SPREAD: Final = 1.6
"""Deviation of the logarithm of comments and points between threads, before a source is known."""
FLOOR: Final = 1e-4


def age_class(minutes: float) -> int | None:
    """The class of an age; `None` when the thread is too old to be judged."""
    place = bisect_right(AGES, minutes)
    return place if place < len(AGES) else None


@lru_cache(maxsize=4_096)
def _value_class(value: int) -> int:
    return min(CLASSES - 1, round(PER_DOUBLING * math.log2(1 + value)))


def _prior_median(place: int, *, points: bool) -> float:
    """What half the threads have at an age, before a source is known: grows with the root of time."""
    hours = AGES[place] / 60.0
    return (12.0 if points else 6.0) * math.sqrt(hours) if place else (4.0 if points else 1.0)


@lru_cache(maxsize=16_384)
def _prior_tail(value: int, place: int, *, points: bool) -> float:
    distance = math.log((value + 0.5) / _prior_median(place, points=points))
    return 0.5 * math.erfc(distance / (PRIOR_SPREAD * math.sqrt(2.0)))


Counted = tuple[int, float, str]
"""How many comments or points a thread had, when, and which it is."""


class _Histogram(msgspec.Struct, array_like=True):
    at: float
    counts: list[float]

    def take(self, counted: Sequence[Counted]) -> None:
        """Count what threads had, and when. In which order they come matters only where the past fades meanwhile."""
        if max(counted, key=itemgetter(1))[1] - self.at >= FADE_EVERY:
            for value, now, _ in sorted(counted, key=itemgetter(2)):
                if now - self.at >= FADE_EVERY:
                    self.fade(now)
                self.counts[_value_class(value)] += 1.0
            return
        counts = self.counts
        for value, _, _ in counted:
            counts[_value_class(value)] += 1.0

    def fade(self, now: float) -> None:
        """Let the past weigh less."""
        kept = math.exp(-(now - self.at) / MEMORY)
        self.counts = [count * kept for count in self.counts]
        self.at = now


class Norms(msgspec.Struct, array_like=True):
    """What threads of one source have at each age."""

    comments: dict[int, _Histogram] = {}
    points: dict[int, _Histogram] = {}

    def copy(self) -> Norms:
        """Independent norms of the same."""
        return Norms(
            {place: _Histogram(one.at, list(one.counts)) for place, one in self.comments.items()},
            {place: _Histogram(one.at, list(one.counts)) for place, one in self.points.items()},
        )

    def learn(self, place: int, comments: Sequence[Counted], points: Sequence[Counted]) -> None:
        """Take what threads had when they passed out of age class `place`."""
        for table, counted in ((self.comments, comments), (self.points, points)):
            if counted:
                if place not in table:
                    table[place] = _Histogram(min(counted, key=itemgetter(2))[1], [0.0] * CLASSES)
                table[place].take(counted)

    def heat(self, place: int, comments: int | None, points: int | None) -> float:
        """The heat of a thread: decimal places of the tails of comments and points, averaged where both are known."""
        tails = []
        if comments is not None:
            tails.append(self._tail(self.comments, place, comments, points=False))
        if points is not None:
            tails.append(self._tail(self.points, place, points, points=True))
        return -sum(math.log10(max(tail, FLOOR)) for tail in tails) / len(tails) if tails else 0.0

    def usual(self, place: int, share: float) -> int:
        """The comments that `share` of the threads of an age stay below."""
        value = 1
        while self._tail(self.comments, place, value, points=False) > 1.0 - share and value < 100_000:
            value = math.ceil(value * 1.2)
        return value

    def _tail(self, table: dict[int, _Histogram], place: int, value: int, *, points: bool) -> float:
        histogram = table.get(place)
        prior = PRIOR_THREADS * _prior_tail(value, place, points=points)
        if histogram is None:
            return prior / PRIOR_THREADS
        own = _value_class(value)
        above = sum(histogram.counts[own + 1 :]) + 0.5 * histogram.counts[own]
        return (above + prior) / (sum(histogram.counts) + PRIOR_THREADS)
