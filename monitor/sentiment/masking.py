"""What a scorer sees of a post: the brand's name replaced by a placeholder, clauses about rivals alone left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from monitor.matching.folding import cleaned
from monitor.matching.reading import reading_of
from monitor.sentiment.vocabulary import BRAND
from storage.records import Mention, Post

_PLACEHOLDER = f" {BRAND} "
_NOBODY = ("",)
_NO_WORD_BEFORE, _NO_WORD_AFTER = r"(?<!\w)", r"(?!\w)"
_CLAUSE = re.compile(r"[.!?;…\n]+\s+|\s+(?:but|while|whereas|although|though)\s+|,\s+", re.IGNORECASE)


_Place = tuple[int, int]


class _Name(NamedTuple):
    """A name in lower case, and whether a word may go on at neither of its sides."""

    text: str
    begins_plain: bool
    ends_plain: bool


def masked(post: Post, mention: Mention, rivals: Sequence[str] = ()) -> str:
    """The post's text with what matched masked as BRAND, without clauses that name only a rival."""
    return without_names(cleaned(reading_of(post)), mention.matched or (mention.brand,), tuple(rivals))


def without_names(text: str, terms: tuple[str, ...], rivals: tuple[str, ...] = ()) -> str:
    """A clean text with the terms masked as BRAND, without clauses that name only a rival."""
    if terms != _NOBODY:
        text = _without_terms(text, terms)
    return _without_rivals(text, rivals) if rivals else text


def _without_terms(text: str, terms: tuple[str, ...]) -> str:
    """The text with the terms replaced, whatever their capitals.

    They are looked for in lower case where that has the same places: patterns that ignore case are far slower.
    """
    lower = text.lower()
    if len(lower) != len(text):
        return _pattern(_names(terms)).sub(_PLACEHOLDER, text)
    parts: list[str] = []
    done = 0
    for start, end in _places(lower, _names(terms)):
        if start >= done:
            parts += (text[done:start], _PLACEHOLDER)
            done = end
    return "".join((*parts, text[done:])) if parts else text


@lru_cache(maxsize=16_384)
def _names(terms: tuple[str, ...]) -> tuple[_Name, ...]:
    """The terms in lower case, longest first."""
    longest_first = sorted({cleaned(term).lower() for term in terms if term}, key=len, reverse=True)
    return tuple(_Name(term, _is_plain(term[0]), _is_plain(term[-1])) for term in longest_first)


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _places(lower: str, names: Sequence[_Name]) -> list[_Place]:
    """Where the names stand in a text in lower case, from the left, of those that begin together the longest first.

    They are looked for one by one: to make a pattern of them takes longer than to read many texts, and there may be
    thousands of brands.
    """
    places: list[_Place] = []
    for name, begins_plain, ends_plain in names:
        start = lower.find(name)
        while start >= 0:
            end = start + len(name)
            if not (
                (begins_plain and _is_of_word(lower[start - 1 : start]))
                or (ends_plain and _is_of_word(lower[end : end + 1]))
            ):
                places.append((start, end))
            start = lower.find(name, start + 1)
    if len(places) > 1:
        places.sort(key=_by_start)
    return places


def _by_start(place: _Place) -> tuple[int, int]:
    return place[0], -place[1]


def _is_of_word(char: str) -> bool:
    return char.isalnum() or char == "_"


@lru_cache(maxsize=64)
def _pattern(names: Sequence[_Name]) -> re.Pattern[str]:
    """One pattern for names whatever their capitals; literal, so that no setting can make it slow."""
    guarded = (
        (_NO_WORD_BEFORE if name.begins_plain else "")
        + re.escape(name.text)
        + (_NO_WORD_AFTER if name.ends_plain else "")
        for name in names
    )
    return re.compile("|".join(guarded), re.IGNORECASE)


def _without_rivals(text: str, rivals: tuple[str, ...]) -> str:
    """The text without its clauses about rivals alone; all of it where one of them is not named."""
    names = _names(rivals)
    if BRAND not in text or not _places(text.lower(), names):
        return text
    clauses = _CLAUSE.split(text)
    return " . ".join(clause for clause in clauses if BRAND in clause or not _places(clause.lower(), names))
