"""What a person reads of a piece of HTML: its words, without markup, scripts and entities."""

from __future__ import annotations

import html
import re

_BREAK = re.compile(r"(?i)<(?:br|/p|p|/div|/li|/tr|/h[1-6]|/blockquote|hr)\b[^<>]{0,1000}>")
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_TAG = re.compile(r"<[^<>]*>")
_MOST_TAGS = 2000  # nested tags cost the parser time in their square: 40,000 of them take seconds
_LINES = re.compile(r" ?\n ?(?:\n ?)*")

LONGEST = 200 * 1024
"""Characters of one item that are read: a longer one is cut, no post needs more to be understood."""


def plain_text(markup: str) -> str:
    """The words in `markup` (HTML or already plain), paragraphs on lines of their own, at most `LONGEST` characters.

    Contents of `script` and `style` are not words. Lone surrogates and NUL, which no database stores, are replaced.
    """
    return tidy(_words(markup[:LONGEST]) if "<" in markup or "&" in markup else markup[:LONGEST])


def tidy(text: str) -> str:
    """`text` with runs of spaces and empty lines made single, and characters that cannot be stored replaced."""
    clean = text.replace("\0", "�").encode("utf-8", "replace").decode()
    return _LINES.sub("\n", _SPACES.sub(" ", clean)).strip()


def _words(markup: str) -> str:
    import nh3  # noqa: PLC0415  (a compiled library: only paid where HTML is read)

    broken = _BREAK.sub("\n", markup)
    if broken.count("<") > _MOST_TAGS:
        broken = _TAG.sub(" ", broken)
    return html.unescape(nh3.clean(broken, tags=set()))
