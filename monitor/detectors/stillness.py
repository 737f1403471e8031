"""Whether nothing was said, or nobody listened: gaps inferred from silence when no coverage is known.

A history file does not say when its collector was off. A silence over all brands at once is taken for a gap when it is
much longer than the longest silence of a usual day, and many posts would have been expected meanwhile. It is known only
afterwards, when somebody speaks again; until then nothing is learned from it.
"""

from __future__ import annotations

from copy import copy
from statistics import median
from typing import Self

import msgspec

PRIOR_LONGEST = 96
"""Ticks (eight hours, a night) that the longest silence of a day lasts, before days were seen."""
PRIOR_DAYS = 3
DAYS = 14
LONGER = 1.5
"""A gap is this many times the median of the daily longest silences."""
LEAST = 24
"""No silence below two hours is a gap."""
EXPECTED = 30.0
"""Posts that must have been expected in the silence."""
MEMORY = 2016.0
"""Ticks (seven days) over which the usual rate of posts is learned."""
DAY = 288


class _State(msgspec.Struct, array_like=True):
    posts: float = 0.0
    ticks: float = 0.0
    tick: int = 0
    longest_today: int = 0
    longest: list[int] = []


class Stillness:
    """Follows the rate of posts over all brands, and how long it is usually still."""

    def __init__(self) -> None:
        """Begin without a past."""
        self._state = _State(longest=[PRIOR_LONGEST] * PRIOR_DAYS)

    def is_gap(self, silent: int) -> bool:
        """Whether a silence that ends now was a gap."""
        state = self._state
        if silent < LEAST or silent < LONGER * median(state.longest) or state.ticks < DAY / 2:
            return False
        return state.posts / state.ticks * silent >= EXPECTED

    def broken(self, silent: int, posts: int) -> bool:
        """Take a tick with `posts` after `silent` ticks without any; whether that silence was a gap."""
        is_gap = self.is_gap(silent)
        state, counted = self._state, 1 if is_gap else silent + 1
        kept = (1.0 - 1.0 / MEMORY) ** counted
        state.posts = state.posts * kept + posts
        state.ticks = state.ticks * kept + counted
        self._end_days(silent)
        state.longest_today = max(state.longest_today, silent)
        return is_gap

    def copy(self) -> Self:
        """An independent one with the same past."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._state = copy(self._state)
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(self._state)

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        self._state = msgspec.msgpack.decode(blob, type=_State)

    def _end_days(self, silent: int) -> None:
        state = self._state
        begun = state.tick // DAY
        state.tick += silent + 1
        if state.tick // DAY > begun:
            state.longest = [*state.longest, state.longest_today][-DAYS:]
            state.longest_today = 0
