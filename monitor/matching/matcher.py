"""Finds the brands in a post: one pass over its folded text, whatever the number of brands.

Linear in the text: terms are literal, operators give no patterns that could blow up.
"""

from __future__ import annotations

from collections.abc import Sequence

from config.settings import BrandSettings
from monitor.matching.folding import Folded, fold, folded_term
from monitor.matching.links import LinkPart, link_part
from monitor.matching.lookup import Lookup, Place
from monitor.matching.reading import reading_of
from monitor.matching.relevance import BrandRules, Found, judged
from monitor.matching.terms import terms_of
from storage.records import Mention, Post

_NOBODY: frozenset[int] = frozenset()


class Matcher:
    """Recognises the configured brands in posts."""

    def __init__(self, brands: Sequence[BrandSettings]) -> None:
        self._rules = tuple(map(BrandRules.of, brands))
        self._numbers = {folded_term(brand.name): number for number, brand in enumerate(brands)}
        self._lookup = Lookup(term for number, brand in enumerate(brands) for term in terms_of(number, brand))

    def match(self, post: Post) -> list[Mention]:
        """The brands that the post is about, in the order of the settings, each with what matched and how sure.

        Mentions below a brand's `minimum_relevance` are left out. Brands that the source itself names (`post.brands`)
        are certain.
        """
        found = self._found(fold(reading_of(post)))
        told = self._told(post.brands) if post.brands else _NOBODY
        if not found and not told:
            return []
        mentions = (
            self._mention(post, number, found.get(number), number in told) for number in sorted({*found, *told})
        )
        return [mention for mention in mentions if mention is not None]

    def _told(self, brands: Sequence[str]) -> frozenset[int]:
        return frozenset(self._numbers[name] for name in map(folded_term, brands) if name in self._numbers)

    def _mention(self, post: Post, number: int, found: Found | None, told: bool) -> Mention | None:
        rules = self._rules[number]
        brand = rules.brand
        matched = found.shown() if found else ()
        if told or found is None:
            return Mention(brand.name, post.source, post.external_id, 1.0, matched, "named by the source")
        relevance, reason = judged(rules, found)
        if relevance < brand.minimum_relevance:
            return None
        return Mention(brand.name, post.source, post.external_id, relevance, matched, reason)

    def _found(self, text: Folded) -> dict[int, Found]:
        found: dict[int, Found] = {}
        for place in _standing(self._lookup.places(text), text):
            if place.term.brand not in found:
                found[place.term.brand] = Found(text, [])
            found[place.term.brand].places.append(place)
        return found


def _standing(places: list[Place], text: Folded) -> list[Place]:
    """The places that name somebody: not in the path of a link, nor a part of another brand's longer name."""
    if not places:
        return places
    standing = [place for place in places if link_part(text.folded, place) is not LinkPart.PATH]
    if len(standing) < 2 or len({place.term.brand for place in standing}) < 2:
        return standing
    return [place for place in standing if not any(_covers(other, place) for other in standing)]


def _covers(longer: Place, place: Place) -> bool:
    return (
        longer.term.brand != place.term.brand
        and longer.start <= place.start
        and place.end <= longer.end
        and longer.end - longer.start > place.end - place.start
    )
