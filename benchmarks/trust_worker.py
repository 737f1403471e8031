"""The processes that the kill bench kills: a real speaker and a real sender over a made script of incidents.

    python -m benchmarks.trust_worker      a nursery: forks workers as it is told on its standard input

Forking from a process that has imported everything starts a worker in milliseconds instead of seconds, so that
thousands of kills are affordable; each worker is a process of its own and dies by SIGKILL like any other.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import structlog

import alerts.faults
import alerts.render.html
import alerts.render.slack
from alerts.channels import slack, smtp  # noqa: F401  (before the first fork, not after each)
from alerts.channels.contract import Channel
from alerts.outbox import Sender, build_channels
from alerts.page import Page
from alerts.policy import Change, Rules
from alerts.routing import Routing
from alerts.speak import Speaker
from alerts.verdict import Timing
from config.settings import Settings
from storage import incidents
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.records import Incident, IncidentState, Reason, Severity, fingerprint

SECOND = timedelta(seconds=1)
TIMING = Timing(
    deadline=1.5 * SECOND,
    lease=4 * SECOND,
    settle=1.5 * SECOND,
    check_every=0.3 * SECOND,
    doubt_for=20 * SECOND,
    probe_every=SECOND,
)
"""The delivery's spans, a tenth as long as usual, in the same order."""


def _none() -> dict[Severity, timedelta]:
    return dict.fromkeys(Severity, timedelta(0))


RULES = Rules(wait=_none(), interval=_none(), repeat={})
SCRIPT: tuple[tuple[float, Change, dict[str, Any]], ...] = (
    (0.3, Change.UPDATED, {}),
    (0.6, Change.ESCALATED, {"severity": Severity.CRITICAL}),
    (1.2, Change.RESOLVED, {"state": IncidentState.RESOLVED}),
)
"""What happens to every incident, and how many seconds after it began."""


@dataclass(frozen=True)
class Plan:
    """What a worker is told: where things are, how many incidents a second begin, and where it may die."""

    database: str
    slack: str
    mail_port: int
    rate: float
    stop_file: str
    fault_at: str = ""
    kill_seed: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """A plan from one line of JSON."""
        return cls(**json.loads(text))

    def settings(self) -> Settings:
        """The configuration of an operator with one Slack channel and one mailbox."""
        slack = {"token": {"env": "TRUST_TOKEN"}, "channels": ["C0ROOM"], "base_url": self.slack}
        mail = {
            "host": "127.0.0.1",
            "port": self.mail_port,
            "security": "none",
            "sender": "Tocsin <tocsin@halden.example>",
            "to": ["pr@halden.example"],
        }
        channels = [{"type": "slack", "options": slack}, {"type": "smtp", "name": "mail", "options": mail}]
        return Settings.model_validate({"channels": channels})


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@dataclass
class Worker:
    """One process of the program as far as alerting goes: it decides, and it sends."""

    plan: Plan
    database: Database
    speaker: Speaker
    sender: Sender
    written: dict[str, int] = field(default_factory=dict)

    @classmethod
    def build(cls, plan: Plan) -> Self:
        """Put one together, as the program does."""
        os.environ["TRUST_TOKEN"] = "xoxb-for-tests"  # noqa: S105
        settings, database = plan.settings(), Database.open(plan.database, migrate=False)
        routing = Routing.build(settings)
        channels: Mapping[str, Channel] = build_channels(settings, now)
        owner = f"worker-{os.getpid()}"
        sender = Sender(database, channels, clock=now, owner=owner, timing=TIMING, routing=routing)
        return cls(plan, database, Speaker(RULES, routing), sender)

    def run(self) -> None:
        """Decide and send until killed."""
        while True:
            try:
                self.decide()
                self.sender.run_once()
            except StorageError:
                time.sleep(0.05)
            time.sleep(0.005)

    def decide(self) -> None:
        """The next step of every incident that has one due, and a new incident when it is time."""
        at = now()
        with self.database.read() as tx:
            live, newest = incidents.live(tx), incidents.recent(tx, limit=1)
        for incident in live:
            self._go_on(incident, at)
        if Path(self.plan.stop_file).exists():
            return
        last = newest[0].opened_at if newest else at - 1000 * SECOND
        if at - last >= SECOND / self.plan.rate:
            self._begin(int(newest[0].id.rpartition("-")[2]) + 1 if newest else 0, at)

    def _begin(self, number: int, at: datetime) -> None:
        incident = made(number, at)
        with self.database.write() as tx:
            if incidents.insert(tx, incident):
                self._announce(tx, incident, Change.OPENED, at)

    def _go_on(self, incident: Incident, at: datetime) -> None:
        due, change, changes = SCRIPT[incident.version - 1]
        if at - incident.opened_at < due * SECOND:
            return
        changed = replace(incident, version=incident.version + 1, updated_at=at, **changes)
        with self.database.write() as tx:
            if incidents.update(tx, changed, incident.version):
                self._announce(tx, changed, change, at)

    def _announce(self, tx: Transaction, incident: Incident, change: Change, at: datetime) -> None:
        self.speaker.speak(tx, incident, change, told(incident, at), at, note=f"step {incident.version}")
        alerts.faults.fault_point("D2")


def made(number: int, at: datetime) -> Incident:
    """The incident of this number."""
    return Incident(
        id=f"trust-{number:06d}",
        brand="Halden Mobile",
        fingerprint=fingerprint("Halden Mobile", str(number)),
        state=IncidentState.OPEN,
        severity=Severity.WARNING,
        headline=f"Something happens for the {number}th time",
        began_at=at,
        opened_at=at,
        updated_at=at,
    )


def told(incident: Incident, at: datetime) -> Page:
    """Its page."""
    return Page(
        headline=incident.headline,
        brand=incident.brand,
        severity=incident.severity,
        reason=Reason.UPDATE,
        incident_id=incident.id,
        at=at,
        began_at=incident.began_at,
        state=incident.state,
        observed=10.0 * 3**incident.version,
        expected=3,
    )


def work(plan: Plan) -> None:
    """Be a worker, until killed."""
    os.environ[alerts.faults.VARIABLE] = plan.fault_at
    importlib.reload(alerts.faults)  # it reads the environment once; those who imported it see the same module
    Worker.build(plan).run()


def nursery() -> None:
    """Fork a worker for every line of standard input; say who was born and who died on standard output."""
    structlog.configure(processors=[_drop])
    _warm_up()
    children: set[int] = set()
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], 0.005)
        if readable:
            line = sys.stdin.readline()
            if not line:
                break
            children.add(_fork(line))
        for pid in list(children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                children.discard(pid)
                print(f"died {pid}", flush=True)
    for pid in children:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def _warm_up() -> None:
    """Import and prepare what every worker needs before the first is forked."""
    page = told(made(0, now()), now())
    slack.checked(alerts.render.slack.root(page))
    alerts.render.html.html(page)
    Plan("", "http://127.0.0.1:1/", 1, 1.0, "").settings()


def _fork(line: str) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            work(Plan.read(line))
        finally:
            os._exit(1)
    print(f"born {pid}", flush=True)
    return pid


def _drop(_logger: Any, _name: str, _event: Any) -> Any:
    raise structlog.DropEvent


if __name__ == "__main__":
    nursery()
