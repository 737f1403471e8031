"""Storm mode: when too much begins at once, one message speaks for all of it.

A bad rule, a flood of bots or a real disaster may open hundreds of incidents. Then one incident of the program's own,
the storm, pages at once and says how many there are and which are the worst. Watches and warnings that begin meanwhile
are stored as its children, without messages; the first critical ones still page for themselves, the others are named in
the storm's updates and page one by one once it is over. Nothing is dropped: each child has its alert, and says why it
was silent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from alerts.policy import Decision
from alerts.speak import Speaker, page_of
from alerts.system import Failing, SystemIncidents
from alerts.words import listed
from config.settings import Settings
from storage import incidents, outbox
from storage.database import Transaction
from storage.records import SYSTEM, Alert, Incident, Reason, Severity, fingerprint

TOPIC = "storm"
_MINUTE = timedelta(minutes=1)
_RINGING = (Reason.OPENED, Reason.ESCALATED)
TOP = 10


@dataclass(frozen=True, slots=True)
class StormRules:
    """When it storms: more than `most_new` incidents began within `within`, or more than `most_due` messages are late.

    It is over when fewer than `calm_new` began in each span `within` for `calm_for`. While it lasts, `own_pages`
    critical incidents in each `pages_in` page for themselves, and there is news at most `every` so often; afterwards
    those that were only named page every `spacing`.
    """

    most_new: int = 10
    most_due: int = 100
    within: timedelta = 5 * _MINUTE
    calm_new: int = 5
    calm_for: timedelta = 10 * _MINUTE
    own_pages: int = 5
    pages_in: timedelta = 10 * _MINUTE
    spacing: timedelta = timedelta(seconds=40)
    every: timedelta = 3 * _MINUTE


def begins(rules: StormRules, new: int, late: int) -> bool:
    """Whether so many new incidents, or deliveries that are late, are a storm."""
    return new > rules.most_new or late > rules.most_due


def is_over(rules: StormRules, lasted: timedelta, new: Sequence[int], late: int) -> bool:
    """Whether it has calmed down: `new` are the incidents that began in each of the last spans."""
    return lasted >= rules.calm_for and all(one < rules.calm_new for one in new) and late <= rules.most_due


@dataclass(frozen=True, slots=True)
class Storm:
    """Knows whether it storms, and speaks for all that begins meanwhile."""

    system: SystemIncidents
    rules: StormRules = StormRules()

    @classmethod
    def speaker(cls, settings: Settings) -> Speaker:
        """The speaker of one configuration, under which storms are bundled."""
        plain = Speaker.build(settings)
        return replace(plain, weather=cls(SystemIncidents.build(settings, plain)))

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The storm watch of one configuration."""
        return cls(SystemIncidents.build(settings))

    def shelters(self, tx: Transaction, incident: Incident, decision: Decision, now: datetime) -> str:
        """Why the incident is not to speak for itself now; nothing where it may."""
        if incident.is_system or decision.reason is Reason.RESOLVED:
            return ""
        storm = _standing(tx) or self._begin(tx, decision, now)
        if storm is None:
            return ""
        if incident.severity is Severity.CRITICAL:
            return "" if not self._is_crowded(tx, decision, now) else f"part of the storm {storm.id}"
        return f"part of the storm {storm.id}"

    def watch(self, tx: Transaction, speaker: Speaker, now: datetime) -> list[Alert]:
        """Bring the storm's message up to date, or end it; to be called every half minute or so."""
        storm = _standing(tx)
        if storm is None:
            return []
        spans = [now - number * self.rules.within for number in range(3)]
        new = [incidents.opened_between(tx, start, end) for end, start in pairwise(spans)]
        late = outbox.late(tx, now)
        children = incidents.sheltered(tx, storm.opened_at)
        if is_over(self.rules, now - storm.opened_at, new, late):
            if not all(incidents.is_free(tx, child.id) for child in _left(children)):
                return []  # somebody acts on one of them just now and goes first
            return [*self._end(tx, children, now), *self._page_left(tx, speaker, children, now)]
        news = _news(storm, children) if now - _told_at(storm) >= self.rules.every else ""
        facts = _known(children, now) if news else {}
        said = self.system.update(tx, TOPIC, _headline(children), _lines(children), news, now, facts)
        return [said] if said else []

    def _begin(self, tx: Transaction, decision: Decision, now: datetime) -> Incident | None:
        if decision.reason is not Reason.OPENED:
            return None
        new = incidents.opened_between(tx, now - self.rules.within, now) + 1
        late = outbox.late(tx, now)
        if not begins(self.rules, new, late):
            return None
        why = f"{new} incidents began within 5 minutes" if new > self.rules.most_new else f"{late} messages are late"
        quiet = "Watches and warnings make no messages of their own until it is calmer; all of them are stored."
        facts = {"lines": [f"{why[0].upper()}{why[1:]}.", quiet]}
        failing = Failing(TOPIC, f"{why[0].upper()}{why[1:]}: messages are bundled", why, Severity.CRITICAL, facts)
        self.system.report(tx, failing, now)
        return _standing(tx)

    def _is_crowded(self, tx: Transaction, decision: Decision, now: datetime) -> bool:
        """Whether as many critical incidents page for themselves as people can follow."""
        if decision.reason not in _RINGING:
            return True
        return incidents.critical_pages(tx, now - self.rules.pages_in) >= self.rules.own_pages

    def _end(self, tx: Transaction, children: Sequence[Incident], now: datetime) -> list[Alert]:
        live = [child for child in children if child.state.is_live]
        why = f"it is calm again: {len(children)} incidents were bundled, {len(live)} of them still go on"
        said = self.system.recovered(tx, TOPIC, now, why)
        return [said] if said else []

    def _page_left(self, tx: Transaction, speaker: Speaker, children: Sequence[Incident], now: datetime) -> list[Alert]:
        """Let the critical ones that were only named page for themselves, one after another."""
        said: list[Alert] = []
        for number, child in enumerate(_left(children), start=1):
            told = incidents.alerts(tx, child.id)
            page = page_of(told[-1].page if told else None, child)
            why = "it began in a storm of incidents and still goes on"
            decision = Decision(Reason.OPENED, why, (), now + number * self.rules.spacing)
            said.append(speaker.say(tx, child, page, decision, told, now).alert or told[-1])
        return said


def _left(children: Sequence[Incident]) -> list[Incident]:
    """Those that are to page for themselves when it is over."""
    return [child for child in children if child.state.is_live and child.severity is Severity.CRITICAL]


def _standing(tx: Transaction) -> Incident | None:
    """The storm that goes on."""
    found = incidents.by_fingerprint(tx, fingerprint(SYSTEM, TOPIC))
    return found if found is not None and found.state.is_live else None


def _told_at(storm: Incident) -> datetime:
    told = storm.facts.get("told_at")
    return datetime.fromisoformat(told) if told else storm.opened_at


def _known(children: Sequence[Incident], now: datetime) -> dict[str, object]:
    """What the storm has told by now."""
    named = [child.id for child in children if child.severity is Severity.CRITICAL]
    return {"told_at": now.isoformat(), "count": len(children), "named": named}


def _headline(children: Sequence[Incident]) -> str:
    critical = sum(child.severity is Severity.CRITICAL for child in children)
    also = f", {critical} of them critical" if critical else ""
    return f"A storm of incidents: {len(children)} are bundled here{also}"


def _lines(children: Sequence[Incident]) -> list[str]:
    """The worst of them, a sentence each."""
    ranked = sorted(children, key=lambda child: (-child.severity.rank, child.opened_at, child.id))
    lines = [f"{child.severity.value}: {child.headline} ({child.id})" for child in ranked[:TOP]]
    more = len(ranked) - len(lines)
    return [*lines, f'{more} more: "tocsin incidents list --live" shows them'] if more > 0 else lines


def _named(child: Incident) -> str:
    """The headline, with its brand where that does not begin with it."""
    return child.headline if child.headline.startswith(f"{child.brand}:") else f"{child.brand}: {child.headline}"


def _news(storm: Incident, children: Sequence[Incident]) -> str:
    """What is worth another message: critical incidents that the storm has not named, or twice as many in all."""
    named = set(storm.facts.get("named", ()))
    critical = [child for child in children if child.severity is Severity.CRITICAL and child.id not in named]
    if critical:
        some = listed([_named(child) for child in critical[:3]])
        more = f" and {len(critical) - 3} more" if len(critical) > 3 else ""
        return f"{len(critical)} more critical: {some}{more}"[:390]
    before = int(storm.facts.get("count", 0))
    return f"{len(children)} incidents by now" if len(children) >= max(2 * before, 1) else ""
