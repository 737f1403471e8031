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
    sums = [0.0, 0.0, 0.0, 0.0]
    brands = [place for place, word in enumerate(words) if word.is_brand]
    for place, valence in zip(places, valences, strict=True):
        is_far = bool(brands) and all(abs(place - brand) > _NEAR for brand in brands)
        sums[2 * is_far + (valence < 0)] += abs(valence)
    down = up = 0.0
    has_link = False
    for word in words:
        if word.hint < 0:
            down += word.hint
        elif word.hint:
            up += word.hint
        elif word.is_link:
            has_link = True
    return Evidence(*sums, down, up, len(words), "!" in text, "?" in text, has_link)
