"""What a scorer is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from storage.records import Mention, Post, Score

Item = tuple[Post, Mention, str]
"""A post, the mention to judge it toward, and the language of its text (ISO 639-1, `und` where it cannot be told)."""


class Scorer(Protocol):
    """Judges sentiment toward the brand, many posts at a time; pure, so that a replay gives what the live run gave."""

    @property
    def name(self) -> str:
        """Name stored with every score."""

    @property
    def version(self) -> str:
        """Changes whenever the same text may score otherwise."""

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order; `unscored` where the scorer cannot judge the language."""
