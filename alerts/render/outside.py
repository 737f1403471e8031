"""Words from outside, made harmless before they reach a person's screen.

Whatever a stranger can write (a post, a name, a title, an address) passes here once. Markup of the rendering (Slack's
`&<>`, HTML) is escaped where that rendering is made.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit, urlunsplit

_BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = re.compile(f"[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u2028\u2029\ufeff\ufff9-\ufffb{_BIDI}]")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_SPACES = re.compile(r"\s+")
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f\u20e3") | {
    chr(code) for code in (*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080), *range(0x1160, 0x1200))
}
"""What goes with the character before it: joiners, skin colours, the letters within flags of regions, the later letters
of Korean syllables."""
_VIRAMA = 9
"""The class of signs that join two letters of Indian scripts into one."""
_LONGEST_SIGN = 40
"""Characters that are seen as one at most: a longer chain was made to be a nuisance."""
LONGEST = 4_000
"""Characters of a text that are looked at: more than any form shows."""
_MARKS = 3
"""Combining marks kept on one letter: more than any script needs, fewer than it takes to deface the lines around."""


def cleaned(text: str) -> str:
    """One line of visible text: no control characters, terminal sequences, direction overrides or towers of marks."""
    visible = _INVISIBLE.sub("", _ANSI.sub("", text[:LONGEST]))
    return _SPACES.sub(" ", _lowered_towers(visible)).strip()


def _lowered_towers(text: str) -> str:
    if text.isascii():
        return text
    joined = unicodedata.normalize("NFC", text)
    marks = "".join(sorted(char for char in set(joined) if unicodedata.category(char) in ("Mn", "Me")))
    return re.sub(f"([{marks}]{{{_MARKS}}})[{marks}]+", r"\1", joined) if marks else joined


def cut(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, with an ellipsis where it was cut, never inside of what is seen as one."""
    if len(text) <= limit:
        return text
    end = whole = max(0, limit - 1)
    while end > 0 and _sticks(text, end):
        end -= 1
    end = end if whole - end < _LONGEST_SIGN else whole
    space = text.rfind(" ", max(0, end - 20), end)
    kept = text[: space if space > 0 else end].rstrip()
    return (kept.rstrip(" .,;:…") or kept) + "…"


def _sticks(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the one before it."""
    char, before = text[at], text[at - 1]
    if char in _JOINERS or before == "\u200d" or unicodedata.category(char).startswith("M"):
        return True
    if unicodedata.combining(before) == _VIRAMA:
        return True
    return _is_flag_letter(char) and _flag_letters_before(text, at) % 2 == 1


def _is_flag_letter(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters_before(text: str, at: int) -> int:
    start = at
    while start > 0 and _is_flag_letter(text[start - 1]):
        start -= 1
    return at - start


def safe_link(url: str) -> str:
    """The address where it is one for the web, with everything that could end it early encoded; else nothing."""
    if not url or any(char.isspace() or ord(char) < 0x20 for char in url.strip()):
        return ""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc:
        return ""
    address = urlunsplit(parts)
    return quote(address, safe="%/:?#[]@!$&'()*+,;=~-._") if len(address) <= 2000 else ""
