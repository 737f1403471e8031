"""The processes that the kill bench kills: real speakers and senders, over a made script or the whole path.

    python -m benchmarks.trust_worker      a nursery: forks workers as it is told on its standard input

Forking from a process that has imported everything starts a worker in milliseconds instead of seconds, so that
thousands of kills are affordable; each worker is a process of its own and dies by SIGKILL like any other.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

import structlog

import alerts.faults
import alerts.render.curve
import alerts.render.drawing
import alerts.render.html
import alerts.render.slack
from alerts.channels import slack, smtp  # noqa: F401  (before the first fork, not after each)
from alerts.outbox import Sender
from alerts.pacing import Pacing
from alerts.page import Curve, Page
from alerts.policy import Change, Rules
from alerts.routing import Routing
from alerts.speak import Speaker
from alerts.verdict import Timing
from benchmarks import trust_whole
from config.settings import Settings
from monitor.living import new_name
from monitor.sharing import bury
from storage import incidents, instances
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.instances import Instance
from storage.records import Incident, IncidentState, Post, Reason, Severity, fingerprint

SECOND = timedelta(seconds=1)
TIMING = Timing(
    deadline=1.5 * SECOND,
    lease=4 * SECOND,
    settle=1.5 * SECOND,
    check_every=0.3 * SECOND,
    doubt_for=20 * SECOND,
    probe_every=SECOND,
    longest_wait=2 * SECOND,
)
"""The delivery's spans, a tenth as long as usual, in the same order."""


def _none() -> dict[Severity, timedelta]:
    return dict.fromkeys(Severity, timedelta(0))


TOKEN_EVERY = 0.02
"""Seconds for a token of any bucket: they hold messages back again and again, and the bench still ends."""


def paced(chosen: Settings) -> Pacing:
    """The buckets of the configuration, which fill quicker than people could read."""
    usual = Pacing.build(chosen)
    calm = replace(usual.calm, every=TOKEN_EVERY) if usual.calm else None
    return Pacing({name: replace(pace, every=TOKEN_EVERY) for name, pace in usual.paces.items()}, calm)


LOOK_EVERY = 0.3
"""Seconds after which a worker looks again who died."""
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
    whole_days: int = 0

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
        return trust_whole.settings(channels)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Decider(Protocol):
    """What decides that there is something to say."""

    def decide(self) -> None:
        """Make the next step."""

    def end(self) -> None:
        """Give back what is held."""


@dataclass
class Scripted:
    """Decides by a script: incidents begin, grow worse and end at given times."""

    plan: Plan
    database: Database
    speaker: Speaker

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

    def end(self) -> None:
        """Nothing is held."""

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
    """Be a worker, until killed, or told to end: decide and send."""
    ends = _told_to_end()
    alerts.render.drawing._drawer.cache_clear()  # noqa: SLF001  (the thread that draws has stayed in the nursery)
    os.environ["TRUST_TOKEN"] = "xoxb-for-tests"  # noqa: S105
    os.environ[alerts.faults.VARIABLE] = plan.fault_at
    importlib.reload(alerts.faults)  # it reads the environment once; those who imported it see the same module
    chosen, database, owner = plan.settings(), Database.open(plan.database, migrate=False), new_name()
    sender = Sender.build(chosen, database, clock=now, owner=owner, timing=TIMING, pacing=paced(chosen))
    decider: Decider = Scripted(plan, database, Speaker(RULES, Routing.build(chosen)))
    if plan.whole_days:
        decider = trust_whole.build(_story(plan.whole_days), chosen, database, sender, owner)
    looked_at = 0.0
    while not ends:
        try:
            if time.monotonic() - looked_at >= LOOK_EVERY:
                _look_after_the_dead(database, owner)
                looked_at = time.monotonic()
            decider.decide()
            sender.run_once()
            say_that_it_works()
        except StorageError:
            time.sleep(0.05)
        time.sleep(0.005)
    sender.close()  # as the program does: what is under way is finished and recorded
    decider.end()
    database.close()


@lru_cache(maxsize=1)
def say_that_it_works() -> None:
    """Once, on the standard output that it has from the nursery: what a service says to its manager."""
    os.write(sys.stdout.fileno(), f"works {os.getpid()}\n".encode())


def _look_after_the_dead(database: Database, owner: str) -> None:
    """Say that this one lives, and free what the dead held, as the program does every few seconds."""
    at = now()
    with database.write() as tx:
        bury(tx, at)
        instances.say(tx, Instance(owner, at, at + LOOK_EVERY * 3 * SECOND))


def _told_to_end() -> list[int]:
    """Holds something as soon as a SIGTERM has come."""
    ends: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: ends.append(number))
    return ends


@lru_cache(maxsize=1)
def _story(days: int) -> list[Post]:
    return trust_whole.story(days)


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
    chosen = Plan("", "http://127.0.0.1:1/", 1, 1.0, "").settings()
    if len(sys.argv) > 1:
        posts = _story(int(sys.argv[1]))
        trust_whole.expected(posts[:50], chosen)
        alerts.render.curve.picture(replace(page, curve=Curve(now(), 900, (1.0,) * 40)))


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
