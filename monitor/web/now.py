"""What is going on now: open incidents, the pulse of every brand, and whether anything is being missed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from config.settings import Settings
from monitor.web.access import Viewer
from monitor.web.desk import Desk, desk_of
from monitor.web.pages import page
from monitor.web.pulses import Pulse, pulses_of
from storage import casework, outbox
from storage import gaps as gap_store
from storage import incidents as incident_store
from storage import schedule as schedule_store
from storage.database import Transaction
from storage.records import RunOutcome
from storage.schedule import Planned

router = APIRouter(include_in_schema=False)

COVERED_FOR = timedelta(hours=24)
MOST_BRANDS = 60
LATE_AFTER = 3
"""Intervals without a run after which a source counts as late."""


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How one source is; `planned` is None where it never ran."""

    name: str
    is_enabled: bool
    coverage: float
    planned: Planned | None
    now: datetime

    @property
    def word(self) -> str:
        """Its state in a word."""
        if not self.is_enabled:
            return "off"
        if self.planned is None or self.planned.last_ended_at is None:
            return "never read"
        if self.planned.last_outcome is RunOutcome.FAILED:
            return "failing"
        return "late" if self.is_late else "well"

    @property
    def is_well(self) -> bool:
        """Whether nothing is the matter."""
        return self.word in ("well", "off")

    @property
    def is_late(self) -> bool:
        """Whether it should have been read long ago."""
        return self.planned is not None and self.now - self.planned.next_at > LATE_AFTER * self.planned.every


@router.get("/")
def now(request: Request, person: Viewer, desk: Annotated[Desk, Depends(desk_of)]) -> HTMLResponse:
    """The page that hangs on the wall."""
    at = desk.clock()
    with desk.database.read() as tx:
        live = incident_store.live(tx)
        pulses = pulses_of(tx, [brand.name for brand in desk.settings.brands[:MOST_BRANDS]], live, at)
        channels = {channel.name for channel in desk.settings.channels if channel.enabled}
        waiting = [one for one in outbox.unfinished(tx) if one.channel in channels]
        sources = healths(tx, desk.settings, at)
        works = casework.of_many(tx, [one.id for one in live])
    return page(
        request,
        person,
        "now.html",
        incidents=sorted(live, key=lambda one: (-one.severity.rank, one.opened_at)),
        works=works,
        pulses=sorted(pulses, key=_urgent, reverse=True),
        more_brands=len(desk.settings.brands) - len(pulses),
        sources=sources,
        waiting=waiting,
        overdue=[one for one in waiting if at - one.waits_since > timedelta(minutes=1)],
    )


def healths(tx: Transaction, settings: Settings, now: datetime) -> list[SourceHealth]:
    """How each configured source is; what is amiss first."""
    planned = {one.source: one for one in schedule_store.every(tx)}
    coverage = gap_store.coverage(tx, [source.name for source in settings.sources], now - COVERED_FOR, now)
    found = [
        SourceHealth(source.name, source.enabled, coverage[source.name], planned.get(source.name), now)
        for source in settings.sources
    ]
    found = [replace(one, coverage=0.0) if one.word == "never read" else one for one in found]
    return sorted(found, key=lambda one: (one.is_well, one.name))


def _urgent(pulse: Pulse) -> tuple[int, float]:
    return pulse.urgency
