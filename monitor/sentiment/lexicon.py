"""Lexicons: files of words and phrases with a valence, one for each language.

A file has sections; a line is `valence: entry, entry, …`. `[words]` carry sentiment on VADER's scale (-4…4) and obey
negation, boosters and capitals. `[hints]` are weak: each moves the sum a little, whatever stands around it.
`[negations]`, `[boosters]` and `[contrasts]` are the grammar of languages other than English, whose grammar is VADER's
own. An entry `stem(a|b)` writes out the stem with each ending; one that ends in `*` is for all words that begin so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files

_ENDINGS = re.compile(r"^(?P<stem>[^()]*)\((?P<endings>[^()]*)\)(?P<rest>.*)$")
SHORTEST_STEM = 3


class LexiconError(ValueError):
    """A line of a lexicon cannot be read."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words of a language. Entries of several words are `phrases`, those that end in `*` are `stems`."""

    words: Mapping[str, float]
    stems: Mapping[str, float] = field(default_factory=dict)
    phrases: Mapping[str, float] = field(default_factory=dict)
    hints: Mapping[str, float] = field(default_factory=dict)
    boosters: Mapping[str, float] = field(default_factory=dict)
    negations: frozenset[str] = frozenset()
    contrasts: frozenset[str] = frozenset()

    def entries(self) -> frozenset[str]:
        """Every single word that it lists, stems and phrases aside."""
        return frozenset({*self.words, *self.hints, *self.boosters, *self.negations, *self.contrasts})

    def valence(self, word: str) -> float | None:
        """The valence of a word in lower case, by itself or by its longest stem."""
        valence = self.words.get(word)
        if valence is not None or not self.stems:
            return valence
        return next(
            (self.stems[word[:end]] for end in range(len(word), SHORTEST_STEM - 1, -1) if word[:end] in self.stems),
            None,
        )


@lru_cache(maxsize=64)
def lexicon_of(language: str) -> Lexicon | None:
    """The lexicon that comes with the program for a language (ISO 639-1), `None` where there is none."""
    file = files(__package__) / "lexicons" / f"{language}.txt"
    if not (len(language) == 2 and language.isascii() and language.isalpha() and file.is_file()):
        return None
    return parsed(file.read_text(encoding="utf-8"))


def known_languages() -> tuple[str, ...]:
    """Languages that a lexicon comes with."""
    return tuple(
        sorted(file.name[:2] for file in (files(__package__) / "lexicons").iterdir() if file.name.endswith(".txt"))
    )


def parsed(text: str) -> Lexicon:
    """The lexicon that a file's text describes. Raises LexiconError with the line."""
    sections: dict[str, dict[str, float]] = {}
    for section, entry, valence in _entries(text):
        sections.setdefault(section, {})[entry] = valence
    words = sections.get("words", {})
    return Lexicon(
        words={entry: valence for entry, valence in words.items() if " " not in entry and not entry.endswith("*")},
        stems={entry[:-1]: valence for entry, valence in words.items() if " " not in entry and entry.endswith("*")},
        phrases={entry: valence for entry, valence in words.items() if " " in entry},
        hints=sections.get("hints", {}),
        boosters=sections.get("boosters", {}),
        negations=frozenset(sections.get("negations", {})),
        contrasts=frozenset(sections.get("contrasts", {})),
    )


def _entries(text: str) -> Iterator[tuple[str, str, float]]:
    section = "words"
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            valence, entries = _valued(line, number)
            yield from ((section, spelling, valence) for entry in entries for spelling in _written_out(entry))


def _valued(line: str, number: int) -> tuple[float, list[str]]:
    valence, _, entries = line.partition(":")
    try:
        return float(valence), [entry.strip() for entry in entries.split(", ") if entry.strip()]
    except ValueError as error:
        raise LexiconError(f"line {number}: a line is `valence: entry, entry`, not {line[:60]!r}") from error


def _written_out(entry: str) -> Iterator[str]:
    match = _ENDINGS.match(entry)
    if match is None:
        yield entry
        return
    for ending in match["endings"].split("|"):
        yield from _written_out(match["stem"] + ending + match["rest"])
