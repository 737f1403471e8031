"""Where posts come from: what was read and what was missed, what it took, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from monitor.sharing import HELD_FOR, SOURCE
from monitor.sources.budget import FREE, Budget
from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.now import SourceHealth, healths
from monitor.web.pages import page
from storage import coverage as coverage_store
from storage import gaps as gap_store
from storage import leases as lease_store
from storage import runs as run_store
from storage import source_counts, spending
from storage.coverage import Covered
from storage.records import CollectorRun, Gap, Spent
from storage.source_counts import RunTotals

router = APIRouter(include_in_schema=False)

DAYS = 28
HOURS = 24
SPENT_FOR = timedelta(days=6)
MOST_RUNS = 10
MOST_GAPS = 20


@dataclass(frozen=True, slots=True)
class Day:
    """One day of one source; `share` is how much of it was read, None before it was read at all."""

    begin: datetime
    share: float | None

    @property
    def word(self) -> str:
        """How it is shown: whole, most, part, or nothing is known."""
        if self.share is None:
            return "unknown"
        return "whole" if self.share >= 0.995 else "most" if self.share >= 0.9 else "part"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """Everything on the page about one source."""

    health: SourceHealth
    type: str
    reader: str
    """The process that reads it now; empty where none does."""
    every: timedelta
    days: tuple[Day, ...]
    runs: tuple[CollectorRun, ...]
    gaps: tuple[Gap, ...]
    totals: RunTotals | None
    hours: tuple[Covered, ...]
    spent: tuple[Spent, ...]
    today: Spent
    budget: Budget


@router.get("/sources")
def sources(request: Request, person: Viewer, desk: Annotated[Desk, Depends(desk_of)]) -> HTMLResponse:
    """The calendar of coverage, and each source."""
    now = desk.clock()
    days = calendar(now, ZoneInfo(desk.settings.general.timezone))
    with desk.database.read() as tx:
        gaps = gap_store.between(tx, days[0][0], now)
        totals = source_counts.totals(tx, now - timedelta(days=1))
        first = source_counts.first_runs(tx)
        states = {one.name: one for one in healths(tx, desk.settings, now)}
        hours = coverage_store.calendar(tx, list(states), *last_hours(now))
        readers = {one.name: one.owner for one in lease_store.every(tx, SOURCE) if one.is_held(now, HELD_FOR)}
        spent = spending.between(tx, (now - SPENT_FOR).astimezone(UTC).date(), now.astimezone(UTC).date())
        records = [
            SourceRecord(
                health=states[source.name],
                type=source.type,
                reader=readers.get(f"{SOURCE}{source.name}", ""),
                every=source.every,
                days=covered(days, [gap for gap in gaps if gap.source == source.name], first.get(source.name)),
                runs=tuple(run_store.recent(tx, source.name, limit=MOST_RUNS)),
                gaps=tuple([gap for gap in gaps if gap.source == source.name][::-1][:MOST_GAPS]),
                totals=totals.get(source.name),
                hours=tuple(hours[source.name]),
                spent=tuple([one for one in spent if one.source == source.name][::-1]),
                today=_today(source.name, spent, now),
                budget=Budget.of(source, FREE),
            )
            for source in desk.settings.sources
        ]
    begins = [last_hours(now)[0] + number * coverage_store.HOUR for number in range(HOURS)]
    return page(request, person, "sources.html", records=records, days=[begin for begin, _ in days], hours=begins)


def last_hours(now: datetime) -> tuple[datetime, datetime]:
    """The hours that are shown one by one; the last of them goes on."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1), now


def _today(source: str, spent: Sequence[Spent], now: datetime) -> Spent:
    """What a source took today, as platforms count days."""
    day = now.astimezone(UTC).date()
    return next((one for one in spent if one.source == source and one.day == day), Spent(source, day))


def calendar(now: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The last days, as the readers count them, with their ends; the last one ends now."""
    today = now.astimezone(zone).date()
    begins = [datetime.combine(today - timedelta(days=back), time(), zone).astimezone(UTC) for back in range(DAYS)][
        ::-1
    ]
    return list(zip(begins, [*begins[1:], now], strict=True))


def covered(days: Sequence[tuple[datetime, datetime]], gaps: Sequence[Gap], first: datetime | None) -> tuple[Day, ...]:
    """How much of each day was read, what was read later counted as read."""
    missing = [gap for gap in gaps if gap.filled_at is None]
    return tuple(
        Day(
            begin,
            None if first is None or first >= end else 1 - gap_store.share_missing(missing, max(begin, first), end),
        )
        for begin, end in days
    )
