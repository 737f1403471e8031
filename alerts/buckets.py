"""How often a channel may speak: token buckets, as pure decisions over one moment that is kept for each.

A bucket holds `burst` tokens and gains one every `every` seconds. All that has to be remembered of it is the moment at
which it would be full again (the generic cell rate algorithm): so a bucket is one row that several processes share,
nothing has to be refilled in time, and a clock that jumps back cannot empty it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Pace:
    """One message every `every` seconds, `burst` at once after a rest; for each target, or for the `whole_channel`.

    `spares_urgent` says that the bucket is a courtesy to people, not a limit of the platform's: the first message about
    something critical, or that it got worse, goes out at once and is only counted.
    """

    every: float
    burst: int = 1
    whole_channel: bool = False
    spares_urgent: bool = False

    def ready_at(self, full_at: datetime | None, now: datetime) -> datetime:
        """From when on there is a token, given when the bucket will be full (`None`: it was never used)."""
        if full_at is None:
            return now
        return max(now, full_at - timedelta(seconds=self.every * (self.burst - 1)))

    def taken(self, full_at: datetime | None, now: datetime) -> datetime:
        """When the bucket will be full, after one token was taken at `now`.

        Whoever takes what is not there yet makes the next one wait for longer; never for more than two full buckets,
        so that neither a clock set wrongly for a while nor many urgent messages keep a channel silent.
        """
        step = timedelta(seconds=self.every)
        most = now + 2 * self.burst * step
        return min(max(full_at or now, now) + step, most)
