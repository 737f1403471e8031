"""A small installation on a clock that the bench turns: the real policy and outbox, and channels that keep all."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from alerts.channels.contract import ChannelError, Message, OnDoubt, Receipt
from alerts.deadline import Deadline
from alerts.outbox import Sender
from alerts.pacing import Pacing
from alerts.page import Page
from alerts.policy import Change, Rules
from alerts.routing import Destination, Routing
from alerts.speak import Speaker
from config.alerting import RouteSettings
from config.settings import Settings
from storage import incidents
from storage.database import Database
from storage.records import Incident, IncidentState, Reason, Severity, fingerprint

KINDS = {"slack": "slack", "mail": "smtp"}
"""What the channels of these names are; others have no buckets."""
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BRAND = "Halden Mobile"
SECOND = timedelta(seconds=1)


def silence_the_log() -> None:
    """The bench prints one line of its own."""
    structlog.configure(processors=[_drop])


def _drop(_logger: Any, _name: str, _event: Any) -> Any:
    raise structlog.DropEvent


@dataclass
class Gate:
    """What one gate showed: the figures, and those of them that are not as they must be."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def require(self, name: str, figure: Any, holds: bool) -> None:
        """Keep a figure, and whether it is good enough."""
        self.figures[name] = figure
        if not holds:
            self.broken.append(name)


class Inline(Executor):
    """Runs what it is given at once: the simulated clock stands still meanwhile."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run it."""
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@dataclass
class Way:
    """A channel that keeps when it was asked and what it took; `fails` says what goes wrong now."""

    name: str
    clock: Callable[[], datetime]
    fails: Callable[[], ChannelError | None] = lambda: None
    on_doubt: OnDoubt = OnDoubt.RESEND
    asked: list[datetime] = field(default_factory=list)
    took: list[tuple[datetime, Message]] = field(default_factory=list)

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Take a message, unless something goes wrong."""
        deadline.require()
        self.asked.append(self.clock())
        if (error := self.fails()) is not None:
            raise error
        self.took.append((self.clock(), message))
        return Receipt(f"{self.name}-{len(self.took)}")

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:  # noqa: ARG002
        """Nothing is in doubt here."""
        return None

    def probe(self, deadline: Deadline) -> str:  # noqa: ARG002
        """All is well."""
        return "all is well"

    def repeats(self) -> int:
        """Messages that people would see twice."""
        return len(self.took) - len({message.delivery_id for _, message in self.took})


def paced(*names: str) -> Pacing:
    """The buckets that the program has for channels of these names."""
    channels = [{"type": KINDS[name], "name": name} for name in names if name in KINDS]
    return Pacing.build(Settings.model_validate({"channels": channels}))


class Simulation:
    """Channels by name, the first on the route of all, the second its fallback; `processes` senders."""

    def __init__(self, *names: str, processes: int = 1, rules: Rules | None = None) -> None:
        self.now = START
        self.database = Database.open("sqlite://")
        self.ways = {name: Way(name, lambda: self.now) for name in names}
        routes = (RouteSettings(channels=[names[0]], fallback=list(names[1:2])),)
        self.routing = Routing(routes, {name: (Destination(name, "", edits=name == "slack"),) for name in names})
        self.pacing = paced(*names)
        self.speaker = Speaker(rules or Rules(wait=dict.fromkeys(Severity, 0 * SECOND), repeat={}), self.routing)
        self.senders = [self.sender(f"process-{number}") for number in range(processes)]
        self.begun = 0

    def sender(self, owner: str) -> Sender:
        """A process that sends."""
        return Sender(
            self.database,
            self.ways,
            clock=lambda: self.now,
            owner=owner,
            routing=self.routing,
            executor=Inline(),
            pacing=self.pacing,
        )

    def begin(self, severity: Severity = Severity.CRITICAL) -> Incident:
        """An incident begins and is told."""
        self.begun += 1
        name = f"gate-{self.begun:06d}"
        new = Incident(
            id=name, brand=BRAND, fingerprint=fingerprint(BRAND, name), state=IncidentState.OPEN, severity=severity,
            headline=f"Number {self.begun}", began_at=self.now, opened_at=self.now, updated_at=self.now,
        )  # fmt: skip
        with self.database.write() as tx:
            incidents.insert(tx, new)
            self.speaker.speak(tx, new, Change.OPENED, self.page(new), self.now)
        return new

    def change(self, incident: Incident, change: Change, **changes: Any) -> Incident:
        """Something happens to it, and is told."""
        now = replace(incident, version=incident.version + 1, updated_at=self.now, **changes)
        with self.database.write() as tx:
            if incidents.update(tx, now, incident.version):
                self.speaker.speak(tx, now, change, self.page(now), self.now, f"{change.value} at {self.now:%H:%M:%S}")
        return now

    def page(self, incident: Incident) -> Page:
        """What is told of it."""
        return Page(
            headline=incident.headline, brand=incident.brand, severity=incident.severity, reason=Reason.UPDATE,
            incident_id=incident.id, at=self.now, began_at=incident.began_at, state=incident.state,
            observed=10.0 * 3**incident.version,
        )  # fmt: skip

    def turn(self, step: timedelta = SECOND) -> None:
        """Time passes, and every process sends."""
        self.now += step
        for sender in self.senders:
            sender.run_once()
