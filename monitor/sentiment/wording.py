"""The words of a post as sentiment reads them: links and accounts left out, hashtags and emoji taken apart, phrases
read as one word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from monitor.remembered import minded
from monitor.sentiment.emoji import EMOJI, PICTURED, SKIN_AND_JOINERS
from monitor.sentiment.lexicon import SHORTEST_STEM, Lexicon
from monitor.sentiment.spelling import ELONGATED, SHORT, spellings_of
from monitor.sentiment.vader import GRAMMAR, Word

BRAND = "\ue000"
"""Stands where a masked text names the brand: a private-use character, which no lexicon knows and no text has."""

LINK = "\ue001"
_NAMELESS = "\ue002"
_MEMORY = 50_000
"""How many distinct words are remembered with what they are."""
_LONGEST = 250
"""Letters of a word that are read; what is longer is no word."""
_LINK = re.compile(
    r"\W*(?:https?\b|www\.)"
    r"|[\w-]+(?:\.[\w-]+)*\.(?:ly|com|co|net|org|me|gl|gd|tv|be|fm|us|uk|de|es|fr|it|io|br)(?:/|$)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"[.\"'(“]*@\w")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|_+")
_JOINT = r"[.,!?;:/…—–&+\"“”(){}\[\]|~*-]"
_JOINED = re.compile(rf"{_JOINT}(?<=[^\W\d_]{{2}}{_JOINT}){_JOINT}*(?=[^\W\d_]{{2}})")
"""Punctuation between two letters and two letters; its first character comes first, so that it is found fast."""
_EDGES = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~…“”«»¡¿—–।॥،؛؟。、，！？；："
_APOSTROPHES = "’‘`´"
_STRAIGHT = str.maketrans(_APOSTROPHES, "''''")


class Phrase(NamedTuple):
    """The words of a phrase after its second, and the phrase as one word, plain and in capitals."""

    rest: tuple[str, ...]
    word: Token
    shouted: Token


_NO_PHRASES: Mapping[str, tuple[Phrase, ...]] = {}


class Token(Word):
    """A word with its weak hint, and by their second word the phrases that may begin with it, longest first.

    Words that are neither the brand nor a link and have no hint are not `is_marked`.
    """

    __slots__ = ("hint", "is_brand", "is_link", "is_marked", "phrases")

    def __init__(self, shown: str, valence: float | None, hint: float = 0.0) -> None:
        super().__init__(shown, valence)
        self.hint = hint
        self.phrases: Mapping[str, tuple[Phrase, ...]] = _NO_PHRASES
        self.is_brand = shown == BRAND
        self.is_link = shown == LINK
        self.is_marked = bool(hint) or self.is_brand or self.is_link


_MUTE, _SHOUTED = Token(_NAMELESS, None), Token(_NAMELESS, None)
_SHOUTED.is_upper = _SHOUTED.is_notable = True
"""Stand for every word that says nothing, plain and in capitals."""
_MUTE_ALONE, _SHOUTED_ALONE = (_MUTE,), (_SHOUTED,)
"""What a token is made of that is such a word: nearly every new one, and all of them share these."""


class _Known(dict[str, tuple[Token, ...]]):
    """What tokens are made of; what is not known is asked for, so that a whole text is looked up in one go."""

    def __init__(self, ask: Callable[[str], tuple[Token, ...]]) -> None:
        super().__init__()
        self._ask = ask

    def __missing__(self, token: str) -> tuple[Token, ...]:
        return self._ask(token)


class Wording:
    """Reads texts of one language into words. `base` are valences for words that the lexicon does not know.

    Words that say nothing are all the same one unless it `spells_all` of them.
    """

    def __init__(
        self, language: str, lexicon: Lexicon, base: Mapping[str, float] | None = None, *, spells_all: bool = False
    ) -> None:
        self._spells_all = spells_all
        self._lexicon = lexicon
        self._base = base or {}
        self._is_english = language == "en"
        self._spellings = spellings_of(language)
        self._phrases = _phrases(lexicon.phrases)
        of_phrases = chain.from_iterable(map(str.split, lexicon.phrases))
        self._heard = frozenset(chain(lexicon.entries(), of_phrases, self._base, GRAMMAR, SHORT))
        self._words = lexicon.words
        self._stem_heads = frozenset(stem[:SHORTEST_STEM] for stem in lexicon.stems)
        self._known = _Known(self._parts)
        self._tokens: dict[str, Token] = {}
        self._link = (Token(LINK, None),)
        minded(self)

    def let_go(self) -> None:
        """Remember no word that was read."""
        self._known.clear()
        self._tokens.clear()

    def words(self, text: str) -> list[Token]:
        """The words of a text, phrases joined; linear in its length."""
        if not text.isascii() and any(map(text.__contains__, _APOSTROPHES)):  # translating is slow
            text = text.translate(_STRAIGHT)
        if " n't" in text or " N'T" in text:  # texts that were tokenised before they reached us
            text = text.replace(" n't", "n't").replace(" N'T", "N'T")
        words = list(chain.from_iterable(map(self._known.__getitem__, text.split())))
        starts = [place for place, word in enumerate(words) if word.phrases]
        return _joined(words, starts) if starts else words

    def _parts(self, token: str) -> tuple[Token, ...]:
        """What a token is made of; links and accounts, of which there is no end, are not remembered."""
        word = _bare(token)
        if word and (word is token or not self._is_heard(token.lower())):  # nearly every new one
            return self._remembered(token, self._alone(word))
        if "@" in token and _ACCOUNT.match(token):
            return ()
        if ("." in token or "http" in token.lower()) and _LINK.match(token):
            return self._link
        parts = tuple(part for piece in _pieces(token[:_LONGEST]) for part in self._spelled(piece))
        if len(token) > _LONGEST:
            return parts
        return self._remembered(token, parts)

    def _alone(self, word: str) -> tuple[Token, ...]:
        """What a token is made of that is one word of ASCII letters."""
        lower = word.lower()
        if self._spells_all or self._is_heard(lower) or ELONGATED.search(lower):
            return (self._token(word),)
        return _SHOUTED_ALONE if word.isupper() else _MUTE_ALONE

    def _remembered(self, token: str, parts: tuple[Token, ...]) -> tuple[Token, ...]:
        if len(self._known) >= _MEMORY:
            self.let_go()
        return self._known.setdefault(token, parts)

    def _spelled(self, piece: str) -> Iterator[Token]:
        """The word that a piece of a token is; what is not known whole is tried at its joints."""
        if piece in EMOJI or piece == BRAND:
            yield Token(piece, EMOJI.get(piece))
            return
        lower = piece.lower()
        shown = piece if self._is_heard(lower) and self._knows(lower) else _stripped(piece)
        if not shown:
            return
        token = self._token(shown)
        if token.valence is None and not token.phrases and not shown.isalnum() and _JOINED.search(shown):
            for part in _JOINED.split(shown):
                yield self._token(part)
            return
        yield token

    def _token(self, shown: str) -> Token:
        """The word that is written so; the same whatever punctuation stood around it."""
        if self._is_mute(shown) and not self._spells_all:
            return _SHOUTED if shown.isupper() else _MUTE
        return self._tokens.get(shown) or self._kept(shown, self._new_token(shown))

    def _kept(self, shown: str, token: Token) -> Token:
        if len(self._tokens) >= _MEMORY:  # what is not remembered whole has parts that are
            self._tokens.clear()
        return self._tokens.setdefault(shown, token)

    def _is_mute(self, shown: str) -> bool:
        """Whether a word says nothing, however it is spelled; what is not ASCII is looked at more closely."""
        lower = shown.lower()
        return not (self._is_heard(lower) or ELONGATED.search(lower) or "n't" in lower) and lower.isascii()

    def _is_heard(self, lower: str) -> bool:
        """Whether a word in lower case may say something as it is written."""
        return lower in self._heard or lower[:SHORTEST_STEM] in self._stem_heads

    def _new_token(self, shown: str) -> Token:
        lower = self._canonical(shown.lower())
        token = Token(
            lower.upper() if shown.isupper() else lower, self._valence(lower), self._lexicon.hints.get(lower, 0.0)
        )
        if not self._is_english:
            self._speak(token, lower)
        token.phrases = self._phrases.get(lower, _NO_PHRASES)
        return token

    def _speak(self, token: Token, lower: str) -> None:
        """Give the word the part it has in the grammar of its own language instead of the English one."""
        token.booster = self._lexicon.boosters.get(lower, 0.0)
        token.is_booster = lower in self._lexicon.boosters
        token.negates = lower in self._lexicon.negations
        token.is_contrast = lower in self._lexicon.contrasts
        token.bears_on = token.is_booster or token.negates
        token.is_irregular = False
        token.is_notable = token.valence is not None or token.is_upper or token.is_contrast

    def _canonical(self, lower: str) -> str:
        """The word as the lexicon spells it, or as the language's first spelling where the lexicon does not know it."""
        spellings = self._spellings(lower)
        first = next(spellings)
        return first if self._knows(first) else next(filter(self._knows, spellings), first)

    def _knows(self, lower: str) -> bool:
        return self._valence(lower) is not None or lower in self._lexicon.hints or lower in self._lexicon.boosters

    def _valence(self, lower: str) -> float | None:
        valence = (self._lexicon.valence if lower[:SHORTEST_STEM] in self._stem_heads else self._words.get)(lower)
        return valence if valence is not None else self._base.get(lower)


def _bare(token: str) -> str:
    """The word of a token that is letters with punctuation at its edges; empty where it may be a link or more words."""
    if len(token) > _LONGEST or not token.isascii():
        return ""
    if token.isalpha():
        return "" if "http" in token.lower() else token
    if "@" in token or token[0] == "#":
        return ""
    word = token.strip(_EDGES)
    if not word.isalpha() or "http" in word.lower():
        return ""
    return "" if "." in token and (not token[0].isalpha() or word.lower() == "www") else word


def _pieces(token: str) -> Iterable[str]:
    """A token without its hashtag, at the joints of its camel's humps, and with emoji apart."""
    if not token.isascii():
        token = SKIN_AND_JOINERS.sub("", token)
        if PICTURED.search(token):
            return [
                piece
                for part in PICTURED.split(token)
                for piece in ([part] if part in EMOJI else _pieces(part))
                if piece
            ]
    if token.startswith("#") and len(token) > 2:
        return [piece for piece in _CAMEL.split(token[1:]) if piece]
    return [token] if token else []


def _stripped(piece: str) -> str:
    """The piece without punctuation at its edges; what is nothing but punctuation may be an emoticon and stays."""
    return piece.strip(_EDGES) or piece


def _phrases(valences: Mapping[str, float]) -> dict[str, dict[str, tuple[Phrase, ...]]]:
    """Phrases by their first word, then by their second, longest first."""
    phrases: dict[str, dict[str, tuple[Phrase, ...]]] = {}
    for entry in sorted(valences, key=lambda entry: -entry.count(" ")):
        first, second, *rest = entry.split()
        joined, valence = "_".join((first, second, *rest)), valences[entry]
        phrase = Phrase(tuple(rest), Token(joined, valence), Token(joined.upper(), valence))
        following = phrases.setdefault(first, {})
        following[second] = (*following.get(second, ()), phrase)
    return phrases


def _joined(words: list[Token], starts: list[int]) -> list[Token]:
    """The words with the phrases that begin at one of `starts` read as one; the longest phrase from the left wins."""
    joined: list[Token] = []
    done, last = 0, len(words) - 1
    for place in starts:
        if done <= place < last:
            candidates = words[place].phrases.get(words[place + 1].lower)
            phrase = _standing(candidates, words, place + 2) if candidates else None
            if phrase:
                stop = place + 2 + len(phrase.rest)
                is_shouted = all(part.is_upper for part in words[place:stop])
                joined += (*words[done:place], phrase.shouted if is_shouted else phrase.word)
                done = stop
    return [*joined, *words[done:]] if done else words


def _standing(candidates: tuple[Phrase, ...], words: list[Token], start: int) -> Phrase | None:
    """The first of the phrases whose further words stand from `start` on."""
    for phrase in candidates:
        stop = start + len(phrase.rest)
        if stop <= len(words) and all(
            word.lower == expected for word, expected in zip(words[start:stop], phrase.rest, strict=True)
        ):
            return phrase
    return None
