"""Slow burns: a day with far more voices against the brand than its days have, though no hour of it stands out.

A storm of cancelled flights or a day-long outage doubles every hour and spikes in none, so that bursts miss it. The sum
over 24 hours has no daily rhythm; it is judged against the days of the week before, whose totals are taken to vary by a
quarter at least.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import pstdev
from typing import Any, Final, Self

import msgspec

from monitor.detectors import wording
from monitor.detectors.by_brand import ByBrand
from monitor.detectors.contract import Hearing
from monitor.detectors.recent import Totals
from storage.records import BIN_SECONDS, Severity, Signal

NAME: Final = "slow_burn"
HOUR: Final = 3600
WINDOW_HOURS: Final = 24
PAST_HOURS: Final = 8 * 24
LEAST_PAST_HOURS: Final = 48
"""Hours before the window that must have been read."""
LEAST_VARIATION: Final = 0.25
"""Deviation of a day's total, as a share of it, that is believed at least."""
CLEAR: Final = 0.6
HOLDS_FOR: Final = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class SlowBurnSettings:
    """When a day is out of the ordinary: `deviations` above the usual total, `ratio` times it, `fewest` at least.

    It interrupts people when `adverse_share` of the day's voices are adverse, and `as_usual` times the usual share.
    """

    deviations: float = 4.75
    ratio: float = 1.8
    fewest: int = 30
    adverse_share: float = 0.6
    as_usual: float = 1.0


class _Hour(msgspec.Struct, array_like=True, gc=False):
    number: int
    voices: int = 0
    adverse: int = 0


class _State(msgspec.Struct, array_like=True):
    begun: int
    missed: dict[int, float]
    hours: dict[str, list[_Hour]]


def _as_copied(hours: list[_Hour]) -> list[_Hour]:
    """Independent hours of the same: only the last one is changed."""
    return [*hours[:-1], copy(hours[-1])] if hours else []


def _begin_hour(hours: list[_Hour], number: int) -> None:
    hours.append(_Hour(number))
    while hours[0].number <= number - PAST_HOURS:
        del hours[0]


class SlowBurn:
    """Judges the last day of each brand against the days before."""

    name = NAME
    version = "slow_burn-1"

    def __init__(self, settings: Mapping[str, SlowBurnSettings]) -> None:
        """`settings` holds those of single brands; those of `""` are everybody else's."""
        self._settings = settings
        self._begun = -1
        self._missed: dict[int, float] = {}
        self._hours: ByBrand[list[_Hour]] = ByBrand(_as_copied)
        self._missed_until: datetime | None = None

    def hear(self, hearing: Hearing) -> list[Signal]:
        """The slow burns among the brands heard in this tick."""
        now = int(hearing.at.timestamp()) - 1
        self._begun = self._begun if self._begun >= 0 else now // HOUR
        if hearing.at != self._missed_until:  # not for each part of a tick
            self._miss(now, hearing)
            self._missed_until = hearing.at
        signals: list[Signal] = []
        number = now // HOUR
        for brand, moment in hearing.moments.items():
            hours = self._hours.mine(brand, list)
            if not hours or hours[-1].number != number:
                _begin_hour(hours, number)
            hour = hours[-1]
            hour.voices += moment.voices
            if moment.adverse:
                hour.adverse += moment.adverse
                signal = self._signal(hearing, brand, number)
                if signal is not None:
                    signals.append(signal)
        return signals

    def copy(self) -> Self:
        """An independent detector with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._missed, self._hours = dict(self._missed), self._hours.copy()
        return self

    def dump(self) -> bytes:
        """The whole state."""
        return msgspec.msgpack.encode(_State(self._begun, self._missed, dict(self._hours.states)))

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        state = msgspec.msgpack.decode(blob, type=_State)
        self._begun, self._missed = state.begun, state.missed
        self._hours.load(state.hours)

    def _miss(self, now: int, hearing: Hearing) -> None:
        """Remember which part of which hour was not read."""
        missed = self._missed
        for tick in range(hearing.gap_ticks):
            number = (now - (tick + 1) * BIN_SECONDS) // HOUR
            missed[number] = missed.get(number, 0.0) + BIN_SECONDS / HOUR
        if hearing.covered < 1.0:
            missed[now // HOUR] = missed.get(now // HOUR, 0.0) + (1.0 - hearing.covered) * BIN_SECONDS / HOUR
        for number in [number for number in missed if number < now // HOUR - PAST_HOURS]:
            del missed[number]

    def _signal(self, hearing: Hearing, brand: str, number: int) -> Signal | None:
        settings = self._settings.get(brand, self._settings[""])
        hours = self._hours.states[brand]
        today = hours[-WINDOW_HOURS:]
        while today[0].number <= number - WINDOW_HOURS:
            del today[0]
        adverse = sum([hour.adverse for hour in today])
        if adverse < settings.fewest:
            return None
        past = self._past(hours, number)
        if past is None:
            return None
        deviation = math.sqrt(past.adverse + (past.variation * past.adverse) ** 2)
        high = max(past.adverse + settings.deviations * deviation, settings.ratio * past.adverse)
        surprise = (adverse - past.adverse) / max(high - past.adverse, 1.0)
        if surprise < CLEAR:
            return None
        totals = hearing.recent[brand].over(hearing.at.timestamp(), WINDOW_HOURS * HOUR)
        share = adverse / max(1, sum(hour.voices for hour in today))
        usual = past.adverse / past.voices if past.voices else 0.0
        pages = surprise >= 1.0 and share >= max(settings.adverse_share, settings.as_usual * usual)
        return Signal(
            brand=brand,
            detector=NAME,
            version=self.version,
            at=hearing.at,
            window_start=hearing.at - timedelta(hours=WINDOW_HOURS),
            window_end=hearing.at,
            observed=float(adverse),
            expected=round(past.adverse, 2),
            low=round(max(0.0, past.adverse - settings.deviations * deviation), 2),
            high=round(high, 2),
            surprise=round(surprise, 4),
            severity=Severity.WARNING if pages else Severity.WATCH,
            unit="voices against the brand",
            sources=tuple(sorted(totals.sources)),
            evidence=totals.evidence(),
            coverage=hearing.covered,
            facts=_facts(adverse, high, past, share, usual, totals),
        )

    def _past(self, hours: list[_Hour], number: int) -> _Past | None:
        """What the days before the last one make usual; `None` while too little of them was read."""
        first = max(self._begun + 1, number - PAST_HOURS + 1)
        missed = self._missed
        read = {one for one in range(first, number - WINDOW_HOURS + 1) if missed.get(one, 0.0) < 0.5}
        if len(read) < LEAST_PAST_HOURS:
            return None
        counted = [hour for hour in hours if hour.number in read]
        a_day = WINDOW_HOURS / len(read)
        adverse = sum(hour.adverse for hour in counted) * a_day
        voices = sum(hour.voices for hour in counted) * a_day
        return _Past(adverse, voices, max(LEAST_VARIATION, _variation(counted, read, number)))


@dataclass(frozen=True, slots=True)
class _Past:
    """A usual day: its voices, the adverse ones, and how much the latter vary from day to day (as a share)."""

    adverse: float
    voices: float
    variation: float


def _variation(hours: list[_Hour], read: set[int], number: int) -> float:
    """Deviation of the totals of whole days before the last one, as a share of their mean; 0 when there are too few."""
    totals: list[float] = []
    for day in range(1, PAST_HOURS // WINDOW_HOURS):
        end = number - day * WINDOW_HOURS
        known = sum(1 for one in range(end - WINDOW_HOURS + 1, end + 1) if one in read)
        if known >= 0.75 * WINDOW_HOURS:
            total = sum(
                hour.adverse for hour in hours if end - WINDOW_HOURS < hour.number <= end and hour.number in read
            )
            totals.append(total * WINDOW_HOURS / known)
    mean = sum(totals) / len(totals) if totals else 0.0
    return pstdev(totals) / mean if len(totals) >= 3 and mean > 0 else 0.0


def _facts(adverse: int, high: float, past: _Past, share: float, usual: float, totals: Totals) -> dict[str, Any]:
    voices = wording.counted(adverse, "voice")
    said = f"{voices} against it in a day, where {wording.about(past.adverse)} would be usual"
    origin = totals.earliest()
    return {
        "headline": said,
        "why": f"{said} and {wording.up_to(high)} would still be; {wording.share(share)} of all voices are against it, "
        f"usually {wording.share(usual)}",
        "posts": totals.posts,
        "voices": totals.voices,
        "copies_share": round(totals.copies_share, 4),
        "adverse_share": round(share, 4),
        "usual_share": round(usual, 4),
        "variation": round(past.variation, 4),
        "harm": dict(sorted(totals.harm.items())),
        "origin": list(origin.key) if origin else None,
        "began_at": origin.at if origin else None,
        "holds_for": HOLDS_FOR,
    }
