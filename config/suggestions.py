"""Did you mean …? The nearest of the words that would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

_CLOSE = 0.6


def closest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is most like `word` (case aside), or None when none is much like it.

    The same letters in another order are a slip of the fingers, and nearer than a word that is one letter shorter.
    """
    folded = word.casefold()
    letters = sorted(folded)
    ranked = sorted(
        ((likeness(folded, other.casefold()), other) for other in known),
        key=lambda pair: (sorted(pair[1].casefold()) != letters, -pair[0], pair[1]),
    )
    return ranked[0][1] if ranked and ranked[0][0] >= _CLOSE else None


def did_you_mean(word: str, known: Iterable[str], *, none: str = "there is none yet") -> str:
    """A sentence that names the nearest of `known`, else all of them when they are few; `none` when there are none."""
    choices = sorted(set(known))
    nearest = closest(word, choices)
    if nearest is not None:
        return f'did you mean "{nearest}"?'
    return f"known: {listed(choices)}" if choices else none


def listed(words: Iterable[str], most: int = 12) -> str:
    """Words with commas between them; beyond `most`, how many more there are."""
    choices = list(words)
    rest = len(choices) - most
    return ", ".join(choices[:most]) + (f" and {rest} more" if rest > 0 else "")


def likeness(one: str, other: str) -> float:
    """0…1: of letters in common order, where one being the beginning of the other counts as close."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= 3 and longer.startswith(shorter):
        return 0.9
    return SequenceMatcher(None, one, other).ratio()
