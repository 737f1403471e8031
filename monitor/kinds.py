"""What people say when a company is in trouble: the taxonomy of incident kinds, and reading it from a text.

The words lie in `kinds.toml`, per kind and language; an operator adds kinds or words in the configuration. Reading is a
pass over the text (a few microseconds for a tweet), so that every mention can be read.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import Any, Protocol

from monitor.automaton import Automaton
from monitor.portions import portions
from storage.records import Severity

GAP = 3
"""Most words between the two sides of a `~`."""
GAP_CHARACTERS = 8
"""The same in scripts that put no spaces between words."""
KEPT_PHRASES = 20_000
UNSPACED = frozenset({"zh", "ja", "th"})
MARKS = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff"
"""Combining marks and vowel signs that belong to words but that `\\w` leaves out."""

_LETTERS = 1_000_000
"""Letters of texts that are read at once."""
_WORD = re.compile(rf"[\w{MARKS}]+")
_ASCII_WORDS = bytes(code if chr(code).isalnum() or chr(code) == "_" else ord(" ") for code in range(128)) + bytes(128)
"""What becomes of an ASCII character where words alone are wanted."""
_BETWEEN = b" \x01 "
"""Stands between texts: a word that is in none."""
_PHRASE_WORD = re.compile(rf"[\w{MARKS}]+\*?")
_GRAVITY_OF_SEVERITY = {"critical": 3, "warning": 3, "watch": 1}


class KindWords(Protocol):
    """A kind as the operator configures it (`[[kinds]]`)."""

    @property
    def name(self) -> str:
        """Its name in lower case."""

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """Words and phrases for each language."""

    @property
    def severity(self) -> str | None:
        """Severity that such an incident has at least."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: `gravity` 3 is grave, 2 serious, 1 an everyday complaint; `harm` is false for what explains a crowd.

    `least` is the severity that the operator wants an incident of this kind to have at least.
    """

    name: str
    title: str
    gravity: int
    harm: bool
    least: Severity | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """One word of a phrase: itself or (`open_ended`) how it begins; `loose` when words may stand before it."""

    text: str
    open_ended: bool
    loose: bool

    def fits(self, word: str) -> bool:
        return word.startswith(self.text) if self.open_ended else word == self.text


@dataclass(frozen=True, slots=True)
class _Phrase:
    kind: str
    parts: tuple[_Part, ...]
    takes_back: bool


Span = tuple[int, int]
_Begun = tuple[_Phrase, int]
_Found = tuple[_Phrase, Span]


class Taxonomy:
    """Reads kinds out of texts."""

    def __init__(self, kinds: Mapping[str, Kind], words: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
        """`words` maps a language to the words of each kind."""
        self.kinds_by_name = dict(kinds)
        readers = {language: _reader(language, of_kinds) for language, of_kinds in words.items()}
        elsewhere = [reader for language, reader in sorted(readers.items()) if language in ("en", *_OWN_SCRIPTS)]
        self._readers: dict[str, list[_Reader]] = {language: [reader] for language, reader in readers.items()}
        self._unknown = elsewhere

    @staticmethod
    def build(additions: Sequence[KindWords] = ()) -> Taxonomy:
        """The built-in taxonomy with the operator's additions: more words for a known kind, or a kind of their own."""
        return _merged(additions) if additions else _standard()

    def kinds(self, text: str, language: str) -> tuple[str, ...]:
        """The kinds that the words of a text point to, strongest first: grave before light, then by number of words."""
        return self.kinds_of([text], [language])[0]

    def kinds_of(self, texts: Sequence[str], languages: Sequence[str]) -> list[tuple[str, ...]]:
        """The same of many texts, each in its language."""
        by_language: dict[str, list[int]] = defaultdict(list)
        for place, language in enumerate(languages):
            by_language[language].append(place)
        found: dict[int, list[str]] = defaultdict(list)
        for language, places in by_language.items():
            for portion in portions(places, lambda place: len(texts[place]), _LETTERS):
                folded = [_folded(texts[place]) for place in portion]
                for reader in self._readers.get(language, self._unknown):
                    for number, names in reader.read(folded):
                        found[portion[number]] += names
        return [self._ranked(found[place]) if place in found else () for place in range(len(texts))]

    def _ranked(self, found: Sequence[str]) -> tuple[str, ...]:
        if len(found) < 2:
            return tuple(found)
        counts = Counter(found)
        return tuple(sorted(counts, key=lambda name: (-self.kinds_by_name[name].gravity, -counts[name], name)))

    def gravity(self, kinds: Iterable[str]) -> int:
        """The gravity of the gravest of `kinds`; 0 for none, or for calm ones alone."""
        return max((self.kinds_by_name[name].gravity for name in kinds if name in self.kinds_by_name), default=0)

    def harmful(self, kinds: Iterable[str]) -> tuple[str, ...]:
        """Those of `kinds` that make an incident."""
        return tuple(name for name in kinds if name in self.kinds_by_name and self.kinds_by_name[name].harm)


class _Reader(Protocol):
    def read(self, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """The numbers of folded texts in which something is found, and its kinds, one for each phrase there."""


class _SpacedReader:
    """Reads scripts that put spaces between words: one pass tells where phrases may begin, in most texts nowhere."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        by_beginning: dict[str, list[_Phrase]] = defaultdict(list)
        for phrase in _phrases(words):
            by_beginning[_beginning(phrase.parts)].append(phrase)
        self._automaton = Automaton(by_beginning, compact=True)

    def read(self, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """The kinds found in texts, by the numbers of these."""
        spaced = _spaced(texts)
        begun: dict[int, list[_Begun]] = defaultdict(list)
        for number, phrases, start, _ in self._automaton.found_in(spaced):
            at = spaced[number].count(" ", 0, start + 1) - 1
            begun[number] += [(phrase, at) for phrase in phrases]
        for number, beginnings in begun.items():
            yield number, _standing(_ended(beginnings, spaced[number]))


class _UnspacedReader:
    """Reads scripts that run words together: a word is found anywhere."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        by_beginning: dict[str, list[_Phrase]] = defaultdict(list)
        for phrase in _phrases(words):
            by_beginning[phrase.parts[0].text].append(phrase)
        self._automaton = Automaton(by_beginning)

    def read(self, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """The kinds found in texts, by the numbers of these."""
        for number, folded in enumerate(texts):
            found = [
                (phrase, (at, _end_in_text(phrase.parts, folded, past)))
                for phrases, at, past in self._automaton.found(folded)
                for phrase in phrases
            ]
            yield number, _standing([(phrase, (at, end)) for phrase, (at, end) in found if end])


_OWN_SCRIPTS = ("ar", "hi", "ja", "ko", "ru", "zh")
"""Languages that a text of unknown language may be read in without taking a word for another language's."""


def _folded(text: str) -> str:
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()


def _spaced(texts: Iterable[str]) -> list[str]:
    """The words of folded texts, each word between two spaces."""
    words = b" ".join(_BETWEEN.join(map(_parted, texts)).split())
    return f" {words.decode('utf-8', 'surrogatepass')} ".split("\x01")


def _parted(folded: str) -> bytes:
    """The words of a folded text with spaces between; of one in ASCII by a table, which is faster than a pattern."""
    if folded.isascii():
        return folded.encode("ascii").translate(_ASCII_WORDS)
    return " ".join(_WORD.findall(folded)).encode("utf-8", "surrogatepass")


def _reader(language: str, words: Mapping[str, Sequence[str]]) -> _Reader:
    return _UnspacedReader(words) if language in UNSPACED else _SpacedReader(words)


def _beginning(parts: tuple[_Part, ...]) -> str:
    """The first word of a phrase and the second where it must come next, as they stand between spaces."""
    first, *others = parts
    if first.open_ended:
        return f" {first.text}"
    if not others or others[0].loose:
        return f" {first.text} "
    return f" {first.text} {others[0].text}{'' if others[0].open_ended else ' '}"


def _phrases(words: Mapping[str, Sequence[str]]) -> Iterator[_Phrase]:
    for kind, texts in words.items():
        for text in texts:
            parts = _parts(text.removeprefix("!"))
            if parts:
                yield _Phrase(kind, parts, text.startswith("!"))


@lru_cache(maxsize=KEPT_PHRASES)
def _parts(text: str) -> tuple[_Part, ...]:
    """The words of a phrase; kept, since every taxonomy is built of the same phrases."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return tuple(
        _Part(word.rstrip("*"), word.endswith("*"), loose=side > 0 and place == 0)
        for side, piece in enumerate(folded.split("~"))
        for place, word in enumerate(_PHRASE_WORD.findall(piece))
    )


def _ended(begun: Iterable[_Begun], spaced: str) -> list[_Found]:
    """The phrases, begun at words of a text, that stand there to their end."""
    words: list[str] = []
    found = []
    for phrase, at in begun:
        if len(phrase.parts) > 1 and not words:
            words = spaced.split()
        end = _end(phrase.parts, words, at) if len(phrase.parts) > 1 else at + 1
        if end:
            found.append((phrase, (at, end)))
    return found


def _end(parts: tuple[_Part, ...], words: list[str], at: int) -> int:
    """Where the phrase that begins at word `at` ends (past its last word), 0 when it does not stand there."""
    place, last = at + 1, len(words)
    for part in parts[1:]:
        if place < last and part.fits(words[place]):
            place += 1
        elif part.loose:
            place = _further(part, words, place + 1, min(place + GAP + 1, last))
        else:
            return 0
        if not place:
            return 0
    return place


def _further(part: _Part, words: list[str], start: int, end: int) -> int:
    """Past the first word of `[start, end)` that fits the part; 0 when none does."""
    for place in range(start, end):
        if part.fits(words[place]):
            return place + 1
    return 0


def _end_in_text(parts: tuple[_Part, ...], text: str, place: int) -> int:
    for part in parts[1:]:
        reach = place + len(part.text) + GAP_CHARACTERS
        found = text.find(part.text, place, reach)
        if found < 0:
            return 0
        place = found + len(part.text)
    return place


def _standing(found: Sequence[_Found]) -> list[str]:
    """The kinds of the phrases found that no other phrase takes back."""
    if not found:
        return []
    if not any(phrase.takes_back for phrase, _ in found):
        return [phrase.kind for phrase, _ in found]
    taken_back = [(phrase.kind, span) for phrase, span in found if phrase.takes_back]
    return [
        phrase.kind
        for phrase, (start, end) in found
        if not phrase.takes_back
        and not any(kind == phrase.kind and start < until and since < end for kind, (since, until) in taken_back)
    ]


def _with_addition(known: Kind | None, addition: KindWords) -> Kind:
    gravity = _GRAVITY_OF_SEVERITY.get(addition.severity or "", 0)
    least = Severity(addition.severity) if addition.severity else None
    if known is not None:
        return replace(known, gravity=max(known.gravity, gravity), least=least or known.least)
    return Kind(addition.name, addition.name.replace("_", " "), gravity or 2, harm=True, least=least)


def _merged(additions: Sequence[KindWords]) -> Taxonomy:
    _, words = _built_in()
    merged = {language: {name: list(texts) for name, texts in table.items()} for language, table in words.items()}
    for addition in additions:
        for language, texts in addition.words.items():
            merged.setdefault(language, {}).setdefault(addition.name, []).extend(texts)
    return Taxonomy(kinds_with(additions), merged)


@lru_cache(maxsize=1)
def _standard() -> Taxonomy:
    """The one without additions, for whoever reads with it: nobody changes it, and to make it takes 30 ms."""
    return _merged([])


@lru_cache(maxsize=1)
def _built_in() -> tuple[dict[str, Kind], dict[str, dict[str, list[str]]]]:
    raw: dict[str, dict[str, Any]] = tomllib.loads(
        resources.files("monitor").joinpath("kinds.toml").read_text(encoding="utf-8")
    )
    kinds = {name: Kind(name, table["title"], table["gravity"], table["role"] == "harm") for name, table in raw.items()}
    words: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for name, table in raw.items():
        for language, texts in table.items():
            if isinstance(texts, list):
                words[language][name] = texts
    return kinds, dict(words)


def kinds_with(additions: Sequence[KindWords]) -> dict[str, Kind]:
    """The built-in kinds and the operator's, by name, without the words to read them by."""
    kinds = built_in_kinds()
    for addition in additions:
        kinds[addition.name] = _with_addition(kinds.get(addition.name), addition)
    return kinds


def titles(additions: Sequence[KindWords]) -> dict[str, str]:
    """How headlines name each kind, the built-in ones and the operator's."""
    return {name: kind.title for name, kind in kinds_with(additions).items()}


def built_in_kinds() -> dict[str, Kind]:
    """The kinds that the program knows without configuration, by name."""
    return dict(_built_in()[0])
