"""What was read of a span, beside every number: where it was not all, more was said than was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.render.outside import cleaned
from alerts.words import listed
from config.settings import Settings
from storage import coverage as coverage_store
from storage import gaps as gap_store
from storage import runs as run_store
from storage import schedule as schedule_store
from storage.database import Transaction
from storage.records import RunOutcome

WHOLE = 0.995
"""Share from which on a span counts as read."""
LATELY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Seen:
    """The share of a span that was read, source by source; 0 of one that never was."""

    shares: Mapping[str, float]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, as far as anybody knows."""
        return bool(self.shares) and min(self.shares.values()) >= WHOLE

    @property
    def share(self) -> float | None:
        """The mean over the sources; None without any."""
        return sum(self.shares.values()) / len(self.shares) if self.shares else None

    @property
    def of_those_read(self) -> Seen:
        """Without the sources of which nothing was read at all."""
        return Seen({name: share for name, share in self.shares.items() if share > 0})

    @property
    def words(self) -> str:
        """The same in a sentence."""
        if not self.shares:
            return "No source is configured: nothing is read here."
        missing = [
            f"{cleaned(name)} {f'{share:.0%}' if share > 0 else 'not at all'}"
            for name, share in self.shares.items()
            if share < WHOLE
        ]
        if not missing:
            return "Every source was read throughout, as far as we know."
        return f"Not wholly read: {listed(missing)}; the true numbers may be higher."


def seen(
    tx: Transaction, settings: Settings, since: datetime, until: datetime, *, brand: str = "", source: str = ""
) -> Seen:
    """What was read of `[since, until)` by the sources that are asked about the brand, or by one of them."""
    names = _sources(settings, brand, source)
    shares = gap_store.coverage(tx, names, since, until)
    read = {one.source for one in schedule_store.every(tx) if _was_read(tx, one)}
    return Seen({name: shares[name] if name in read else 0.0 for name in names})


def _was_read(tx: Transaction, planned: schedule_store.Planned) -> bool:
    """Whether a source ever answered: one whose every run failed has told nothing, and has no gap either."""
    if planned.last_outcome is RunOutcome.FAILED:
        return run_store.was_read(tx, planned.source)
    return planned.last_ended_at is not None


def by_slot(tx: Transaction, read: Seen, since: datetime, until: datetime, step: timedelta) -> tuple[float | None, ...]:
    """The share of each slot that was read, the mean over the sources; None where there is no source."""
    calendar = coverage_store.calendar(
        tx, [name for name, share in read.shares.items() if share > 0], since, until, step
    )
    slots = max(1, -(-(until - since) // step))
    if not read.shares:
        return (None,) * slots
    shares = [[one.share for one in spans] for spans in calendar.values()]
    return tuple(sum(spans[place] for spans in shares) / len(read.shares) for place in range(slots))


def _sources(settings: Settings, brand: str, source: str) -> list[str]:
    """The enabled sources that are read for a brand, or the one named; empty for any."""
    return [
        one.name
        for one in settings.sources
        if one.enabled and (not source or one.name == source) and (not brand or not one.brands or brand in one.brands)
    ]
