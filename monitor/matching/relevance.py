"""How sure it is that a match means the brand, and why.

A name that could mean nothing else counts by its kind. A name that is an ordinary word counts by what stands around it:
each cue adds to the log-odds of a prior, and the reason names the cues that weighed most. The weights were set by hand
and checked on the names of benchmarks/names.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from sys import intern
from typing import NamedTuple

from config.settings import BrandSettings
from monitor.matching.cues import Cue, cues_around, cues_of_text
from monitor.matching.folding import Folded
from monitor.matching.lookup import Place, Wordlist
from monitor.matching.terms import TermKind

_SURE = {
    TermKind.HANDLE: 0.99,
    TermKind.HASHTAG: 0.97,
    TermKind.TICKER: 0.97,
    TermKind.NAME: 0.95,
    TermKind.PRODUCT: 0.9,
    TermKind.PERSON: 0.85,
}
_PRIOR = -1.0
"""Log-odds that an ordinary word means the brand when nothing speaks for or against it."""
_CONTEXT, _RIVAL = 2.5, 1.5
_TOLD = 2
"""How many cues a reason names."""


@dataclass(frozen=True, slots=True)
class BrandRules:
    """What a brand's settings say about its ambiguous matches."""

    brand: BrandSettings
    context: Wordlist
    against: Wordlist
    exclusions: Wordlist
    rivals: Wordlist

    @classmethod
    def of(cls, brand: BrandSettings) -> BrandRules:
        """The rules of a brand."""
        context = Wordlist(brand.context, compounds=True)
        against = Wordlist(brand.context_against, compounds=True)
        return cls(brand, context, against, Wordlist(brand.exclude), Wordlist(brand.rivals))


class Found(NamedTuple):
    """What of one brand stands in a text."""

    text: Folded
    places: list[Place]

    def shown(self) -> tuple[str, ...]:
        """The terms as the settings write them, each once."""
        return tuple(dict.fromkeys(place.term.shown for place in self.places))


def judged(rules: BrandRules, found: Found) -> tuple[float, str]:
    """The probability that the brand is meant, and the reason in words."""
    excluded = rules.exclusions.spans(found.text.folded)
    standing = (
        found.places
        if not excluded
        else [
            place
            for place in found.places
            if not any(start < place.end and place.start < end for start, end in excluded)
        ]
    )
    strong = [place for place in standing if not place.term.weak]
    if strong:
        best = strong[0] if len(strong) == 1 else max(strong, key=lambda place: _SURE[place.term.kind])
        return _SURE[best.term.kind], intern(f"{best.term.kind} {best.term.shown}")  # once for all that say so
    if excluded or not standing:
        start, end = excluded[0]
        return 0.02, f"ruled out by “{found.text.folded[start:end]}”"
    return max(_weighed(rules, found.text, place) for place in standing)


def _weighed(rules: BrandRules, text: Folded, place: Place) -> tuple[float, str]:
    """The probability of one ordinary word, and the cues that made it."""
    cues = [*cues_around(text, place), *cues_of_text(text, place), *_settled(rules, text)]
    odds = _PRIOR + sum(cue.weight for cue in cues)
    probability = round(1.0 / (1.0 + math.exp(-odds)), 3)
    weightiest = sorted(cues, key=lambda cue: -abs(cue.weight))[:_TOLD]
    return probability, ", ".join((f"the word {place.term.shown}", *(cue.why for cue in weightiest)))


def _settled(rules: BrandRules, text: Folded) -> list[Cue]:
    """Cues from the brand's own settings."""
    cues = []
    for words, weight, why in (
        (rules.context, _CONTEXT, "near"),
        (rules.against, -_CONTEXT, "though near"),
        (rules.rivals, _RIVAL, "beside its rival"),
    ):
        spans = words.spans(text.folded)
        if spans:
            cues.append(Cue(weight, f"{why} “{text.folded[slice(*spans[0])]}”"))
    return cues
