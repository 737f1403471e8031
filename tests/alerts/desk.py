"""An alert desk for tests: a database with incidents, a speaker with three ways to people, and a channel of our own."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from alerts.channels.contract import ChannelError, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.outbox import Sender
from alerts.page import Page
from alerts.policy import Change, Rules
from alerts.routing import Destination, Routing
from alerts.speak import Announcement, Speaker
from alerts.verdict import Timing
from config.alerting import RouteSettings
from storage import incidents, outbox
from storage.database import Database
from storage.records import Delivery, Incident, IncidentState, Severity
from tests.alerts.examples import NOW, incident, page

ROOM = Destination("slack", "C0ROOM", edits=True)
MAIL = Destination("mail", "a@halden.example")
PHONE = Destination("phone", "+4791234567")
NO_WAY = ChannelError("no connection", Outcome.NOT_DELIVERED)
DOUBT = ChannelError("broke off", Outcome.AMBIGUOUS)
REVOKED = ChannelError("token_revoked", Outcome.BROKEN, whole_channel=True)


def routing() -> Routing:
    """Slack and mail for all; the phone when neither takes it, and for what is critical about a recall."""
    routes = (
        RouteSettings(channels=["slack", "mail"], fallback=["phone"]),
        RouteSettings(channels=["phone"], kinds=["recall"]),
    )
    return Routing(routes, {place.channel: (place,) for place in (ROOM, MAIL, PHONE)})


class Inline(Executor):
    """Runs what it is given at once, so that a test needs no waiting."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@dataclass
class Way:
    """A channel that keeps what it is given and answers as told: `plan` holds the outcome of the next attempts."""

    name: str
    on_doubt: OnDoubt = OnDoubt.RESEND
    plan: list[BaseException | None] = field(default_factory=list)
    lookups: list[ChannelError | Receipt | None] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    looked_for: list[str] = field(default_factory=list)
    since: list[datetime] = field(default_factory=list)

    def send(self, message: Message, deadline: Deadline) -> Receipt:
        """Take the message, or fail as planned."""
        deadline.require()
        self.sent.append(message)
        if self.plan and (error := self.plan.pop(0)) is not None:
            raise error
        return Receipt(f"{self.name}-{len(self.sent)}")

    def find(self, message: Message, since: datetime, deadline: Deadline) -> Receipt | None:
        """Find the message, or not, as planned."""
        self.looked_for.append(message.delivery_id)
        self.since.append(since)
        found = self.lookups.pop(0)
        if isinstance(found, ChannelError):
            raise found
        return found

    def probe(self, deadline: Deadline) -> str:
        """Say that all is well."""
        return "all is well"


@dataclass
class Desk:
    """What a test of speaking and sending needs, on a clock that only the test turns."""

    database: Database
    rules: Rules = field(default_factory=Rules)
    timing: Timing = field(default_factory=Timing)
    now: datetime = NOW
    incident: Incident = field(default_factory=incident)
    ways: dict[str, Way] = field(default_factory=lambda: {name: Way(name) for name in ("slack", "mail", "phone")})

    def __post_init__(self) -> None:
        """Store the incident."""
        self.speaker = Speaker(self.rules, routing())
        self.sender = self.another_sender("one")
        with self.database.write() as tx:
            incidents.insert(tx, self.incident)

    def another_sender(self, owner: str) -> Sender:
        """A further process that sends."""
        return Sender(
            self.database,
            self.ways,
            clock=lambda: self.now,
            owner=owner,
            timing=self.timing,
            routing=self.speaker.routing,
            quiet=self.speaker.rules.quiet,
            executor=Inline(),
        )

    def wait(self, **span: float) -> Desk:
        """Turn the clock."""
        self.now += timedelta(**span)
        return self

    def change(self, **changes: Any) -> Desk:
        """Store a change of the incident."""
        before = self.incident
        self.incident = replace(before, version=before.version + 1, updated_at=self.now, **changes)
        with self.database.write() as tx:
            assert incidents.update(tx, self.incident, before.version)
        return self

    def say(self, change: Change, said: Page | None = None, note: str = "") -> Announcement:
        """Announce a change."""
        told = replace(
            said or page(),
            at=self.now,
            severity=self.incident.severity,
            state=self.incident.state,
            episode=self.incident.episode,
        )
        with self.database.write() as tx:
            return self.speaker.speak(tx, self.incident, change, told, self.now, note)

    def open(self, severity: Severity = Severity.CRITICAL) -> Announcement:
        """The incident begins."""
        if severity is not self.incident.severity:
            self.change(severity=severity)
        return self.say(Change.OPENED)

    def end(self) -> Announcement:
        """The incident ends."""
        self.change(state=IncidentState.RESOLVED, resolved_at=self.now)
        return self.say(Change.RESOLVED)

    def send(self) -> Desk:
        """One round of the sender."""
        self.sender.run_once()
        return self

    def kill_during(self, channel: str) -> Delivery:
        """Claim everything as a process would that then dies."""
        with self.database.write() as tx:
            claimed = outbox.claim(tx, self.now, "dead", self.timing.lease, 10)
        return next(item for item in claimed if item.channel == channel)

    def history(self, channel: str | None = None) -> list[Delivery]:
        """The deliveries of the incident, of one channel or of all."""
        with self.database.read() as tx:
            return [item for item in outbox.history(tx, self.incident.id) if channel in (None, item.channel)]

    def states(self, channel: str) -> list[tuple[str, str]]:
        """Reason and state of each delivery of a channel."""
        return [(item.reason.value, item.state.value) for item in self.history(channel)]
