"""The words that tell what an incident is about: more common in it than in what is usually said of the brand."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from sys import intern

from monitor.detectors.terms import KEPT_LETTERS
from monitor.remembered import LONGEST, remembering
from storage.keys import plain_words
from storage.remarks import Remark

LEAST_LETTERS = 5
"""Shorter words are mostly the small change of a language."""
LEAST_VOICES = 2
MOST_WORDS = 8
PRIOR = 0.5
"""Uses that every word is granted on both sides, so that a word never seen before is no miracle."""
SURE = 1.645
"""Standard errors by which a word must be more common than usual: one word in twenty by chance."""

REMEMBERED = 16_384
"""Texts whose words are remembered: those of an incident and of the week before are read again at every look at it."""

_NO_WORDS = re.compile(r"https?://\S+|[@#$]\w+")
_WORD = re.compile(rf"[^\W\d_]{{{LEAST_LETTERS},}}")


def telling_words(told: Iterable[str], usual: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """The words of the texts `told` that `usual` has far less often, strongest first, without those of `names`.

    Log-odds ratio with a prior, in standard errors (Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis
    16:4, 2008, eq. 16 and 22). A text that was copied is given once (`wordings`).
    """
    own, other = _voices(told), _voices(usual)
    own_size, other_size = sum(own.values()), sum(other.values())
    known = {word for name in names for word in _words(name)}
    strengths = {
        word: _strength(count, own_size, other[word], other_size)
        for word, count in own.items()
        if count >= LEAST_VOICES and word not in known
    }
    ranked = sorted(strengths, key=lambda word: (-strengths[word], word))
    return tuple(word for word in ranked if strengths[word] >= SURE)[:MOST_WORDS]


def _strength(own: int, own_size: int, other: int, other_size: int) -> float:
    own_odds = (own + PRIOR) / (own_size - own + PRIOR)
    other_odds = (other + PRIOR) / (other_size - other + PRIOR)
    return (math.log(own_odds) - math.log(other_odds)) / math.sqrt(1 / (own + PRIOR) + 1 / (other + PRIOR))


def spelt_out(terms: Iterable[str], told: Iterable[str]) -> tuple[str, ...]:
    """The terms as people write them: one that is the beginning of a word (`compla`) as the commonest such word.

    Of a term that begins no word of what was `told`, nothing better is known; a pair of characters of a script without
    spaces is one as it is.
    """
    words = Counter(chain.from_iterable(plain_words(text).split() for text in told))
    return tuple(dict.fromkeys(_spelt_out(term, words) for term in terms))


def _spelt_out(term: str, words: Counter[str]) -> str:
    is_cut = len(term) == KEPT_LETTERS and term not in words
    longer = [word for word in words if word.startswith(term)] if is_cut else []
    return min(longer, key=lambda word: (-words[word], len(word), word), default=term)


def wordings(posts: Sequence[Remark]) -> list[str]:
    """What the posts say, each wording once."""
    return [item.words for item in {item.content_key: item for item in posts}.values()]


def _voices(texts: Iterable[str]) -> Counter[str]:
    """In how many of the texts each word stands."""
    return Counter(chain.from_iterable(map(_words, texts)))


def _words(text: str) -> tuple[str, ...]:
    """The words of a text, each once."""
    return _remembered(text) if len(text) <= LONGEST else _found(text)


def _found(text: str) -> tuple[str, ...]:
    words = map(intern, _WORD.findall(_NO_WORDS.sub(" ", text).casefold()))
    return tuple(dict.fromkeys(words))  # much smaller than a set, and thousands are remembered


_remembered = remembering(REMEMBERED)(_found)
