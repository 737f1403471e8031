"""The scorer that comes with the program: VADER's rules with lexicons made for it, toward the brand.

Every language with a lexicon is judged with its own; what is written in another is `unscored`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from config.settings import BrandSettings
from monitor.matching.folding import all_cleaned
from monitor.matching.reading import reading_of
from monitor.remembered import Known
from monitor.sentiment.contract import Item
from monitor.sentiment.evidence import Evidence
from monitor.sentiment.judgement import Judgement, compounds_of, judged
from monitor.sentiment.masking import without_names
from monitor.sentiment.reader import ENGLISH, evidence_of
from monitor.sentiment.vocabulary import Numbers
from storage.records import Label, Score


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each kind of evidence counts, in logits, in the order of Evidence's fields.

    `base` is the logit of a text without any.
    """

    factors: tuple[float, ...]
    base: float

    def logits(self, evidence: Evidence) -> Numbers:
        """What the evidence of each text adds to the base."""
        total: Numbers = sum(map(mul, self.factors, evidence))
        return total


NEGATIVE = Weights((-0.3, 0.55, -0.1, 0.4, -1.15, -0.9, 0.005, -0.25, 0.0, -0.5), base=-1.9)
"""A negative word weighs twice a positive one; links come with news, exclamations with joy."""
POSITIVE = Weights((0.55, -0.4, 0.35, -0.2, 0.5, 0.8, -0.02, 0.9, -0.7, -0.55), base=-1.0)
"""Questions are seldom praise."""

_COPIES = 16_384
"""Texts whose judgement is remembered."""
_CUTS = {ENGLISH: (-0.75, -0.55)}
"""Logits from which a text is called negative and positive; below 0, because the lexicons hear only part of what is
said."""
_OTHER_CUTS = (-1.2, -0.9)
"""Cuts for the other languages, whose lexicons are smaller and hear less."""


_Reading = tuple[str, tuple[str, ...], tuple[str, ...], str]
"""A text, the names in it, its brand's rivals, and its language: what a score depends on."""


class TowardBrand:
    """Judges with the lexicons that come with the program."""

    name = "toward"
    version = "2"

    def __init__(self, brands: Sequence[BrandSettings] = ()) -> None:
        self._rivals: Mapping[str, tuple[str, ...]] = {brand.name: tuple(brand.rivals) for brand in brands}
        self._known: Known[_Reading, Score] = Known(_COPIES, _length)

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order; `unscored` in languages without a lexicon."""
        rivals = self._rivals
        readings = [
            (reading_of(post), mention.matched or (mention.brand,), rivals.get(mention.brand, ()), language)
            for post, mention, language in items
        ]
        return self._known.of(readings, self._judged)

    def _judged(self, readings: Sequence[_Reading]) -> list[Score]:
        clean = all_cleaned([text for text, _, _, _ in readings])
        texts = [
            without_names(text, terms, rivals) for text, (_, terms, rivals, _) in zip(clean, readings, strict=True)
        ]
        return [
            Score(judgement.compound, judgement.label, self.name, self.version, judgement.uncertainty)
            if judgement
            else Score(0.0, Label.UNSCORED, self.name, self.version, uncertainty=1.0)
            for judgement in judged_texts(texts, [language for _, _, _, language in readings])
        ]


def _length(reading: _Reading) -> int:
    return len(reading[0])


def judged_texts(texts: Sequence[str], languages: Sequence[str]) -> list[Judgement | None]:
    """What masked texts say, each in its language; `None` where its lexicon is missing or written in another script."""
    judgements: list[Judgement | None] = [None] * len(texts)
    for language, rows, evidence in evidence_of(texts, languages):
        for row, judgement in zip(rows, judgements_of(evidence, language), strict=True):
            judgements[row] = judgement
    return judgements


def judgements_of(evidence: Evidence, language: str) -> list[Judgement]:
    """What the evidence amounts to in a language."""
    negative, positive = NEGATIVE.logits(evidence), POSITIVE.logits(evidence)
    negative_cut, positive_cut = _CUTS.get(language, _OTHER_CUTS)
    return judged(
        negative + NEGATIVE.base - negative_cut,
        positive + POSITIVE.base - positive_cut,
        compounds_of(negative, positive),
    )
