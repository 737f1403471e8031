"""A page for a telephone: a text message that fits, and what a voice says.

Text messages are sold by the segment: 160 characters of the GSM alphabet (153 each where there are several), or 70 (67)
where one character is of another. One typographic quotation mark more than halves what fits, so what has a plain twin
is written plainly, and only a language that needs other letters pays for them. 3GPP TS 23.038.
"""

from __future__ import annotations

import unicodedata
from html import escape

from alerts.page import Page
from alerts.render.line import summary
from alerts.render.outside import cut
from alerts.render.story import ended, figures, tell

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
_GSM = _BASIC | _EXTENDED
_PLAIN = str.maketrans(
    {
        "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'", "`": "'",
        "–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "…": "...", "·": "-", "•": "-", "→": "->", "×": "x",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ",
    }
)  # fmt: skip
_LONGEST_SPEECH = 600
_LONG_ADDRESS = 90


def text(page: Page, reference: str, segments: int = 2) -> str:
    """The page in so many segments at most: how bad, who, what, how many, where to read on, and the reference."""
    story = tell(page)
    head = plainly(ended(summary(story).replace(" · ", " ")))
    lead = plainly(f" {story.lead}" if story.lead else "")
    numbers = plainly(f" {said}" if (said := figures(page)) else "")
    news = plainly(f" {story.changed[0]}" if story.changed else "")
    at = story.url if story.url and len(story.url) <= _LONG_ADDRESS else story.incident
    tail = plainly(f" {at} #{reference}" if at else f" #{reference}")
    for said in (f"{head}{news}{lead}", f"{head}{news}{numbers}", f"{head}{news}", head):
        if fits(f"{said}{tail}", segments):
            return f"{said}{tail}"
    return f"{_shortened(head, tail, segments)}{tail}"


def plainly(text: str) -> str:
    """The same words in the GSM alphabet where that is possible; else as they are."""
    plain = text.translate(_PLAIN)
    if is_gsm(plain):
        return plain
    bare = "".join(char if char in _GSM else _without_marks(char) for char in plain)
    return bare if is_gsm(bare) else text


def is_gsm(text: str) -> bool:
    """Whether every character is of the GSM alphabet."""
    return _GSM.issuperset(text)


def units(text: str) -> int:
    """Characters as a network counts them: the extended ones of GSM as two, others in UTF-16 units."""
    if is_gsm(text):
        return len(text) + sum(map(text.count, _EXTENDED))
    return _utf16(text)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fits(text: str, segments: int) -> bool:
    """Whether the text is sent in so many segments."""
    single, each = (160, 153) if is_gsm(text) else (70, 67)
    return units(text) <= single or _parts(text, each) <= segments


def _parts(text: str, each: int) -> int:
    """Segments of a longer text: a character of two units is not divided between two of them."""
    number, left = 1, each
    wide = _EXTENDED.__contains__ if is_gsm(text) else "\uffff".__lt__
    for size in (2 if wide(char) else 1 for char in text):
        if size > left:
            number, left = number + 1, each
        left -= size
    return number


def speech(page: Page, repeat: int = 2) -> str:
    """What a call says, as TwiML: words from outside are text in it. Said twice, since the first time is missed."""
    story = tell(page)
    news = f" {story.changed[0]}" if story.changed else ""
    said = cut(f"Tocsin. {ended(summary(story).replace(' · ', '. '))}{news} {story.lead}", _LONGEST_SPEECH)
    audible = "".join(char for char in said if char.isprintable() and ord(char) < 0xFFFE)
    spoken = escape(audible.replace("·", ".").replace("..", "."), quote=True)
    return f'<Response><Pause length="1"/><Say loop="{repeat}">{spoken}</Say></Response>'


def _without_marks(char: str) -> str:
    """A letter without the marks on it, where that leaves a letter of ASCII; an emoji is left out."""
    if unicodedata.category(char) in ("So", "Sk", "Mn", "Cf", "Me"):
        return ""
    bare = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    return bare if bare.isascii() else char


def _shortened(head: str, tail: str, segments: int) -> str:
    """As much of the head as fits, by halves."""
    low, high = 0, len(head)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(f"{plainly(cut(head, middle))}{tail}", segments):
            low = middle
        else:
            high = middle - 1
    return plainly(cut(head, low))
