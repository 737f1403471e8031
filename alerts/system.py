"""The program's own troubles: a channel that is broken, a source that went silent, a page that nobody could be told.

Each is an incident without a brand, told to the operators (`[operations]`) through the same outbox, with the same
reminders, and closed by who opened it. `topic` names what is ill, so that the same trouble is one incident however
often it is reported:

    system = SystemIncidents.build(settings)
    system.report(tx, Failing("source:reddit", "reddit has not been read for 2 hours", why="401: token revoked"), now)
    system.recovered(tx, "source:reddit", now)
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from alerts.page import BRIEF, Page, to_json
from alerts.policy import Change, Decision
from alerts.runbooks import advice
from alerts.speak import Speaker, page_of
from config.settings import Settings
from storage import incidents
from storage.database import Transaction
from storage.records import SYSTEM, Alert, Incident, IncidentState, Reason, Severity, fingerprint

REOPEN_WITHIN = timedelta(minutes=30)
"""What fails again so soon after it was well is the same trouble, and goes on in the same thread."""
MOST_WORDS = 500
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True, slots=True)
class Failing:
    """What is wrong with the program: `topic` names what is ill, `why` says what happened and what to do."""

    topic: str
    headline: str
    why: str = ""
    severity: Severity = Severity.WARNING
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SystemIncidents:
    """Opens, raises and closes incidents about the program itself."""

    speaker: Speaker
    name: str = "tocsin"
    timezone: str = "UTC"
    public_url: str = ""
    runbooks: str = ""

    @classmethod
    def build(cls, settings: Settings, speaker: Speaker | None = None) -> Self:
        """Under one configuration."""
        general, runbooks = settings.general, settings.operations.runbooks or ""
        return cls(speaker or Speaker.build(settings), general.name, general.timezone, general.public_url, runbooks)

    def report(self, tx: Transaction, failing: Failing, at: datetime) -> Alert | None:
        """Say that something is wrong, as part of `tx`; what is known already is said again only when it is worse."""
        before = incidents.by_fingerprint(tx, fingerprint(SYSTEM, failing.topic))
        if before is None or not (before.state.is_live or _is_lately(before, at)):
            return self._open(tx, failing, at)
        if not before.state.is_live:
            return self._store(tx, before, _again(before, failing), Change.REOPENED, failing.why, at)
        if failing.severity.rank > before.severity.rank:
            return self._store(tx, before, _worse(before, failing), Change.ESCALATED, failing.why, at)
        return None

    def recovered(self, tx: Transaction, topic: str, at: datetime, why: str = "it works again") -> Alert | None:
        """Say that it is well again, as part of `tx`; nothing happens where nothing was wrong."""
        before = incidents.by_fingerprint(tx, fingerprint(SYSTEM, topic))
        if before is None or not before.state.is_live:
            return None
        return self._store(tx, before, replace(before, state=IncidentState.RESOLVED, resolved_at=at), _OVER, why, at)

    def forget(self, tx: Transaction, kind: str, configured: Collection[str], at: datetime) -> None:
        """End what is wrong with what is configured no more, of a kind that topics begin with: nothing else would."""
        for one in incidents.live(tx, SYSTEM):
            name = one.topic.removeprefix(kind)
            if one.topic.startswith(kind) and name not in configured:
                self.recovered(tx, one.topic, at, f"{name} is not configured any more")

    def update(
        self,
        tx: Transaction,
        topic: str,
        headline: str,
        lines: Sequence[str],
        news: str,
        at: datetime,
        facts: Mapping[str, Any] | None = None,
    ) -> Alert | None:
        """Bring what is known of a trouble that goes on up to date; people hear of it where there is `news`."""
        before = incidents.by_fingerprint(tx, fingerprint(SYSTEM, topic))
        if before is None or not before.state.is_live:
            return None
        known = {**before.facts, **(facts or {}), "lines": list(lines)}
        after = replace(before, headline=headline[:MOST_WORDS], facts=known)
        if after == before:
            return None
        return self._store(tx, before, after, Change.UPDATED if news else Change.HELD, news, at)

    def close(self, tx: Transaction, topic: str, at: datetime) -> None:
        """End it without a word: what was tried has been seen to work."""
        before = incidents.by_fingerprint(tx, fingerprint(SYSTEM, topic))
        if before is None or not before.state.is_live:
            return
        ended = replace(before, state=IncidentState.RESOLVED, resolved_at=at, version=before.version + 1)
        if incidents.update(tx, replace(ended, updated_at=max(at, before.updated_at)), before.version):
            incidents.append_event(tx, before.id, at, Change.RESOLVED.value, details={"episode": before.episode})

    def remark(
        self, tx: Transaction, topic: str, headline: str, kind: str, lines: Sequence[str], at: datetime
    ) -> Alert | None:
        """Tell the operators something that is no trouble and asks for nothing."""
        failing = Failing(topic, headline, severity=Severity.WATCH, facts={"lines": list(lines)})
        return self._remark(tx, failing, kind, at)

    def publish(self, tx: Transaction, topic: str, page: Page, channels: Sequence[str], at: datetime) -> Alert | None:
        """Tell these channels something that asks for nothing, as it stands in the page."""
        facts = {"page": to_json(page), "channels": list(channels)}
        headline = f"{page.brand}: {page.headline}"
        return self._remark(tx, Failing(topic, headline, severity=Severity.WATCH, facts=facts), page.kind, at)

    def _remark(self, tx: Transaction, failing: Failing, kind: str, at: datetime) -> Alert | None:
        said = replace(_new(failing, at), state=IncidentState.RESOLVED, kind=kind, resolved_at=at)
        if not incidents.insert(tx, said):
            return None
        decision = Decision(Reason.OPENED, said.headline, (), at)
        return self.speaker.say(tx, said, self.page(said, at), decision, [], at).alert

    def page(self, incident: Incident, at: datetime) -> Page:
        """What people are told of such an incident."""
        if stored := incident.facts.get("page"):
            kept = page_of(stored, incident)
            url = kept.url if kept.kind == BRIEF else self._url(incident)
            return replace(kept, at=at, incident_id=incident.id, url=url)
        return Page(
            headline=incident.headline,
            brand=self.name,
            severity=incident.severity,
            reason=Reason.UPDATE,
            incident_id=incident.id,
            at=at,
            began_at=incident.began_at,
            kind=incident.kind,
            state=incident.state,
            episode=incident.episode,
            opened_at=incident.opened_at,
            acknowledged_by=incident.acknowledged_by,
            acknowledged_at=incident.acknowledged_at,
            resolved_at=incident.resolved_at,
            why=(*_sentences(incident), *self._what_to_do(incident)),
            url=self._url(incident),
            timezone=self.timezone,
            drill=bool(incident.facts.get("drill")),
            is_own=True,
        )

    def unstored(self, failing: Failing, since: datetime, at: datetime) -> Page:
        """What people are told of a trouble that cannot be stored."""
        return replace(self.page(_new(failing, since), at), reason=Reason.OPENED, url="")

    def _what_to_do(self, incident: Incident) -> tuple[str, ...]:
        told = advice(incident.topic, self.runbooks) if incident.state.is_live else ""
        return (told,) if told else ()

    def _url(self, incident: Incident) -> str:
        return f"{self.public_url.rstrip('/')}/incidents/{incident.id}" if self.public_url else ""

    def _open(self, tx: Transaction, failing: Failing, at: datetime) -> Alert | None:
        new = _new(failing, at)
        if not incidents.insert(tx, new):
            return None  # another process said it in the same moment
        return self._tell(tx, new, Change.OPENED, failing.why, at)

    def _store(
        self, tx: Transaction, before: Incident, after: Incident, change: Change, why: str, at: datetime
    ) -> Alert | None:
        now = replace(after, version=before.version + 1, updated_at=max(at, before.updated_at))
        return self._tell(tx, now, change, why, at) if incidents.update(tx, now, before.version) else None

    def _tell(self, tx: Transaction, incident: Incident, change: Change, why: str, at: datetime) -> Alert | None:
        details = {"severity": incident.severity.value, "episode": incident.episode, "why": why[:MOST_WORDS]}
        if change is not Change.HELD:
            incidents.append_event(tx, incident.id, at, change.value, details=details)
        note = why[:MOST_WORDS] if change is not Change.OPENED else ""
        return self.speaker.speak(tx, incident, change, self.page(incident, at), at, note=note).alert


_OVER = Change.RESOLVED


def _new(failing: Failing, at: datetime) -> Incident:
    return Incident(
        id=_identity(failing.topic, at),
        brand=SYSTEM,
        fingerprint=fingerprint(SYSTEM, failing.topic),
        state=IncidentState.OPEN,
        severity=failing.severity,
        headline=failing.headline[:MOST_WORDS],
        began_at=at,
        opened_at=at,
        updated_at=at,
        topic=failing.topic,
        facts=_facts(failing),
    )


def _sentences(incident: Incident) -> tuple[str, ...]:
    told = incident.facts.get("lines") or [incident.facts.get("why")]
    return tuple(str(sentence) for sentence in told if sentence)


def _is_lately(before: Incident, at: datetime) -> bool:
    return at - (before.resolved_at or before.updated_at) < REOPEN_WITHIN


def _again(before: Incident, failing: Failing) -> Incident:
    return replace(
        before,
        state=IncidentState.OPEN,
        episode=before.episode + 1,
        severity=failing.severity,
        headline=failing.headline[:MOST_WORDS],
        resolved_at=None,
        acknowledged_at=None,
        acknowledged_by=None,
        facts=_facts(failing),
    )


def _worse(before: Incident, failing: Failing) -> Incident:
    free = replace(before, state=IncidentState.OPEN, acknowledged_at=None, acknowledged_by=None)
    return replace(free, severity=failing.severity, headline=failing.headline[:MOST_WORDS], facts=_facts(failing))


def _facts(failing: Failing) -> dict[str, Any]:
    return {**failing.facts, "why": failing.why[:MOST_WORDS]}


def _identity(topic: str, at: datetime) -> str:
    """A ULID like those of other incidents: the time, and a hash of what it is about."""
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256(f"{SYSTEM}\x1f{topic}\x1f{milliseconds}".encode()).digest()
    number = (milliseconds << 80) | int.from_bytes(digest[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
