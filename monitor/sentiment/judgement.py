"""From negative and positive logits to a label, a compound score and its uncertainty; one way for all scorers."""

from __future__ import annotations

import math
from typing import NamedTuple

from storage.records import Label

_POSITIVE_SHARE = 0.15
"""How much the positive logit moves the compound. By the negative one alone negative texts are told best (AUC); a
little of the positive keeps praise above the rest."""
_ALPHA = 15.0
"""VADER's constant: a total of its square root makes a compound of 0.7."""


class Judgement(NamedTuple):
    """A label with `compound` in -1…1 and `uncertainty` in 0…1, how likely another label is.

    The label is decided by both logits, the compound puts texts in order by how negative they are: a text with much of
    both may be called positive with a compound just below zero.
    """

    label: Label
    compound: float
    uncertainty: float


def judged(negative: float, positive: float, compound: float) -> Judgement:
    """The judgement of a text from how far its logits stand above their cuts; where both do, the further one counts."""
    margin = max(negative, positive)
    if margin < 0:
        return Judgement(Label.NEUTRAL, compound, _chance_of_error(-margin))
    if negative >= positive:
        return Judgement(Label.NEGATIVE, compound, _chance_of_error(negative))
    return Judgement(Label.POSITIVE, compound, _chance_of_error(positive))


def compound_of(negative: float, positive: float) -> float:
    """The compound score of logits counted from those of an empty text, rounded to four digits."""
    total = _POSITIVE_SHARE * positive - negative
    return round(total / math.sqrt(total * total + _ALPHA), 4)


def _chance_of_error(margin: float) -> float:
    return round(1.0 / (1.0 + math.exp(min(margin, 30.0))), 3)
