"""Whether a source is well: refused, failing, silent against its own habit, or giving what makes no sense.

`diagnose` is a pure function of what is known of one source; `SourceHealth` gathers that, and opens and closes the
program's own incident about it. "No posts" is not "no news": a source that answers and has nothing for longer than it
ever had, where posts used to come, is as ill as one that refuses.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from statistics import median

from alerts.system import Failing, SystemIncidents
from alerts.words import span
from monitor.collecting import SourceJob
from storage import gaps, runs
from storage.database import Database, Transaction
from storage.records import CollectorRun, Gap, GapCause, RunOutcome, Severity

TOPIC = "source:"
"""What the topic of an incident about a source begins with; the source's name follows."""

LEARNED_FROM = timedelta(days=14)
DAYS_NEEDED = 3
"""Days that must be known before silence can be told from quiet."""
SILENT_AFTER = 3.0
"""Times the longest silence of a usual day."""
FAILING_AFTER = timedelta(minutes=15)
TURNS_MISSED = 3
ODD_SHARE, ODD_ITEMS = 0.05, 20
"""Share of items that could not be read, of at least so many, which shows that a source has changed its ways."""
ODD_WINDOW = timedelta(hours=1)
LEARN_AGAIN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source now.

    `error` is that of the last run, `since` since when runs have failed. `silent_for` is how long it has had nothing
    new although it was read, `silence_allowed` how long it may (`None`: its habit is not known yet).
    """

    source: str
    every: timedelta
    error: str = ""
    is_refused: bool = False
    failing_for: timedelta = timedelta()
    silent_for: timedelta = timedelta()
    silence_allowed: timedelta | None = None
    read: int = 0
    odd: int = 0
    is_budget_spent: bool = False


def diagnose(known: Known) -> Failing | None:
    """What is wrong with the source, the worst first; `None` when it is well."""
    topic, name = f"{TOPIC}{known.source}", known.source
    if known.is_refused:
        return Failing(topic, f"{name} cannot be read until somebody mends it", known.error)
    if known.error and known.failing_for > max(TURNS_MISSED * known.every, FAILING_AFTER):
        return Failing(topic, f"{name} has not been read for {_for(known.failing_for)}", known.error)
    items = known.read + known.odd
    if items >= ODD_ITEMS and known.odd > ODD_SHARE * items:
        why = f"{known.odd} of {items} items of the last hour made no sense; see what was set aside"
        return Failing(topic, f"{name} gives what cannot be read", why)
    if known.silence_allowed is not None and known.silent_for > known.silence_allowed:
        why = f"it is read without an error, and a usual silence there ends within {_for(known.silence_allowed)}"
        return Failing(topic, f"{name} has had nothing new for {_for(known.silent_for)}", why)
    if known.is_budget_spent:
        why = "it is read on when the day is over (UTC), or when the budget is raised"
        return Failing(topic, f"the budget for {name} is spent for today", why, Severity.WATCH)
    return None


def silence_allowed(arrivals: Sequence[datetime], unread: Iterable[Gap], every: timedelta) -> timedelta | None:
    """How long a source may have nothing new: three times the longest silence of a usual day, and no less than the
    longest of all (a weekend); `None` where fewer than three days are known.

    `arrivals` are the times at which something new was read, in order. Silences into which an `unread` span falls are
    left out, for nobody knows what came in it.
    """
    starts, ends = _joined((gap.starts_at, gap.ends_at) for gap in unread if gap.cause is not GapCause.SOURCE)
    longest: dict[date, timedelta] = defaultdict(timedelta)
    for begin, end in pairwise(arrivals):
        before = bisect_left(starts, end)  # so many spans begin earlier; the last of them ends last
        if not before or ends[before - 1] <= begin:
            longest[end.date()] = max(longest[end.date()], end - begin)
    if len(longest) < DAYS_NEEDED:
        return None
    usual = timedelta(seconds=median(silence.total_seconds() for silence in longest.values()))
    return max(SILENT_AFTER * usual, *longest.values(), TURNS_MISSED * every)


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> tuple[list[datetime], list[datetime]]:
    """Where the spans begin and where they end, in order, with those that overlap as one: two weeks have thousands."""
    starts: list[datetime] = []
    ends: list[datetime] = []
    for start, end in sorted(spans):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    return starts, ends


@dataclass
class SourceHealth:
    """Looks at every source of the running program."""

    jobs: Mapping[str, SourceJob]
    database: Database
    system: SystemIncidents
    clock: Callable[[], datetime]
    _habits: dict[str, tuple[datetime, timedelta | None]] = field(default_factory=dict, init=False)

    def look(self) -> None:
        """Open an incident about each source that is ill, and close those about sources that are well again."""
        now = self.clock()
        for name, job in self.jobs.items():
            with self.database.read() as tx:
                known = self._known(tx, job, now)
            trouble = diagnose(known)
            with self.database.write() as tx:
                if trouble is None:
                    self.system.recovered(tx, f"{TOPIC}{name}", now, f"{name} is read again")
                else:
                    self.system.report(tx, trouble, now)

    def _known(self, tx: Transaction, job: SourceJob, now: datetime) -> Known:
        last, good = runs.latest(tx, job.name), runs.last_complete(tx, job.name)
        failed = last is not None and last.outcome is RunOutcome.FAILED
        lately = runs.brought(tx, job.name, since=now - ODD_WINDOW)
        open_gaps = gaps.unfilled(tx, job.name, limit=20)
        return Known(
            source=job.name,
            every=job.every,
            error=(last.error or "") if last and failed else "",
            is_refused=failed and last is not None and last.is_refused,
            failing_for=now - _failing_since(good, last) if failed else timedelta(),
            silent_for=self._silent_for(tx, job, good, now),
            silence_allowed=self._habit(tx, job, now),
            read=lately.posts,
            odd=lately.odd,
            is_budget_spent=any(gap.cause is GapCause.BUDGET for gap in open_gaps),
        )

    def _silent_for(self, tx: Transaction, job: SourceJob, good: CollectorRun | None, now: datetime) -> timedelta:
        """Since when the source has had nothing new although it was read to the end."""
        arrived = runs.last_arrival(tx, job.name)
        if good is None or arrived is None:
            return timedelta()
        unread = gaps.between(tx, arrived, now, job.name)
        since = max([arrived, *(gap.ends_at for gap in unread if gap.cause is not GapCause.SOURCE)])
        return max(good.ended_at - since, timedelta())

    def _habit(self, tx: Transaction, job: SourceJob, now: datetime) -> timedelta | None:
        learned = self._habits.get(job.name)
        if learned is None or now - learned[0] >= LEARN_AGAIN_AFTER:
            since = now - LEARNED_FROM
            arrivals = runs.arrivals(tx, job.name, since)
            learned = (now, silence_allowed(arrivals, gaps.between(tx, since, now, job.name), job.every))
            self._habits[job.name] = learned
        return learned[1]


def _failing_since(good: CollectorRun | None, last: CollectorRun | None) -> datetime:
    known = [run.ended_at for run in (good, last) if run is not None]
    return min(known)


def _for(length: timedelta) -> str:
    return span(length.total_seconds() // 60 * 60)
