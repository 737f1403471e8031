"""A rest after a long look, in which posts are read: judging takes half of the time at the most."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

LONG_LOOK = timedelta(seconds=1)
"""From which on a look is so much work that as long a rest follows."""
LONGEST_REST = timedelta(seconds=15)
"""However long a look seems to have taken: a clock that was put forward meanwhile must not blind anybody."""


@dataclass
class Rest:
    """Until when nothing is judged."""

    _span: tuple[datetime, datetime] | None = field(default=None, init=False)

    def take(self, began: datetime, ended: datetime) -> None:
        """Rest as long as the look took that began and ended then, if that was long."""
        took = min(ended - began, LONGEST_REST)
        self._span = (ended, ended + took) if took > LONG_LOOK else None

    def is_on(self, now: datetime) -> bool:
        """Whether the rest goes on; a clock that was put back ends it."""
        return self._span is not None and self._span[0] <= now < self._span[1]
