"""Many words looked for in one pass over a text, whatever their number (Aho & Corasick 1975)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

_LARGE = 100_000
"""Letters of words from which the faster kind would take more than some 25 MB."""
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters, which texts may have by mistake."""

Meaning = TypeVar("Meaning")


class Automaton(Generic[Meaning]):
    """Finds words, each of which means something: all, or from the left the `longest`, none of which overlap.

    A `compact` one takes a third of the memory and twice as long for much text; for little text between other work it
    is faster, because less of it must come from memory again.
    """

    def __init__(self, meanings: Mapping[str, Meaning], *, longest: bool = False, compact: bool = False) -> None:
        self._meanings = list(meanings.values())
        self._overlapping = not longest
        is_compact = compact or sum(map(len, meanings)) > _LARGE
        self._automaton = AhoCorasick(
            list(meanings),
            matchkind=MatchKind.LeftmostLongest if longest else MatchKind.Standard,
            store_patterns=False,
            implementation=Implementation.ContiguousNFA if is_compact else Implementation.DFA,
        )

    def found(self, text: str) -> list[tuple[Meaning, int, int]]:
        """Of each word in the text what it means and its `[start, end)`, by where it ends, longer ones first."""
        meanings = self._meanings
        return [(meanings[number], start, end) for number, start, end in self._numbered(text)]

    def found_in(self, texts: Sequence[str]) -> Iterator[tuple[int, Meaning, int, int]]:
        """The same of texts in one pass, before each the number of its text; neither words nor texts break lines."""
        starts = list(accumulate((len(text) + 1 for text in texts), initial=0))
        for meaning, start, end in self.found("\n".join(texts)):
            number = bisect_right(starts, start) - 1
            yield number, meaning, start - starts[number], end - starts[number]

    def _numbered(self, text: str) -> list[tuple[int, int, int]]:
        try:
            return self._automaton.find_matches_as_indexes(text, overlapping=self._overlapping)
        except UnicodeEncodeError:
            whole = _HALVES.sub("\ufffd", text)
            return self._automaton.find_matches_as_indexes(whole, overlapping=self._overlapping)
