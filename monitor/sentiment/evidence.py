"""From the words of a post to what speaks for and against the brand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from monitor.sentiment.wording import Token

_NEAR = 8
"""How many words from the brand's name a word still speaks of it, not of something else."""


class Evidence(NamedTuple):
    """What a text holds: sums of valences (all ≥ 0) near to and far from the brand's name, of hints (negative ≤ 0,
    positive ≥ 0), and what stands around them. Without the name in the text everything is near."""

    positive: float
    negative: float
    far_positive: float
    far_negative: float
    negative_hints: float
    positive_hints: float
    words: int
    exclaims: bool
    asks: bool
    links: bool


def gathered(words: Sequence[Token], places: Sequence[int], valences: Sequence[float], text: str) -> Evidence:
    """The evidence in a text: its words, and the valences at their places."""
    brands: list[int] = []
    hints: list[float] = []
    links = False
    for place, word in enumerate(words):
        if word.is_marked:
            if word.is_brand:
                brands.append(place)
            hints.append(word.hint)
            links = links or word.is_link
    down = sum([hint for hint in hints if hint < 0])
    up = sum(hints) - down
    near, far = _summed(places, valences, brands)
    return Evidence(near[0], near[1], far[0], far[1], down, up, len(words), "!" in text, "?" in text, links)


def _summed(places: Sequence[int], valences: Sequence[float], brands: Sequence[int]) -> tuple[list[float], list[float]]:
    """Positive and negative valences near to the brand, and far from it."""
    near, far = [0.0, 0.0], [0.0, 0.0]
    for place, valence in zip(places, valences, strict=True):
        side = far if brands and min([abs(place - brand) for brand in brands]) > _NEAR else near
        side[valence < 0] += abs(valence)
    return near, far
