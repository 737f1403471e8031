"""From negative and positive logits to a label, a compound score and its uncertainty; one way for all scorers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from monitor.sentiment.vocabulary import Numbers
from storage.records import Label

_LABELS = (Label.NEUTRAL, Label.NEGATIVE, Label.POSITIVE)

_POSITIVE_SHARE = 0.15
"""How much the positive logit moves the compound. By the negative one alone negative texts are told best (AUC); a
little of the positive keeps praise above the rest."""
_ALPHA = 15.0
"""VADER's constant: a total of its square root makes a compound of 0.7."""


class Judgement(Struct, frozen=True, gc=False):
    """A label with `compound` in -1…1 and `uncertainty` in 0…1, how likely another label is.

    The label is decided by both logits, the compound puts texts in order by how negative they are: a text with much of
    both may be called positive with a compound just below zero.
    """

    label: Label
    compound: float
    uncertainty: float


def judged(negative: Numbers, positive: Numbers, compound: Sequence[float]) -> list[Judgement]:
    """What texts are judged from how far their logits stand above their cuts; where both do, the further one counts."""
    margin = np.maximum(negative, positive)
    labels = np.where(margin < 0, 0, np.where(negative >= positive, 1, 2))
    return [
        Judgement(_LABELS[label], each, _chance_of_error(further))
        for label, each, further in zip(labels.tolist(), compound, np.abs(margin).tolist(), strict=True)
    ]


def compounds_of(negative: Numbers, positive: Numbers) -> list[float]:
    """The compound scores of logits counted from those of an empty text, rounded to four digits."""
    total = _POSITIVE_SHARE * positive - negative
    return [round(compound, 4) for compound in (total / np.sqrt(total * total + _ALPHA)).tolist()]


def _chance_of_error(margin: float) -> float:
    return round(1.0 / (1.0 + math.exp(min(margin, 30.0))), 3)
