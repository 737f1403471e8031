"""Where terms stand in a text: one pass of an Aho-Corasick automaton, then the boundaries each term asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import ahocorasick

from monitor.matching.folding import Folded
from monitor.matching.terms import Term, is_unspaced

_WORD = re.compile(r"[a-z0-9]+")

# One-letter particles written onto the front of Arabic and Hebrew nouns, alone or before the article.
_PROCLITICS = frozenset(
    {"و", "ف", "ب", "ل", "ك", "ال", "وال", "بال", "فال", "كال", "لل", "ول", "وب", "ו", "ב", "ל", "מ", "ה", "ש", "כ"}
)
# Case endings of nouns in Cyrillic (Russian, Ukrainian, Bulgarian), and Korean particles begin directly after the name.
_CYRILLIC_ENDINGS = frozenset(
    [
        "а",
        "у",
        "е",
        "ы",
        "и",
        "о",
        "я",
        "ю",
        "й",
        "ой",
        "ом",
        "ем",
        "ей",
        "ым",
        "ам",
        "ах",
        "ам",
        "ами",
        "ов",
        "ев",
        "ья",
        "ью",
    ]
)


@dataclass(frozen=True, slots=True)
class Place:
    """A term at `[start, end)` of the folded text."""

    term: Term
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A spelling with the terms that share it and what may stand before and behind it."""

    length: int
    terms: tuple[Term, ...]
    free_left: Callable[[str, int], bool]
    free_right: Callable[[str, int], bool]


class Lookup:
    """Finds terms in folded texts. Very short ASCII words are looked up by word: in an automaton they would match inside
    nearly every word."""

    def __init__(self, terms: Iterable[Term]) -> None:
        grouped: dict[str, list[Term]] = {}
        for term in terms:
            grouped.setdefault(term.folded, []).append(term)
        self._words = {key: tuple(terms) for key, terms in grouped.items() if _is_short_word(key)}
        self._automaton = _automaton({key: tuple(terms) for key, terms in grouped.items() if key not in self._words})

    def places(self, text: Folded) -> list[Place]:
        """Every term in the text, in order of where it ends."""
        places = list(self._long(text)) if self._automaton is not None else []
        if self._words:
            places.extend(self._short(text))
        return places

    def _long(self, text: Folded) -> Iterator[Place]:
        folded = text.folded
        for last, pattern in self._automaton.iter(folded):
            start = last + 1 - pattern.length
            if pattern.free_left(folded, start) and pattern.free_right(folded, last + 1):
                for term in pattern.terms:
                    if term.exact is None or _written(text, start, last + 1) == term.exact:
                        yield Place(term, start, last + 1)

    def _short(self, text: Folded) -> Iterator[Place]:
        for word in _WORD.finditer(text.folded):
            if word[0] not in self._words or not _stands_alone(text.folded, word.start(), word.end()):
                continue
            for term in self._words[word[0]]:
                if term.exact is None or _written(text, word.start(), word.end()) == term.exact:
                    yield Place(term, word.start(), word.end())


def _automaton(grouped: dict[str, tuple[Term, ...]]) -> ahocorasick.Automaton | None:
    if not grouped:
        return None
    automaton = ahocorasick.Automaton()
    for folded, terms in grouped.items():
        automaton.add_word(folded, _Pattern(len(folded), terms, _left_guard(folded), _right_guard(folded)))
    automaton.make_automaton()
    return automaton


def _written(text: Folded, start: int, end: int) -> str:
    return text.clean[text.clean_at(start) : text.clean_at(end)]


def _is_short_word(folded: str) -> bool:
    return len(folded) <= 2 and folded.isascii() and folded.isalnum()


def is_word_char(char: str) -> bool:
    """Whether the character belongs to a word of a script that puts spaces between words."""
    return char.isalnum() or char == "_"


def _left_guard(folded: str) -> Callable[[str, int], bool]:
    first = folded[0]
    if is_unspaced(first):
        return _anything
    if "\u0590" <= first <= "\u06ff":
        return _proclitic
    if first in "@#$":
        return _no_word_before
    return _no_word_before if is_word_char(first) else _anything


def _right_guard(folded: str) -> Callable[[str, int], bool]:
    last = folded[-1]
    if is_unspaced(last) or "\uac00" <= last <= "\ud7a3":
        return _anything
    if "\u0400" <= last <= "\u04ff" and len(folded) >= 4:
        return _case_ending
    if not is_word_char(last):
        return _no_same_symbol_after(last)
    return _no_word_after


def _anything(_folded: str, _position: int) -> bool:
    return True


def _no_word_before(folded: str, start: int) -> bool:
    if start == 0:
        return True
    before = folded[start - 1]
    return not is_word_char(before) or is_unspaced(before)


def _no_word_after(folded: str, end: int) -> bool:
    if end == len(folded):
        return True
    after = folded[end]
    return not is_word_char(after) or is_unspaced(after)


def _stands_alone(folded: str, start: int, end: int) -> bool:
    """Whether no word goes on at either side; letters of a script without spaces may stand there (`终止与HM合作`)."""
    return _no_word_before(folded, start) and _no_word_after(folded, end)


def _proclitic(folded: str, start: int) -> bool:
    begin = start
    while begin > 0 and start - begin <= 3 and folded[begin - 1].isalpha():
        begin -= 1
    return begin == start or folded[begin:start] in _PROCLITICS


def _case_ending(folded: str, end: int) -> bool:
    stop = end
    while stop < len(folded) and stop - end <= 3 and is_word_char(folded[stop]):
        stop += 1
    return stop == end or folded[end:stop] in _CYRILLIC_ENDINGS


def _no_same_symbol_after(last: str) -> Callable[[str, int], bool]:
    def is_free(folded: str, end: int) -> bool:
        return end == len(folded) or folded[end] != last

    return is_free
