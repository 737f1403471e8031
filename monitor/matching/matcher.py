"""Finds the brands in posts: one pass over their folded texts, whatever the number of brands.

Linear in the text: terms are literal, operators give no patterns that could blow up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from config.settings import BrandSettings
from monitor.matching.folding import Folded, FoldedTexts, all_cleaned, folded_term
from monitor.matching.links import LinkPart, link_part
from monitor.matching.lookup import Lookup, Place
from monitor.matching.reading import reading_of
from monitor.matching.relevance import BrandRules, Found, judged
from monitor.matching.terms import Term, terms_of
from monitor.portions import portions
from monitor.remembered import Known
from storage.records import Mention, Post

_NOBODY: frozenset[int] = frozenset()
_KEPT = 16_384
"""Texts of which is remembered whom they name, and names of which is remembered how sure they are together."""
_LETTERS = 1_000_000
"""Letters of texts that are looked through at once."""

_NamedOne = tuple[int, float, str, tuple[str, ...]]
"""A brand by its number, relevance, reason and what matched."""
_Named = tuple[_NamedOne, ...]
"""Whom a text names, in the order of the settings."""


class Matcher:
    """Recognises the configured brands in posts."""

    def __init__(self, brands: Sequence[BrandSettings]) -> None:
        self._brands = tuple(brands)
        self._rules = tuple(map(BrandRules.of, brands))
        self._numbers = {folded_term(brand.name): number for number, brand in enumerate(brands)}
        self._lookup = Lookup(term for number, brand in enumerate(brands) for term in terms_of(number, brand))
        self._known: Known[str, _Named] = Known(_KEPT, len)
        self._sure: dict[tuple[Term, ...], _Named] = {}

    def about_us(self, posts: Sequence[Post]) -> list[Post]:
        """The posts that have a mention; without making any, because most posts have none."""
        return [post for post, named in zip(posts, self._named_in(posts), strict=True) if self._is_meant(post, named)]

    def match(self, post: Post) -> list[Mention]:
        """The brands that a post is about, in the order of the settings, each with what matched and how sure.

        Mentions below a brand's `minimum_relevance` are left out. Brands that the source itself names (`post.brands`)
        are certain.
        """
        return self.matches([post])[0]

    def matches(self, posts: Sequence[Post]) -> list[list[Mention]]:
        """What each of the posts is about: their texts are looked through at once."""
        return [
            self._mentions(post, named) if named or post.brands else []
            for post, named in zip(posts, self._named_in(posts), strict=True)
        ]

    def _is_meant(self, post: Post, named: _Named) -> bool:
        if post.brands:
            return bool(self._with_told(post, named))
        brands = self._brands
        return bool(named) and any(relevance >= brands[number].minimum_relevance for number, relevance, _, _ in named)

    def _mentions(self, post: Post, named: _Named) -> list[Mention]:
        if post.brands:
            return self._with_told(post, named)
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

    def _named_in(self, posts: Sequence[Post]) -> list[_Named]:
        """Whom each of the posts names; what is looked up is kept for copies."""
        return self._known.of([reading_of(post) if post.title else post.text for post in posts], self._looked_up)

    def _looked_up(self, texts: Sequence[str]) -> list[_Named]:
        return [named for portion in portions(texts, len, _LETTERS) for named in self._named_together(portion)]

    def _named_together(self, texts: Sequence[str]) -> list[_Named]:
        named: list[_Named] = [()] * len(texts)
        clean = all_cleaned(texts)
        for is_ascii in (True, False):
            numbers = [number for number, text in enumerate(clean) if text.isascii() is is_ascii]
            folded = FoldedTexts([clean[number] for number in numbers])
            for row, places in self._lookup.places(folded).items():
                text = folded[row]
                if standing := _standing(places, text):
                    named[numbers[row]] = self._judged(text, standing)
        return named

    def _judged(self, text: Folded, places: Sequence[Place]) -> _Named:
        """Of the brands that stand somewhere in the text, how sure it is that each is meant.

        Of names that need no evidence the same is said whatever the text.
        """
        terms = tuple([place.term for place in places])
        known = self._sure.get(terms)
        if known is not None:
            return known
        named = tuple(self._weighed(text, places))
        if not any(term.weak or self._brands[term.brand].exclude for term in terms):
            if len(self._sure) >= _KEPT:
                self._sure = {}
            self._sure[terms] = named
        return named

    def _weighed(self, text: Folded, places: Sequence[Place]) -> Iterator[_NamedOne]:
        of_brands: dict[int, list[Place]] = {}
        for place in places:
            of_brands.setdefault(place.term.brand, []).append(place)
        for number in sorted(of_brands):
            found = Found(text, of_brands[number])
            yield number, *judged(self._rules[number], found), _once(found.shown())


@lru_cache(maxsize=16_384)
def _once(shown: tuple[str, ...]) -> tuple[str, ...]:
    """The same tuple for all mentions by the same names: many of them are in memory."""
    return shown


def _standing(places: list[Place], text: Folded) -> list[Place]:
    """The places that name somebody: not in the path of a link, nor a part of another brand's longer name."""
    standing = places
    if "/" in text.folded:
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
