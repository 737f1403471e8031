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
    near, far = [0.0, 0.0], [0.0, 0.0]
    brands = [place for place, word in enumerate(words) if word.is_brand]
    for place, valence in zip(places, valences, strict=True):
        side = far if brands and all(abs(place - brand) > _NEAR for brand in brands) else near
        side[valence < 0] += abs(valence)
    hints = [word.hint for word in words if word.hint]
    down = sum(hint for hint in hints if hint < 0)
    return Evidence(
        positive=near[0],
        negative=near[1],
        far_positive=far[0],
        far_negative=far[1],
        negative_hints=down,
        positive_hints=sum(hints) - down,
        words=len(words),
        exclaims="!" in text,
        asks="?" in text,
        links=any(word.is_link for word in words),
    )
