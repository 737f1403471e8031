"""Reviews say themselves how their authors feel: by their stars, which stand before the title (collectors/reviews.py).

Nothing that is read out of the words is as sure, so the stars decide; the words still say what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.sentiment.contract import Item, Scorer
from storage.records import Label, Post, PostKind, Score

NAME, VERSION = "stars", "1"
_FULL, _EMPTY, _STARS = "★", "☆", 5
_MEANING = {
    1: (-0.8, Label.NEGATIVE),
    2: (-0.5, Label.NEGATIVE),
    3: (0.0, Label.NEUTRAL),
    4: (0.5, Label.POSITIVE),
    5: (0.8, Label.POSITIVE),
}
_UNCERTAINTY = 0.1


class Starred:
    """A scorer that takes reviews at their stars, and leaves all else to another."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def name(self) -> str:
        """That of the other, which judges nearly everything."""
        return self._scorer.name

    @property
    def version(self) -> str:
        """That of the other."""
        return self._scorer.version

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        stars = [stars_of(post) for post, _, _ in items]
        if not any(stars):
            return self._scorer.score(items)
        others = iter(self._scorer.score([item for item, number in zip(items, stars, strict=True) if not number]))
        return [by_stars(number) if number else next(others) for number in stars]


def stars_of(post: Post) -> int:
    """How many stars a review gave; 0 for all else."""
    if post.kind is not PostKind.REVIEW:
        return 0
    shown = post.title[:_STARS]
    full = shown.count(_FULL)
    return full if full and shown == _FULL * full + _EMPTY * (_STARS - full) else 0


def by_stars(number: int) -> Score:
    """The score that so many stars mean."""
    compound, label = _MEANING[number]
    return Score(compound, label, NAME, VERSION, _UNCERTAINTY)
