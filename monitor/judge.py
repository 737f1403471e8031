"""The fold over ticks that says what is out of the ordinary: voices, then detectors, then signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from monitor.detectors.contract import Tick
from storage.records import Signal


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Every threshold of every detector; the defaults are the benchmarked ones (`standard`)."""


class Judge:
    """Takes tick after tick and keeps what it needs to know of the past, in bounded memory."""

    def __init__(self, brands: Sequence[str], settings: JudgeSettings | None = None) -> None:
        """Begin without a past, for `brands` (their names)."""
        raise NotImplementedError

    def step(self, tick: Tick) -> list[Signal]:
        """Take the next tick (`tick.at` one `TICK` after the last; a longer step is a gap) and say what it found.

        A signal with `surprise >= 1` rings. One below 1 belongs to something that rang before and has not ebbed yet: it
        keeps its incident from being resolved and is not stored. Signals are sorted by brand, detector and topic.
        """
        raise NotImplementedError

    def copy(self) -> Self:
        """An independent judge with the same state, for a provisional look at a tick that is not complete."""
        raise NotImplementedError

    def dump(self) -> bytes:
        """The whole state, to go on later exactly as if there had been no interruption."""
        raise NotImplementedError

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave, of the same settings; brands that are new since start from nothing."""
        raise NotImplementedError
