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

import math
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice
from typing import Self, TypeVar
from zlib import crc32

import msgspec
from msgspec.structs import replace
from rapidfuzz.fuzz import ratio
from rapidfuzz.process import extractOne

from storage.keys import joined, words_of
from storage.records import MentionedPost

ALIKE = 85.0
"""Similarity (0…100, normalised insertions and deletions) from which two texts are one."""
ALIKE_SHORT = 92.0
"""The same for texts of a line in a script without spaces, where one character is a word."""
SHORT = 24
FEW_WORDS = 5
"""Words up to which a text is known by runs of its characters."""
SKETCH = 7
"""Shingles kept of a text: of its longest words, so that texts that share most words share one of them."""
SKETCHES = 1
"""Which way of making them (`sketch`) a saved state was written with."""
SHARING = 48
"""Most texts that are found by one shingle, the newest: what is filled into one template shares most of them."""
COMPARED = (4, 16)
"""Most earlier texts that a text is compared with in full, first so many: most copies are of one of these."""
MOST_KEYS = 50
"""Wordings of a text that are known again without a comparison."""
KEPT_TEXT = 200
"""Characters of a text that are compared."""
KEPT_WORDS = 40
"""Words of a text that may be in its sketch: about as many as are compared."""
FEW_SPEAKERS = 8
"""So many may be remembered longer than they count, until something else is forgotten."""


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
    sketches: int = 0


class VoiceFold:
    """Hears the mentions of one brand in order of time and says what each adds."""

    def __init__(self, settings: VoiceSettings | None = None) -> None:
        """Begin having heard nothing."""
        self._settings = settings or VoiceSettings()
        self._state = _State(0, {}, {}, SKETCHES)
        self._by_key: dict[str, int] = {}
        self._by_shingle: dict[int, tuple[int, ...]] = {}
        self._oldest = -math.inf
        """When the oldest text was heard last, or before that: what is carried on since has become younger."""

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

    def has_to_forget(self, now: float) -> bool:
        """Whether there is something to `forget` at `now` that is more than a few speakers."""
        state, limits = self._state, self._settings
        if len(state.speakers) > FEW_SPEAKERS:
            oldest = next(iter(state.speakers.values()))
            if now - oldest > limits.speaker_for or len(state.speakers) > limits.most_speakers:
                return True
        if len(state.texts) > limits.most_texts:
            return True
        if now - self._oldest <= limits.text_for or not state.texts:
            return False
        self._oldest = next(iter(state.texts.values())).last
        return now - self._oldest > limits.text_for

    def is_over(self, now: float) -> bool:
        """Whether something is remembered, and all of it is to be forgotten at `now` (Unix seconds)."""
        newest = next(reversed(self._state.texts.values()), None)
        return newest is not None and now - newest.last > self._settings.text_for

    def copy(self) -> Self:
        """An independent fold with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        state = self._state
        self._state = _State(state.number, dict(state.texts), dict(state.speakers), SKETCHES)
        self._by_key, self._by_shingle = dict(self._by_key), dict(self._by_shingle)
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._state)

    @classmethod
    def restored(cls, blob: bytes, settings: VoiceSettings | None = None) -> Self:
        """A fold with the state that `dump` gave."""
        fold = cls(settings)
        fold._state = _sketched(msgspec.msgpack.decode(blob, type=_State))
        for number, text in sorted(fold._state.texts.items()):
            fold._by_key.update(dict.fromkeys(text.keys, number))
            fold._point(number, text.shingles)
        return fold

    def _one(self, item: MentionedPost) -> Heard:
        post = item.post
        now = post.judged_at.timestamp()
        number = self._by_key.get(item.content_key)
        if number is None:
            said = words_of(post.text or post.title)
            words, shingles = joined(said), sketch(said)
            sharing = [numbers for numbers in map(self._by_shingle.get, shingles) if numbers]
            number = self._alike(words, sharing) if sharing else None
            if number is None:
                number = self._learn(words, shingles, item.content_key, now)
                if sharing:
                    self._point(number, shingles)
                else:
                    self._by_shingle.update(dict.fromkeys(shingles, (number,)))
                role = VOICE if post.author is None else self._role_of_speaker(f"{post.source}\x1f{post.author}", now)
                return Heard(item, role, number, 0, now, words)
        text = self._carried(number, item.content_key, now)
        return Heard(item, COPY, number, text.posts - 1, now)

    def _role_of_speaker(self, name: str, now: float) -> Role:
        speakers = self._state.speakers
        last = speakers.get(name)
        if last is not None:
            if now - last <= self._settings.speaker_for:
                return AGAIN
            del speakers[name]
        speakers[name] = now  # youngest last, so that forgetting starts with the oldest
        return VOICE

    def _alike(self, words: str, sharing: list[tuple[int, ...]]) -> int | None:
        """The number of a text heard before that says nearly the same, of those `sharing` a shingle with it.

        Those of the rarest shingles are asked first.
        """
        found = sorted(sharing, key=len)
        kept, texts = words[:KEPT_TEXT], self._state.texts
        likely = chain.from_iterable(found)
        alike = ALIKE_SHORT if len(words) <= SHORT else ALIKE
        for many in COMPARED:
            asked = list(dict.fromkeys(islice(likely, many)))
            if not asked:
                break
            told = extractOne(kept, [texts[number].words for number in asked], scorer=ratio, score_cutoff=alike)
            if told is not None:
                return asked[told[2]]
        return None

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
        return number

    def _point(self, number: int, shingles: Sequence[int]) -> None:
        """Let the newest text be found by its shingles."""
        known, alone = self._by_shingle, (number,)
        for shingle in shingles:
            before = known.setdefault(shingle, alone)
            if before is not alone:
                if len(before) >= SHARING:
                    self._give_up(before[0], shingle)
                    before = before[1:]
                known[shingle] = before + alone

    def _give_up(self, number: int, shingle: int) -> None:
        """Let an earlier text no longer be found by a shingle, and say so in the state, so that a restart is exact."""
        text = self._state.texts[number]
        kept = list(text.shingles)
        kept.remove(shingle)
        self._state.texts[number] = _Text(text.words, text.last, text.posts, tuple(kept), text.keys)

    def _unlearn(self, text: _Text) -> None:
        number = self._by_key[text.keys[0]]
        for key in text.keys:
            del self._by_key[key]
        known = self._by_shingle
        for shingle in text.shingles:
            left = tuple(one for one in known.pop(shingle) if one != number)
            if left:
                known[shingle] = left


def _sketched(state: _State) -> _State:
    """The state with the sketches that are made today, since by those of another way nothing would be found."""
    if state.sketches != SKETCHES:
        for number, text in state.texts.items():
            shingles = sketch(text.words.encode("utf-8", "surrogatepass").split())
            state.texts[number] = replace(text, shingles=tuple(shingles))
        state.sketches = SKETCHES
    return state


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


def sketch(said: Sequence[bytes]) -> list[int]:
    """Hashes of the longest words, each with the next longest; of runs of four characters where there are few words.

    Long words are rare ones, and of two texts that share most words most of the longest are the same; two of them
    together are rarer still. crc32 is the same in every process and on every machine, which Python's own hash is not.
    """
    if len(said) > FEW_WORDS:
        longest = sorted(said[:KEPT_WORDS], key=len, reverse=True)[: SKETCH + 1]
        return list(dict.fromkeys(map(crc32, longest, map(crc32, longest[1:]))))
    text = joined(said)[:KEPT_TEXT]
    pieces = {text[at : at + 4] for at in range(max(1, len(text) - 3))}
    return sorted({crc32(piece.encode("utf-8", "surrogatepass")) for piece in pieces})[:SKETCH]
