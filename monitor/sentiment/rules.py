"""Words whose sentiment toward a brand the operator knows, whatever a scorer would say (`sentiment_rules`).

A furniture maker's "bunk" is no insult, and a bank's "skimming" is never praise. Neutral words are taken out before the
text is scored; a negative or positive one decides the score by itself, and where a text has both, the scorer decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from config.settings import BrandSettings
from monitor.matching.folding import cleaned
from monitor.matching.reading import reading_of
from monitor.matching.terms import is_unspaced
from monitor.sentiment.contract import Item, Scorer
from storage.records import Label, Score

NAME, VERSION = "rule", "1"
STRENGTH = 0.6
"""How far from 0 a rule puts the compound: clearly negative or positive, and not the extreme of the scale."""
UNCERTAINTY = 0.05


@dataclass(frozen=True, slots=True)
class _Rules:
    """The words of one brand as patterns; None where there are none."""

    neutral: re.Pattern[str] | None
    negative: re.Pattern[str] | None
    positive: re.Pattern[str] | None


class Ruled:
    """A scorer whose scores the operator's rules go before."""

    def __init__(self, inner: Scorer, brands: Sequence[BrandSettings]) -> None:
        self._inner = inner
        self._rules = {brand.name: _rules(brand) for brand in brands if brand.sentiment_rules}

    @property
    def name(self) -> str:
        """That of the scorer within; what a rule decided is stored under the name `rule`."""
        return self._inner.name

    @property
    def version(self) -> str:
        """That of the scorer within."""
        return self._inner.version

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        scores = self._inner.score([self._without_neutral(item) for item in items])
        return [self._decided(item) or score for item, score in zip(items, scores, strict=True)]

    def _without_neutral(self, item: Item) -> Item:
        post, mention, language = item
        rules = self._rules.get(mention.brand)
        text = cleaned(reading_of(post)) if rules and rules.neutral else ""
        if not rules or not rules.neutral or not rules.neutral.search(text):
            return item
        return (replace(post, title="", text=rules.neutral.sub(" ", text)), mention, language)

    def _decided(self, item: Item) -> Score | None:
        rules = self._rules.get(item[1].brand)
        if rules is None:
            return None
        text = cleaned(reading_of(item[0]))
        negative, positive = (bool(words and words.search(text)) for words in (rules.negative, rules.positive))
        if negative == positive:
            return None
        label = Label.NEGATIVE if negative else Label.POSITIVE
        return Score(-STRENGTH if negative else STRENGTH, label, NAME, VERSION, UNCERTAINTY)


def ruled(inner: Scorer, brands: Sequence[BrandSettings]) -> Scorer:
    """The scorer under the rules of these brands; itself where there are none."""
    return Ruled(inner, brands) if any(brand.sentiment_rules for brand in brands) else inner


def _rules(brand: BrandSettings) -> _Rules:
    words: dict[str, list[str]] = {"neutral": [], "negative": [], "positive": []}
    for rule in brand.sentiment_rules:
        words[rule.sentiment] += rule.words
    return _Rules(**{sentiment: _pattern(found) for sentiment, found in words.items()})


def _pattern(words: Sequence[str]) -> re.Pattern[str] | None:
    """Any of the words, in any capitals, standing alone where their script puts spaces between words."""
    spellings = sorted({" ".join(cleaned(word).split()) for word in words}, key=len, reverse=True)
    guarded = [f"{_guard(word[0], '(?<!')}{re.escape(word)}{_guard(word[-1], '(?!')}" for word in spellings if word]
    return re.compile("|".join(guarded), re.IGNORECASE) if guarded else None


def _guard(edge: str, assertion: str) -> str:
    return "" if is_unspaced(edge) or not edge.isalnum() else f"{assertion}\\w)"
