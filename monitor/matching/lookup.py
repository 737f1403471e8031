"""Where terms stand in texts: one pass of an automaton over all of them, then the boundaries each term asks for."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from msgspec import Struct

from monitor.automaton import Automaton
from monitor.matching.campaigns import LONGEST_TAG, is_campaign
from monitor.matching.folding import Folded, FoldedTexts, folded_term
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


_LONG_HEAD = 5
"""Letters from which the end of a word is hardly that word by chance."""
_BEFORE_TICKER = frozenset(" (,:;/\"'“‘[|.")
_AFTER_TICKER = frozenset(" ),:;.!?/\"'”’…]|-")
_OF_WORDS = frozenset(string.ascii_letters + string.digits + "_")
_APART = frozenset(("", *map(chr, range(128)))) - _OF_WORDS
"""What in ASCII goes on with a word whatever its script, and what stands between words or at the end of a text."""

Guard = Callable[[str, int], bool]
"""Whether a match may begin, or end, at a position of the folded text."""


class Place(Struct, frozen=True, gc=False):
    """A term at `[start, end)` of the folded text."""

    term: Term
    start: int
    end: int


class _Pattern(NamedTuple):
    """The terms that share a spelling, and what may stand before and behind it.

    Where it `is_plain`, no word may go on at either side, and capitals do not count.
    """

    terms: tuple[Term, ...]
    free_left: Guard
    free_right: Guard
    is_plain: bool

    @classmethod
    def of(cls, folded: str, terms: Sequence[Term]) -> Self:
        left, right = _left_guard(folded), _right_guard(folded)
        is_word = left is _no_word_before and right is _no_word_after
        return cls(tuple(terms), left, right, is_word and all(term.exact is None for term in terms))


class Wordlist:
    """Words and phrases of the settings, looked for in folded texts; a plural or possessive s may follow.

    With `compounds`, long words are found as the heads of compounds, too (`smartphone`, `Mobilfunkvertrag`).
    """

    def __init__(self, entries: Iterable[str], *, compounds: bool = False) -> None:
        self._entries = [
            (folded, _anything if compounds and _may_head(folded) else _left_guard(folded), _right_guard(folded))
            for folded in map(folded_term, entries)
            if folded
        ]

    def spans(self, folded: str) -> list[tuple[int, int]]:
        """Where entries stand, by entry and then by place."""
        return [
            span
            for entry, left, right in self._entries
            if entry in folded
            for span in _spans(folded, entry, left, right)
        ]


def _may_head(folded: str) -> bool:
    return len(folded) >= _LONG_HEAD and folded.isalpha()


def _spans(folded: str, entry: str, left: Guard, right: Guard) -> Iterator[tuple[int, int]]:
    start = folded.find(entry)
    while start >= 0:
        end = start + len(entry)
        if left(folded, start) and (right(folded, end) or (folded[end] == "s" and right(folded, end + 1))):
            yield start, end
        start = folded.find(entry, start + 1)


class Lookup:
    """Finds terms in folded texts.

    Very short ASCII words are looked up by word: in an automaton they would match inside nearly every word.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        grouped: dict[str, list[Term]] = {}
        for term in terms:
            grouped.setdefault(term.folded, []).append(term)
        self._words = {key: tuple(terms) for key, terms in grouped.items() if _is_short_word(key)}
        self._automaton = Automaton(
            {key: _Pattern.of(key, terms) for key, terms in grouped.items() if key not in self._words}
        )

    def places(self, texts: FoldedTexts) -> dict[int, list[Place]]:
        """Every term in texts, by the number of the text that it stands in and in order of where it ends."""
        places: dict[int, list[Place]] = {}
        joined = texts.joined
        for pattern, start, end in self._automaton.found(joined):
            before, after = joined[start - 1 : start], joined[end : end + 1]
            is_in_word = pattern.is_plain and (before in _OF_WORDS or after in _OF_WORDS)
            if is_in_word and joined.rfind("#", max(start - LONGEST_TAG, 0), start) < 0:
                continue  # of many names some stand within the words of nearly every text
            number, begin = texts.place_of(start)
            if pattern.is_plain and before in _APART and after in _APART:
                found = [Place(term, start - begin, end - begin) for term in pattern.terms]
            else:
                found = _standing(pattern, texts[number], start - begin, end - begin)
            if found:
                places.setdefault(number, []).extend(found)
        for number in range(len(texts) if self._words else 0):
            if short := list(self._short(texts[number])):
                places.setdefault(number, []).extend(short)
        return places

    def _short(self, text: Folded) -> Iterator[Place]:
        for word in _WORD.finditer(text.folded):
            if word[0] not in self._words or not _stands_alone(text.folded, word.start(), word.end()):
                continue
            for term in self._words[word[0]]:
                if _is_written(text, word.start(), word.end(), term):
                    yield Place(term, word.start(), word.end())


def _standing(pattern: _Pattern, text: Folded, start: int, end: int) -> list[Place]:
    """The terms of a pattern that may stand where it was found."""
    folded = text.folded
    if (pattern.free_left(folded, start) and pattern.free_right(folded, end)) or (
        "#" in folded and is_campaign(folded, start, end)
    ):
        return [Place(term, start, end) for term in pattern.terms if _is_written(text, start, end, term)]
    return []


def _is_written(text: Folded, start: int, end: int, term: Term) -> bool:
    """Whether the text has the term as it must be written where capitals count."""
    return term.exact is None or text.clean[text.clean_at(start) : text.clean_at(end)] == term.exact


def _is_short_word(folded: str) -> bool:
    return len(folded) <= 2 and folded.isascii() and folded.isalnum()


def is_word_char(char: str) -> bool:
    """Whether the character belongs to a word of a script that puts spaces between words."""
    return char.isalnum() or char == "_"


def _left_guard(folded: str) -> Guard:
    first = folded[0]
    if is_unspaced(first):
        return _anything
    if first == "$":
        return _no_figure_before
    if "\u0590" <= first <= "\u06ff":
        return _proclitic
    if first in "@#":
        return _no_word_before
    return _no_word_before if is_word_char(first) else _anything


def _right_guard(folded: str) -> Guard:
    last = folded[-1]
    if folded[0] == "$":
        return _no_figure_after
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
    """Whether no word goes on at either side, as in `don't`; letters of a script without spaces may stand there."""
    contracted = start > 1 and folded[start - 1] == "'" and folded[start - 2].isalpha()
    return not contracted and _no_word_before(folded, start) and _no_word_after(folded, end)


def _no_figure_before(folded: str, start: int) -> bool:
    """Before a ticker stands a space or the punctuation of sentences: `BO$$T`, `W€$T`, `S&$T` are none."""
    return start == 0 or folded[start - 1] in _BEFORE_TICKER


def _no_figure_after(folded: str, end: int) -> bool:
    if end == len(folded):
        return True
    if folded[end] == "." and end + 1 < len(folded) and folded[end + 1].isalnum():
        return False
    return folded[end] in _AFTER_TICKER


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


def _no_same_symbol_after(last: str) -> Guard:
    def is_free(folded: str, end: int) -> bool:
        return end == len(folded) or folded[end] != last

    return is_free
