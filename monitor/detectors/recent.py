"""What was heard of a brand in the last day: counts per tick, and the posts that tell most.

Detectors that see a number out of the ordinary ask here what stands behind it: how many posts, copies and authors, how
many against the brand, with which words, on which sources, and which posts to show. Memory is bounded: one entry per
tick with posts, for a day.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import takewhile
from typing import Self

import msgspec

from monitor.kinds import Kind
from monitor.voices import COPY, VOICE, Heard
from storage.records import Label, MentionedPost, PostKey

KEPT_FOR = 24 * 3600.0
SHOWN = 6
"""Posts kept of a tick, the most telling ones."""
WEIGHED = 200
"""Posts of a tick among which these are looked for."""
EVIDENCE = 12
"""Posts that a signal rests on, at the most."""
_NEGATIVE, _NEUTRAL, _UNSCORED = Label.NEGATIVE, Label.NEUTRAL, Label.UNSCORED


class Shown(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A post worth showing."""

    weight: float
    source: str
    external_id: str
    at: float
    kinds: tuple[str, ...]

    @property
    def key(self) -> PostKey:
        """Its identity."""
        return (self.source, self.external_id)


class Moment(msgspec.Struct, array_like=True, gc=False):
    """One tick of one brand; `at` is the tick's end in Unix seconds.

    `adverse` voices speak against the brand or of harm, `harm` counts voices by harmful kind, `calm` those that only a
    calm kind explains.
    """

    at: float
    posts: int = 0
    voices: int = 0
    copies: int = 0
    scored: int = 0
    negative: int = 0
    adverse: int = 0
    calm: int = 0
    reach: int = 0
    harm: dict[str, int] = {}
    sources: dict[str, int] = {}
    shown: list[Shown] = []


@dataclass(slots=True)
class Totals:
    """Sums over a window of moments."""

    posts: int = 0
    voices: int = 0
    copies: int = 0
    scored: int = 0
    negative: int = 0
    adverse: int = 0
    calm: int = 0
    reach: int = 0
    harm: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    shown: list[Shown] = field(default_factory=list)

    @property
    def copies_share(self) -> float:
        """Share of the posts that only carried a text on."""
        return self.copies / self.posts if self.posts else 0.0

    @property
    def negative_share(self) -> float | None:
        """Share of the scored voices that are negative."""
        return self.negative / self.scored if self.scored else None

    @property
    def adverse_share(self) -> float:
        """Share of the voices that speak against the brand or of harm."""
        return self.adverse / self.voices if self.voices else 0.0

    def evidence(self, kinds: Iterable[str] = ()) -> tuple[PostKey, ...]:
        """The posts that tell most, of the kinds given (all when none is), most telling first."""
        wanted = set(kinds)
        chosen = [one for one in self.shown if wanted.intersection(one.kinds)] if wanted else self.shown
        telling = nsmallest(EVIDENCE, chosen, key=lambda one: (-one.weight, one.at, one.source, one.external_id))
        return tuple(one.key for one in telling)

    def earliest(self, kinds: Iterable[str] = ()) -> Shown | None:
        """The first of the posts kept, of the kinds given."""
        wanted = set(kinds)
        chosen = [one for one in self.shown if wanted.intersection(one.kinds)] if wanted else self.shown
        return min(chosen, key=lambda one: (one.at, one.source, one.external_id), default=None)


KindOf = Callable[[str], Kind | None]


class Recent:
    """The last day of one brand."""

    def __init__(self, kind_of: KindOf) -> None:
        """`kind_of` looks a kind up by its name."""
        self._kind_of = kind_of
        self._moments: deque[Moment] = deque()

    def take(self, at: float, heard: Sequence[Heard]) -> Moment:
        """Remember a tick."""
        moment, moments = self._moment(at, heard), self._moments
        moments.append(moment)
        while at - moments[0].at >= KEPT_FOR:
            moments.popleft()
        return moment

    def over(self, at: float, seconds: float) -> Totals:
        """Sums over the last `seconds` before `at`."""
        totals = Totals()
        for moment in self.within(at, seconds):
            _add(totals, moment)
        return totals

    def within(self, at: float, seconds: float) -> Iterator[Moment]:
        """The moments of the last `seconds` before `at`, the newest first."""
        return takewhile(lambda moment: at - moment.at < seconds, reversed(self._moments))

    @property
    def newest(self) -> Moment:
        """The last tick in which the brand was heard; it was heard once."""
        return self._moments[-1]

    def voices_over(self, at: float, seconds: float) -> tuple[int, int]:
        """Voices, and adverse ones among them, over the last `seconds` before `at`."""
        voices = adverse = 0
        for moment in self.within(at, seconds):
            voices += moment.voices
            adverse += moment.adverse
        return voices, adverse

    def copy(self) -> Self:
        """An independent memory of the same; moments never change once they are taken."""
        twin = type(self)(self._kind_of)
        twin.load(self._moments)
        return twin

    def dump(self) -> list[Moment]:
        """The moments, oldest first."""
        return list(self._moments)

    def load(self, moments: Iterable[Moment]) -> None:
        """Take up moments that `dump` gave."""
        self._moments = deque(moments)

    def _moment(self, at: float, heard: Sequence[Heard]) -> Moment:
        moment, weighed = Moment(at, len(heard), harm={}, sources={}, shown=[]), list[tuple[float, Heard]]()
        for place, one in enumerate(heard):
            item, role = one.item, one.role
            reach = item.post.author_reach
            if reach:
                moment.reach += reach
            if role is COPY:
                moment.copies += 1
                continue
            if role is VOICE:
                self._count_voice(moment, item)
            if place < WEIGHED:
                weighed.append((self._weight(item), one))
        if len(weighed) > SHOWN:
            weighed.sort(key=lambda pair: -pair[0])  # stable: of equals the earlier
            del weighed[SHOWN:]
        for weight, one in weighed:
            post = one.item.post
            moment.shown.append(Shown(round(weight, 3), post.source, post.external_id, one.at, one.item.kinds))
        return moment

    def _count_voice(self, moment: Moment, item: MentionedPost) -> None:
        source, label = item.post.source, item.score.label
        moment.voices += 1
        moment.sources[source] = moment.sources.get(source, 0) + 1
        if label is not _UNSCORED:
            moment.scored += 1
        if label is _NEGATIVE:
            moment.negative += 1
        if not item.kinds:
            if label is _NEGATIVE:
                moment.adverse += 1
            return
        harmful = [kind for name in item.kinds if (kind := self._kind_of(name)) is not None and kind.harm]
        if is_adverse(item, harmful):
            moment.adverse += 1
        elif not harmful:
            moment.calm += 1
        for kind in harmful:
            moment.harm[kind.name] = moment.harm.get(kind.name, 0) + 1

    def _weight(self, item: MentionedPost) -> float:
        score, reach = item.score, item.post.author_reach
        weight = -2.0 * score.compound if score.label is not _UNSCORED else 0.0
        if item.kinds:
            weight += max((kind.gravity for name in item.kinds if (kind := self._kind_of(name)) is not None), default=0)
        if reach:
            weight += math.log10(1 + reach) / 2
        return weight


def is_adverse(item: MentionedPost, harmful: Sequence[Kind]) -> bool:
    """Whether a mention speaks against the brand or of harm.

    Where the tone is known, words of harm count beside it only when they are serious: "delayed" in a friendly question
    is no complaint, a strike is news of harm however neutral. Where it is not known, the words are all there is.
    """
    label = item.score.label
    if label is _NEGATIVE:
        return True
    if label is _UNSCORED:
        return bool(harmful)
    return label is _NEUTRAL and any(kind.gravity >= 2 for kind in harmful)


def _add(totals: Totals, moment: Moment) -> None:
    totals.posts += moment.posts
    totals.voices += moment.voices
    totals.copies += moment.copies
    totals.scored += moment.scored
    totals.negative += moment.negative
    totals.adverse += moment.adverse
    totals.calm += moment.calm
    totals.reach += moment.reach
    for name, voices in moment.harm.items():  # not by update(), which costs ten times as much for one or two entries
        totals.harm[name] += voices
    for name, voices in moment.sources.items():
        totals.sources[name] += voices
    totals.shown.extend(moment.shown)
