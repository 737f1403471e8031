"""How each brand stands: what is said of it now, against what is usual."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.web.charts import Spark, spark
from storage import pulse as pulse_store
from storage.database import Transaction
from storage.pulse import SLOT, Counts
from storage.records import Incident

SHOWN_FOR = timedelta(hours=24)
SHOWN_EVERY = timedelta(minutes=30)
USUAL_FOR = timedelta(days=7)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Pulse:
    """A brand's last hour against the hours of the week before, with its last day as a picture."""

    brand: str
    hour: Counts
    usual: float
    low: float
    high: float
    spark: Spark
    incidents: tuple[Incident, ...]

    @property
    def times(self) -> float:
        """How many times the usual the last hour was; 1 where nothing is usual."""
        return self.hour.posts / self.usual if self.usual > 0 else 1.0 + self.hour.posts

    @property
    def is_above(self) -> bool:
        """Whether the last hour is more than usual."""
        return self.hour.posts > self.high

    @property
    def urgency(self) -> tuple[int, float]:
        """What stands at the top: the worst incident, then the most unusual hour."""
        return (max((one.severity.rank + 1 for one in self.incidents), default=0), self.times)


def pulses_of(tx: Transaction, brands: Sequence[str], incidents: Sequence[Incident], now: datetime) -> list[Pulse]:
    """How each of the brands stands at `now`."""
    end = _slot_end(now)
    days = pulse_store.pulses(tx, brands, end - SHOWN_FOR, end, SHOWN_EVERY)
    hours = pulse_store.brands_counted(tx, brands, end - HOUR, end)
    weeks = pulse_store.brands_counted(tx, brands, end - USUAL_FOR - HOUR, end - HOUR)
    return [
        _pulse(brand, days[brand], hours.get(brand, Counts()), weeks.get(brand, Counts()), incidents)
        for brand in brands
    ]


def _pulse(brand: str, day: Sequence[Counts], hour: Counts, week: Counts, incidents: Sequence[Incident]) -> Pulse:
    usual = week.posts / (USUAL_FOR / HOUR)
    low, high = band(usual)
    half_low, half_high = band(usual / 2)
    return Pulse(
        brand=brand,
        hour=hour,
        usual=usual,
        low=low,
        high=high,
        spark=spark([one.posts for one in day], half_low, half_high),
        incidents=tuple(one for one in incidents if one.brand == brand),
    )


def band(usual: float) -> tuple[float, float]:
    """Counts that are ordinary where `usual` is the mean: two deviations of a count that varies somewhat more than by
    chance (twice the variance of a Poisson count, which is what quiet brands show)."""
    spread = 2 * math.sqrt(2 * usual)
    return max(0.0, usual - spread), usual + spread


def _slot_end(now: datetime) -> datetime:
    seconds = now.timestamp()
    return now + timedelta(seconds=-seconds % SLOT.total_seconds())
