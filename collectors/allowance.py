"""An allowance of paid reads that fills up with time (a token bucket), kept in the cursor.

Half of a day's allowance may be spent at once, the other half comes back evenly over the day: whatever happens, no
24 hours see more than the whole, and a storm in the morning does not leave the rest of the day unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_DAY = 86_400


@dataclass
class Allowance:
    """What may be spent now, of `per_day` in a day."""

    per_day: int
    left: float
    at: float

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None, per_day: int, now: datetime) -> Allowance:
        """The allowance as `kept` in a cursor, filled up until `now`."""
        moment = now.timestamp()
        allowance = cls(per_day, per_day / 2, moment)
        if kept:
            passed = max(moment - float(kept["at"]), 0)
            allowance.left = min(float(kept["left"]) + passed * per_day / 2 / _DAY, per_day / 2)
        return allowance

    def spend(self, count: int) -> None:
        """Take `count` off; it may go below zero, since one pays for what was given and not for what was asked."""
        self.left -= count

    def kept(self) -> dict[str, float]:
        """For the cursor."""
        return {"left": round(self.left, 3), "at": self.at}
