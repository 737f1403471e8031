"""Reads the evidence out of texts of one language."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick

from monitor.sentiment import grammar, vader
from monitor.sentiment.evidence import Evidence, gathered
from monitor.sentiment.lexicon import Lexicon, lexicon_of
from monitor.sentiment.wording import Wording

ENGLISH = "en"

_SCRIPTS = {"ar": re.compile("[\u0600-\u06ff]"), "zh": re.compile("[\u3400-\u9fff]")}
"""Letters without which a text in the language is written in another script than its lexicon."""
_WITHOUT_SPACES = frozenset({"zh"})

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

    def evidence(self, text: str) -> Evidence:
        """What speaks for and against the brand in a masked text; linear in its length."""
        words = self.wording.words(self.segments(text) if self.segments else text)
        return gathered(words, *self.valences(words), text)


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
    automaton = ahocorasick.Automaton()
    for entry in lexicon.entries():
        automaton.add_word(entry, len(entry))
    automaton.make_automaton()

    def spaced(text: str) -> str:
        parts: list[str] = []
        done = 0
        for last, length in automaton.iter_long(text):
            parts += (text[done : last + 1 - length], text[last + 1 - length : last + 1])
            done = last + 1
        return " ".join((*parts, text[done:]))

    return spaced
