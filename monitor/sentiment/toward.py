"""The scorer that comes with the program: VADER's rules toward the brand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from config.settings import BrandSettings
from monitor.matching.folding import cleaned
from monitor.matching.matcher import reading_of
from monitor.sentiment.contract import Item
from monitor.sentiment.vader import Vader
from storage.records import Label, Mention, Post, Score

NEGATIVE_CUT = -0.05
POSITIVE_CUT = 0.44
_MASKED = re.compile(r"https?://\S+|www\.\S+|@\w+")


class TowardBrand:
    """English alone; other languages are `unscored`."""

    name = "toward"
    version = "1"

    def __init__(self, brands: Sequence[BrandSettings]) -> None:
        self._vader = Vader.packaged()
        self._names: Mapping[str, re.Pattern[str]] = {brand.name: _names(brand) for brand in brands}

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        return [self._one(post, mention, language) for post, mention, language in items]

    def _one(self, post: Post, mention: Mention, language: str) -> Score:
        if language != "en":
            return Score(0.0, Label.UNSCORED, self.name, self.version, 1.0)
        text = _MASKED.sub(" ", cleaned(reading_of(post)))
        names = self._names.get(mention.brand)
        if names is not None:
            text = names.sub("it", text)
        compound = self._vader.compound(text.replace("’", "'"))
        return Score(compound, _label(compound), self.name, self.version)


def _names(brand: BrandSettings) -> re.Pattern[str]:
    names = sorted({brand.name, *brand.aliases, *brand.products}, key=len, reverse=True)
    return re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, names)) + r")(?!\w)", re.IGNORECASE)


def _label(compound: float) -> Label:
    if compound <= NEGATIVE_CUT:
        return Label.NEGATIVE
    return Label.POSITIVE if compound >= POSITIVE_CUT else Label.NEUTRAL
