"""`tocsin detect`: the alerts of the burst detector alone, over a file of counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitor.counts import Binned, Counts, CountsError, into_bins, read_counts
from monitor.detectors.burst import PRESETS, BurstSettings, SeriesBank
from monitor.detectors.taken import BurstReading


@dataclass(frozen=True, slots=True)
class BurstAlert:
    """One alert: the `timestamp` of the row it became known by, as it stands in the file, and the `column` it is about.

    In the `window` minutes before, `observed` were counted where `expected` are usual and `low` to `high` would have
    been nothing special. `surprise` is the strength, 1.0 being the threshold.
    """

    timestamp: str
    column: str
    surprise: float
    observed: float
    expected: float
    low: float
    high: float
    window: int

    @property
    def why(self) -> str:
        """The alert in a sentence."""
        return (
            f"{self.observed:,.0f} in {duration(self.window)}, where {rounded(self.expected)} are expected "
            f"and up to {self.high:,.0f} are usual"
        )

    def as_json(self) -> dict[str, Any]:
        """The alert as JSON types, with its sentence; `window` in minutes."""
        return {**asdict(self), "why": self.why}


@dataclass(frozen=True, slots=True)
class Report:
    """What was found in a file from its `first` to its `last` timestamp, and in how many of its bins nobody counted."""

    alerts: tuple[BurstAlert, ...]
    first: str
    last: str
    bins: int
    holes: int


def detect(path: Path, *, sensitivity: str = "standard", holes_are_zero: bool = False) -> Report:
    """Find the bursts in a count file, with the defaults of `sensitivity` (relaxed, standard or keen).

    Raises CountsError with every problem of the file.
    """
    counts = read_counts(path)
    try:
        binned = into_bins(counts, holes_are_zero=holes_are_zero)
    except ValueError as error:
        raise CountsError(str(path), [str(error)]) from error
    return Report(
        alerts=tuple(find_bursts(counts, binned, PRESETS[sensitivity])),
        first=counts.stamps[0],
        last=counts.stamps[-1],
        bins=binned.counts.shape[1],
        holes=int((~binned.covered.any(axis=0)).sum()),
    )


def find_bursts(counts: Counts, binned: Binned, settings: BurstSettings) -> Iterator[BurstAlert]:
    """The alerts in the order of time. The bins are swept twice: to find what rings, and to stop there and ask why."""
    _, rings = SeriesBank(binned.names, settings).sweep(binned.counts, binned.covered)
    bank, begin = SeriesBank(binned.names, settings), 0
    for tick in np.flatnonzero(rings.any(axis=0)):
        bank.sweep(binned.counts[:, begin:tick], binned.covered[:, begin:tick])
        reading = bank.push(binned.counts[:, tick], binned.covered[:, tick])
        begin = int(tick) + 1
        for series in np.flatnonzero(reading.rings):
            yield _alert(counts.stamps[binned.row[tick]], binned.names[series], reading, int(series))


def csv_lines(alerts: Sequence[BurstAlert]) -> Iterator[str]:
    """A header and `timestamp,surprise` of every alert; one line where both columns ring at once."""
    strongest: dict[str, float] = {}
    for alert in alerts:
        strongest[alert.timestamp] = max(alert.surprise, strongest.get(alert.timestamp, 0.0))
    yield "timestamp,surprise"
    yield from (f"{timestamp},{surprise:.3f}" for timestamp, surprise in strongest.items())


def rounded(expected: float) -> str:
    """An expectation as people say it: whole, or with a digit where it is small."""
    return f"{expected:,.0f}" if expected >= 10 else f"{expected:.2g}"


def duration(minutes: int) -> str:
    """A number of minutes as people say it."""
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def _alert(timestamp: str, column: str, reading: BurstReading, series: int) -> BurstAlert:
    numbers = {
        name: round(float(getattr(reading, name)[series]), 3)
        for name in ("surprise", "observed", "expected", "low", "high")
    }
    return BurstAlert(timestamp=timestamp, column=column, window=int(reading.window[series]) // 60, **numbers)
