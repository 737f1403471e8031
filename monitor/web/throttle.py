"""How often somebody may do something: buckets that fill up again, in this process alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

MOST_NAMES = 10_000


@dataclass
class Throttle:
    """Lets `most` pass at once for each name, and one more for every `every` that goes by."""

    most: int
    every: timedelta
    _buckets: OrderedDict[str, tuple[float, datetime]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, name: str, now: datetime) -> timedelta:
        """Count one, or say how long to wait when there is none left."""
        with self._lock:
            left = self._left(name, now)
            if left < 1:
                return (1 - left) * self.every
            self._buckets[name] = (left - 1, now)
            self._buckets.move_to_end(name)
            if len(self._buckets) > MOST_NAMES:
                self._buckets.popitem(last=False)  # the one that was quiet for longest is fullest
            return timedelta()

    def forgive(self, name: str) -> None:
        """Let the name begin anew."""
        with self._lock:
            self._buckets.pop(name, None)

    def _left(self, name: str, now: datetime) -> float:
        left, at = self._buckets.get(name, (float(self.most), now))
        return min(float(self.most), left + max(0.0, (now - at) / self.every))
