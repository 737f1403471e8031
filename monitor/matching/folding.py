"""Texts as the matcher reads them: one spelling for what looks the same.

`clean` keeps capitals (they tell a name from a word), `folded` is what terms are looked for in. Positions in `folded`
lead back to `clean` through `Folded.clean_at`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np
from msgspec import Struct

# Invisible characters with which words are broken up, by accident (soft hyphen) or to escape filters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff]"
)
_DOTTED = "İ"
"""Turkish capital i, whose case folding leaves a loose dot."""
_APOSTROPHES = "’‘ʼ＇"
_SPACES = re.compile(r"\s+")
_SPACE, _AMPERSAND, _DELETE = b" &\x7f"
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")


class Folded(Struct, frozen=True, gc=False):
    """A text with its two forms; `offsets` maps positions of `folded` to `clean`, `None` where they are the same."""

    clean: str
    folded: str
    offsets: tuple[int, ...] | None = None

    def clean_at(self, position: int) -> int:
        """The position in `clean` of a position in `folded` (the end of the text included)."""
        if self.offsets is None:
            return position
        return self.offsets[position]


class FoldedTexts:
    """Clean texts with their two forms, folded together: `joined` has what terms are looked for in, a text a line.

    Those in ASCII are best kept together: they are put into lower case at once, and an automaton reads them faster.
    """

    def __init__(self, clean: Sequence[str]) -> None:
        self._clean = clean
        joined = "\n".join(clean)
        folded = clean if joined.isascii() else list(map(_folded, clean))
        self.joined = joined.lower() if folded is clean else "\n".join(folded)
        self._starts = list(accumulate([len(each) + 1 for each in folded], initial=0))

    def __len__(self) -> int:
        return len(self._clean)

    def __getitem__(self, number: int) -> Folded:
        start, end = self._starts[number : number + 2]
        return _mapped(self._clean[number], self.joined[start : end - 1])

    def place_of(self, position: int) -> tuple[int, int]:
        """The number of the text that a position of `joined` lies in, and where that text begins."""
        number = bisect_right(self._starts, position) - 1
        return number, self._starts[number]


def fold(text: str) -> Folded:
    """Undo entities, compatibility forms, invisible characters, uneven space and capitals; linear in the text."""
    clean = cleaned(text)
    return _mapped(clean, _folded(clean))


def _folded(clean: str) -> str:
    return clean.lower() if clean.isascii() else clean.replace(_DOTTED, "i").casefold()


def _mapped(clean: str, folded: str) -> Folded:
    return Folded(clean, folded, None if len(folded) == len(clean) else _offsets(clean))


def all_cleaned(texts: Sequence[str]) -> list[str]:
    """Texts with their capitals, and one spelling for what looks the same.

    In which of those in ASCII something is to be done, is seen from all their letters at once.
    """
    plain = [text if text.isascii() else "&" for text in texts]
    letters = np.frombuffer("x".join(plain).encode("ascii"), dtype=np.uint8)
    is_space = letters == _SPACE
    is_odd = (letters < _SPACE) | (letters == _AMPERSAND) | (letters == _DELETE)
    is_odd[1:] |= is_space[1:] & is_space[:-1]
    clean = list(texts)
    if is_odd.any():
        ends = np.cumsum(np.fromiter(map(len, plain), dtype=np.int64) + 1)
        for number in np.unique(np.searchsorted(ends, np.flatnonzero(is_odd), side="right")).tolist():
            clean[number] = cleaned(clean[number])
    return clean


def cleaned(text: str) -> str:
    """The same of one text."""
    if "&" in text and _ENTITY.search(text):
        text = _unescaped(text)
    if not text.isascii():
        text = _composed(text)
    if not text.isprintable() or "  " in text:
        text = _SPACES.sub(" ", text)
    return text


def _composed(text: str) -> str:
    """Compatibility forms composed, invisible characters and typographic apostrophes gone."""
    if _INVISIBLE.search(text):
        text = _INVISIBLE.sub("", text)
    if not unicodedata.is_normalized("NFKC", text):
        text = unicodedata.normalize("NFKC", text)
    for apostrophe in _APOSTROPHES:  # a table for all of them is slow
        if apostrophe in text:
            text = text.replace(apostrophe, "'")
    return text


def _unescaped(text: str) -> str:
    """Entities undone twice, because sources escape what was escaped (`AT&amp;amp;T`)."""
    once = html.unescape(text)
    return html.unescape(once) if _ENTITY.search(once) else once


@lru_cache(maxsize=4096)
def folded_term(term: str) -> str:
    """A term as it is looked for."""
    return fold(term.strip()).folded


def without_marks(text: str) -> str:
    """The text without accents on Latin letters (`nestlé` → `nestle`); other scripts are left as they are."""
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", "".join(_plain(char) for char in text))


def _plain(char: str) -> str:
    if char.isascii() or not unicodedata.name(char, "").startswith("LATIN"):
        return char
    return "".join(part for part in unicodedata.normalize("NFD", char) if not unicodedata.combining(part))


def _offsets(clean: str) -> tuple[int, ...]:
    places = [place for place, char in enumerate(clean) for _ in ("i" if char == _DOTTED else char.casefold())]
    return (*places, len(clean))
