"""How signals become incidents: what happened to whom, how bad it is, and when it is over.

`correlate` is a pure function of the incidents known, the signals of one tick and the tick's time. It never reads a
clock or a database, so the same history gives the same incidents whatever the batching or the restarts.

Detectors say at every tick what is the case; here that becomes what changed. One story is one incident, however many
detectors see it on however many sources, and people hear of it again only when it is really worse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from storage.records import Incident, IncidentState, PostKey, Severity, Signal, fingerprint

if TYPE_CHECKING:
    from config.settings import Settings


class Change(StrEnum):
    """What happened to an incident at a tick."""

    OPENED = "opened"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    """Severity went up."""
    UPDATED = "updated"
    """Something material to tell without being worse: twice the volume, another source, a new kind of trouble."""
    JOINED = "joined"
    """A further signal belongs to it; nothing that people need to be told at once."""
    HELD = "held"
    """Still going on: only the time of the last sign changed."""
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one incident at the tick `at`.

    `incident` is the incident after the change (its `version` is that of `before` plus one), `before` as it was known
    (`None` when opened), `signals` the ringing signals that belong to the change and are to be stored with it. `why`
    says in one sentence what changed.
    """

    change: Change
    incident: Incident
    before: Incident | None
    at: datetime
    signals: tuple[Signal, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class CorrelationSettings:
    """When signals belong together, and when an incident is over."""

    clear_for: timedelta = timedelta(minutes=30)
    """An incident is resolved after this long without a sign above the clear level; a detector may ask for longer."""
    reopen_window: timedelta = timedelta(minutes=30)
    """A signal this soon after the end reopens the incident as its next episode."""
    quiet_for: timedelta = timedelta(hours=24)
    """For this long after the end, or after people called it a false alarm, the same story is told again only when it
    is worse or clearly larger than it was."""
    wave_after: timedelta = timedelta(hours=20)
    """A story that goes on is told anew when a crowd comes back to it this long after the last one, and half of that
    after it was last told as new or worse."""
    material_growth: float = 2.0
    """Growth since it was last told, as a factor, that is worth an update."""
    shared_evidence: float = 0.3
    """Share of the smaller evidence that two stories must have in common to be one."""
    critical_sources: int = 3
    """Sources that carry a warning from which it is critical."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the operator configured it."""
        return cls(material_growth=settings.alerting.material_growth)


STRONGER = 1.25
"""Growth of a surprise that is remembered."""
GROWN = 1.5
"""How much larger an ended story must come back to be told again."""
TERMS = 12
BRAND_WIDE = ""
"""Topic of signals about the brand as a whole; they join whatever is going on about it."""
EVIDENCE = 30
"""Posts that an incident keeps as its evidence."""


def correlate(
    known: Sequence[Incident],
    signals: Sequence[Signal],
    at: datetime,
    settings: CorrelationSettings | None = None,
    coverage: Mapping[str, float] | None = None,
) -> list[Transition]:
    """Join the signals of the tick `at` to what is known, and say what changed.

    `known` holds the live incidents and those that ended lately (`is_known` tells which), in any order. It must be
    called at every tick while anything is known, with no signals too: that is how incidents end. `coverage` is the
    tick's; nothing is resolved while the sources of the incident are not read. At most one transition per incident,
    sorted by incident id.
    """
    chosen = settings or CorrelationSettings()
    stories = [_Story(incident, incident) for incident in sorted(known, key=lambda incident: incident.id)]
    for signal in sorted(signals, key=_strongest_first):
        _place(stories, signal, at, chosen)
    transitions = (story.transition(at, chosen, coverage or {}) for story in stories)
    return sorted((one for one in transitions if one is not None), key=lambda one: one.incident.id)


def is_known(incident: Incident, at: datetime, settings: CorrelationSettings | None = None) -> bool:
    """Whether `correlate` needs the incident at `at`: it is live, or ended so lately that the story may come back."""
    chosen = settings or CorrelationSettings()
    return incident.state.is_live or at - _ended_at(incident) <= max(chosen.reopen_window, chosen.quiet_for)


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def incident_id(fingerprint: str, at: datetime) -> str:
    """Identity of an incident, a ULID: its time is that of the decision, its randomness a hash of what it is about."""
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256(f"{fingerprint}\x1f{milliseconds}".encode()).digest()
    number = (milliseconds << 80) | int.from_bytes(digest[:10], "big")
    return "".join(_CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))


class _Story:
    """An incident on its way through a tick: as it was, and the signals that joined it."""

    def __init__(self, incident: Incident, before: Incident | None) -> None:
        self.incident = incident
        self.before = before
        self.signals: list[Signal] = []

    def takes(self, signal: Signal, settings: CorrelationSettings) -> int:
        """How well a signal fits: 0 not at all, more for a closer match."""
        if signal.brand != self.incident.brand:
            return 0
        topics = {*self.incident.facts.get("topics", ()), *(one.topic for one in self.signals)}
        evidence = {*self.incident.evidence, *(key for one in self.signals for key in one.evidence)}
        kinds = {*self.incident.facts.get("kinds", ()), *(one.kind for one in self.signals)}
        if signal.topic in topics:
            return 4
        if signal.evidence and _overlap(signal.evidence, evidence) >= settings.shared_evidence:
            return 3
        if signal.kind and signal.kind in kinds:
            return 2
        return 1 if signal.topic == BRAND_WIDE else 0

    def may_reopen(self, signal: Signal, at: datetime, settings: CorrelationSettings) -> bool:
        """Whether a signal that fits an ended story is to be told: it came back at once, or it is worse than it was."""
        ended = self.incident
        if ended.state is not IncidentState.FALSE_ALARM and at - _ended_at(ended) <= settings.reopen_window:
            return True
        return signal.severity.rank > ended.severity.rank or _has_grown(ended, signal)

    def transition(
        self, at: datetime, settings: CorrelationSettings, coverage: Mapping[str, float]
    ) -> Transition | None:
        """What the tick made of the incident; `None` when nothing."""
        if not self.signals:
            return self._without_a_sign(at, settings, coverage)
        ringing = tuple(signal for signal in self.signals if signal.surprise >= 1.0)
        change, why = self._change(ringing, at, settings)
        if change is Change.HELD:
            held = replace(self.incident, updated_at=at, version=self.incident.version + 1)
            return Transition(Change.HELD, held, self.before, at)
        merged = _merged(self.incident, ringing, change, at, settings)
        return Transition(change, merged, self.before, at, ringing, why)

    def _without_a_sign(
        self, at: datetime, settings: CorrelationSettings, coverage: Mapping[str, float]
    ) -> Transition | None:
        incident = self.incident
        if not incident.state.is_live:
            return None
        if not _is_read(incident, coverage):
            unseen = replace(incident, updated_at=at, version=incident.version + 1)
            return Transition(Change.HELD, unseen, incident, at)
        holds_for = max(settings.clear_for, timedelta(seconds=float(incident.facts.get("holds_for", 0.0))))
        if at - incident.updated_at < holds_for:
            return None
        ended = replace(
            incident, state=IncidentState.RESOLVED, resolved_at=at, updated_at=at, version=incident.version + 1
        )
        why = f"no further sign of it since {incident.updated_at:%H:%M} UTC"
        return Transition(Change.RESOLVED, ended, incident, at, why=why)

    def _wave(self, ringing: Sequence[Signal], at: datetime, settings: CorrelationSettings) -> Signal | None:
        """The signal of a new wave: a crowd comes back to a story that people heard of long ago."""
        told_at = float(self.incident.facts.get("told_at", self.incident.opened_at.timestamp()))
        if at.timestamp() - told_at < settings.wave_after.total_seconds() / 2:
            return None
        told = self.incident.facts.get("told", {})
        waves = (signal for signal in ringing if signal.facts.get("is_sudden") and _line(signal) in told)
        return next(
            (one for one in waves if at.timestamp() - told[_line(one)][2] >= settings.wave_after.total_seconds()), None
        )

    def _change(self, ringing: Sequence[Signal], at: datetime, settings: CorrelationSettings) -> tuple[Change, str]:
        if not ringing:
            return Change.HELD, ""
        lead = ringing[0]
        if self.before is None:
            return Change.OPENED, _why(lead)
        if not self.before.state.is_live:
            return Change.REOPENED, f"it is back: {_why(lead)}"
        return self._change_of_live(self.before, ringing, at, settings)

    def _change_of_live(
        self, before: Incident, ringing: Sequence[Signal], at: datetime, settings: CorrelationSettings
    ) -> tuple[Change, str]:
        severity = _severity(before, ringing, settings)
        if severity.rank > before.severity.rank:
            return Change.ESCALATED, f"now {severity.value}: {_why(ringing[0])}"
        wave = self._wave(ringing, at, settings)
        if wave is not None:
            return Change.REOPENED, f"it flares up again: {_why(wave)}"
        news = _news(before, ringing, settings)
        if news:
            return Change.UPDATED, news
        return (Change.JOINED, _why(ringing[0])) if _is_stronger(before, ringing) else (Change.HELD, "")


def _place(stories: list[_Story], signal: Signal, at: datetime, settings: CorrelationSettings) -> None:
    """Give the signal to the story it belongs to, or open one, or drop it when there is nothing to tell."""
    fitting = [(story.takes(signal, settings), story) for story in stories]
    fitting = [(fit, story) for fit, story in fitting if fit]
    live = [(fit, story) for fit, story in fitting if story.incident.state.is_live]
    if live:
        _best(live).signals.append(signal)
    elif signal.surprise >= 1.0 and not fitting:
        stories.append(_opened(signal, at))
    elif signal.surprise >= 1.0:
        ended = _best(fitting)
        if ended.may_reopen(signal, at, settings):
            ended.signals.append(signal)


def _best(fitting: Iterable[tuple[int, _Story]]) -> _Story:
    """The closest match; of equals the one that was opened last."""
    return max(fitting, key=lambda pair: (pair[0], pair[1].incident.opened_at, pair[1].incident.id))[1]


def _opened(signal: Signal, at: datetime) -> _Story:
    name = fingerprint(signal.brand, signal.topic)
    incident = Incident(
        id=incident_id(name, at),
        brand=signal.brand,
        fingerprint=name,
        state=IncidentState.OPEN,
        severity=signal.severity,
        headline="",
        began_at=_began_at(signal),
        opened_at=at,
        updated_at=at,
        topic=signal.topic,
        version=0,
    )
    story = _Story(incident, None)
    story.signals.append(signal)
    return story


def _merged(
    incident: Incident, ringing: Sequence[Signal], change: Change, at: datetime, settings: CorrelationSettings
) -> Incident:
    """The incident with the signals in it; `ringing` is sorted, the strongest first."""
    is_new_episode = change is Change.REOPENED
    is_back = is_new_episode and not incident.state.is_live
    severity = max((one.severity for one in ringing), key=_rank) if is_back else _severity(incident, ringing, settings)
    is_worse = change in (Change.OPENED, Change.REOPENED, Change.ESCALATED)
    tells = is_worse or (change is Change.UPDATED and ringing[0].severity.rank >= severity.rank)
    earliest = min(ringing, key=_began_at)
    is_earlier = incident.origin is None or _began_at(earliest) < incident.began_at
    return replace(
        incident,
        state=IncidentState.OPEN if is_worse else incident.state,
        severity=severity,
        headline=_headline(ringing[0]) if tells else incident.headline,
        kind=incident.kind or next((one.kind for one in ringing if one.kind), ""),
        began_at=min(incident.began_at, _began_at(earliest)),
        origin=_origin(earliest) if is_earlier else incident.origin,
        updated_at=at,
        resolved_at=None,
        episode=incident.episode + 1 if is_new_episode else incident.episode,
        version=incident.version + 1,
        sources=tuple(sorted({*incident.sources, *(source for one in ringing for source in one.sources)})),
        evidence=_evidence(incident, ringing),
        facts=_facts(incident, ringing, severity) | ({"told_at": at.timestamp()} if is_worse else {}),
    )


def _severity(incident: Incident, ringing: Sequence[Signal], settings: CorrelationSettings) -> Severity:
    """The worst of what was and what is; a warning that many sources carry is critical."""
    worst = max((incident.severity, *(one.severity for one in ringing)), key=_rank)
    sources = {*incident.sources, *(source for one in ringing for source in one.sources)}
    if worst is Severity.WARNING and len(sources) >= settings.critical_sources:
        return Severity.CRITICAL
    return worst


def _has_grown(ended: Incident, signal: Signal) -> bool:
    """Whether a signal shows more than was ever seen of the story while it lasted."""
    told: Mapping[str, Sequence[float]] = ended.facts.get("told", {})
    before = told.get(_line(signal))
    if ended.state is IncidentState.FALSE_ALARM:
        return False
    return before is not None and signal.observed >= GROWN * before[0]


def _news(before: Incident, ringing: Sequence[Signal], settings: CorrelationSettings) -> str:
    """What is material and new, in a sentence; empty when nothing is."""
    sources = sorted({source for one in ringing for source in one.sources} - set(before.sources))
    if sources:
        return f"it has spread to {', '.join(sources)}"
    kinds = {one.kind for one in ringing if one.kind} - set(before.facts.get("kinds", ()))
    if kinds:
        return f"it is now also about {', '.join(sorted(kinds)).replace('_', ' ')}"
    told: Mapping[str, Sequence[float]] = before.facts.get("told", {})
    for one in ringing:
        earlier = told.get(_line(one))
        if earlier is not None and one.observed >= settings.material_growth * earlier[0]:
            return f"it has grown from {earlier[0]:g} to {one.observed:g} {one.unit}"
    return ""


def _is_stronger(before: Incident, ringing: Sequence[Signal]) -> bool:
    """Whether a detector sees it for the first time, or clearly more of it than when it was last remembered."""
    told: Mapping[str, Sequence[float]] = before.facts.get("told", {})
    return any(_line(one) not in told or one.surprise >= STRONGER * told[_line(one)][1] for one in ringing)


def _facts(incident: Incident, ringing: Sequence[Signal], severity: Severity) -> dict[str, Any]:
    told = dict(incident.facts.get("told", {}))
    for one in ringing:
        observed, surprise, _ = told.get(_line(one), (0.0, 0.0, 0.0))
        told[_line(one)] = [max(observed, one.observed), max(surprise, one.surprise), one.at.timestamp()]
    kinds = {*incident.facts.get("kinds", ()), *(one.kind for one in ringing if one.kind)}
    holds_for = max(float(one.facts.get("holds_for", 0.0)) for one in ringing)
    terms = [term for one in ringing for term in one.facts.get("terms", ())]
    return {
        "topics": sorted({*incident.facts.get("topics", ()), *(one.topic for one in ringing)}),
        "kinds": sorted(kinds),
        "told": told,
        "holds_for": max(holds_for, float(incident.facts.get("holds_for", 0.0))),
        "terms": list(dict.fromkeys([*terms, *incident.facts.get("terms", ())]))[:TERMS],
        "severity_why": _severity_why(ringing, severity, incident),
        "told_at": incident.facts.get("told_at", incident.opened_at.timestamp()),
    }


def _severity_why(ringing: Sequence[Signal], severity: Severity, incident: Incident) -> str:
    """Why it is as bad as it is, in a sentence; the earlier one while nothing worse was said."""
    leading = next((one for one in ringing if one.severity is severity), None)
    if leading is None:
        return str(incident.facts.get("severity_why", "")) or f"{severity.value}: carried by many sources"
    return f"{severity.value}: {_why(leading)}"


def _evidence(incident: Incident, ringing: Sequence[Signal]) -> tuple[PostKey, ...]:
    return tuple(dict.fromkeys([*(key for one in ringing for key in one.evidence), *incident.evidence]))[:EVIDENCE]


def _headline(signal: Signal) -> str:
    return f"{signal.brand}: {signal.facts.get('headline') or _why(signal)}"


def _why(signal: Signal) -> str:
    said = signal.facts.get("why")
    return str(said) if said else f"{signal.observed:g} {signal.unit} where {signal.expected:g} would be usual"


def _began_at(signal: Signal) -> datetime:
    began = signal.facts.get("began_at")
    return datetime.fromtimestamp(float(began), UTC) if began is not None else signal.window_start


def _origin(signal: Signal) -> PostKey | None:
    origin = signal.facts.get("origin")
    if origin:
        return (str(origin[0]), str(origin[1]))
    return signal.evidence[0] if signal.evidence else None


def _line(signal: Signal) -> str:
    """Under which name a signal's numbers are remembered."""
    return f"{signal.detector}:{signal.topic}"


def _strongest_first(signal: Signal) -> tuple[str, int, float, str, str]:
    return (signal.brand, -signal.severity.rank, -signal.surprise, signal.detector, signal.topic)


def _rank(severity: Severity) -> int:
    return severity.rank


def _overlap(mine: Sequence[PostKey], others: set[PostKey]) -> float:
    """The share of the smaller evidence that both have."""
    smaller = min(len(set(mine)), len(others))
    return len(others.intersection(mine)) / smaller if smaller else 0.0


def _is_read(incident: Incident, coverage: Mapping[str, float]) -> bool:
    """Whether at least half of the incident's sources is read; with none known, of all sources."""
    shares = [coverage[source] for source in incident.sources if source in coverage] or list(coverage.values())
    return not shares or sum(shares) / len(shares) >= 0.5


def _ended_at(incident: Incident) -> datetime:
    return incident.resolved_at or incident.updated_at
