"""Stored history judged again: one reading of the store, day by day, and a fold for every configuration.

The folds are those that judge live and in a replay, on event time: a post counts at its own moment, whenever it was
read. Nothing is matched or scored anew, and nothing is written. What is kept of the past are the states of the folds
and the incidents that they told, so that memory does not grow with the history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.assembly import new_fold
from monitor.backtest.variants import Variant
from monitor.detectors.contract import TICK, Tick
from monitor.fold import floor_tick, ticks
from monitor.incidents import Change, Transition
from monitor.pipeline import SPAN, ledgered_coverage
from monitor.signals import BRAND_WIDE
from storage import posts as post_store
from storage.database import Database
from storage.records import Incident, PostKey, Severity

Progress = Callable[[datetime, float], None]
"""Told the event time that was judged up to, and how much of the history that is, 0…1."""

WARM_UP = timedelta(days=28)
"""Judged before the span that is asked for, so that the folds know what is usual: the longest memory of a detector."""
LOUD = (Change.OPENED, Change.REOPENED, Change.ESCALATED)
"""Changes that bring people a new message whatever the figures are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An incident as one configuration has it: as it was at last, and when people were told.

    `notices` are the moments at which it was opened, reopened or escalated as a watch, `pages` those at which it was
    so as a warning or worse. `evidence` are all posts that its signals rested on.
    """

    incident: Incident
    notices: tuple[datetime, ...] = ()
    pages: tuple[datetime, ...] = ()
    evidence: frozenset[PostKey] = frozenset()
    severity: Severity = Severity.WATCH
    """The worst that it ever was; a new episode may begin milder."""

    @property
    def paged_at(self) -> datetime | None:
        """When it first interrupted people."""
        return self.pages[0] if self.pages else None

    @property
    def topics(self) -> frozenset[str]:
        """Threads and stories that it is about, without the brand as a whole."""
        return frozenset(self.incident.facts.get("topics", ())) - {BRAND_WIDE}

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of trouble that it is about."""
        return frozenset(self.incident.facts.get("kinds", ()))


@dataclass(frozen=True, slots=True)
class Course:
    """What one configuration made of the history in `[since, until)`."""

    variant: Variant
    since: datetime
    until: datetime
    outcomes: tuple[Outcome, ...] = ()

    @property
    def pages(self) -> list[datetime]:
        """Every page within the span."""
        return sorted(at for outcome in self.outcomes for at in outcome.pages if self.since <= at < self.until)

    @property
    def notices(self) -> list[datetime]:
        """Every notice within the span."""
        return sorted(at for outcome in self.outcomes for at in outcome.notices if self.since <= at < self.until)

    @property
    def weeks(self) -> float:
        """Length of the span."""
        return (self.until - self.since) / timedelta(weeks=1)


class Folds:
    """A fold for every variant, taking the same ticks, and what each of them told."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        """Begin without a past."""
        self._variants = tuple(variants)
        self._folds = [new_fold(variant.settings) for variant in variants]
        self._told: list[dict[str, Outcome]] = [{} for _ in variants]

    def step(self, tick: Tick) -> bool:
        """Take one tick; whether any of them told people something."""
        changes = [
            one
            for fold, told in zip(self._folds, self._told, strict=True)
            for one in _write_down(told, fold.step(tick))
        ]
        return any(change in LOUD for change in changes)

    def courses(self, since: datetime, until: datetime) -> list[Course]:
        """What each has told, of what was not over before `since`."""
        return [
            Course(variant, since, until, _within(told.values(), since))
            for variant, told in zip(self._variants, self._told, strict=True)
        ]


def _write_down(told: dict[str, Outcome], transitions: Sequence[Transition]) -> list[Change]:
    for one in transitions:
        if one.change is not Change.HELD:
            told[one.incident.id] = _later(told.get(one.incident.id, Outcome(one.incident)), one)
    return [one.change for one in transitions]


def _later(before: Outcome, one: Transition) -> Outcome:
    loud = (one.at,) if one.change in LOUD else ()
    is_page = one.incident.severity is not Severity.WATCH
    return Outcome(
        incident=one.incident,
        notices=before.notices + (() if is_page else loud),
        pages=before.pages + (loud if is_page else ()),
        evidence=before.evidence.union(*(signal.evidence for signal in one.signals)),
        severity=max(before.severity, one.incident.severity, key=lambda severity: severity.rank),
    )


def span_of(database: Database) -> tuple[datetime, datetime] | None:
    """The stored history from its first tick to the end of its last, or `None` when there is no post."""
    with database.read() as tx:
        first, last = post_store.earliest(tx), post_store.latest(tx)
    if first is None or last is None:
        return None
    return floor_tick(first), floor_tick(last) + TICK


def days(database: Database, since: datetime, until: datetime, sources: Sequence[str] = ()) -> Iterator[list[Tick]]:
    """The ticks of `[since, until)`, a day at a time, each read in a transaction of its own.

    `sources` are those whose gaps in the ledger count as not read.
    """
    coverage = ledgered_coverage(sources)
    start = since
    while start < until:
        end = min(start + SPAN, until)
        with database.read() as tx:
            mentions, samples = post_store.judged(tx, start, end), post_store.samples(tx, start, end)
            covered = coverage(tx, start, end)
        yield list(ticks(start, end, mentions, samples, covered))
        start = end


def courses(
    database: Database,
    variants: Sequence[Variant],
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress | None = None,
) -> list[Course]:
    """What each variant would have told of the stored history between `since` and `until`, all of it by default.

    With `since`, judging begins `WARM_UP` earlier. Sources (for gaps in the ledger) are those of the first variant.
    """
    stored = span_of(database)
    if stored is None or not variants:
        return []
    begin = stored[0] if since is None else warm_up_of(since, stored[0])
    end = stored[1] if until is None else min(stored[1], floor_tick(until))
    if begin >= end:
        return []
    folds = Folds(variants)
    for day in days(database, begin, end, [source.name for source in variants[0].settings.sources]):
        for tick in day:
            folds.step(tick)
        if progress is not None:
            progress(day[-1].at, (day[-1].at - begin) / (end - begin))
    return folds.courses(max(begin, since or begin), end)


def warm_up_of(moment: datetime, first: datetime) -> datetime:
    """The tick at which judging begins, so that the folds know what is usual at `moment`; not before `first`."""
    return max(first, floor_tick(moment - WARM_UP))


def _within(outcomes: Iterable[Outcome], since: datetime) -> tuple[Outcome, ...]:
    found = [one for one in outcomes if (one.incident.resolved_at or since) >= since]
    return tuple(sorted(found, key=lambda one: (one.incident.opened_at, one.incident.id)))
