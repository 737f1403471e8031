"""Phrases of a lexicon, which are read as one word wherever they stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from monitor.sentiment.vocabulary import Places, Token, Vocabulary


class Phrase(NamedTuple):
    """The words of a phrase after its second, and the phrase as one word, plain and in capitals."""

    rest: tuple[str, ...]
    word: Token
    shouted: Token


class Phrases:
    """Phrases by their first two words: a table tells of every pair of words in a batch which of them may stand there.

    `firsts` and `seconds` number the words that phrases begin with and go on with, from 1 on.
    """

    def __init__(self, valences: Mapping[str, float]) -> None:
        by_pair: dict[tuple[str, str], tuple[Phrase, ...]] = {}
        for entry in sorted(valences, key=lambda entry: -entry.count(" ")):  # the longest are tried first
            first, second, *rest = entry.split()
            joined, valence = "_".join((first, second, *rest)), valences[entry]
            phrase = Phrase(tuple(rest), Token(joined, valence), Token(joined.upper(), valence))
            by_pair[first, second] = (*by_pair.get((first, second), ()), phrase)
        self.firsts = _numbered(first for first, _ in by_pair)
        self.seconds = _numbered(second for _, second in by_pair)
        self._of_pairs = [(), *by_pair.values()]
        self._pairs = np.zeros((len(self.firsts) + 1, len(self.seconds) + 1), dtype=np.int16)
        for number, (first, second) in enumerate(by_pair, 1):
            self._pairs[self.firsts[first], self.seconds[second]] = number

    def joined(self, vocabulary: Vocabulary, numbers: Places) -> Places:
        """The words with phrases read as one; the longest from the left wins."""
        pairs = self._pairs[vocabulary.begins_of(numbers[:-1]), vocabulary.follows_of(numbers[1:])]
        starts = np.flatnonzero(pairs)
        kept = np.ones(len(numbers), dtype=bool)
        done = 0
        for place, pair in zip(starts.tolist(), pairs[starts].tolist(), strict=True):
            phrase = _standing(self._of_pairs[pair], vocabulary, numbers, place + 2) if place >= done else None
            if phrase:
                done = place + 2 + len(phrase.rest)
                is_shouted = all(vocabulary.words[number].is_upper for number in numbers[place:done].tolist())
                numbers[place] = vocabulary.alone(phrase.shouted if is_shouted else phrase.word)[0]
                kept[place + 1 : done] = False
        return numbers[kept] if done else numbers


def _numbered(words: Iterable[str]) -> dict[str, int]:
    return {word: number for number, word in enumerate(dict.fromkeys(words), 1)}


def _standing(phrases: Iterable[Phrase], vocabulary: Vocabulary, numbers: Places, start: int) -> Phrase | None:
    """The first of the phrases whose further words stand from `start` on; none goes on behind the end of its text."""
    words = vocabulary.words
    for phrase in phrases:
        if all(words[numbers[start + place]].lower == expected for place, expected in enumerate(phrase.rest)):
            return phrase
    return None
