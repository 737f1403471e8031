"""What a scorer sees of a post: the brand's name replaced by a placeholder, clauses about rivals alone left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from monitor.matching.folding import cleaned
from monitor.matching.reading import reading_of
from monitor.sentiment.vocabulary import BRAND
from storage.records import Mention, Post

_PLACEHOLDER = f" {BRAND} "
_NOBODY = ("",)
_NO_WORD_AFTER = r"(?!\w)"
_CLAUSE = re.compile(r"[.!?;…\n]+\s+|\s+(?:but|while|whereas|although|though)\s+|,\s+", re.IGNORECASE)


def masked(post: Post, mention: Mention, rivals: Sequence[str] = ()) -> str:
    """The post's text with what matched masked as BRAND, without clauses that name only a rival."""
    return without_names(reading_of(post), mention.matched or (mention.brand,), tuple(rivals))


def without_names(text: str, terms: tuple[str, ...], rivals: tuple[str, ...] = ()) -> str:
    """A text with the terms masked as BRAND, without clauses that name only a rival."""
    text = cleaned(text)
    if terms != _NOBODY:
        text = _without_terms(text, terms)
    return _without_rivals(text, rivals) if rivals else text


def _without_terms(text: str, terms: tuple[str, ...]) -> str:
    """The text with the terms replaced, whatever their capitals.

    They are looked for in lower case where that has the same places: patterns that ignore case are far slower.
    """
    lower = text.lower()
    names = _names(terms)
    if len(lower) != len(text):
        return re.compile(names.pattern, re.IGNORECASE).sub(_PLACEHOLDER, text)
    parts: list[str] = []
    done = 0
    for match in names.finditer(lower):
        parts += (text[done : match.start()], _PLACEHOLDER)
        done = match.end()
    return "".join((*parts, text[done:])) if parts else text


@lru_cache(maxsize=16_384)
def _names(terms: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern for the terms in lower case, longest first; literal, so that no setting can make it slow."""
    longest_first = sorted({cleaned(term).lower() for term in terms if term}, key=len, reverse=True)
    return re.compile("|".join(map(_standing, longest_first)))


def _standing(term: str) -> str:
    """The pattern of a term that is no part of a longer word; it begins with letters, which are found fast."""
    before = rf"(?<!\w{re.escape(term)})" if _is_plain(term[0]) else ""
    return f"{re.escape(term)}{before}{_NO_WORD_AFTER if _is_plain(term[-1]) else ''}"


def _is_plain(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _without_rivals(text: str, rivals: tuple[str, ...]) -> str:
    """The text without its clauses about rivals alone; all of it where one of them is not named."""
    pattern = _names(rivals)
    if BRAND not in text or not pattern.search(text.lower()):
        return text
    clauses = _CLAUSE.split(text)
    return " . ".join(clause for clause in clauses if BRAND in clause or not pattern.search(clause.lower()))
