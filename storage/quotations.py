"""Finding in pages and facts what quotes erased posts, whole or in part, and removing it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

REMOVED = "[removed]"
"""What stands in stored pages where an erased post was quoted."""

TELLING = 12
"""Parts of a post shorter than this are removed from pages only where nothing else stands beside them."""

_BETWEEN = re.compile(r"[\"“”„«»‹›…]")
"""Where a quotation may begin or end."""
_NAMED = re.compile(r"@[\w.-]+")


class Quotations:
    """Words to be removed, by their every stretch of `TELLING` characters: a text is looked through in one pass."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = {form for word in words for form in (word, " ".join(word.split())) if form.strip()}
        self._by_stretch: dict[str, set[str]] = defaultdict(set)
        for word in self.words:
            for stretch in _stretches(word):
                self._by_stretch[stretch].add(word)

    def removed_from(self, value: Any) -> Any:
        """JSON in which every text that is one of the words, or a telling piece of one, is `REMOVED`, and every
        quotation of one within a longer text."""
        if isinstance(value, str):
            return self._without(value)
        if isinstance(value, Mapping):
            return {key: self.removed_from(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.removed_from(item) for item in value]
        return value

    def _without(self, text: str) -> str:
        bare = text.strip().rstrip("….").strip()
        near = self._near(text)
        if bare in self.words or (len(bare) >= TELLING and any(bare in word for word in near)):
            return REMOVED
        for word in sorted(near, key=len, reverse=True):
            text = text.replace(word, REMOVED)
        for piece in {piece.strip() for piece in _BETWEEN.split(text)} if near else ():
            if len(piece) >= TELLING and any(piece in word for word in near):
                text = text.replace(piece, REMOVED)
        return _NAMED.sub(lambda name: REMOVED if name.group()[1:] in self.words else name.group(), text)

    def _near(self, text: str) -> set[str]:
        """The words that share a telling stretch with the text."""
        found: set[str] = set()
        for stretch in _stretches(text):
            if stretch in self._by_stretch:
                found |= self._by_stretch[stretch]
        return found


def _stretches(text: str) -> Iterable[str]:
    return (text[start : start + TELLING] for start in range(len(text) - TELLING + 1))


def without(value: Any, words: Collection[str]) -> Any:
    """JSON without the words, as `Quotations` removes them."""
    return Quotations(words).removed_from(value)
