"""The model that tells languages apart, asked about many texts at once.

The library (py3langid) walks its automaton byte by byte. Where the automaton stands depends on the last few bytes
alone, as many as the longest run has that it knows; so it is walked here from all places of all texts at once, these
few steps each. What was found is weighed as the library does, with its figures.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from monitor.portions import portions

REACH = 6
"""Bytes of the longest run that the automaton knows."""
_BREAK = b"\xff"
"""Stands between texts, and leads to the beginning from everywhere: no text has it."""
_BYTES = 200_000
"""Bytes of texts that are walked at once."""

Chances = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


class Model:
    """Knows the letters of some languages, and keeps nothing of others."""

    def __init__(self, languages: Sequence[str]) -> None:
        whole = LanguageIdentifier.from_model_file(MODEL_FILE)
        whole.set_languages(list(languages))
        self.languages: tuple[str, ...] = tuple(whole.nb_classes)
        firsts = [self.languages.index(language) for language in self.languages]
        self._twice = [(first, place) for place, first in enumerate(firsts) if first != place]
        self._weights = np.ascontiguousarray(whole.nb_ptc)
        self._priors = whole.nb_pc
        self._moves = np.frombuffer(whole.tk_nextmove, dtype=np.uint32)
        self._rows: Numbers = np.asarray(whole.tk_row, dtype=np.int64) << 8
        self._runs: Numbers = np.asarray(whole.tk_output, dtype=np.int64)

    def chances(self, texts: Sequence[str]) -> Iterator[Chances]:
        """For each text how likely each of the languages is; of one in two scripts the first place counts for both."""
        for portion in portions(map(_encoded, texts), len, _BYTES):
            yield from self._weighed(portion)

    def best_of(self, chances: Chances, most: int) -> list[tuple[str, float]]:
        """The likeliest languages, each once."""
        merged: dict[str, float] = {}
        for language, chance in zip(self.languages, chances.tolist(), strict=True):
            merged.setdefault(language, chance)
        return sorted(merged.items(), key=lambda item: -item[1])[:most]

    def _weighed(self, texts: Sequence[bytes]) -> Chances:
        scores: Chances = np.zeros((len(texts), len(self.languages)), dtype=np.float32)
        for row, runs in enumerate(self._runs_of(texts)):
            if runs:
                places = np.fromiter(runs, dtype=np.intp, count=len(runs))
                counts = np.fromiter(runs.values(), dtype=np.float32, count=len(runs))
                scores[row] = np.log1p(counts) @ self._weights[places] + self._priors
        scores *= np.array([[1.0 / math.sqrt(len(text) or 1)] for text in texts], dtype=np.float32)
        chances: Chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        for first, other in self._twice:
            chances[:, first] += chances[:, other]
            chances[:, other] = 0.0
        return chances

    def _runs_of(self, texts: Sequence[bytes]) -> Iterator[Counter[int]]:
        """How often each run that is known stands in each text."""
        read = np.frombuffer(_BREAK * REACH + _BREAK.join(texts) + _BREAK, dtype=np.uint8).astype(np.int64)
        places = len(read) - REACH
        states = np.zeros(places, dtype=np.int64)
        for step in range(1, REACH + 1):
            states = self._moves[self._rows[states] + read[step : step + places]]
        runs = self._runs[states]
        known = np.flatnonzero(runs >= 0)
        ends = np.searchsorted(known, np.cumsum([len(text) + 1 for text in texts])).tolist()
        found = runs[known].tolist()
        return (Counter(found[start:end]) for start, end in pairwise([0, *ends]))


def _encoded(text: str) -> bytes:
    """A text as the model was trained on texts."""
    text = text.lower() if text.isupper() else text
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
