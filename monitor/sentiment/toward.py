"""The scorer that comes with the program: VADER's rules with lexicons made for it, toward the brand.

Every language with a lexicon is judged with its own; what is written in another is `unscored`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import mul

from config.settings import BrandSettings
from monitor.language import UNDETERMINED
from monitor.matching.reading import reading_of
from monitor.remembered import LONGEST, remembering
from monitor.sentiment.contract import Item
from monitor.sentiment.evidence import Evidence
from monitor.sentiment.judgement import Judgement, compound_of, judged
from monitor.sentiment.masking import without_names
from monitor.sentiment.reader import ENGLISH, reader_of
from storage.records import Label, Score


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each kind of evidence counts, in logits, in the order of Evidence's fields.

    `base` is the logit of a text without any.
    """

    factors: tuple[float, ...]
    base: float

    def logit(self, evidence: Evidence) -> float:
        """What the evidence adds to the base."""
        total: float = sum(map(mul, self.factors, evidence))
        return total


NEGATIVE = Weights((-0.3, 0.55, -0.1, 0.4, -1.15, -0.9, 0.005, -0.25, 0.0, -0.5), base=-1.9)
"""A negative word weighs twice a positive one; links come with news, exclamations with joy."""
POSITIVE = Weights((0.55, -0.4, 0.35, -0.2, 0.5, 0.8, -0.02, 0.9, -0.7, -0.55), base=-1.0)
"""Questions are seldom praise."""

_COPIES = 16_384
"""Texts whose judgement is remembered: a third of all posts are copies of one that came shortly before."""
_CUTS = {ENGLISH: (-0.75, -0.55)}
"""Logits from which a text is called negative and positive; below 0, because the lexicons hear only part of what is
said."""
_OTHER_CUTS = (-1.2, -0.9)
"""Cuts for the other languages, whose lexicons are smaller and hear less."""


class TowardBrand:
    """Judges with the lexicons that come with the program."""

    name = "toward"
    version = "2"

    def __init__(self, brands: Sequence[BrandSettings] = ()) -> None:
        self._rivals: Mapping[str, tuple[str, ...]] = {brand.name: tuple(brand.rivals) for brand in brands}
        self._said = remembering(_COPIES)(self._judged)

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order; `unscored` in languages without a lexicon."""
        rivals, said, judge = self._rivals, self._said, self._judged
        return [
            (said if len(text := reading_of(post)) <= LONGEST else judge)(
                text, mention.matched or (mention.brand,), rivals.get(mention.brand, ()), language
            )
            for post, mention, language in items
        ]

    def _judged(self, text: str, terms: tuple[str, ...], rivals: tuple[str, ...], language: str) -> Score:
        judgement = judged_text(without_names(text, terms, rivals), ENGLISH if language == UNDETERMINED else language)
        if judgement is None:
            return Score(0.0, Label.UNSCORED, self.name, self.version, uncertainty=1.0)
        return Score(judgement.compound, judgement.label, self.name, self.version, judgement.uncertainty)


def judged_text(text: str, language: str) -> Judgement | None:
    """What a masked text says in a language, `None` where its lexicon is missing or written in another script."""
    reader = reader_of(language)
    if reader is None or not reader.can_read(text):
        return None
    return judgement_of(reader.evidence(text), language)


def judgement_of(evidence: Evidence, language: str) -> Judgement:
    """What the evidence amounts to in a language."""
    negative, positive = NEGATIVE.logit(evidence), POSITIVE.logit(evidence)
    negative_cut, positive_cut = _CUTS.get(language, _OTHER_CUTS)
    return judged(
        negative + NEGATIVE.base - negative_cut,
        positive + POSITIVE.base - positive_cut,
        compound_of(negative, positive),
    )
