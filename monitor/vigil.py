"""The program watches itself: audit, heartbeat, canary, and a word each day that all is quiet.

Everything here is done by the leader. What is found wrong is a trouble of the program's own (alerts/system.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from alerts.channels.contract import Channel, ChannelError, Message, OnDoubt
from alerts.deadline import Deadline
from alerts.page import ALL_QUIET, from_json, to_json
from alerts.routing import ILL
from alerts.system import Failing, SystemIncidents
from config.settings import Settings
from monitor.audit import audit
from monitor.care import Care
from monitor.heartbeat import Watermarks, beat, is_due, reasons
from monitor.rehearsal import Build, RehearsalError, rehearse
from storage import incidents, outbox, runs
from storage import schedule as schedule_store
from storage import state as state_store
from storage.database import Database, Transaction
from storage.records import SYSTEM, Delivery, DeliveryState, Reason, Severity

_log = structlog.get_logger(__name__)

CANARY = "canary"
CANARY_SINGS = "canary sings"
MISSES = 2
"""Canaries in a row that must fail before somebody is told."""
DAILY = "all quiet"
SCORER = "scorer"
SOURCE = "source:"
READ_BACK_SECONDS = 10.0


@dataclass
class Vigil:
    """Watches the program; `misses` counts the canaries that were not heard, one after another."""

    settings: Settings
    database: Database
    care: Care
    channels: Mapping[str, Channel]
    build: Build
    clock: Callable[[], datetime]
    system: SystemIncidents
    started_at: datetime
    audited_at: datetime | None = None
    judged_at: datetime | None = None
    written_at: datetime | None = None
    beaten_at: datetime | None = None
    was_failing: bool = False
    misses: int = field(default=0)
    degraded: Callable[[], str] = lambda: ""
    """Why sentiment is judged by less than what is configured; empty while it is not."""

    def audit(self) -> None:
        """See that somebody was told of everything that goes on."""
        now = self.clock()
        with self.database.write() as tx:
            found = audit(tx, self.care.speaker, self.system, self.care.brief, now)
            self._look_at_the_scorer(tx, now)
            self.system.forget(tx, ILL, {one.name for one in self.settings.channels if one.enabled}, now)
            self.system.forget(tx, SOURCE, {one.name for one in self.settings.sources if one.enabled}, now)
        self.audited_at = now
        for finding in found:
            _log.error("nobody was told", incident=finding.incident.id, why=finding.why)

    def _look_at_the_scorer(self, tx: Transaction, now: datetime) -> None:
        if why := self.degraded():
            headline = "Sentiment is judged by the lexicon, not by the configured model"
            self.system.report(tx, Failing(SCORER, headline, why, Severity.WATCH), now)
        else:
            self.system.recovered(tx, SCORER, now, "the configured model judges again")

    def heartbeat(self) -> None:
        """Let the outside hear that all is well, or what is not, as often as it is to."""
        url = self.settings.operations.heartbeat_url()
        if not url:
            return
        now = self.clock()
        failing = reasons(self.watermarks(now), now)
        if not is_due(self.beaten_at, self.was_failing, failing, now):
            return
        self.beaten_at, self.was_failing = now, bool(failing)
        if failing:
            _log.error("not well", reasons=failing)
        if error := beat(url, failing):
            _log.warning("the heartbeat was not taken", error=error)

    def watermarks(self, now: datetime) -> Watermarks:
        """When everything last went on."""
        with self.database.read() as tx:
            ill = {one.topic.removeprefix(SOURCE) for one in incidents.live(tx, SYSTEM) if one.topic.startswith(SOURCE)}
            return Watermarks(
                started_at=self.started_at,
                judged_at=self.judged_at,
                written_at=self.written_at,
                audited_at=self.audited_at,
                oldest_due_at=outbox.oldest_due(tx, now),
                sources=schedule_store.every(tx),
                known_to_fail=ill,
            )

    # -- The canary ----------------------------------------------------------------------------------------------------

    def canary(self) -> None:
        """Hear the last canary, and let the next one sing: a made incident through the pipeline and a test channel."""
        name = self.settings.operations.canary
        if name is None or not self.settings.brands:
            return
        now = self.clock()
        unheard = self._hear(name)
        problem = self._sing(name, now) or unheard
        self.misses = self.misses + 1 if problem else 0
        with self.database.write() as tx:
            if self.misses >= MISSES:
                headline = f"A made incident did not come through, {self.misses} times in a row"
                self.system.report(tx, Failing(CANARY, headline, problem, Severity.CRITICAL), now)
            elif not problem:
                self.system.recovered(tx, CANARY, now, "a made incident came through again")

    def _hear(self, name: str) -> str:
        """What is wrong with the last canary, which had the time until now to be delivered."""
        with self.database.read() as tx:
            last = next((one for one in incidents.live(tx, SYSTEM) if one.topic.startswith(CANARY_SINGS)), None)
            sent = outbox.history(tx, last.id) if last else []
        if last is None:
            return ""
        with self.database.write() as tx:
            self.system.close(tx, last.topic, self.clock())
        opened = [item for item in sent if item.reason is Reason.OPENED]
        for item in opened:
            if item.state is not DeliveryState.SENT:
                return f"{name} has not taken it: {item.last_error or item.state.value}"
            if problem := self._read_back(name, item, last.opened_at):
                return problem
        return "" if opened else "it was never sent"

    def _read_back(self, name: str, item: Delivery, since: datetime) -> str:
        """Whether the channel shows the message, where it can be asked."""
        channel = self.channels.get(name)
        if channel is None or channel.on_doubt is not OnDoubt.CHECK:
            return ""
        message = Message(item.id, item.target, from_json(item.page))
        try:
            found = channel.find(message, since, Deadline(READ_BACK_SECONDS))
        except ChannelError as error:
            return f"{name} cannot be read: {error}"
        return "" if found else f"{name} took it, and does not show it"

    def _sing(self, name: str, now: datetime) -> str:
        try:
            made = rehearse(self.settings, self.settings.brands[0].name, now, self.build)
        except RehearsalError as error:
            return str(error)
        facts = {"page": to_json(made.page), "drill": True, "channels": [name]}
        with self.database.write() as tx:
            failing = Failing(
                f"{CANARY_SINGS} {now.isoformat()}", made.page.headline, "a canary", Severity.CRITICAL, facts
            )
            self.system.report(tx, failing, now)
        return ""

    # -- Once a day ----------------------------------------------------------------------------------------------------

    def daily(self) -> None:
        """Say once a day that the program works, so that silence can be told from death."""
        at = self.settings.operations.all_quiet_at
        now = self.clock()
        if at is None or now.astimezone(zone := ZoneInfo(self.settings.general.timezone)).time() < at:
            return
        today = now.astimezone(zone).date().isoformat()
        with self.database.write() as tx:
            kept = state_store.load(tx, DAILY)
            if kept is not None and kept[1].decode() == today:
                return
            state_store.save(tx, DAILY, now, today.encode())
            self._say_all_quiet(tx, now, today)

    def _say_all_quiet(self, tx: Transaction, now: datetime, today: str) -> None:
        since = now - timedelta(days=1)
        numbers = incidents.numbers(tx, since)
        ill = [one for one in incidents.live(tx, SYSTEM) if not one.topic.startswith(CANARY_SINGS)]
        read = runs.brought(tx, since=since).new_posts
        lines = [
            f"New posts in the last day: {read:,}. Sources: {len(self.settings.sources)}.",
            f"Incidents that began in the last day: {numbers.begun:,}. Incidents that go on: {numbers.live:,}.",
            *(f"Not well: {one.headline}." for one in ill),
        ]
        headline = "All is well, and nothing needs you" if not ill and not numbers.begun else "The program works"
        self.system.remark(tx, f"{DAILY} {today}", headline, ALL_QUIET, lines, now)
