"""Texts as the matcher reads them: one spelling for what looks the same.

`clean` keeps capitals (they tell a name from a word), `folded` is what terms are looked for in. Positions in `folded`
lead back to `clean` through `Folded.clean_at`.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

# Invisible characters with which words are broken up, by accident (soft hyphen) or to escape filters.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff]"
)
_DOTTED = "İ"
"""Turkish capital i, whose case folding leaves a loose dot."""
_APOSTROPHES = str.maketrans("’‘ʼ＇", "''''")
_APOSTROPHE = re.compile("[’‘ʼ＇]")
_SPACES = re.compile(r"\s+")
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


def fold(text: str) -> Folded:
    """Undo entities, compatibility forms, invisible characters, uneven space and capitals; linear in the text."""
    if text.isascii() and text.isprintable() and "  " not in text and "&" not in text:  # nearly all
        return Folded(text, text.lower())
    clean = cleaned(text)
    folded = clean.lower() if clean.isascii() else clean.replace(_DOTTED, "i").casefold()
    if len(folded) == len(clean):
        return Folded(clean, folded)
    return Folded(clean, folded, _offsets(clean))


def cleaned(text: str) -> str:
    """The text with its capitals, and one spelling for what looks the same."""
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
    return text.translate(_APOSTROPHES) if _APOSTROPHE.search(text) else text


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
