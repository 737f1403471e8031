"""Reads the evidence out of texts of one language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.automaton import Automaton
from monitor.language import UNDETERMINED
from monitor.portions import portions
from monitor.sentiment import grammar, vader
from monitor.sentiment.evidence import Evidence, Truths, gathered
from monitor.sentiment.lexicon import Lexicon, lexicon_of
from monitor.sentiment.vocabulary import BEARS_ON, CONTRAST, IRREGULAR, UPPER, VALENCED, Numbers, Places, Texts
from monitor.sentiment.wording import Wording

ENGLISH = "en"

_SCRIPTS = {"ar": re.compile("[\u0600-\u06ff]"), "zh": re.compile("[\u3400-\u9fff]")}
"""Letters without which a text in the language is written in another script than its lexicon."""
_WITHOUT_SPACES = frozenset({"zh"})
_LETTERS = 200_000
"""Letters of texts that are read at once."""
_REACH = 3
"""How many words before it may bear on a word."""

Valences = Callable[[Sequence[vader.Word]], tuple[list[int], list[float]]]
Segments = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the texts of one language; `segments` puts spaces where a script has none."""

    wording: Wording
    valences: Valences
    script: re.Pattern[str] | None = None
    segments: Segments | None = None

    def can_read(self, text: str) -> bool:
        """Whether the text is written in the script of the lexicon."""
        return self.script is None or self.script.search(text) is not None

    def evidence(self, texts: Sequence[str]) -> Evidence:
        """What speaks for and against the brand in masked texts; linear in their length."""
        words = self.wording.texts(map(self.segments, texts) if self.segments else texts)
        return gathered(words, *self._valences(words), texts)

    def _valences(self, words: Texts) -> tuple[Places, Numbers]:
        """The places of the words that have a valence, and their valences in their context.

        Grammar is asked where a text has some: in two texts of three nothing bears on a word that has a valence.
        """
        places = words.places_of(VALENCED)
        rows = words.rows[places]
        found = words.vocabulary.valences_of(words.numbers[places])
        asked = np.unique(rows[_has_company(words, places, rows)])
        firsts, ends = np.searchsorted(rows, asked), np.searchsorted(rows, asked, side="right")
        for row, first, end in zip(asked.tolist(), firsts.tolist(), ends.tolist(), strict=True):
            found[first:end] = self.valences(words.words_of(row))[1]
        return places, found


def _has_company(words: Texts, places: Places, rows: Places) -> Truths:
    """Of each word at `places`, whether others in its text may change its valence."""
    traits = words.traits[places]
    uppers = np.bincount(words.rows[words.places_of(UPPER)], minlength=len(words))
    is_mixed = (uppers > 0) & (uppers < words.lengths)
    found: Truths = (traits & IRREGULAR != 0) | words.having(CONTRAST)[rows] | ((traits & UPPER != 0) & is_mixed[rows])
    for distance in range(1, _REACH + 1):
        before = places - distance
        found |= (before >= words.starts[rows]) & (words.traits[np.maximum(before, 0)] & BEARS_ON != 0)
    return found


def evidence_of(texts: Sequence[str], languages: Sequence[str]) -> Iterator[tuple[str, list[int], Evidence]]:
    """The evidence in masked texts, portions of a language at a time, with the places of their texts.

    Texts whose lexicon is missing or written in another script are left out.
    """
    by_language: dict[str, list[int]] = {}
    for place, language in enumerate(languages):
        by_language.setdefault(ENGLISH if language == UNDETERMINED else language, []).append(place)
    for language, places in by_language.items():
        reader = reader_of(language)
        if reader is None:
            continue
        readable = [place for place in places if reader.can_read(texts[place])]
        for portion in portions(readable, lambda place: len(texts[place]), _LETTERS):
            yield language, portion, reader.evidence([texts[place] for place in portion])


@lru_cache(maxsize=64)
def reader_of(language: str) -> Reader | None:
    """The reader of a language (ISO 639-1), `None` for one without a lexicon."""
    lexicon = lexicon_of(language)
    if lexicon is None:
        return None
    if language == ENGLISH:
        return Reader(Wording(language, lexicon, vader.packaged_lexicon()), vader.valences)
    segments = _segments(lexicon) if language in _WITHOUT_SPACES else None
    return Reader(Wording(language, lexicon), grammar.valences, _SCRIPTS.get(language), segments)


def _segments(lexicon: Lexicon) -> Segments:
    """Sets apart the lexicon's entries wherever they stand, the longest first."""
    automaton = Automaton(dict.fromkeys(lexicon.entries()), longest=True)

    def spaced(text: str) -> str:
        parts: list[str] = []
        done = 0
        for _, start, end in automaton.found(text):
            parts += (text[done:start], text[start:end])
            done = end
        return " ".join((*parts, text[done:]))

    return spaced
