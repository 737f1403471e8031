"""Finds the brands in posts: one pass over their folded texts, whatever the number of brands.

Linear in the text: terms are literal, operators give no patterns that could blow up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice

from config.settings import BrandSettings
from monitor.matching.folding import Folded, fold, folded_term
from monitor.matching.links import LinkPart, link_part
from monitor.matching.lookup import Lookup, Place
from monitor.matching.reading import reading_of
from monitor.matching.relevance import BrandRules, Found, judged
from monitor.matching.terms import terms_of
from monitor.portions import portions
from monitor.remembered import LONGEST, minded
from storage.records import Mention, Post

_NOBODY: frozenset[int] = frozenset()
_KEPT = 16_384
"""Texts of which is remembered whom they name: a third of all posts are copies of one that came shortly before."""

_LETTERS = 1_000_000
"""Letters of texts that are looked through at once."""

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
        self._kept = {}

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
        kept = self._kept
        texts = [reading_of(post) if post.title else post.text for post in posts]
        new = list(dict.fromkeys(text for text in texts if text not in kept))
        found = self._looked_up(new)
        self._remember(found)
        return [found[text] if text in found else kept[text] for text in texts]

    def _looked_up(self, texts: Sequence[str]) -> dict[str, _Named]:
        found: dict[str, _Named] = dict.fromkeys(texts, ())
        for portion in portions(texts, len, _LETTERS):
            folded = list(map(fold, portion))
            for number, places in self._lookup.places(folded).items():
                if standing := _standing(places, folded[number]):
                    found[portion[number]] = self._judged(folded[number], standing)
        return found

    def _remember(self, found: Mapping[str, _Named]) -> None:
        if len(self._kept) + len(found) > _KEPT:
            self._kept = {}
        self._kept.update(islice(((text, named) for text, named in found.items() if len(text) <= LONGEST), _KEPT))

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
