"""How people write a word that a lexicon writes plainly; the candidates for each language, likeliest first."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Spellings = Callable[[str], Iterator[str]]
"""From a word in lower case to the ways a lexicon may write it."""

ELONGATED = re.compile(r"(\w)\1{2,}")
THRICE = re.compile(r"(.)\1\1")
"""The same where there are letters alone, found twice as fast."""
_REPEATED = re.compile(r"(\w)\1+")
SHORT = {
    "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "cant": "can't", "wont": "won't", "isnt": "isn't",
    "wasnt": "wasn't", "arent": "aren't", "werent": "weren't", "havent": "haven't", "hasnt": "hasn't",
    "hadnt": "hadn't", "couldnt": "couldn't", "wouldnt": "wouldn't", "shouldnt": "shouldn't", "aint": "ain't",
    "dnt": "don't", "im": "i'm", "ive": "i've", "youre": "you're", "theyre": "they're", "thats": "that's",
    "whats": "what's", "ur": "your", "u": "you", "r": "are", "pls": "please", "plz": "please",
}  # fmt: skip
_ARABIC_MARKS = re.compile("[\u064b-\u0652\u0670\u0640]")
_ARABIC_LETTERS = str.maketrans("أإآٱىة", "اااايه")
_ARABIC_PREFIX = re.compile("^(?:و|ف|ب|ل|ك)?(?:ال|لل)|^[وفبلك](?=...)")


def spellings_of(language: str) -> Spellings:
    """The spellings to try in a language (ISO 639-1)."""
    return {"en": _english, "ar": _arabic}.get(language, _any)


def _any(word: str) -> Iterator[str]:
    """As it stands; a letter thrice or more as two, then as one (`sooooo`, `goool`)."""
    yield word
    if ELONGATED.search(word):
        yield ELONGATED.sub(r"\1\1", word)
        yield _REPEATED.sub(r"\1", word)


def _english(word: str) -> Iterator[str]:
    return _any(SHORT.get(word, word))


def _arabic(word: str) -> Iterator[str]:
    """Without vowel signs and with one form for each letter; then without conjunction, preposition and article."""
    for spelling in _any(_ARABIC_MARKS.sub("", word).translate(_ARABIC_LETTERS)):
        yield spelling
        bare = _ARABIC_PREFIX.sub("", spelling)
        if len(bare) > 2:
            yield bare
