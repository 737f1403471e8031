"""What a running program owes to posts that it has read: their threads, their present wording, and their end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Self

import structlog

from collectors.contract import CollectorError
from config.settings import Settings
from monitor.assembly import Clock, build_rechecks
from monitor.pipeline import Pipeline
from monitor.sharing import NotHoldingError, Sharing
from monitor.sources import retention
from monitor.sources.rechecks import Rechecks
from monitor.sources.threads import IncidentThreads, ThreadSource
from storage.database import Database, Transaction

_log = structlog.get_logger(__name__)

PAUSE = timedelta(minutes=15)
"""A source that could not be asked what became of posts is left alone for so long, or for as long as it wants."""
WAIT = timedelta(minutes=1)
"""How often an answer that is on its way is asked for."""


@dataclass
class Upkeep:
    """One step for every source, in turn; no source is asked from two threads at once."""

    rechecks: Sequence[Rechecks]
    threads: IncidentThreads
    kept_for: Mapping[str, timedelta]
    database: Database
    clock: Callable[[], datetime]
    holds: Callable[[str], bool] = lambda _: True
    """Whether it is this process that reads a source."""
    _not_before: dict[str, datetime] = field(default_factory=dict, init=False)

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        pipeline: Pipeline,
        clock: Clock,
        sharing: Sharing,
        guard: Callable[[Transaction], None],
    ) -> Self:
        """With collectors of its own: none of them is asked from two threads of this process at once."""
        enabled = [source for source in settings.sources if source.enabled]
        made = [build_rechecks(source, settings, database, pipeline, clock) for source in enabled]
        rechecks = [replace(one, guard=sharing.guard(one.name)) for one in made]
        readers = {
            one.name: ThreadSource(one.collector, source.context_replies, one.budget)
            for one, source in zip(rechecks, enabled, strict=True)
        }
        threads = IncidentThreads(readers, database, pipeline, clock, guard)
        return cls(rechecks, threads, retention.spans(settings.sources), database, clock, sharing.holds)

    def read_threads(self) -> None:
        """Read the threads that are due."""
        self.threads.step()

    def look_again(self) -> None:
        """Take one step of every round that is due, of the sources that this process reads."""
        for one in self.rechecks:
            now = self.clock()
            if self.holds(one.name) and now >= self._not_before.get(one.name, now) and one.is_due():
                self._not_before[one.name] = now + self._step(one)

    def prune(self) -> dict[str, int]:
        """Delete what is older than it is to be kept; how many posts of each source."""
        gone = retention.prune(self.database, self.kept_for, self.clock())
        if gone:
            _log.info("old posts deleted", **gone)
        return gone

    def _step(self, one: Rechecks) -> timedelta:
        """Take a step; for how long the source is left alone then."""
        try:
            step = one.step()
        except CollectorError as error:
            _log.warning("posts could not be looked up again", source=one.name, reason=str(error))
            return max(PAUSE, timedelta(seconds=error.retry_after or 0))
        except NotHoldingError as lost:
            _log.warning("posts are looked up by another process", source=one.name, reason=str(lost))
            return WAIT
        if step.gone or step.changed:
            _log.info("posts looked up again", source=one.name, gone=step.gone, edited=step.changed)
        return WAIT if step.is_waiting else timedelta()
