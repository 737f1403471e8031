"""Fonts of a PDF: one that comes with the program, and those of the machine for scripts that it does not have."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError

MOST_TRIED = 600
"""Fonts of the machine that are looked into for a character."""
_PREFERRED = ("notosans", "noto", "dejavu", "freesans")
_LEFT_OUT = ("emoji", "mono", "serif", "bold", "italic", "light", "thin", "black", "condensed")


def own(*, bold: bool = False) -> Path:
    """DejaVu Sans, which comes with matplotlib: Latin, Greek, Cyrillic, Arabic, Hebrew and more."""
    import matplotlib as mpl  # noqa: PLC0415 - a second, and only a PDF needs it

    return Path(mpl.get_data_path()) / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")


@lru_cache(maxsize=64)
def covered(path: Path) -> frozenset[int]:
    """The characters that a font can draw; nothing for one that cannot be read."""
    try:
        with TTFont(path, fontNumber=0, lazy=True) as font:
            drawable = "glyf" in font or "CFF " in font
            return frozenset(font.getBestCmap() or ()) if drawable else frozenset()
    except (TTLibError, OSError, KeyError, ValueError, AssertionError):
        return frozenset()


def others(missing: frozenset[int]) -> list[Path]:
    """Fonts of the machine that together draw as many of the characters as any do; none where there is nothing."""
    chosen: list[Path] = []
    left = set(missing)
    for path in _of_machine() if left else ():
        if drawn := left & covered(path):
            chosen.append(path)
            left -= drawn
        if not left:
            break
    return chosen


def _of_machine() -> list[Path]:
    from matplotlib.font_manager import findSystemFonts  # noqa: PLC0415

    found = (Path(name) for name in findSystemFonts())
    plain = [path for path in found if not any(word in path.stem.lower() for word in _LEFT_OUT)]
    return sorted(plain, key=_rank)[:MOST_TRIED]


def _rank(path: Path) -> tuple[int, str]:
    name = path.stem.lower().replace("-", "")
    place = next((number for number, start in enumerate(_PREFERRED) if name.startswith(start)), len(_PREFERRED))
    return (place, str(path))


def spelled_out(text: str, drawable: frozenset[int]) -> str:
    """The text with what no font can draw named in brackets: `[pouting face]`; what has no name is left out."""
    if all(ord(character) in drawable or character in "\n\t" for character in text):
        return text
    return "".join(
        character if ord(character) in drawable or character in "\n\t" else _named(character) for character in text
    )


def _named(character: str) -> str:
    if unicodedata.category(character) in ("Cf", "Mn", "Me", "Cc", "Sk"):
        return ""  # joiners and marks, which mean nothing alone
    name = unicodedata.name(character, "").lower()
    return f"[{name}]" if name else "\ufffd"
