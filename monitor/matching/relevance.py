"""How sure it is that a match means the brand, and why."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import BrandSettings
from monitor.matching.folding import Folded
from monitor.matching.lookup import Place
from monitor.matching.terms import TermKind

_SURE = {
    TermKind.HANDLE: 0.99,
    TermKind.HASHTAG: 0.97,
    TermKind.TICKER: 0.97,
    TermKind.NAME: 0.95,
    TermKind.PRODUCT: 0.9,
    TermKind.PERSON: 0.85,
}


@dataclass(frozen=True, slots=True)
class Found:
    """What of one brand stands in a text."""

    text: Folded
    places: list[Place]

    def shown(self) -> tuple[str, ...]:
        """The terms as the settings write them, each once."""
        return tuple(dict.fromkeys(place.term.shown for place in self.places))


def judged(brand: BrandSettings, found: Found) -> tuple[float, str]:
    """The probability that the brand is meant, and the reason in words."""
    strong = [place.term for place in found.places if not place.term.weak]
    if strong:
        best = max(strong, key=lambda term: _SURE[term.kind])
        return _SURE[best.kind], f"{best.kind} {best.shown}"
    place = found.places[0]
    return 0.6, f"the word {place.term.shown}"
