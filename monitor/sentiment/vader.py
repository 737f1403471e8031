"""The rules of vaderSentiment over its own lexicon, evaluated in linear time.

The scores are those of `SentimentIntensityAnalyzer.polarity_scores` to the last digit (tests/monitor/sentiment), with
what looks odd in them. The package itself copies and lowers its whole list of words for every word it knows, and joins
emoji character by character, so that one long text can hold it for half a minute.

Hutto, C.J. & Gilbert, E.E. (2014). VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text.
"""

from __future__ import annotations

import heapq
import math
import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Self

from msgspec import Struct
from vaderSentiment import vaderSentiment as package  # noqa: N813  (the package names its module so)

_SCALAR: float = package.N_SCALAR
_CAPITALS: float = package.C_INCR
_BOOSTERS: Mapping[str, float] = package.BOOSTER_DICT
_SPECIAL: Mapping[str, float] = package.SPECIAL_CASES
_NEGATIONS = frozenset(package.NEGATE)
_EXTENSIONS = frozenset({"so", "this"})
_PHRASES = [phrase.split() for phrase in (*_SPECIAL, *_BOOSTERS) if " " in phrase]
_PAIRS = frozenset(pair for words in _PHRASES for pair in pairwise(words))
_PHRASE_WORDS = frozenset(word for words in _PHRASES for word in words)
_IDIOM_BEGINNINGS = frozenset(words[0] for words in _PHRASES)
_IDIOM_ENDS = frozenset(words[-1] for words in _PHRASES)
_BEARING = frozenset({"no", "or", "nor", "never", "without", "doubt", "least"}) | _EXTENSIONS | _IDIOM_ENDS
_IRREGULAR = frozenset({"no", "kind"}) | _IDIOM_BEGINNINGS | _IDIOM_ENDS
GRAMMAR = _BEARING | _IRREGULAR | _NEGATIONS | set(_BOOSTERS) | {"at", "very", "but"} | _PHRASE_WORDS
"""Every word that the rules ask for by name."""
_REACH = 3
"""How many words before a word may change it."""
_FADING = (1.0, 1.0, 0.95, 0.9)
"""How much of a booster is left at a distance of so many words."""
_MEMORY = 200_000
"""How many distinct words are remembered with what they are; about 40 MB when full."""


class Polarity(Struct, frozen=True, gc=False):
    """What `polarity_scores` says: `compound` in -1…1, and the shares of negative, neutral and positive words."""

    negative: float
    neutral: float
    positive: float
    compound: float


class Word:
    """A word of a text with everything the rules ask about it.

    A word that `bears_on` others may change the three after it; where it `is_irregular` its valence needs more than a
    look-up. Only `is_notable` words are looked at: with a valence, shouted, bearing on others, or a contrast ("but").
    """

    __slots__ = (
        "bears_on",
        "booster",
        "in_phrase",
        "is_booster",
        "is_contrast",
        "is_irregular",
        "is_notable",
        "is_upper",
        "lower",
        "negates",
        "valence",
    )

    def __init__(self, shown: str, valence: float | None) -> None:
        lower = shown.lower()
        self.lower = lower
        self.valence = valence
        self.is_upper = shown.isupper()
        self.booster = 0.0
        self.is_booster = self.in_phrase = self.is_contrast = self.negates = self.bears_on = self.is_irregular = False
        if lower in GRAMMAR or "n't" in lower:
            self._take_part(lower)
        self.is_notable = valence is not None or self.is_upper or self.is_contrast or self.bears_on

    def _take_part(self, lower: str) -> None:
        """Set what the rules make of a word that they ask for."""
        self.booster = _BOOSTERS.get(lower, 0.0)
        self.is_booster = lower in _BOOSTERS
        self.in_phrase = lower in _PHRASE_WORDS
        self.is_contrast = lower == "but"
        self.negates = lower in _NEGATIONS or "n't" in lower
        self.bears_on = self.is_booster or self.negates or lower in _BEARING
        self.is_irregular = self.is_booster or lower in _IRREGULAR


_PLAIN = Word("", None)
"""Stands for every word that no rule asks for."""


_PUNCTUATION = string.punctuation
_UNKNOWN: Any = object()


class _Words(dict[str, Word]):
    """The words of tokens that are remembered, so that a whole text is looked up in one go."""

    def __init__(self, lexicon: Mapping[str, float]) -> None:
        super().__init__()
        # One look tells of a word what it weighs, or that it is one of the rules' own; most words are neither.
        self._valences: dict[str, float | None] = {**dict.fromkeys(GRAMMAR), **lexicon}

    def __missing__(self, token: str) -> Word:
        if len(self) >= _MEMORY:
            self.clear()
        stripped = token.strip(_PUNCTUATION)
        shown = token if len(stripped) <= 2 else stripped
        lower = shown.lower()
        valence = self._valences.get(lower, _UNKNOWN)
        if valence is not _UNKNOWN:
            word = Word(shown, valence)
        elif shown.isupper() or "n't" in lower:
            word = Word(shown, None)
        else:
            word = _PLAIN
        self[token] = word
        return word


class Vader:
    """Evaluates the rules over a lexicon of `word → valence` and emoji of `character → description`."""

    def __init__(self, lexicon: Mapping[str, float], emoji: Mapping[str, str]) -> None:
        self._emoji = emoji
        self._emoji_characters = frozenset(character for character in emoji if len(character) == 1)
        self._words = _Words(lexicon)

    @classmethod
    def packaged(cls) -> Self:
        """Over the lexicon and emoji of the installed package."""
        analyzer = _analyzer()
        return cls(analyzer.lexicon, analyzer.emojis)

    def polarity(self, text: str) -> Polarity:
        """The scores of a text; linear in its length."""
        described = self.described(text)
        words = self.words(described)
        return _shares(valences(words)[1], len(words), described)

    def compound(self, text: str) -> float:
        """The compound score alone."""
        described = self.described(text)
        found = valences(self.words(described))[1]
        return round(normalised(_total(found, _emphasis(described))), 4) if found else 0.0

    def described(self, text: str) -> str:
        """The text with emoji replaced by their descriptions."""
        if text.isascii() or self._emoji_characters.isdisjoint(text):
            return text.strip()
        parts: list[str] = []
        after_space = True
        for character in text:
            if character in self._emoji_characters:
                parts.append(self._emoji[character] if after_space else f" {self._emoji[character]}")
                after_space = False
            else:
                parts.append(character)
                after_space = character == " "
        return "".join(parts).strip()

    def words(self, text: str) -> list[Word]:
        """The words of a text whose emoji are described."""
        return list(map(self._words.__getitem__, text.split()))


@lru_cache(maxsize=1)
def _analyzer() -> package.SentimentIntensityAnalyzer:
    return package.SentimentIntensityAnalyzer()


def packaged_lexicon() -> Mapping[str, float]:
    """The package's own words with their valences."""
    lexicon: Mapping[str, float] = _analyzer().lexicon
    return lexicon


def valences(words: Sequence[Word]) -> tuple[list[int], list[float]]:
    """The places of the words that have a valence, and their valences in their context."""
    notable = [place for place, word in enumerate(words) if word.is_notable]
    if not notable:
        return [], []
    places, valued, uppers, pivot, bearer = [], [], 0, None, -_REACH - 1
    for place in notable:  # one loop: of a few words it is quicker than a comprehension for each question
        word = words[place]
        if word.valence is not None:
            places.append(place)
            valued.append((place, word.valence, word.is_irregular or place - bearer <= _REACH))
        if word.bears_on:
            bearer = place
        uppers += word.is_upper
        if word.is_contrast and pivot is None:
            pivot = place
    is_mixed = 0 < uppers < len(words)
    found = []
    for place, valence, has_company in valued:
        if has_company:
            found.append(_in_company(words, place, is_mixed, valence))
        else:
            found.append(_shouted(valence) if is_mixed and words[place].is_upper else valence)
    if pivot is not None:
        _weigh_contrast(pivot, places, found)
    return places, found


def _in_company(words: Sequence[Word], place: int, is_mixed: bool, own: float) -> float:
    """The valence of a word with others around that may change it."""
    word = words[place]
    is_last = place == len(words) - 1
    if word.is_booster or (word.lower == "kind" and not is_last and words[place + 1].lower == "of"):
        return 0.0
    valence = own
    if word.lower == "no" and not is_last and words[place + 1].valence is not None:
        valence = 0.0
    if _follows_no(words, place):
        valence = own * _SCALAR
    if word.is_upper and is_mixed:
        valence = _shouted(valence)
    for distance in range(1, min(place, 3) + 1):
        before = words[place - distance]
        if before.valence is None:
            if before.is_booster:
                valence += _boost(before, valence, is_mixed) * _FADING[distance]
            if before.negates or (distance == 3 and words[place - 1].lower in _EXTENSIONS):
                valence = _negated(valence, words, place, distance)
            if distance == 3 and (word.in_phrase or words[place - 1].in_phrase or words[place - 2].in_phrase):
                valence = _idiomatic(valence, words, place)
    return _least(valence, words, place)


def _shouted(valence: float) -> float:
    return valence + _CAPITALS if valence > 0 else valence - _CAPITALS


def _follows_no(words: Sequence[Word], place: int) -> bool:
    return (
        (place > 0 and words[place - 1].lower == "no")
        or (place > 1 and words[place - 2].lower == "no")
        or (place > 2 and words[place - 3].lower == "no" and words[place - 1].lower in ("or", "nor"))
    )


def _boost(word: Word, valence: float, is_mixed: bool) -> float:
    """What a booster adds to a valence; shouted, it adds more."""
    scalar = -word.booster if valence < 0 else word.booster
    if word.is_upper and is_mixed:
        scalar += _CAPITALS if valence > 0 else -_CAPITALS
    return scalar


def _negated(valence: float, words: Sequence[Word], place: int, distance: int) -> float:
    """The valence after the negation, if any, at `distance` before it; "never so good", "without doubt" are praise."""
    nearest = words[place - 1].lower
    second = words[place - 2].lower if distance > 1 else ""
    third = words[place - 3].lower if distance > 2 else ""
    if distance == 2 and second == "never" and nearest in _EXTENSIONS:
        return valence * 1.25
    if distance == 3 and ((third == "never" and second in _EXTENSIONS) or nearest in _EXTENSIONS):
        return valence * 1.25
    if (distance == 2 and second == "without" and nearest == "doubt") or (
        distance == 3 and third == "without" and "doubt" in (second, nearest)
    ):
        return valence
    return valence * _SCALAR if words[place - distance].negates else valence


def _idiomatic(valence: float, words: Sequence[Word], place: int) -> float:
    """The valence of the idiom that the word stands in, and of two-word boosters before it."""
    third, second, nearest, own = [word.lower for word in words[place - 3 : place + 1]]
    after = words[place + 1].lower if place + 1 < len(words) else ""
    if _PAIRS.isdisjoint(((third, second), (second, nearest), (nearest, own), (own, after))):
        return valence
    for phrase in (
        f"{nearest} {own}",
        f"{second} {nearest} {own}",
        f"{second} {nearest}",
        f"{third} {second} {nearest}",
        f"{third} {second}",
    ):
        if phrase in _SPECIAL:
            valence = _SPECIAL[phrase]
            break
    following = " ".join(word.lower for word in words[place : place + 2])
    if len(words) - 1 > place and following in _SPECIAL:
        valence = _SPECIAL[following]
    further = " ".join(word.lower for word in words[place : place + 3])
    if len(words) - 1 > place + 1 and further in _SPECIAL:
        valence = _SPECIAL[further]
    for phrase in (f"{third} {second} {nearest}", f"{third} {second}", f"{second} {nearest}"):
        valence += _BOOSTERS.get(phrase, 0.0)
    return valence


def _least(valence: float, words: Sequence[Word], place: int) -> float:
    if place == 0 or words[place - 1].valence is not None or words[place - 1].lower != "least":
        return valence
    if place > 1 and words[place - 2].lower in ("at", "very"):
        return valence
    return valence * _SCALAR


def _weigh_contrast(pivot: int, places: list[int], valences: list[float]) -> None:
    """What stands before the first "but" (at `pivot`) counts half, what stands after it half as much again.

    The package looks for the place of a valence by its value, so of equal valences the first is weighed repeatedly. The
    same comes out here by keeping, for every value, the places that hold it.
    """
    holders: dict[float, list[int]] = {}
    for at, valence in enumerate(valences):
        holders.setdefault(valence, []).append(at)
    for at in range(len(valences)):
        first = _first_holder(holders[valences[at]], valences, valences[at])
        if places[first] != pivot:
            valences[first] *= 0.5 if places[first] < pivot else 1.5
            heapq.heappush(holders.setdefault(valences[first], []), first)


def _first_holder(holders: list[int], valences: list[float], value: float) -> int:
    """The first that holds the value now; those that were weighed since are dropped."""
    while valences[holders[0]] != value:
        heapq.heappop(holders)
    return holders[0]


def _total(valences: list[float], emphasis: float) -> float:
    """The sum of valences, moved away from zero by the text's punctuation."""
    total = float(sum(valences))
    return total + emphasis if total > 0 else total - emphasis if total < 0 else total


_NOTHING, _NEUTRAL = Polarity(0.0, 0.0, 0.0, 0.0), Polarity(0.0, 1.0, 0.0, 0.0)
"""What is said of a text without words, and of one without a word that the lexicon knows: of a third of all posts."""


def _shares(valences: list[float], words: int, text: str) -> Polarity:
    """The shares and the compound score; every word counts one beside its valence, as neutral words do."""
    if not valences:
        return _NEUTRAL if words else _NOTHING
    emphasis = _emphasis(text)
    positive = negative = 0.0
    neutral = words - len(valences)
    for valence in valences:
        if valence > 0:
            positive += valence + 1
        elif valence < 0:
            negative += valence - 1
        else:
            neutral += 1
    if positive > -negative:
        positive += emphasis
    elif positive < -negative:
        negative -= emphasis
    whole = positive - negative + neutral
    return Polarity(
        round(math.fabs(negative / whole), 3) if negative else 0.0,  # nearly every text has one of them alone
        round(neutral / whole, 3),
        round(positive / whole, 3) if positive else 0.0,
        round(normalised(_total(valences, emphasis)), 4),
    )


def normalised(total: float, alpha: float = 15) -> float:
    """A sum of valences brought into -1…1."""
    return total / math.sqrt(total * total + alpha)


def _emphasis(text: str) -> float:
    exclaimed: float = min(text.count("!"), 4) * 0.292
    questions = text.count("?")
    if questions <= 1:
        return exclaimed
    return exclaimed + (questions * 0.18 if questions <= 3 else 0.96)
