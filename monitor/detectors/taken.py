"""What the burst detector makes of ticks: the surprises of series, and what explains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from monitor.detectors.novelty import LASTING, LENSES, Booleans, Floats, Integers, root, unroot
from monitor.detectors.stretch import Seen
from storage.records import BIN_SECONDS

_SECONDS: Final = np.array([lens.ticks * BIN_SECONDS for lens in LENSES], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class BurstReading:
    """What a tick says, one entry per series [n].

    `surprise` is the strength in multiples of the threshold (1.0 rings; 0 where nothing can be said yet), `rings` where
    someone should hear of it now. The rest explains: in the last `window` seconds `observed` were counted where the
    slow level makes `expected`, and anything from `low` to `high` would have been usual. It is the most telling window.
    `brief` and `lasting` are the two novelties themselves, for what other thresholds would have said.
    """

    surprise: Floats
    rings: Booleans
    observed: Floats
    expected: Floats
    low: Floats
    high: Floats
    window: Integers
    brief: Floats
    lasting: Floats


@dataclass(frozen=True, slots=True)
class Limits:
    """The fields of `BurstSettings`, one entry per series."""

    brief: Floats
    lasting: Floats
    fewest: Floats
    silence_ticks: Floats
    rise_ticks: Floats
    escalation: Floats

    def of(self, rows: Integers) -> Self:
        """Those of some series."""
        return type(self)(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Taken:
    """What the bank made of one or more ticks of the series `rows`: `surprises` and `rings` [n, k]."""

    seen: Seen
    limits: Limits
    rows: Integers
    surprises: Floats
    rings: Booleans

    @property
    def surprise(self) -> Floats:
        """That of the last tick."""
        return self.surprises[:, -1]

    @property
    def longest(self) -> Floats:
        """What was counted in the longest window of the last tick."""
        return self.seen.counted[LASTING - 1, :, -1]

    def reading(self) -> BurstReading:
        """The last tick, in counts that a person understands."""
        seen, limits, places = self.seen, self.limits, np.arange(len(self.rows))
        brief, lasting = brief_of(seen)[:, -1], seen.novelty[LASTING, :, -1]
        is_lasting = lasting / limits.lasting > brief / limits.brief
        lens = np.where(is_lasting, LASTING, np.argmax(seen.novelty[:LASTING, :, -1], axis=0))
        threshold = np.where(is_lasting, limits.lasting, limits.brief)
        reach = seen.usual.peak[self.rows, lens] + threshold * seen.usual.spread[self.rows, lens]
        expected = seen.expected[lens, places, -1]
        return BurstReading(
            surprise=self.surprise,
            rings=self.rings[:, -1],
            observed=seen.counted[np.where(is_lasting, LASTING - 1, lens), places, -1],
            expected=expected,
            low=unroot(root(expected) - reach),
            high=unroot(root(expected) + reach),
            window=_SECONDS[lens],
            brief=brief,
            lasting=lasting,
        )


def surprises_of(seen: Seen, limits: Limits) -> Floats:
    """The stronger of the two novelties as a multiple of its threshold; 0 where too little is known or was said."""
    brief = brief_of(seen) / limits.brief[:, np.newaxis]
    lasting = seen.novelty[LASTING] / limits.lasting[:, np.newaxis]
    enough = seen.ready & (seen.counted[LASTING - 1] >= limits.fewest[:, np.newaxis])
    surprises: Floats = np.where(enough, np.maximum(np.maximum(brief, lasting), 0.0), 0.0)
    return surprises


def brief_of(seen: Seen) -> Floats:
    """The average novelty of the three lenses for what comes fast."""
    novelty = seen.novelty
    average: Floats = (novelty[0] + novelty[1] + novelty[2]) / 3.0
    return average
