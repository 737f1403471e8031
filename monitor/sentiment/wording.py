"""The words of a post as sentiment reads them: links and accounts left out, hashtags and emoji taken apart, phrases
read as one word."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain

from monitor.remembered import minded
from monitor.sentiment.emoji import EMOJI, PICTURED, SKIN_AND_JOINERS
from monitor.sentiment.lexicon import SHORTEST_STEM, Lexicon
from monitor.sentiment.phrases import Phrases
from monitor.sentiment.spelling import ELONGATED, SHORT, THRICE, spellings_of
from monitor.sentiment.vader import GRAMMAR
from monitor.sentiment.vocabulary import (
    BRAND,
    LINK_ALONE,
    MUTE,
    MUTE_ALONE,
    SHOUTED,
    SHOUTED_ALONE,
    Numbered,
    Texts,
    Token,
    Vocabulary,
)

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
        self._phrases = Phrases(lexicon.phrases)
        of_phrases = chain.from_iterable(map(str.split, lexicon.phrases))
        # Words that may say something, with their valences; a set of them takes twice the memory to look through.
        heard = chain(lexicon.entries(), of_phrases, GRAMMAR, SHORT)
        self._heard: dict[str, float | None] = {**dict.fromkeys(heard), **self._base, **lexicon.words}
        self._stem_heads = frozenset(stem[:SHORTEST_STEM] for stem in lexicon.stems)
        self._vocabulary = Vocabulary(self._numbers_of)
        minded(self)

    def let_go(self) -> None:
        """Remember no word that was read."""
        self._vocabulary = Vocabulary(self._numbers_of)

    def words(self, text: str) -> list[Token]:
        """The words of a text, phrases joined."""
        return self.texts([text]).words_of(0)

    def texts(self, texts: Iterable[str]) -> Texts:
        """The words of texts, phrases joined; linear in their length."""
        if self._vocabulary.size >= _MEMORY:
            self.let_go()
        vocabulary = self._vocabulary
        tokens: list[str | None] = []
        for text in texts:
            tokens += _plain(text).split()
            tokens.append(None)
        return Texts(vocabulary, self._phrases.joined(vocabulary, vocabulary.read(tokens)))

    def _numbers_of(self, vocabulary: Vocabulary, token: str) -> Numbered:
        """What a token is made of; links and accounts, of which there is no end, are not remembered."""
        word = _bare(token)
        if word and (word is token or not self._is_heard(token.lower())):  # nearly every new one
            numbers = self._of_letters(vocabulary, word)
        elif "@" in token and _ACCOUNT.match(token):
            return ()
        elif ("." in token or "http" in token.lower()) and _LINK.match(token):
            return LINK_ALONE
        else:
            found = [self._spelled(vocabulary, piece) for piece in _pieces(token[:_LONGEST])]
            numbers = found[0] if len(found) == 1 else tuple(chain.from_iterable(found))
        if len(vocabulary) < _MEMORY and len(token) <= _LONGEST:
            vocabulary[token] = numbers
        return numbers

    def _of_letters(self, vocabulary: Vocabulary, word: str) -> Numbered:
        """The number of a word of ASCII letters."""
        lower = word.lower()
        if (
            lower in self._heard
            or lower[:SHORTEST_STEM] in self._stem_heads
            or self._spells_all
            or THRICE.search(lower)
        ):
            return vocabulary.alone(self._spelled_so(vocabulary, word))
        return SHOUTED_ALONE if word.isupper() else MUTE_ALONE

    def _spelled(self, vocabulary: Vocabulary, piece: str) -> Numbered:
        """What a piece of a token is made of; what is not known whole is tried at its joints."""
        if piece.isalpha() and piece.isascii():
            return self._of_letters(vocabulary, piece)
        if piece in EMOJI or piece == BRAND:
            return vocabulary.alone(vocabulary.by_spelling.setdefault(piece, Token(piece, EMOJI.get(piece))))
        lower = piece.lower()
        shown = piece if self._is_heard(lower) and self._knows(lower) else _stripped(piece)
        if not shown:
            return ()
        token = self._token(vocabulary, shown)
        if token.valence is None and not token.begins and not shown.isalnum() and _JOINED.search(shown):
            return tuple(vocabulary.alone(self._token(vocabulary, part))[0] for part in _JOINED.split(shown))
        return vocabulary.alone(token)

    def _token(self, vocabulary: Vocabulary, shown: str) -> Token:
        """The word that is written so; the same whatever punctuation stood around it."""
        if self._is_mute(shown) and not self._spells_all:
            return SHOUTED if shown.isupper() else MUTE
        return self._spelled_so(vocabulary, shown)

    def _spelled_so(self, vocabulary: Vocabulary, shown: str) -> Token:
        known, spelling = vocabulary.by_spelling, shown if shown.isupper() else shown.lower()
        return known.get(spelling) or known.setdefault(spelling, self._new_token(spelling))

    def _is_mute(self, shown: str) -> bool:
        """Whether a word says nothing, however it is spelled; what is not ASCII is looked at more closely."""
        lower = shown.lower()
        return not (self._is_heard(lower) or ELONGATED.search(lower) or "n't" in lower) and lower.isascii()

    def _is_heard(self, lower: str) -> bool:
        """Whether a word in lower case may say something as it is written."""
        return lower in self._heard or lower[:SHORTEST_STEM] in self._stem_heads

    def _new_token(self, shown: str) -> Token:
        lower, valence = self._canonical(shown.lower())
        token = Token(lower.upper() if shown.isupper() else lower, valence, self._lexicon.hints.get(lower, 0.0))
        if not self._is_english:
            self._speak(token, lower)
        token.begins = self._phrases.firsts.get(lower, 0)
        token.follows = self._phrases.seconds.get(lower, 0)
        return token

    def _speak(self, token: Token, lower: str) -> None:
        """Give the word the part it has in the grammar of its own language instead of the English one."""
        token.booster = self._lexicon.boosters.get(lower, 0.0)
        token.is_booster = lower in self._lexicon.boosters
        token.negates = lower in self._lexicon.negations
        token.is_contrast = lower in self._lexicon.contrasts
        token.bears_on = token.is_booster or token.negates
        token.is_irregular = False
        token.is_notable = token.valence is not None or token.is_upper or token.is_contrast or token.bears_on

    def _canonical(self, lower: str) -> tuple[str, float | None]:
        """The word as the lexicon spells it, or as the language's first spelling where the lexicon does not know it.

        With its valence.
        """
        first: tuple[str, float | None] | None = None
        for spelling in self._spellings(lower):
            valence = self._valence(spelling)
            if valence is not None or spelling in self._lexicon.hints or spelling in self._lexicon.boosters:
                return spelling, valence
            first = first or (spelling, None)
        return first or (lower, None)

    def _knows(self, lower: str) -> bool:
        return self._valence(lower) is not None or lower in self._lexicon.hints or lower in self._lexicon.boosters

    def _valence(self, lower: str) -> float | None:
        if lower[:SHORTEST_STEM] not in self._stem_heads:
            return self._heard.get(lower)
        valence = self._lexicon.valence(lower)
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
        tag = token[1:]
        if tag.isalpha() and (tag.islower() or tag.istitle()):  # without humps; the pattern is slow
            return [tag]
        return [piece for piece in _CAMEL.split(tag) if piece]
    return [token] if token else []


def _stripped(piece: str) -> str:
    """The piece without punctuation at its edges; what is nothing but punctuation may be an emoticon and stays."""
    return piece.strip(_EDGES) or piece


def _plain(text: str) -> str:
    """The text with straight apostrophes, and with its negations whole where they came taken apart."""
    if not text.isascii() and any(map(text.__contains__, _APOSTROPHES)):  # translating is slow
        text = text.translate(_STRAIGHT)
    if " n't" in text or " N'T" in text:
        text = text.replace(" n't", "n't").replace(" N'T", "N'T")
    return text
