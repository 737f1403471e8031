"""Keys of texts: equal for texts that are copies of one another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from hashlib import blake2b

_LINK = re.compile(r"(?:https?://|www\.)\S+")
_CARRIED = re.compile(r"^\s*(?:rt\s+@\w+\s*:?\s*)+")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_ASCII_ONLY = str.isascii


def content_key(text: str) -> str:
    """The key of a text: blake2b (16 hex digits) of what is left of it without links, `RT @name:`, case and spacing.

    Unicode's compatible forms are one (NFKC); characters that nobody sees do not count.
    """
    return blake2b(_plain(text).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _plain(text: str) -> str:
    if not _ASCII_ONLY(text):
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
    text = text.casefold()
    if "http" in text or "www." in text:
        text = _LINK.sub(" ", text)
    if "rt" in text[:16]:
        text = _CARRIED.sub("", text)
    return " ".join(text.split())


_DECORATION = re.compile(r"https?://\S*|www\.\S*|@\w+|&\w+;")
_RUN = re.compile(r"[^\W\d_]+")
_LETTERS = bytes(code if chr(code).isalpha() else ord(" ") for code in range(128)) + bytes(128)
"""What becomes of an ASCII character where letters alone are wanted."""


def plain_words(text: str) -> str:
    """What a text says, without links, handles, digits, punctuation and case; for comparing texts."""
    return joined(words_of(text))


def words_of(text: str) -> list[bytes]:
    """The words of what a text says (`plain_words`), each in UTF-8."""
    is_ascii = _ASCII_ONLY(text)
    folded = (text if is_ascii else unicodedata.normalize("NFKC", text)).casefold()
    if "@" in folded or "http" in folded or "&" in folded or "www." in folded:
        folded = _DECORATION.sub(" ", folded)
    if is_ascii:
        words = folded.encode("ascii").translate(_LETTERS).split()
    else:
        words = [word.encode("utf-8", "surrogatepass") for word in _RUN.findall(folded)]
    return words[1:] if words and words[0] == b"rt" else words


def joined(words: Iterable[bytes]) -> str:
    """The text of these words."""
    return b" ".join(words).decode("utf-8", "surrogatepass")
