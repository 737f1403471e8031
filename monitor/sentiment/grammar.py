"""How words change one another in languages other than English: negation, boosters and contrast, no more."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.sentiment.vader import Word

_REVERSAL = -0.74
"""What is left of a valence that is negated (VADER's constant)."""
_REACH = 3
"""How many words before its object a negation may stand."""


def valences(words: Sequence[Word]) -> tuple[list[int], list[float]]:
    """The places of the words that have a valence, and their valences in their context."""
    places = [place for place, word in enumerate(words) if word.valence is not None]
    pivot = next((place for place, word in enumerate(words) if word.is_contrast), None)
    found = []
    for place in places:
        weight = 1.0 if pivot is None else 0.7 if place < pivot else 1.2
        found.append(_in_context(words, place) * weight)
    return places, found


def _in_context(words: Sequence[Word], place: int) -> float:
    valence = words[place].valence or 0.0
    for before in words[max(place - _REACH, 0) : place]:
        if before.is_booster:
            valence += before.booster if valence > 0 else -before.booster
        if before.negates and before.valence is None:
            valence *= _REVERSAL
    return valence
