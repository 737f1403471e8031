"""What is looked for: every name, account, hashtag, ticker, person and product of a brand, as people spell them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from config.settings import BrandSettings
from monitor.matching.folding import cleaned, folded_term, without_marks


class TermKind(StrEnum):
    """What a term is; only names can be ordinary words."""

    NAME = "name"
    HANDLE = "handle"
    HASHTAG = "hashtag"
    TICKER = "ticker"
    PERSON = "person"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One spelling to look for, belonging to the brand at place `brand` of the settings; each is its own.

    A `weak` term needs evidence beside it; `exact` is how it must be written where capitals count.
    """

    brand: int
    kind: TermKind
    shown: str
    folded: str
    weak: bool = False
    exact: str | None = None


# Scripts written without spaces between words: a name may stand directly beside other letters.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "BOPOMOFO")
_SPACED_UP_TO = 6
"""Letters of a name that anybody would write apart."""
_SIGILS = {TermKind.HANDLE: "@", TermKind.HASHTAG: "#", TermKind.TICKER: "$"}


FIELDS = {
    "aliases": TermKind.NAME,
    "handles": TermKind.HANDLE,
    "hashtags": TermKind.HASHTAG,
    "tickers": TermKind.TICKER,
    "people": TermKind.PERSON,
    "products": TermKind.PRODUCT,
}
"""The settings that hold names of a brand, beside its own, and what each makes of them."""


def shown_as(kind: TermKind, value: str) -> str:
    """How a mention shows that a name matched: with its sigil where it has one."""
    return _with_sigil(kind, value) if kind in _SIGILS else value


def is_unspaced(char: str) -> bool:
    """Whether the letter belongs to a script that puts no spaces between words."""
    return not char.isascii() and unicodedata.name(char, "").startswith(_UNSPACED)


def terms_of(number: int, brand: BrandSettings) -> Iterator[Term]:
    """All terms of a brand; `number` is the brand's place in the settings."""
    for name in dict.fromkeys((brand.name, *brand.aliases)):
        yield from _names(number, brand, name)
    for kind, values in (
        (TermKind.HANDLE, brand.handles),
        (TermKind.HASHTAG, brand.hashtags),
        (TermKind.TICKER, brand.tickers),
    ):
        for value in values:
            yield _marked(number, kind, _with_sigil(kind, value))
    for value in brand.products:
        yield from (Term(number, TermKind.PRODUCT, value, spelling, is_short(value)) for spelling in _spellings(value))
    for value in brand.people:
        spellings = dict.fromkeys((*_spellings(value), *misspellings(folded_term(value))))
        yield from (Term(number, TermKind.PERSON, value, spelling, is_short(value)) for spelling in spellings)


def is_short(name: str) -> bool:
    """Whether a name is so short that it cannot stand alone (`T`, `HP`), whatever the settings say."""
    folded = folded_term(name)
    return len(folded) <= 2 and folded.isalnum() and folded.isascii()


def is_ordinary(name: str) -> bool:
    """Whether a name could be an ordinary word: one word of letters. `Delta Air Lines` and `C++` could not."""
    return folded_term(name).isalpha()


def _names(number: int, brand: BrandSettings, name: str) -> Iterator[Term]:
    """The spellings of a name; one that begins with a sigil is a handle, a hashtag or a ticker."""
    for kind, sigil in _SIGILS.items():
        if name.startswith(sigil) and len(name) > 1:
            yield _marked(number, kind, name)
            return
    weak = is_short(name) or (brand.ambiguous and is_ordinary(name))
    exact = cleaned(name.strip()) if brand.case_sensitive else None
    for spelling in _spellings(name):
        yield Term(number, TermKind.NAME, name, spelling, weak, exact)
    for spelling in _spaced_out(name):
        yield Term(number, TermKind.NAME, name, spelling, weak, exact=None)


def _marked(number: int, kind: TermKind, shown: str) -> Term:
    """A handle, hashtag or ticker; a ticker of one letter could be money (`$T` for trillions)."""
    return Term(number, kind, shown, folded_term(shown), weak=kind is TermKind.TICKER and len(shown) == 2)


def _with_sigil(kind: TermKind, value: str) -> str:
    sigil = _SIGILS[kind]
    return value if value.startswith(sigil) else sigil + value


def _spellings(name: str) -> Iterable[str]:
    """The name, and without its accents and its final exclamation mark."""
    folded = folded_term(name)
    variants = [folded, without_marks(folded)]
    if folded.endswith("!") and len(folded) > 3:
        variants.append(folded[:-1])
    return dict.fromkeys(variant for variant in variants if variant)


def _spaced_out(name: str) -> Iterable[str]:
    """The name with its letters or its symbols apart (`a t & t`, `at & t`), as people write to escape filters."""
    folded = folded_term(name)
    if not 3 <= len(folded) <= _SPACED_UP_TO or " " in folded or any(is_unspaced(char) for char in folded):
        return []
    symbols = "".join(char if char.isalnum() else f" {char} " for char in folded).split()
    return [variant for variant in dict.fromkeys((" ".join(folded), " ".join(symbols))) if variant != folded]


# Letters that are written for one another in names, in both directions: Stephenson and Stevenson, Philipp and Filip.
_ALIKE = (
    ("ph", "v"), ("ph", "f"), ("ck", "k"), ("c", "k"), ("ie", "ei"), ("y", "i"), ("ll", "l"), ("nn", "n"), ("tt", "t"),
    ("ss", "s"), ("pp", "p"), ("rr", "r"), ("son", "sen"), ("mann", "man"), ("th", "t"), ("ey", "y"), ("z", "s"),
)  # fmt: skip
_LONG_ENOUGH = 8
"""Letters from which one changed letter does not make another name."""


def misspellings(folded: str) -> Iterator[str]:
    """The usual misspellings of a person's name: one pair of letters taken for another, in ASCII names long enough."""
    if len(folded) < _LONG_ENOUGH or not folded.isascii():
        return
    for pair in _ALIKE:
        for right, wrong in (pair, pair[::-1]):
            place = folded.find(right)
            while place >= 0:
                yield folded[:place] + wrong + folded[place + len(right) :]
                place = folded.find(right, place + len(right))
