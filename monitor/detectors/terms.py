"""What voices are about: content terms, and how common each is in all that is heard.

A term is the beginning of a longer word, so that inflections agree (`strike`, `strikes`), or a pair of characters in a
script without spaces. A term that more than one voice in twenty uses anyway says nothing about a story.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from functools import lru_cache
from typing import Final, Self

import msgspec

from monitor.voices import Heard
from storage.keys import plain_words

LEAST_LETTERS: Final = 4
KEPT_LETTERS: Final = 6
MOST_TERMS: Final = 40
"""Terms taken of one text."""
COMMON: Final = 0.05
KNOWN_FROM: Final = 200
"""Voices from which on it is known what is common."""
MOST_KNOWN: Final = 30_000
MOST_WAITING: Final = 256
"""Voices that wait to be counted."""
FADE_AT: Final = 20_000
"""Voices after which the past is halved, so that it stays the recent past."""

_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")


def content_terms(words: str, leaving_out: Iterable[str] = ()) -> tuple[str, ...]:
    """The terms of a text (as `plain_words` gives it) in order, each once, without those of the names `leaving_out`."""
    if words.isascii():
        found = {piece[:KEPT_LETTERS]: None for piece in words.split() if len(piece) >= LEAST_LETTERS}
    else:
        found = dict.fromkeys(_terms(words, LEAST_LETTERS))
    for term in _terms_of_names(tuple(leaving_out)):
        if term in found:
            del found[term]
    return tuple(found)[:MOST_TERMS]


def terms_of(heard: Heard) -> tuple[str, ...]:
    """The terms of what was heard, without the names that matched."""
    return content_terms(heard.words, (heard.item.mention.brand, *heard.item.mention.matched))


@lru_cache(maxsize=4_096)
def _terms_of_names(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(term for name in names for term in _terms(plain_words(name), 1))


def _terms(words: str, least: int) -> list[str]:
    pieces = words.split()
    if not _UNSPACED.search(words):
        return [piece[:KEPT_LETTERS] for piece in pieces if len(piece) >= least]
    return [term for piece in pieces for term in _terms_of_piece(piece, least)]


def _terms_of_piece(piece: str, least: int) -> list[str]:
    if _UNSPACED.search(piece):
        return [piece[at : at + 2] for at in range(len(piece) - 1)]
    return [piece[:KEPT_LETTERS]] if len(piece) >= least else []


class _State(msgspec.Struct, array_like=True):
    voices: float
    counts: dict[str, float]


class Background:
    """How many voices use each term, lately, about whatever brand.

    Voices wait to be counted until somebody asks, or many wait: a provisional look seldom counts any.
    """

    def __init__(self) -> None:
        """Begin having heard nothing."""
        self._state = _State(0.0, {})
        self._waiting: list[Heard] = []
        self._is_shared = False

    def add(self, voices: Iterable[Heard]) -> None:
        """Take some voices."""
        self._waiting += voices
        if len(self._waiting) >= MOST_WAITING:
            self._count()

    def is_common(self, term: str) -> bool:
        """Whether the term is so common that it says nothing."""
        state = self._counted()
        return state.voices >= KNOWN_FROM and state.counts.get(term, 0.0) > COMMON * state.voices

    def copy(self) -> Self:
        """An independent background of the same; what was counted is shared until either of the two counts."""
        self._is_shared = True
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._waiting, self._is_shared = list(self._waiting), True
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._counted())

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        self._state, self._waiting, self._is_shared = msgspec.msgpack.decode(blob, type=_State), [], False

    def _counted(self) -> _State:
        if self._waiting:
            self._count()
        return self._state

    def _count(self) -> None:
        """Count the voices that wait; where the past is to be halved meanwhile, one by one."""
        if self._is_shared:
            self._state, self._is_shared = _State(self._state.voices, dict(self._state.counts)), False
        voices, self._waiting = self._waiting, []
        for voice in voices:
            state, counts = self._state, self._state.counts
            state.voices += 1.0
            for term in terms_of(voice):
                counts[term] = counts.get(term, 0.0) + 1.0
            if state.voices >= FADE_AT or len(counts) > MOST_KNOWN:
                self._fade()

    def _fade(self) -> None:
        state = self._state
        state.voices /= 2.0
        halved = {term: count / 2.0 for term, count in state.counts.items() if count >= 2.0}
        if len(halved) > MOST_KNOWN // 2:
            kept = sorted(halved, key=lambda term: (-halved[term], term))[: MOST_KNOWN // 2]
            halved = {term: halved[term] for term in kept}
        state.counts = halved


def shared_terms(voices: Sequence[Sequence[str]], background: Background) -> list[tuple[str, int]]:
    """The uncommon terms of a story with the number of its voices that use each, most used first."""
    counts = Counter(term for terms in voices for term in terms)
    told = [(term, count) for term, count in counts.items() if count > 1 and not background.is_common(term)]
    return sorted(told, key=lambda pair: (-pair[1], pair[0]))
