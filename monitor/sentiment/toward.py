"""The scorer that comes with the program: VADER's rules with lexicons made for it, toward the brand.

Every language with a lexicon is judged with its own; what is written in another is `unscored`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul

from config.settings import BrandSettings
from monitor.language import UNDETERMINED
from monitor.sentiment import grammar, vader
from monitor.sentiment.contract import Item
from monitor.sentiment.evidence import Evidence, gathered
from monitor.sentiment.judgement import compound_of, judged
from monitor.sentiment.lexicon import lexicon_of
from monitor.sentiment.masking import masked
from monitor.sentiment.wording import Wording
from storage.records import Label, Score

_ENGLISH = "en"
Valences = Callable[[Sequence[vader.Word]], tuple[list[int], list[float]]]


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each kind of evidence counts, in logits, in the order of Evidence's fields; `base` is the logit of a text
    without any, `cut` the one from which a text is called so."""

    factors: tuple[float, ...]
    base: float
    cut: float

    def logit(self, evidence: Evidence) -> float:
        """What the evidence adds to the base."""
        return sum(map(mul, self.factors, evidence))


NEGATIVE = Weights((-0.3, 0.55, -0.1, 0.4, -1.15, -0.9, 0.005, -0.25, 0.0, -0.5), base=-1.9, cut=-0.75)
"""A negative word weighs twice a positive one; links come with news, exclamations with joy."""
POSITIVE = Weights((0.55, -0.4, 0.35, -0.2, 0.5, 0.8, -0.02, 0.9, -0.7, -0.55), base=-1.0, cut=-0.55)
"""Questions are seldom praise."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the texts of one language."""

    wording: Wording
    valences: Valences

    def evidence(self, text: str) -> Evidence:
        """What speaks for and against the brand in a masked text."""
        words = self.wording.words(text)
        return gathered(words, *self.valences(words), text)


@lru_cache(maxsize=64)
def reader_of(language: str) -> Reader | None:
    """The reader of a language (ISO 639-1), `None` for one without a lexicon."""
    lexicon = lexicon_of(language)
    if lexicon is None:
        return None
    if language == _ENGLISH:
        return Reader(Wording(lexicon, vader.packaged_lexicon(), is_english=True), vader.valences)
    return Reader(Wording(lexicon), grammar.valences)


class TowardBrand:
    """Judges with the lexicons that come with the program."""

    name = "toward"
    version = "1"

    def __init__(self, brands: Sequence[BrandSettings] = ()) -> None:
        self._rivals: Mapping[str, tuple[str, ...]] = {brand.name: tuple(brand.rivals) for brand in brands}

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order; `unscored` in languages without a lexicon."""
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Score:
        post, mention, language = item
        reader = reader_of(_ENGLISH if language == UNDETERMINED else language)
        if reader is None:
            return Score(0.0, Label.UNSCORED, self.name, self.version, uncertainty=1.0)
        evidence = reader.evidence(masked(post, mention, self._rivals.get(mention.brand, ())))
        negative, positive = NEGATIVE.logit(evidence), POSITIVE.logit(evidence)
        judgement = judged(
            negative + NEGATIVE.base - NEGATIVE.cut,
            positive + POSITIVE.base - POSITIVE.cut,
            compound_of(negative, positive),
        )
        return Score(judgement.compound, judgement.label, self.name, self.version, judgement.uncertainty)
