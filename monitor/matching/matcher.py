"""Finds the brands in a post: one pass over its folded text, whatever the number of brands.

Linear in the text: terms are literal, operators give no patterns that could blow up.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from config.settings import BrandSettings
from monitor.matching.folding import Folded, fold, folded_term
from monitor.matching.links import LinkPart, link_part
from monitor.matching.lookup import Lookup, Place
from monitor.matching.reading import reading_of
from monitor.matching.relevance import BrandRules, Found, judged
from monitor.matching.terms import terms_of
from monitor.remembered import LONGEST, minded
from storage.records import Mention, Post

_NOBODY: frozenset[int] = frozenset()
_KEPT = 16_384
"""Texts of which is remembered whom they name: a third of all posts are copies of one that came shortly before."""

_Named = tuple[tuple[int, float, str, tuple[str, ...]], ...]
"""Whom a text names: brand by its number, relevance, reason and what matched, in the order of the settings."""


class Matcher:
    """Recognises the configured brands in posts."""

    def __init__(self, brands: Sequence[BrandSettings]) -> None:
        self._brands = tuple(brands)
        self._rules = tuple(map(BrandRules.of, brands))
        self._numbers = {folded_term(brand.name): number for number, brand in enumerate(brands)}
        self._lookup = Lookup(term for number, brand in enumerate(brands) for term in terms_of(number, brand))
        self._kept: dict[str, _Named] = {}
        minded(self)

    def let_go(self) -> None:
        """Remember no text."""
        self._kept.clear()

    def names_anybody(self, post: Post) -> bool:
        """Whether the post has a mention; without making one, because most posts have none."""
        if post.brands:
            return bool(self.match(post))
        named = self._named_in(post)
        if not named:  # nearly all; a generator that has nothing to give takes longer than the rest
            return False
        brands = self._brands
        return any(relevance >= brands[number].minimum_relevance for number, relevance, _, _ in named)

    def match(self, post: Post) -> list[Mention]:
        """The brands that the post is about, in the order of the settings, each with what matched and how sure.

        Mentions below a brand's `minimum_relevance` are left out. Brands that the source itself names (`post.brands`)
        are certain.
        """
        named = self._named_in(post)
        if post.brands:
            return self._with_told(post, named)
        if not named:
            return []
        brands, source, name = self._brands, post.source, post.external_id
        return [
            Mention(brands[number].name, source, name, relevance, matched, reason)
            for number, relevance, reason, matched in named
            if relevance >= brands[number].minimum_relevance
        ]

    def _told(self, brands: Sequence[str]) -> frozenset[int]:
        return frozenset(self._numbers[name] for name in map(folded_term, brands) if name in self._numbers)

    def _with_told(self, post: Post, named: _Named) -> list[Mention]:
        """The mentions of a post whose source names brands itself."""
        told = self._told(post.brands)
        found = {number: (relevance, reason, matched) for number, relevance, reason, matched in named}
        found |= {number: (1.0, "named by the source", found[number][2] if number in found else ()) for number in told}
        return [
            Mention(self._brands[number].name, post.source, post.external_id, relevance, matched, reason)
            for number, (relevance, reason, matched) in sorted(found.items())
            if number in told or relevance >= self._brands[number].minimum_relevance
        ]

    def _named_in(self, post: Post) -> _Named:
        text = reading_of(post) if post.title else post.text
        named = self._kept.get(text)
        return self._remembered(text) if named is None else named

    def _remembered(self, text: str) -> _Named:
        """Whom the text names, looked up; kept for its copies."""
        folded = fold(text)
        places = _standing(self._lookup.places(folded), folded)
        named = self._judged(folded, places) if places else ()
        if len(text) <= LONGEST:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[text] = named
        return named

    def _judged(self, text: Folded, places: Sequence[Place]) -> _Named:
        """Of the brands that stand somewhere in the text, how sure it is that each is meant."""
        of_brands: dict[int, list[Place]] = {}
        for place in places:
            of_brands.setdefault(place.term.brand, []).append(place)
        return tuple(
            (number, *judged(self._rules[number], found := Found(text, of_brands[number])), _once(found.shown()))
            for number in sorted(of_brands)
        )


@lru_cache(maxsize=16_384)
def _once(shown: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for all mentions by the same names: many of them are in memory."""
    return shown


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
