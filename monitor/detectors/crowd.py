"""Crowds: more voices than this brand is used to, and more voices against it than it is used to.

Two count series per brand (all voices; adverse ones) go through the burst detector. A crowd alone is not a crisis:
launches, jokes and birthdays draw crowds as large. It interrupts people when it is adverse, at least as much so as is
usual for the brand, and when no calm kind explains it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from monitor.detectors import wording
from monitor.detectors.burst import LOUD, PRESETS, WINDOWS, BurstSettings, SeriesBank
from monitor.detectors.contract import Hearing
from monitor.detectors.few import Few
from monitor.detectors.novelty import BLOCK_TICKS
from monitor.detectors.recent import Moment, Recent, Totals
from monitor.detectors.taken import BurstReading, Taken
from storage.records import BIN_SECONDS, Severity, Signal

VOICES = "burst"
ADVERSE = "backlash"
CLEAR = LOUD
"""Share of the threshold below which a crowd has dispersed."""
WARM_TICKS = 288
"""A series is trusted more and more over its first day: until every hour of a day was seen once, a morning looks like a
crisis."""
REACHES = tuple(ticks * BIN_SECONDS for ticks in WINDOWS)
"""Seconds that the windows of the burst detector span, the longest last."""
MOST_WAITING = 288
MOST_WAITING_COUNTS = 100_000
MOST_UNREAD_COUNTS = 20_000
"""Counts of all series that wait together at most, where all was read and where not: a look has them counted before it
judges, and what was not wholly read is looked at series by series and tick by tick."""
PRIOR_VOICES = 2.0
PRIOR_SHARE = 0.3
"""Usual share of adverse voices before any were heard, and how many voices that belief is worth."""


@dataclass(frozen=True, slots=True)
class CrowdSettings:
    """When a crowd is worth telling.

    Fewer than `fewest_voices`, or `fewest_adverse` adverse ones, make no crowd; `fewest_to_page` adverse ones interrupt
    people. At least `adverse_share` of such a crowd must be adverse, and `as_usual` times the brand's own usual share.
    From `calm_share` of voices explained by a calm kind it interrupts nobody. `page` and `critical` are the surprises
    from which an adverse crowd interrupts people and is critical.
    """

    burst: BurstSettings = field(default_factory=lambda: PRESETS["standard"])
    fewest_voices: int = 8
    fewest_adverse: int = 5
    fewest_to_page: int = 10
    adverse_share: float = 0.3
    as_usual: float = 1.0
    calm_share: float = 0.5
    page: float = 1.3
    critical: float = 3.0


class _Stretch(msgspec.Struct, array_like=True):
    """Ticks that wait to be counted: `ticks` alike, in each `counts` of `(series, voices)`."""

    ticks: int
    covered: bool
    counts: list[tuple[int, int]] = []


class _State(msgspec.Struct, array_like=True):
    bank: bytes
    waiting: list[_Stretch]
    silent: int
    begun: dict[str, int]
    loud: bool


class _Lately:
    """What was counted of each series in the longest window, and in which ticks, the oldest first."""

    def __init__(self) -> None:
        """Begin having counted nothing."""
        self.sums: dict[int, int] = {}
        self.ticks: deque[tuple[float, Sequence[tuple[int, int]]]] = deque()

    @classmethod
    def of(cls, recents: Mapping[int, Recent], now: float) -> Self:
        """What was heard of the brands whose first series is given, up to the tick that ends at `now`."""
        ticks: dict[float, list[tuple[int, int]]] = {}
        for row, recent in recents.items():
            for moment in recent.within(now, REACHES[-1]):
                ticks.setdefault(moment.at, []).extend(((row, moment.voices), (row + 1, moment.adverse)))
        lately = cls()
        for at in sorted(ticks):
            lately.take(at, ticks[at])
        return lately

    def take(self, now: float, counts: Sequence[tuple[int, int]]) -> None:
        """Count a tick, and let go of those that the window does not reach any more."""
        sums, ticks = self.sums, self.ticks
        ticks.append((now, counts))
        for row, count in counts:
            if count:
                sums[row] = sums.get(row, 0) + count
        while now - ticks[0][0] >= REACHES[-1]:
            for row, count in ticks.popleft()[1]:
                if count:
                    sums[row] -= count

    def copy(self) -> Self:
        """An independent one with the same counts."""
        twin = copy(self)
        twin.sums, twin.ticks = dict(self.sums), self.ticks.copy()
        return twin


class Crowd:
    """Judges the voices and the adverse voices of every brand."""

    name = VOICES
    version = "crowd-1"

    def __init__(self, brands: Sequence[str], settings: Mapping[str, CrowdSettings]) -> None:
        """`settings` holds those of single brands; those of `""` are everybody else's."""
        self._brands = list(brands)
        self._settings = [settings.get(brand, settings[""]) for brand in brands]
        self._rows = {brand: 2 * number for number, brand in enumerate(brands)}
        names = [name for brand in brands for name in (f"{brand}\x1f{VOICES}", f"{brand}\x1f{ADVERSE}")]
        overrides = {name: self._settings[row // 2].burst for row, name in enumerate(names)}
        self._bank = SeriesBank(names, settings[""].burst, overrides)
        self._begun = dict.fromkeys(brands, 0)
        self._waiting: list[_Stretch] = []
        self._silent = 0
        self._loud = False
        self._heard: dict[str, Moment] = {}
        self._fewest = [_fewest(self._settings[row // 2], row) for row in range(len(names))]
        self._lately: _Lately | None = None

    def hear(self, hearing: Hearing) -> list[Signal]:
        """The crowds of this tick. Ticks that cannot show one wait and are counted together, with the same result."""
        self._heard |= hearing.moments
        if not hearing.is_last or not self._take(hearing):
            return []
        last = self._waiting.pop()
        self._sweep()
        taken = self._judged(last)
        above = np.flatnonzero(taken.surprise >= CLEAR)
        loud = [place for place in above.tolist() if self._may_tell(taken, place)]
        self._loud = bool(loud)
        return self._signals(hearing, taken, loud) if loud else []

    def copy(self) -> Self:
        """An independent detector with the same state."""
        return copy(self).detach()

    def detach(self) -> Self:
        """Let go of what a shallow copy shares with the original."""
        self._bank = self._bank.copy()
        self._waiting = list(self._waiting)
        self._begun = dict(self._begun)
        self._heard = {}
        self._lately = self._lately.copy() if self._lately else None
        return self

    def dump(self) -> bytes:
        """The whole state, the same whatever still waits to be counted."""
        self._sweep()
        state = _State(self._bank.dump(), self._waiting, self._silent, self._begun, self._loud)
        return msgspec.msgpack.encode(state)

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave; brands that are new begin now."""
        state = msgspec.msgpack.decode(blob, type=_State)
        self._bank.load(state.bank)
        self._waiting, self._silent, self._loud = state.waiting, state.silent, state.loud
        self._lately = None
        now = self._bank.ticks + sum(stretch.ticks for stretch in state.waiting) + state.silent
        self._begun = {brand: state.begun.get(brand, now) for brand in self._brands}

    # --- counting ------------------------------------------------------------------------------------------------

    def _take(self, hearing: Hearing) -> bool:
        """Take the tick's counts to the waiting ones; whether they must be judged now."""
        heard, self._heard = self._heard, {}
        counts = self._counts(heard)
        self._remember(counts, hearing)
        if not counts and hearing.covered >= 1.0 and not self._loud:
            self._silent += 1
            return False
        self._end_silence(is_gap=hearing.gap_ticks > 0)
        self._waiting.append(_Stretch(1, hearing.covered >= 0.5, counts))
        if self._loud or self._could_ring(counts, hearing):
            return True
        ticks, are_read = self._waited()
        most = MOST_WAITING_COUNTS if are_read else MOST_UNREAD_COUNTS
        if len(self._waiting) >= MOST_WAITING or ticks * len(self._bank.names) >= most:
            self._sweep()
        return False

    def _counts(self, heard: Mapping[str, Moment]) -> list[tuple[int, int]]:
        counts, rows = list[tuple[int, int]](), self._rows
        for brand, moment in heard.items():
            row = rows[brand]
            counts += ((row, moment.voices), (row + 1, moment.adverse))
        return counts

    def _remember(self, counts: Sequence[tuple[int, int]], hearing: Hearing) -> None:
        """Know what was counted in the longest window; after a restart it is read from what was heard."""
        now = hearing.at.timestamp()
        if self._lately is None:
            self._lately = _Lately.of({self._rows[brand]: recent for brand, recent in hearing.recent.items()}, now)
        elif counts:
            self._lately.take(now, counts)

    def _could_ring(self, counts: Iterable[tuple[int, int]], hearing: Hearing) -> bool:
        """Whether some brand spoken of now was heard often enough in the longest window, and more than is usual."""
        lately, fewest = self._lately.sums if self._lately else {}, self._fewest
        often = dict.fromkeys([row & ~1 for row, _ in counts if lately.get(row, 0) >= fewest[row]])
        if not often or not self._foretells():
            return bool(often)
        now = hearing.at.timestamp()
        for row in often:
            recent = hearing.recent[self._brands[row // 2]]
            of_voices, of_adverse = zip(*[recent.voices_over(now, reach) for reach in REACHES], strict=True)
            if self._could_be_loud(row, of_voices) or self._could_be_loud(row + 1, of_adverse):
                return True
        return False

    def _foretells(self) -> bool:
        """Whether the bank can tell how loud a series may be, the ticks that wait being counted."""
        ticks, are_read = self._waited()
        return are_read and self._bank.foretells(ticks)

    def _waited(self) -> tuple[int, bool]:
        """How many ticks wait, and whether all of them were read."""
        return sum(one.ticks for one in self._waiting), all(one.covered for one in self._waiting)

    def _could_be_loud(self, row: int, counted: Sequence[int]) -> bool:
        return self._bank.most_surprising(row, counted) * self._most_trust(row) >= CLEAR

    def _end_silence(self, *, is_gap: bool) -> None:
        if self._silent:
            self._waiting.append(_Stretch(self._silent, not is_gap))
            self._silent = 0

    def _sweep(self) -> None:
        """Let the bank count what waits."""
        if not self._waiting:
            return
        _, are_read = self._waited()
        if are_read:
            self._bank.sweep_few(Few.of((one.ticks, one.counts) for one in self._waiting))
        else:
            covered = np.concatenate([np.full(stretch.ticks, stretch.covered) for stretch in self._waiting])
            counts = _dense(self._waiting, len(self._bank.names))
            self._bank.sweep(counts, np.broadcast_to(covered, counts.shape))
        self._waiting = []

    def _judged(self, last: _Stretch) -> Taken:
        """What the bank makes of a tick; of series that were not counted it looks at those that were loud before."""
        if last.covered:
            both = (row for loud in self._bank.loud or () for row in (loud & ~1, loud | 1))
            return self._bank.take_few(dict.fromkeys(both, 0) | dict(last.counts))
        return self._bank.take(_dense([last], len(self._bank.names))[:, 0], np.zeros(len(self._bank.names), np.bool_))

    # --- telling -------------------------------------------------------------------------------------------------

    def _may_tell(self, taken: Taken, place: int) -> bool:
        """Whether a loud series was counted often enough to be told of before the block ends, if it stays as loud."""
        row = int(taken.rows[place])
        enough = taken.longest[place] >= _fewest(self._settings[row // 2], row)
        return bool(enough and taken.surprise[place] * self._most_trust(row) >= CLEAR)

    def _signals(self, hearing: Hearing, taken: Taken, loud: Sequence[int]) -> list[Signal]:
        """The signals of the series at the places `loud` among those taken."""
        reading, places = taken.reading(), {row: place for place, row in enumerate(taken.rows.tolist())}
        signals = (self._signal(hearing, reading, places, int(taken.rows[place])) for place in loud)
        return [signal for signal in signals if signal is not None]

    def _signal(self, hearing: Hearing, reading: BurstReading, places: Mapping[int, int], row: int) -> Signal | None:
        brand, settings, place = self._brands[row // 2], self._settings[row // 2], places[row]
        is_adverse = row % 2 == 1
        observed = float(reading.observed[place])
        surprise = float(reading.surprise[place]) * self._trust(row)
        if surprise < CLEAR or observed < _fewest(settings, row):
            return None
        window = float(reading.window[place])
        totals = hearing.recent[brand].over(hearing.at.timestamp(), window)
        usual = _usual_share(reading, places[row & ~1], places[row | 1])
        origin = totals.earliest()
        return Signal(
            brand=brand,
            detector=ADVERSE if is_adverse else VOICES,
            version=self.version,
            at=hearing.at,
            window_start=hearing.at - timedelta(seconds=window),
            window_end=hearing.at,
            observed=observed,
            expected=round(float(reading.expected[place]), 3),
            low=round(float(reading.low[place]), 3),
            high=round(float(reading.high[place]), 3),
            surprise=round(surprise, 4),
            severity=_severity(settings, totals, usual, surprise) if is_adverse else Severity.WATCH,
            unit="voices against the brand" if is_adverse else "voices",
            kind=_kind(totals) if is_adverse else "",
            sources=tuple(sorted(totals.sources)),
            evidence=totals.evidence(),
            coverage=hearing.covered,
            facts=_facts(reading, place, is_adverse, totals, usual, settings)
            | {"origin": list(origin.key) if origin else None, "began_at": origin.at if origin else None},
        )

    def _trust(self, row: int, ahead: int = 0) -> float:
        """How much a series is believed, or will be so many ticks ahead."""
        age = self._bank.ticks + ahead - self._begun[self._brands[row // 2]]
        return 1.0 if age >= WARM_TICKS else (age / WARM_TICKS) ** 3

    def _most_trust(self, row: int) -> float:
        """The most that a series is believed before the block ends."""
        return self._trust(row, BLOCK_TICKS)


def _fewest(settings: CrowdSettings, row: int) -> int:
    return settings.fewest_adverse if row % 2 else settings.fewest_voices


def _dense(stretches: Sequence[_Stretch], series: int) -> npt.NDArray[np.int64]:
    counts = np.zeros((series, sum(stretch.ticks for stretch in stretches)), dtype=np.int64)
    column = 0
    for stretch in stretches:
        for row, count in stretch.counts:
            counts[row, column] = count
        column += stretch.ticks
    return counts


def _usual_share(reading: BurstReading, of_voices: int, of_adverse: int) -> float:
    """The share of adverse voices that is usual for the brand whose series are at these places."""
    voices = float(reading.expected[of_voices]) / float(reading.window[of_voices])
    adverse = float(reading.expected[of_adverse]) / float(reading.window[of_adverse])
    day = 86400.0
    return (adverse * day + PRIOR_SHARE * PRIOR_VOICES) / (voices * day + PRIOR_VOICES)


def _severity(settings: CrowdSettings, totals: Totals, usual: float, surprise: float) -> Severity:
    if surprise < settings.page or totals.adverse < settings.fewest_to_page:
        return Severity.WATCH
    if totals.adverse_share < max(settings.adverse_share, settings.as_usual * usual):
        return Severity.WATCH
    if totals.calm >= settings.calm_share * totals.voices:
        return Severity.WATCH
    is_critical = surprise >= settings.critical and totals.adverse >= 3 * settings.fewest_to_page
    return Severity.CRITICAL if is_critical else Severity.WARNING


def _kind(totals: Totals) -> str:
    """The kind of harm that a good part of the adverse voices name, if any."""
    named = sorted(totals.harm.items(), key=lambda pair: (-pair[1], pair[0]))
    return named[0][0] if named and named[0][1] >= max(2.0, 0.2 * totals.adverse) else ""


def _facts(
    reading: BurstReading, place: int, is_adverse: bool, totals: Totals, usual: float, settings: CrowdSettings
) -> dict[str, Any]:
    window = wording.span(float(reading.window[place]))
    observed, expected = float(reading.observed[place]), float(reading.expected[place])
    what = "voices against it" if is_adverse else "voices"
    said = f"{wording.counted(observed, what, what)} in {window}, where {wording.about(expected)} would be usual"
    return {
        "headline": said,
        "why": f"{said} and {wording.up_to(float(reading.high[place]))} would still be; "
        f"{wording.share(totals.adverse_share)} are against it, usually {wording.share(usual)}",
        "is_sudden": True,
        "brief": round(float(reading.brief[place]), 4),
        "lasting": round(float(reading.lasting[place]), 4),
        "thresholds": {"brief": settings.burst.brief, "lasting": settings.burst.lasting},
        "posts": totals.posts,
        "voices": totals.voices,
        "copies_share": round(totals.copies_share, 4),
        "adverse_share": round(totals.adverse_share, 4),
        "usual_share": round(usual, 4),
        "calm_share": round(totals.calm / totals.voices, 4) if totals.voices else 0.0,
        "harm": dict(sorted(totals.harm.items())),
    }
