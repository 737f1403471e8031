"""Looks back by schedule: each brief is made once, told through the outbox, and written into a folder.

What was made is kept with the state of the program: a brief whose time came while nobody ran is made at the next start,
once, and of several that were missed the newest. One that is new in the configuration begins with its next time.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import structlog

from alerts.page import BRIEF, WHOLE, Curve, Page
from alerts.system import Failing, SystemIncidents
from config.briefs import BriefSettings
from config.settings import Settings
from monitor.report.brief import document, in_short
from monitor.report.document import Document
from monitor.report.figures import Figures, gather
from monitor.report.period import Period, is_due, last_due
from storage import pulse as pulse_store
from storage import state as state_store
from storage.database import Database, Transaction
from storage.records import IncidentState, Reason, Severity

_log = structlog.get_logger(__name__)

KEPT = "brief "
"""Begins the name under which the store keeps when a brief was made last."""
TOPIC = "brief"
_STEPS = {"week": timedelta(hours=6), "month": timedelta(days=1)}
"""Steps of the curve in a message."""


@dataclass(frozen=True, slots=True)
class Order:
    """One brief, of one brand, on one of its ways: told to channels, or written into a folder."""

    brief: BriefSettings
    brand: str
    way: Literal["channels", "folder"]
    zone: str

    @property
    def key(self) -> str:
        """The same for as long as nobody changes when it is made and where it goes."""
        parts = (self.brief.model_dump_json(exclude={"brands"}), self.brand, self.way, self.zone)
        return KEPT + blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class Briefs:
    """Makes the briefs that are due under one configuration."""

    settings: Settings
    database: Database
    system: SystemIncidents
    clock: Callable[[], datetime]

    def run(self) -> None:
        """Make what is due; what cannot be made is told to the operators and tried again."""
        now = self.clock()
        for order in self._due(now):
            day, due_at = last_due(order.brief, now, order.zone)
            period = Period.up_to(order.brief.every, day, order.zone)
            try:
                self._make(order, period, due_at, now)
            except OSError as error:
                _log.error("a brief could not be written", brand=order.brand, reason=str(error))
                self._complain(order, str(error), now)

    def _due(self, now: datetime) -> list[Order]:
        """The orders whose time has come since they were last made; those that are new begin to wait."""
        orders = list(self._orders())
        with self.database.read() as tx:
            made = {order.key: state_store.seen_until(tx, order.key) for order in orders}
        if new := [order for order in orders if made[order.key] is None]:
            with self.database.write() as tx:
                for order in new:
                    state_store.save(tx, order.key, now, b"")
        return [
            order
            for order in orders
            if (last := made[order.key]) is not None and is_due(order.brief, last, now, order.zone)
        ]

    def _orders(self) -> Iterator[Order]:
        general = self.settings.general
        for brief in self.settings.briefs:
            for brand in brief.brands or [one.name for one in self.settings.brands]:
                for way in ("channels", "folder"):
                    if getattr(brief, way):
                        yield Order(brief, brand, way, brief.timezone or general.timezone)

    def _make(self, order: Order, period: Period, due_at: datetime, now: datetime) -> None:
        with self.database.read() as tx:
            figures = gather(tx, self.settings, order.brand, period)
            page = self._page(tx, figures, now) if order.way == "channels" else None
        if page is None and order.brief.folder is not None:
            _write(document(figures, now), order.brief.folder, order, period, now)
        with self.database.write() as tx:
            if state_store.seen_until(tx, order.key) == due_at:
                return
            state_store.save(tx, order.key, due_at, b"")
            if page is not None:
                topic = f"{TOPIC} {order.brand} {period.first} {order.key}"
                self.system.publish(tx, topic, page, order.brief.channels, now)
            else:
                self.system.recovered(tx, TOPIC, now, "the brief has been written")
        _log.info("brief made", brand=order.brand, of=period.words, way=order.way)

    def _page(self, tx: Transaction, figures: Figures, now: datetime) -> Page:
        period, step = figures.period, _STEPS[figures.period.every]
        counted = pulse_store.pulse(tx, figures.brand, period.begin, period.end, step)
        command = f"tocsin brief {shlex.quote(figures.brand)} --{period.every} --at {period.next}"
        return Page(
            headline=f"{period.words[0].upper()}{period.words[1:]}",
            brand=figures.brand,
            severity=Severity.WATCH,
            reason=Reason.OPENED,
            incident_id="",
            at=now,
            began_at=period.begin,
            kind=BRIEF,
            state=IncidentState.RESOLVED,
            why=tuple(f"{label}: {said}" for label, said in (*in_short(figures), (WHOLE, command))),
            curve=Curve(period.begin, int(step.total_seconds()), tuple(one.posts for one in counted), unit="mentions"),
            url=address(self.settings, figures.brand, period),
            timezone=period.zone,
        )

    def _complain(self, order: Order, why: str, now: datetime) -> None:
        headline = f"The brief of {order.brand} could not be written into {order.brief.folder}"
        with self.database.write() as tx:
            self.system.report(tx, Failing(TOPIC, headline, f"{why}; it is tried again each minute"), now)


def address(settings: Settings, brand: str, period: Period) -> str:
    """Where the web page shows the brief; empty where the installation has no address."""
    general = settings.general
    if not general.public_url:
        return ""
    zone = f"?zone={quote(period.zone, safe='')}" if period.zone != general.timezone else ""
    return f"{general.public_url.rstrip('/')}/briefs/{period.every}/{period.next}/{quote(brand, safe='')}{zone}"


def file_name(brand: str, period: Period, form: str) -> str:
    """The name of the file, the same for the same brief: `acme-week-2026-02-02.pdf`."""
    plain = "".join(letter if letter.isalnum() else "-" for letter in brand.casefold())
    parts = "-".join(part for part in plain.split("-") if part) or "brand"
    return f"{parts}-{period.every}-{period.first}.{form}"


def _write(made: Document, folder: Path, order: Order, period: Period, now: datetime) -> None:
    """Write it in every form, each file whole or not at all."""
    from monitor.report.html import html  # noqa: PLC0415 - imported when the first is made: fonts take their time
    from monitor.report.pdf import pdf  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    for form in order.brief.forms:
        place = folder / file_name(order.brand, period, form)
        begun = place.with_name(f".{place.name}.part")
        begun.write_bytes(pdf(made, now) if form == "pdf" else html(made).encode())
        begun.replace(place)
