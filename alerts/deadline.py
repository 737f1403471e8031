"""The moment by which one attempt must be over, whatever the other side does.

A timeout per read is no bound: a server that drips a byte every few seconds never trips it. A deadline is one moment
for the whole attempt, name look-up, connection, request and answer, and it lies before the end of the lease, so
that nobody else sends the same delivery while we still do.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def uptime() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps, where the system has one.

    `time.monotonic` stands still while a laptop sleeps, and an attempt that began before would go on after, with the
    lease long given to another.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Deadline:
    """`seconds` from its making, on the clock `uptime`."""

    def __init__(self, seconds: float, uptime: Callable[[], float] = uptime) -> None:
        self._uptime = uptime
        self._end = uptime() + seconds

    def remaining(self) -> float:
        """Seconds left; zero or less when it has passed."""
        return self._end - self._uptime()

    def require(self) -> float:
        """Seconds left, always more than zero; `TimeoutError` when it has passed. Call it right before writing."""
        left = self.remaining()
        if left <= 0:
            raise TimeoutError("the time for this attempt is over")
        return left
