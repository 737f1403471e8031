"""What a brief is made of: the counts of a period and of those before, from what is stored alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from config.settings import Settings
from monitor.report.period import Period
from storage import bins as bin_store
from storage import gaps as gap_store
from storage import pulse as pulse_store
from storage import response, source_counts, threads, verdicts
from storage.database import Transaction
from storage.pulse import Counts, Crowd
from storage.records import Gap, Verdict
from storage.response import Response
from storage.threads import Discussed

MOST_EARLIER = 8
"""Periods before that say what is usual."""
FEWEST_EARLIER = 3
MOST_INCIDENTS = 200
MOST_THREADS = 5
HOUR = timedelta(hours=1)
LOOKED_BACK = timedelta(days=90)
"""How long before a period an incident may have begun that still went on in it."""


@dataclass(frozen=True, slots=True)
class SourceFigures:
    """What one source brought; `covered` is the share of the time that was read, None where it never was."""

    name: str
    counts: Counts
    before: Counts
    covered: float | None


@dataclass(frozen=True, slots=True)
class BrandFigures:
    """What was said of a brand that is compared."""

    brand: str
    counts: Counts
    before: Counts
    share: float
    share_before: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that a brief tells. `usual` is the median of earlier periods, None where too few are known.

    `known_since` is when anything was first read; `left_over` are incidents that were still going on from before.
    """

    brand: str
    period: Period
    counts: Counts
    before: Counts
    usual: float | None
    earlier: int
    crowd: Crowd
    crowd_before: Crowd
    days: Sequence[Counts]
    sources: Sequence[SourceFigures]
    discussed: Sequence[Discussed]
    incidents: Sequence[Response]
    incidents_before: int
    left_over: Sequence[Response]
    judged: Mapping[str, Verdict]
    gaps: Sequence[Gap]
    gaps_before: Mapping[str, float]
    known_since: datetime | None
    rivals: Sequence[BrandFigures]
    unwatched: Sequence[str]

    @property
    def is_comparable(self) -> bool:
        """Whether the period before was read at all."""
        return self.known_since is not None and self.known_since < self.period.begin


def gather(tx: Transaction, settings: Settings, brand: str, period: Period) -> Figures:
    """The figures of one brand and period."""
    before = period.before
    begin, end = period.begin, period.end
    first = source_counts.first_runs(tx)
    sources = _sources(tx, settings, brand, period, first)
    names = [one.name for one in sources]
    known_since = _known_since(tx, brand, names, first)
    earlier = _earlier(tx, brand, before, known_since)
    clocks = response.between(tx, begin, end, brand=brand, only_whole=True, limit=MOST_INCIDENTS)
    old = response.between(tx, begin - LOOKED_BACK, begin, brand=brand, only_whole=True, limit=MOST_INCIDENTS)
    compared, unwatched = _rivals(tx, settings, brand, period)
    return Figures(
        brand=brand,
        period=period,
        counts=pulse_store.total(tx, brand, begin, end),
        before=pulse_store.total(tx, brand, before.begin, before.end),
        usual=median(earlier) if len(earlier) >= FEWEST_EARLIER else None,
        earlier=len(earlier),
        crowd=pulse_store.crowd(tx, brand, begin, end),
        crowd_before=pulse_store.crowd(tx, brand, before.begin, before.end),
        days=_days(tx, brand, period),
        sources=sources,
        discussed=threads.discussed(tx, brand, begin, end, limit=MOST_THREADS),
        incidents=clocks[::-1],
        incidents_before=sum(one.opened_at >= before.begin for one in old),
        left_over=[one for one in old if one.resolved_at is None or one.resolved_at >= begin][::-1],
        judged={
            name: said.verdict for name, said in verdicts.given(tx, since=begin, until=end, brands=[brand]).items()
        },
        gaps=[gap for gap in gap_store.between(tx, begin, end) if gap.source in names],
        gaps_before=gap_store.coverage(tx, names, before.begin, before.end),
        known_since=known_since,
        rivals=compared,
        unwatched=unwatched,
    )


def middle(clocks: Sequence[Response], span: Callable[[Response], timedelta | None]) -> timedelta | None:
    """The median of what took how long, where it happened at all."""
    found = [length.total_seconds() for one in clocks if (length := span(one)) is not None]
    return timedelta(seconds=median(found)) if found else None


def _judged(tx: Transaction, brand: str, since: datetime, until: datetime) -> dict[str, Verdict]:
    given = verdicts.given(tx, since=since, until=until, brands=[brand])
    return {name: said.verdict for name, said in given.items()}


def _sources(
    tx: Transaction, settings: Settings, brand: str, period: Period, first: Mapping[str, datetime]
) -> list[SourceFigures]:
    """The sources that are read for the brand, and those that were: the largest first."""
    now = pulse_store.by_source(tx, brand, period.begin, period.end)
    then = pulse_store.by_source(tx, brand, period.before.begin, period.before.end)
    read = [one.name for one in settings.sources if one.enabled and (not one.brands or brand in one.brands)]
    names = dict.fromkeys([*now, *then, *read])
    return [
        SourceFigures(name, now.get(name, Counts()), then.get(name, Counts()), _covered(tx, name, period, first))
        for name in names
    ]


def _covered(tx: Transaction, name: str, period: Period, first: Mapping[str, datetime]) -> float | None:
    """The share of the period that was read; what lies before the first reading counts as not read."""
    since = first.get(name)
    if since is None or since >= period.end:
        return None
    begin = max(since, period.begin)
    read = gap_store.coverage(tx, [name], begin, period.end)[name]
    return read * ((period.end - begin) / (period.end - period.begin))


def _known_since(tx: Transaction, brand: str, names: Sequence[str], first: Mapping[str, datetime]) -> datetime | None:
    """When the brand was first looked for, or the beginning of what was taken in of it, whichever is earlier."""
    counted = bin_store.earliest(tx, brand)
    return min(filter(None, (counted, *(first.get(name) for name in names))), default=None)


def _earlier(tx: Transaction, brand: str, last: Period, known_since: datetime | None) -> list[int]:
    """The mentions of whole periods up to `last`."""
    found: list[int] = []
    while known_since is not None and last.begin >= known_since and len(found) < MOST_EARLIER:
        found.append(pulse_store.total(tx, brand, last.begin, last.end).posts)
        last = last.before
    return found


def _days(tx: Transaction, brand: str, period: Period) -> list[Counts]:
    """The counts of each day on the readers' clock."""
    zone, places = ZoneInfo(period.zone), {day: number for number, day in enumerate(period.days())}
    found = [Counts()] * len(places)
    for number, counts in enumerate(pulse_store.pulse(tx, brand, period.begin, period.end, HOUR)):
        place = places.get((period.begin + number * HOUR).astimezone(zone).date())
        if place is not None:
            found[place] = found[place] + counts
    return found


def _rivals(tx: Transaction, settings: Settings, brand: str, period: Period) -> tuple[list[BrandFigures], list[str]]:
    """The brand beside its rivals, the largest first; and the rivals that are not watched, so that nobody counts them.

    Nothing where no rival is watched.
    """
    configured = settings.brand(brand)
    watched = {one.name.casefold(): one.name for one in settings.brands}
    rivals = configured.rivals if configured else []
    names = [watched[name.casefold()] for name in rivals if name.casefold() in watched]
    unwatched = [name for name in rivals if name.casefold() not in watched]
    if not names:
        return [], unwatched
    compared = [brand, *names]
    now = pulse_store.brands_counted(tx, compared, period.begin, period.end)
    then = pulse_store.brands_counted(tx, compared, period.before.begin, period.before.end)
    figures = [_share(name, now, then) for name in compared]
    return sorted(figures, key=lambda one: (-one.counts.posts, one.brand)), unwatched


def _share(name: str, now: Mapping[str, Counts], then: Mapping[str, Counts]) -> BrandFigures:
    here, before = now.get(name, Counts()), then.get(name, Counts())
    whole, whole_before = (sum(one.posts for one in counts.values()) for counts in (now, then))
    return BrandFigures(
        name, here, before, here.posts / whole if whole else 0.0, before.posts / whole_before if whole_before else 0.0
    )
