"""A scorer that may fail, and the one that stands in for it.

Posts go on being judged when a model is missing, runs out of memory or takes too long: by the lexicons, which is
written into every score, and the operator is told that the program is degraded. A failed scorer is asked again after a
pause that doubles, counted in batches.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from monitor.sentiment.contract import Item, Scorer
from storage.records import Score

_log = structlog.get_logger(__name__)

_LONGEST_PAUSE = 64


class StandIn:
    """A scorer for which another stands in while it fails; `degraded` says why it does, and is empty otherwise."""

    def __init__(self, inner: Scorer, other: Scorer) -> None:
        self._inner = inner
        self._other = other
        self._pause = 0
        self._left = 0
        self.degraded = ""

    @property
    def name(self) -> str:
        """That of the scorer within; what the other judged is stored under the other's name."""
        return self._inner.name

    @property
    def version(self) -> str:
        """That of the scorer within."""
        return self._inner.version

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        if self._left > 0:
            self._left -= 1
            return self._other.score(items)
        try:
            scores = self._inner.score(items)
        except Exception as error:  # noqa: BLE001  (a foreign model may raise anything, and posts are still to be judged)
            self._fail(error)
            return self._other.score(items)
        if self.degraded:
            _log.info("the scorer works again", scorer=self.name)
            self.degraded, self._pause = "", 0
        return scores

    def _fail(self, error: Exception) -> None:
        self._pause = min(max(2 * self._pause, 1), _LONGEST_PAUSE)
        self._left = self._pause
        self.degraded = f"the scorer {self.name} failed ({type(error).__name__}: {' '.join(str(error).split())[:300]})"
        _log.error(
            "degraded", why=self.degraded, stands_in=self._other.name, asked_again_after=f"{self._pause} batches"
        )


class Missing:
    """Stands where a scorer could not be had at all; another judges, and `degraded` says why."""

    def __init__(self, other: Scorer, why: str) -> None:
        self._other = other
        self.degraded = why
        _log.error("degraded", why=why, stands_in=other.name)

    @property
    def name(self) -> str:
        """That of the scorer that judges."""
        return self._other.name

    @property
    def version(self) -> str:
        """That of the scorer that judges."""
        return self._other.version

    def score(self, items: Sequence[Item]) -> list[Score]:
        """One score for each item, in order."""
        return self._other.score(items)
