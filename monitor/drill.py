"""Drills: made incidents that go through the real outbox to real people, and the wait for one of them to take it.

A drill is an incident of the program's own, marked as one in every message, so that detection, baselines and statistics
know nothing of it. Whoever takes it, by whatever way there is, has shown that pages arrive and that people act on them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.outbox import Sender
from alerts.page import Page, to_json
from alerts.pictures import Illustrator
from alerts.routing import Subject
from alerts.system import Failing, SystemIncidents
from monitor.care import Action, Care
from storage import incidents, outbox
from storage.database import Database
from storage.records import SYSTEM, Delivery, DeliveryState, Incident, IncidentState, Reason, Severity, fingerprint

LOOK_EVERY = 0.5
DRILL = "drill:"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a delivery of a drill, or who took it (`by`)."""

    incident: Incident
    delivery: Delivery | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """Carries drills out; `pause` waits for so many seconds between two looks."""

    database: Database
    care: Care
    system: SystemIncidents
    sender: Sender
    illustrator: Illustrator
    clock: Callable[[], datetime]
    pause: Callable[[float], None]

    def channels_for(self, brand: str, severity: Severity) -> list[str]:
        """The channels that an incident of the brand would be told through."""
        found = self.care.speaker.routing.destinations(Subject(brand, severity))
        return list(dict.fromkeys(place.channel for place in found))

    def begin(self, page: Page, channels: Sequence[str], severity: Severity = Severity.CRITICAL) -> Incident:
        """Page the channels with a made incident."""
        now, topic = self.clock(), f"{DRILL}{secrets.token_hex(6)}"
        facts = {"page": to_json(page), "drill": True, "channels": list(channels)}
        with self.database.write() as tx:
            self.system.report(tx, Failing(topic, page.headline, "a drill", severity, facts), now)
            found = incidents.by_fingerprint(tx, fingerprint(SYSTEM, topic))
        if found is None:
            raise RuntimeError("a drill that was stored a moment ago is gone")
        return found

    def watch(self, drills: Sequence[Incident], within: timedelta) -> Iterator[Step]:
        """What happens until somebody has taken every drill, or the time is over."""
        end = self.clock() + within
        seen: dict[str, DeliveryState] = {}
        taken: set[str] = set()
        while len(taken) < len(drills) and self.clock() < end:
            self.sender.run_once()
            self.illustrator.run_once()
            for drill in drills:
                yield from self._news(drill, seen, taken)
            if len(taken) < len(drills):
                self.pause(LOOK_EVERY)

    def end(self, drill: Incident, why: str) -> None:
        """Tell those who were paged that it is over."""
        with self.database.write() as tx:
            now = incidents.get(tx, drill.id)
            if now is not None and now.state.is_live:
                self.care.do(tx, drill.id, Action.RESOLVE, "tocsin", self.clock(), why)
        self.sender.run_once()
        self.sender.drain(20)

    def arrived(self, drill: Incident) -> list[Delivery]:
        """The first messages of a drill that were taken by their providers."""
        with self.database.read() as tx:
            history = outbox.history(tx, drill.id)
        return [item for item in history if item.reason is Reason.OPENED and item.state is DeliveryState.SENT]

    def _news(self, drill: Incident, seen: dict[str, DeliveryState], taken: set[str]) -> Iterator[Step]:
        with self.database.read() as tx:
            now, history = incidents.get(tx, drill.id), outbox.history(tx, drill.id)
        if now is None:
            return
        for item in history:
            if item.state is not seen.get(item.id) and _is_worth_telling(item):
                seen[item.id] = item.state
                yield Step(now, delivery=item)
        if now.state is not IncidentState.OPEN and drill.id not in taken:
            taken.add(drill.id)
            yield Step(now, by=now.acknowledged_by or "somebody")


def _is_worth_telling(item: Delivery) -> bool:
    return item.reason is Reason.OPENED and (item.state.is_terminal or item.last_error is not None)
