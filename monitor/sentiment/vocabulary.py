"""Words by number, and what is asked of each as columns: a batch of texts is read in a few operations on arrays.

Nearly every word says nothing. Which ones do is seen for all texts of a batch at once, and only those are looked at one
by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import chain
from typing import NamedTuple, Self, TypeVar

import numpy as np
import numpy.typing as npt

from monitor.sentiment.vader import Word

BRAND = "\ue000"
"""Stands where a masked text names the brand: a private-use character, which no lexicon knows and no text has."""
LINK = "\ue001"

VALENCED, BEARS_ON, IRREGULAR, UPPER, CONTRAST, IS_BRAND, IS_LINK = (1 << bit for bit in range(7))
"""What a word is, as bits: see Word and Token."""
_ROOM = 1_024
"""Words that columns have room for at first."""

Numbers = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Figure = TypeVar("Figure", np.float64, np.int64)
Numbered = tuple[int, ...]
"""The numbers of the words that a token is made of."""


class Token(Word):
    """A word with its weak hint, and its numbers among those that phrases begin with and go on with (0: it is none)."""

    __slots__ = ("begins", "follows", "hint")

    def __init__(self, shown: str, valence: float | None, hint: float = 0.0) -> None:
        super().__init__(shown, valence)
        self.hint = hint
        self.begins = self.follows = 0

    def traits(self) -> int:
        """What the word is, as bits."""
        traits = VALENCED if self.valence is not None else 0
        if self.bears_on:
            traits |= BEARS_ON
        if self.is_irregular:
            traits |= IRREGULAR
        if self.is_upper:
            traits |= UPPER
        if self.is_contrast:
            traits |= CONTRAST
        if self.lower == BRAND:
            traits |= IS_BRAND
        elif self.lower == LINK:
            traits |= IS_LINK
        return traits


_END, MUTE, SHOUTED = Token("", None), Token("\ue002", None), Token("\ue002", None)
"""What stands behind the last word of a text, and for every word that says nothing, plain and in capitals."""
SHOUTED.is_upper = SHOUTED.is_notable = True
LINKED = Token(LINK, None)
_END_ALONE, MUTE_ALONE, SHOUTED_ALONE, LINK_ALONE = (0,), (1,), (2,), (3,)
"""What a token is made of that is one of these, by number."""


class Vocabulary(dict[str | None, Numbered]):
    """The words that tokens are made of, by number; it grows, and whoever holds it begins another one when it is large.

    What is not known is asked for, so that all tokens of a batch are looked up in one go.
    """

    def __init__(self, ask: Callable[[Vocabulary, str], Numbered]) -> None:
        super().__init__({None: _END_ALONE})
        self.words: list[Token] = []
        self.by_spelling: dict[str, Token] = {}
        self._ask = ask
        self._alone: dict[Token, tuple[int]] = {}
        self._columns = _Columns.of(_ROOM)
        self._lock = threading.Lock()
        for word in (_END, MUTE, SHOUTED, LINKED):
            self.alone(word)

    def __missing__(self, token: str | None) -> Numbered:
        return self._ask(self, token or "")

    @property
    def size(self) -> int:
        """Tokens or words, of whichever it has more."""
        return max(len(self), len(self.words))

    def read(self, tokens: Iterable[str | None]) -> Places:
        """The numbers of the words that tokens are made of; behind the last token of each text stands None."""
        return np.fromiter(chain.from_iterable(map(self.__getitem__, tokens)), dtype=np.int64)

    def alone(self, word: Token) -> tuple[int]:
        """The number of a word; the same tuple for all tokens that are made of it alone."""
        return self._alone.get(word) or self._numbered(word)

    def valences_of(self, numbers: Places) -> Numbers:
        """The valence of each word, 0 where it has none."""
        return self._columns.valences[numbers]

    def hints_of(self, numbers: Places) -> Numbers:
        """The hint of each word, 0 where it has none."""
        return self._columns.hints[numbers]

    def begins_of(self, numbers: Places) -> Places:
        """Of each word its number among those that phrases begin with."""
        return self._columns.begins[numbers]

    def follows_of(self, numbers: Places) -> Places:
        """Of each word its number among those that phrases go on with."""
        return self._columns.follows[numbers]

    def traits_of(self, numbers: Places) -> Places:
        """What each word is, as bits."""
        return self._columns.traits[numbers]

    def _numbered(self, word: Token) -> tuple[int]:
        with self._lock:
            number = len(self.words)
            if number == len(self._columns.traits):
                self._columns = self._columns.doubled()
            self._columns.put(number, word)
            self.words.append(word)
            return self._alone.setdefault(word, (number,))


class _Columns(NamedTuple):
    """What is asked of words, by their numbers."""

    valences: Numbers
    hints: Numbers
    traits: Places
    begins: Places
    follows: Places

    @classmethod
    def of(cls, room: int) -> Self:
        numbers = [np.zeros(room, dtype=np.int64) for _ in range(3)]
        return cls(np.zeros(room), np.zeros(room), *numbers)

    def put(self, number: int, word: Token) -> None:
        self.traits[number] = word.traits()
        if word.valence:  # where there is none, the column is 0 already
            self.valences[number] = word.valence
        if word.hint:
            self.hints[number] = word.hint
        if word.begins:
            self.begins[number] = word.begins
        if word.follows:
            self.follows[number] = word.follows

    def doubled(self) -> _Columns:
        return _Columns(
            _doubled(self.valences),
            _doubled(self.hints),
            _doubled(self.traits),
            _doubled(self.begins),
            _doubled(self.follows),
        )


def _doubled(column: npt.NDArray[Figure]) -> npt.NDArray[Figure]:
    return np.concatenate((column, np.zeros_like(column)))


class Texts:
    """The words of texts, one after the other, with an end behind each text.

    `numbers` and `traits` are of each place, `rows` tells the text that it belongs to; the words of a text stand at
    `[starts, ends)`.
    """

    def __init__(self, vocabulary: Vocabulary, numbers: Places) -> None:
        self.vocabulary = vocabulary
        self.numbers = numbers
        self.traits = vocabulary.traits_of(numbers)
        self.ends = np.flatnonzero(numbers == _END_ALONE[0])
        self.starts = np.concatenate(([0], self.ends[:-1] + 1))
        self.lengths = self.ends - self.starts
        self.rows = np.repeat(np.arange(len(self.ends)), self.lengths + 1)

    def __len__(self) -> int:
        return len(self.ends)

    def words_of(self, row: int) -> list[Token]:
        """The words of one text."""
        words = self.vocabulary.words
        return [words[number] for number in self.numbers[self.starts[row] : self.ends[row]].tolist()]

    def places_of(self, trait: int) -> Places:
        """The places of the words that are so."""
        return np.flatnonzero(self.traits & trait)

    def having(self, trait: int) -> npt.NDArray[np.bool_]:
        """Of each text, whether one of its words is so."""
        found = np.zeros(len(self), dtype=bool)
        found[self.rows[self.places_of(trait)]] = True
        return found

    def sums(self, weights: Numbers) -> Numbers:
        """Of each text, the sum of what its words weigh, in their order."""
        return summed(self.rows, weights, len(self))


def summed(groups: Places, weights: Numbers, count: int) -> Numbers:
    """The sums of weights by group, each in its order."""
    return np.bincount(groups, weights, count).astype(np.float64, copy=False)
