"""Voices, not posts: who says a distinct thing, and who only carries it on.

A voice is a distinct author saying a distinct thing. Copies, reposts and near-duplicates of a text heard within a day
are its reach; an author who speaks again within the hour is still one voice. Where a source has no authors, distinct
texts alone make voices. 38 pastes of one wording are one voice however many accounts send them, and 554 accounts with
27 texts are 27 at most.

Near-duplicates are found by a sketch of sampled shingles and confirmed by edit distance (rapidfuzz). Memory is bounded
per brand: texts are forgotten a day after they were last heard, the longest unheard first when there are very many. It
is bounded for all brands together as well (`fair_share`): the loudest give way first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Self, TypeVar
from zlib import crc32

import msgspec
from rapidfuzz import fuzz

from storage.keys import plain_words
from storage.records import MentionedPost

ALIKE = 85.0
"""Similarity (0…100, normalised insertions and deletions) from which two texts are one."""
ALIKE_SHORT = 92.0
"""The same for texts of a line in a script without spaces, where one character is a word."""
SHORT = 24
SKETCH = 5
"""Shingles kept of a text: the smallest hashes, so that texts that share most words share one of them."""
COMPARED = 3
"""Most earlier texts that a text is compared with in full."""
MOST_KEYS = 50
"""Wordings of a text that are known again without a comparison."""
KEPT_TEXT = 200
"""Characters of a text that are compared."""


class Role(StrEnum):
    """What a post adds."""

    VOICE = "voice"
    """A distinct author saying a distinct thing."""
    AGAIN = "again"
    """An author who spoke within the hour."""
    COPY = "copy"
    """A text that was heard before, carried on."""


VOICE, AGAIN, COPY = Role
"""By name, since an enumeration is slow to be asked for a member."""


class Heard(msgspec.Struct, frozen=True, gc=False):
    """A mention with its role; `text` numbers the distinct text it carries, `copies` its posts beyond the first.

    `at` is the moment at which its post counts, in Unix seconds.
    `words` is what a text says that was not heard before (`plain_words`); empty for copies.
    """

    item: MentionedPost
    role: Role
    text: int
    copies: int
    at: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """How long texts and speakers are remembered, in seconds, and how many of them per brand."""

    text_for: float = 24 * 3600.0
    speaker_for: float = 3600.0
    most_texts: int = 4_000
    most_speakers: int = 20_000


class _Text(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A distinct text; never changed but replaced, so that folds may share it."""

    words: str
    last: float
    posts: int
    shingles: tuple[int, ...]
    keys: tuple[str, ...]


class _State(msgspec.Struct, array_like=True):
    number: int
    texts: dict[int, _Text]
    speakers: dict[str, float]


class VoiceFold:
    """Hears the mentions of one brand in order of time and says what each adds."""

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        """Begin having heard nothing."""
        self._settings = settings or VoiceSettings()
        self._state = _State(0, {}, {})
        self._by_key: dict[str, int] = {}
        self._by_shingle: dict[int, int] = {}

    def hear(self, items: Sequence[MentionedPost]) -> list[Heard]:
        """What each of the mentions adds; they must be sorted by time."""
        return [self._one(item) for item in items]

    @property
    def size(self) -> tuple[int, int]:
        """How many texts and speakers are remembered."""
        return len(self._state.texts), len(self._state.speakers)

    def forget(self, now: float, most: tuple[int, int] | None = None) -> None:
        """Let go of texts and speakers not heard for long at `now` (Unix seconds), and of those beyond `most`."""
        state, limits = self._state, self._settings
        texts, speakers = most or (limits.most_texts, limits.most_speakers)
        for text in forget_oldest(state.texts, texts, lambda text: now - text.last > limits.text_for):
            self._unlearn(text)
        forget_oldest(state.speakers, speakers, lambda last: now - last > limits.speaker_for)

    def is_over(self, now: float) -> bool:
        """Whether something is remembered, and all of it is to be forgotten at `now` (Unix seconds)."""
        newest = next(reversed(self._state.texts.values()), None)
        return newest is not None and now - newest.last > self._settings.text_for

    def copy(self) -> Self:
        """An independent fold with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._state = _State(self._state.number, dict(self._state.texts), dict(self._state.speakers))
        self._by_key, self._by_shingle = dict(self._by_key), dict(self._by_shingle)
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._state)

    @classmethod
    def restored(cls, blob: bytes, settings: VoiceSettings | None = None) -> Self:
        """A fold with the state that `dump` gave."""
        fold = cls(settings)
        fold._state = msgspec.msgpack.decode(blob, type=_State)
        for number, text in fold._state.texts.items():
            fold._by_key.update(dict.fromkeys(text.keys, number))
            fold._by_shingle.update(dict.fromkeys(text.shingles, number))
        return fold

    def _one(self, item: MentionedPost) -> Heard:
        now = item.post.judged_at.timestamp()
        number = self._by_key.get(item.content_key)
        if number is None:
            words = plain_words(item.post.text or item.post.title)
            shingles = sketch(words)
            number = self._alike(words, shingles)
            if number is None:
                number = self._learn(words, shingles, item.content_key, now)
                return Heard(item, self._role_of_speaker(item, now), number, 0, now, words)
        text = self._carried(number, item.content_key, now)
        return Heard(item, COPY, number, text.posts - 1, now)

    def _role_of_speaker(self, item: MentionedPost, now: float) -> Role:
        if item.post.author is None:
            return VOICE
        name = f"{item.post.source}\x1f{item.post.author}"
        last = self._state.speakers.pop(name, None)
        if last is not None and now - last <= self._settings.speaker_for:
            self._state.speakers[name] = last
            return AGAIN
        self._state.speakers[name] = now
        return VOICE

    def _alike(self, words: str, shingles: Sequence[int]) -> int | None:
        """The number of a text heard before that says nearly the same."""
        known = self._by_shingle
        found = [known[shingle] for shingle in shingles if shingle in known]
        if not found:
            return None
        likely = sorted(set(found), key=lambda number: (-found.count(number), number))[:COMPARED]
        alike = ALIKE_SHORT if len(words) <= SHORT else ALIKE
        return next((number for number in likely if self._is_alike(number, words, alike)), None)

    def _is_alike(self, number: int, words: str, alike: float) -> bool:
        return fuzz.ratio(self._state.texts[number].words, words[:KEPT_TEXT], score_cutoff=alike) > 0

    def _carried(self, number: int, key: str, now: float) -> _Text:
        text = self._state.texts.pop(number)
        keys = text.keys
        if key not in self._by_key and len(keys) < MOST_KEYS:
            keys = (*keys, key)
            self._by_key[key] = number
        text = _Text(text.words, max(text.last, now), text.posts + 1, text.shingles, keys)
        self._state.texts[number] = text  # youngest last, so that forgetting starts with the oldest
        return text

    def _learn(self, words: str, shingles: list[int], key: str, now: float) -> int:
        number = self._state.number
        self._state.number += 1
        self._state.texts[number] = _Text(words[:KEPT_TEXT], now, 1, tuple(shingles), (key,))
        self._by_key[key] = number
        known = self._by_shingle
        for shingle in shingles:
            if shingle in known:
                self._give_up(known[shingle], shingle)
            known[shingle] = number
        return number

    def _give_up(self, number: int, shingle: int) -> None:
        """Let an earlier text no longer be found by a shingle: each points to one text, so that a restart is exact."""
        text = self._state.texts[number]
        kept = tuple(one for one in text.shingles if one != shingle)
        self._state.texts[number] = _Text(text.words, text.last, text.posts, kept, text.keys)

    def _unlearn(self, text: _Text) -> None:
        for key in text.keys:
            del self._by_key[key]
        for shingle in text.shingles:
            del self._by_shingle[shingle]


_KeyT = TypeVar("_KeyT")
_ValueT = TypeVar("_ValueT")


def forget_oldest(table: dict[_KeyT, _ValueT], most: int, is_old: Callable[[_ValueT], bool]) -> list[_ValueT]:
    """Take the first entries off a table that has its oldest first: those that are old, and those beyond `most`.

    They are found in one walk. To ask for the first entry after each deletion would walk over all that were deleted
    before, since a dict keeps their places until it grows.
    """
    gone: list[_KeyT] = []
    for key, value in table.items():
        if len(table) - len(gone) <= most and not is_old(value):
            break
        gone.append(key)
    return [table.pop(key) for key in gone]


def fair_share(sizes: Iterable[int], most: int) -> int:
    """The largest size to which all may grow so that together they are at most `most`; smaller ones keep theirs."""
    left, share = most, most
    ascending = sorted(sizes)
    for number, size in enumerate(ascending):
        share = left // (len(ascending) - number)
        if size > share:
            return share
        left -= size
    return share if not ascending else max(share, ascending[-1])


def sketch(words: str) -> list[int]:
    """The `SKETCH` smallest hashes of a text's pairs of words; of its runs of four characters when it has few words.

    crc32 is the same in every process and on every machine, which Python's own hash is not.
    """
    numbers = [*map(crc32, words.encode("utf-8", "surrogatepass").split(b" "))]
    if len(numbers) > SKETCH:
        return sorted({3 * first ^ second for first, second in pairwise(numbers)})[:SKETCH]
    pieces = {words[at : at + 4] for at in range(max(1, len(words) - 3))}
    return sorted({crc32(piece.encode("utf-8", "surrogatepass")) for piece in pieces})[:SKETCH]
