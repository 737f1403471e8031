"""Finds the brands in a post: one pass over its folded text, whatever the number of brands.

Linear in the text: terms are literal, operators give no patterns that could blow up.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.settings import BrandSettings
from monitor.matching.folding import Folded, fold, folded_term
from monitor.matching.lookup import Lookup
from monitor.matching.reading import reading_of
from monitor.matching.relevance import Found, judged
from monitor.matching.terms import terms_of
from storage.records import Mention, Post


class Matcher:
    """Recognises the configured brands in posts."""

    def __init__(self, brands: Sequence[BrandSettings]) -> None:
        self._brands = tuple(brands)
        self._numbers = {folded_term(brand.name): number for number, brand in enumerate(brands)}
        self._lookup = Lookup(term for number, brand in enumerate(brands) for term in terms_of(number, brand))

    def match(self, post: Post) -> list[Mention]:
        """The brands that the post is about, in the order of the settings, each with what matched and how sure.

        Mentions below a brand's `minimum_relevance` are left out. Brands that the source itself names (`post.brands`)
        are certain.
        """
        found = self._found(fold(reading_of(post)))
        told = {self._numbers[name] for name in map(folded_term, post.brands) if name in self._numbers}
        mentions = (
            self._mention(post, number, found.get(number), number in told) for number in sorted({*found, *told})
        )
        return [mention for mention in mentions if mention is not None]

    def _mention(self, post: Post, number: int, found: Found | None, told: bool) -> Mention | None:
        brand = self._brands[number]
        matched = found.shown() if found else ()
        if told or found is None:
            return Mention(brand.name, post.source, post.external_id, 1.0, matched, "named by the source")
        relevance, reason = judged(brand, found)
        if relevance < brand.minimum_relevance:
            return None
        return Mention(brand.name, post.source, post.external_id, relevance, matched, reason)

    def _found(self, text: Folded) -> dict[int, Found]:
        found: dict[int, Found] = {}
        for place in self._lookup.places(text):
            found.setdefault(place.term.brand, Found(text, [])).places.append(place)
        return found
