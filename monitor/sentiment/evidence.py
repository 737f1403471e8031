"""From the words of posts to what speaks for and against the brand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.sentiment.vocabulary import IS_BRAND, IS_LINK, Numbers, Places, Texts, summed

_NEAR = 8
"""How many words from the brand's name a word still speaks of it, not of something else."""
_APART = 2 * _NEAR
"""Places by which texts are moved apart, so that no name is near to a word of another text."""

Truths = npt.NDArray[np.bool_]


class Evidence(NamedTuple):
    """What texts hold, each a number for every text: sums of valences (all ≥ 0) near to and far from the brand's name,
    of hints (negative ≤ 0, positive ≥ 0), and what stands around them. Without the name in the text everything is near.
    """

    positive: Numbers
    negative: Numbers
    far_positive: Numbers
    far_negative: Numbers
    negative_hints: Numbers
    positive_hints: Numbers
    words: Places
    exclaims: Truths
    asks: Truths
    links: Truths


def gathered(words: Texts, places: Places, valences: Numbers, texts: Sequence[str]) -> Evidence:
    """The evidence in texts: their words, and the valences at their places."""
    rows = words.rows[places]
    sides = 4 * rows + 2 * _is_far(words, places) + (valences < 0)
    sums = summed(sides, np.abs(valences), 4 * len(words)).reshape(-1, 4)
    positive, negative, far_positive, far_negative = sums.T
    hints = words.vocabulary.hints_of(words.numbers)
    down = words.sums(np.minimum(hints, 0.0))
    return Evidence(
        positive,
        negative,
        far_positive,
        far_negative,
        down,
        words.sums(hints) - down,
        words.lengths,
        np.array(["!" in text for text in texts], dtype=bool),
        np.array(["?" in text for text in texts], dtype=bool),
        words.having(IS_LINK),
    )


def _is_far(words: Texts, places: Places) -> Truths:
    """Of each place, whether it is far from the brand's name in a text that has it."""
    brands = words.places_of(IS_BRAND)
    if not len(brands):
        return np.zeros(len(places), dtype=bool)
    apart, names = places + _APART * words.rows[places], brands + _APART * words.rows[brands]
    after = np.searchsorted(names, apart)
    before = np.maximum(after - 1, 0)
    nearest = np.minimum(np.abs(apart - names[before]), np.abs(names[np.minimum(after, len(names) - 1)] - apart))
    is_far: Truths = (nearest > _NEAR) & words.having(IS_BRAND)[words.rows[places]]
    return is_far
