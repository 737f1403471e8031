"""A story: an incident on its way through a tick, and the signals that join it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from monitor.signals import (
    BRAND_WIDE,
    beginning_of,
    headline_of,
    is_about_one_post,
    line_of,
    origin_of,
    strongest_first,
    terms_of,
    threads_of,
    why_of,
)
from monitor.transitions import Change, CorrelationSettings, Transition, ended_at, incident_id
from storage.records import Incident, IncidentState, PostKey, Severity, Signal, fingerprint

STRONGER = 1.25
"""Growth of a surprise that is remembered."""
GROWN = 1.5
"""How much larger an ended story must come back to be told again."""
TERMS = 16
THREADS = 50
LISTS = ("topics", "threads", "kinds", "terms")
EVIDENCE = 30
LOOKED_BACK = timedelta(hours=6)
"""How much earlier than a story a finding may begin whose sources are said to be those that it spreads to."""
"""Posts that an incident keeps as its evidence."""


class Story:
    """An incident on its way through a tick: as it was, and the signals that joined it."""

    def __init__(self, incident: Incident, before: Incident | None) -> None:
        self.incident = incident
        self.before = before
        self.signals: list[Signal] = []
        self.absorbed: list[Incident] = []
        self.merged_into: Incident | None = None

    def takes(self, signal: Signal, settings: CorrelationSettings) -> int:
        """How well a signal fits: 0 not at all, more for a closer match."""
        if signal.brand != self.incident.brand:
            return 0
        topics = {*_listed(self.incident, "topics"), *(one.topic for one in self.signals)}
        threads = {*_listed(self.incident, "threads"), *(name for one in self.signals for name in threads_of(one))}
        evidence = {*self.incident.evidence, *(key for one in self.signals for key in one.evidence)}
        kinds = {*_listed(self.incident, "kinds"), *(one.kind for one in self.signals)}
        if signal.topic in topics:
            return 4
        if (
            not threads.isdisjoint(threads_of(signal))
            or _overlap(signal.evidence, evidence) >= settings.shared_evidence
        ):
            return 3
        if (signal.kind and signal.kind in kinds) or self._shares_terms(signal, settings):
            return 2
        return 1 if signal.topic == BRAND_WIDE else 0

    def is_twin(self, signal: Signal) -> bool:
        """Whether the incident opens at this very tick by another kind of harm: one event is spoken of in many ways."""
        return (
            self.before is None
            and self.incident.brand == signal.brand
            and not is_about_one_post(self.incident.topic)
            and not is_about_one_post(signal.topic)
        )

    def _shares_terms(self, signal: Signal, settings: CorrelationSettings) -> bool:
        """Whether the words that make it one story are partly the same: one story goes by several kinds of harm."""
        mine = {*_listed(self.incident, "terms"), *(term for one in self.signals for term in terms_of(one))}
        theirs = set(terms_of(signal))
        return len(mine & theirs) >= min(settings.shared_terms, len(mine), len(theirs)) > 0

    def may_reopen(self, signal: Signal, at: datetime, settings: CorrelationSettings) -> bool:
        """Whether a signal that fits an ended story is to be told: it came back at once, or it is worse than it was."""
        ended = self.incident
        if ended.state is not IncidentState.FALSE_ALARM and at - ended_at(ended) <= settings.reopen_window:
            return True
        return signal.severity.rank > ended.severity.rank or _has_grown(ended, signal)

    def transition(
        self, at: datetime, settings: CorrelationSettings, coverage: Mapping[str, float]
    ) -> Transition | None:
        """What the tick made of the incident; `None` when nothing."""
        if self.merged_into is not None:
            return self._merged_away(self.merged_into, at)
        if not self.signals:
            return self._without_a_sign(at, settings, coverage)
        self.signals.sort(key=strongest_first)
        ringing = tuple(signal for signal in self.signals if signal.surprise >= 1.0)
        change, why = self._change(ringing, at, settings)
        if self.absorbed and change in (Change.HELD, Change.JOINED):
            change, why = Change.UPDATED, f"one story with: {self.absorbed[0].headline}"
        if change is Change.HELD:
            held = replace(self.incident, updated_at=at, version=self.incident.version + 1)
            return Transition(Change.HELD, held, self.before, at)
        incident = self.incident
        for other in self.absorbed:
            incident = joined(incident, other)
        merged = _merged(incident, ringing or tuple(self.signals), change, at, settings)
        return Transition(change, merged, self.before, at, ringing, why)

    def _merged_away(self, into: Incident, at: datetime) -> Transition:
        ended = replace(
            self.incident,
            state=IncidentState.RESOLVED,
            resolved_at=at,
            updated_at=at,
            version=self.incident.version + 1,
            facts={**self.incident.facts, "merged_into": into.id},
        )
        return Transition(Change.RESOLVED, ended, self.before, at, why=f"it is the same story as: {into.headline}")

    def _without_a_sign(
        self, at: datetime, settings: CorrelationSettings, coverage: Mapping[str, float]
    ) -> Transition | None:
        incident = self.incident
        if not incident.state.is_live:
            return None
        if not _is_read(incident, coverage):
            unseen = replace(incident, updated_at=at, version=incident.version + 1)
            return Transition(Change.HELD, unseen, incident, at)
        holds_for = timedelta(seconds=float(incident.facts.get("holds_for", 0.0)))
        if at - incident.updated_at < max(clears_after(len(returns(incident, at, settings)), settings), holds_for):
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
        waves = (signal for signal in ringing if signal.facts.get("is_sudden") and line_of(signal) in told)
        return next(
            (one for one in waves if at.timestamp() - told[line_of(one)][2] >= settings.wave_after.total_seconds()),
            None,
        )

    def _change(self, ringing: Sequence[Signal], at: datetime, settings: CorrelationSettings) -> tuple[Change, str]:
        if not ringing:
            return Change.HELD, ""
        lead = ringing[0]
        if self.before is None:
            return Change.OPENED, why_of(lead)
        if not self.before.state.is_live:
            return Change.REOPENED, f"it is back{_how_often(self.before, at, settings)}: {why_of(lead)}"
        return self._change_of_live(self.before, ringing, at, settings)

    def _change_of_live(
        self, before: Incident, ringing: Sequence[Signal], at: datetime, settings: CorrelationSettings
    ) -> tuple[Change, str]:
        severity = _severity(before, ringing, settings)
        if severity.rank > before.severity.rank:
            return Change.ESCALATED, f"now {severity.value}: {why_of(ringing[0])}"
        wave = self._wave(ringing, at, settings)
        if wave is not None:
            return Change.REOPENED, f"it flares up again: {why_of(wave)}"
        news = _news(before, ringing, settings)
        if news:
            return Change.UPDATED, news
        return Change.JOINED if _is_stronger(before, ringing) else Change.HELD, ""


def returns(incident: Incident, at: datetime, settings: CorrelationSettings) -> list[float]:
    """When a story came back after its end, as far as that is not long ago."""
    since = (at - settings.quiet_for).timestamp()
    return [moment for moment in _listed(incident, "returns") if float(moment) > since]


def clears_after(times: int, settings: CorrelationSettings) -> timedelta:
    """How long a story that came back so many times is to be quiet before it is over.

    What comes and goes is one thing that lasts: nobody is to be paged each time that it comes, so each return doubles
    the wait. It never delays that something is told as worse.
    """
    longest = max(settings.clear_for, settings.longest_clear)
    return min(settings.clear_for * (1 << min(times, 16)), longest)


def _how_often(before: Incident, at: datetime, settings: CorrelationSettings) -> str:
    """How often a story came back, where it is not for the first time, and what that means for its end."""
    times = len(returns(before, at, settings)) + 1
    if times < 2:
        return ""
    wait = clears_after(times, settings).total_seconds() / 3600
    hours = settings.quiet_for.total_seconds() / 3600
    return f" ({times} times in {hours:g} hours, so it is over only after {wait:g} hours without a sign)"


def opened(signal: Signal, at: datetime) -> Story:
    name = fingerprint(signal.brand, signal.topic)
    incident = Incident(
        id=incident_id(name, at),
        brand=signal.brand,
        fingerprint=name,
        state=IncidentState.OPEN,
        severity=signal.severity,
        headline="",
        began_at=beginning_of(signal),
        opened_at=at,
        updated_at=at,
        topic=signal.topic,
        version=0,
    )
    story = Story(incident, None)
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
    earliest = _beginning(incident, ringing)
    is_earlier = earliest is not None and beginning_of(earliest) < incident.began_at
    began_at = min(incident.began_at, beginning_of(earliest)) if earliest else incident.began_at
    begins = earliest if is_earlier else _first_of(ringing, began_at) if incident.origin is None else None
    return replace(
        incident,
        state=IncidentState.OPEN if is_worse else incident.state,
        severity=severity,
        headline=headline_of(ringing[0]) if tells else incident.headline,
        kind=incident.kind or next((one.kind for one in ringing if one.kind), ""),
        began_at=began_at,
        origin=origin_of(begins) if begins else incident.origin,
        updated_at=at,
        resolved_at=None,
        episode=incident.episode + 1 if is_new_episode else incident.episode,
        version=incident.version + 1,
        sources=tuple(sorted({*incident.sources, *(source for one in ringing for source in one.sources)})),
        evidence=_evidence(incident, ringing),
        facts=_facts(incident, ringing, severity)
        | ({"told_at": at.timestamp()} if is_worse else {})
        | ({"returns": [*returns(incident, at, settings), at.timestamp()]} if is_back else {}),
    )


def _beginning(incident: Incident, ringing: Sequence[Signal]) -> Signal | None:
    """The signal that knows best where it began, None where none knows more than the incident.

    One about the brand as a whole counts everything in its window, a day at most: what was said first in it tells where
    it began only while nothing more is known, or every incident would have begun on the day before.
    """
    telling = [one for one in ringing if one.topic != BRAND_WIDE]
    candidates = telling or (ringing if incident.origin is None else [])
    return min(candidates, key=beginning_of, default=None)


def _first_of(ringing: Sequence[Signal], began_at: datetime) -> Signal | None:
    """The signal that tells where a story began of which only the moment is known: one that began then, and that is
    rather about a subject than about the brand as a whole."""
    return min(ringing, key=lambda one: (abs(beginning_of(one) - began_at), one.topic == BRAND_WIDE), default=None)


def joined(incident: Incident, other: Incident) -> Incident:
    """The incident with what was known of another one that is the same story."""
    known = {name: list(dict.fromkeys([*_listed(incident, name), *_listed(other, name)])) for name in LISTS}
    is_earlier = other.began_at < incident.began_at
    return replace(
        incident,
        severity=max(incident.severity, other.severity, key=_rank),
        began_at=min(incident.began_at, other.began_at),
        origin=other.origin if is_earlier else incident.origin,
        sources=tuple(sorted({*incident.sources, *other.sources})),
        evidence=tuple(dict.fromkeys([*incident.evidence, *other.evidence]))[:EVIDENCE],
        facts={**incident.facts, **known, "told": {**other.facts.get("told", {}), **incident.facts.get("told", {})}},
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
    before = told.get(line_of(signal))
    if ended.state is IncidentState.FALSE_ALARM:
        return False
    return before is not None and signal.observed >= GROWN * before[0]


def _news(before: Incident, ringing: Sequence[Signal], settings: CorrelationSettings) -> str:
    """What is material and new, in a sentence; empty when nothing is."""
    sources = sorted({source for one in ringing for source in one.sources} - set(before.sources))
    if sources:
        # What a finding counts that looks back for a day may be older than the story.
        late = [one for one in ringing if beginning_of(one) >= before.began_at - LOOKED_BACK]
        spread = [source for source in sources if any(source in one.sources for one in late)]
        return f"it has spread to {', '.join(spread)}" if spread else f"{', '.join(sources)} counts into it, too"
    told: Mapping[str, Sequence[float]] = before.facts.get("told", {})
    for one in ringing:
        earlier = told.get(line_of(one))
        if earlier is not None and one.observed >= settings.material_growth * earlier[0]:
            return f"it has grown from {earlier[0]:g} to {one.observed:g} {one.unit}"
    return ""


def _is_stronger(before: Incident, ringing: Sequence[Signal]) -> bool:
    """Whether a detector sees it for the first time, or clearly more of it than when it was last remembered."""
    told: Mapping[str, Sequence[float]] = before.facts.get("told", {})
    return any(line_of(one) not in told or one.surprise >= STRONGER * told[line_of(one)][1] for one in ringing)


def _facts(incident: Incident, ringing: Sequence[Signal], severity: Severity) -> dict[str, Any]:
    told = dict(incident.facts.get("told", {}))
    for one in ringing:
        observed, surprise, _ = told.get(line_of(one), (0.0, 0.0, 0.0))
        told[line_of(one)] = [max(observed, one.observed), max(surprise, one.surprise), one.at.timestamp()]
    kinds = {*_listed(incident, "kinds"), *(one.kind for one in ringing if one.kind)}
    holds_for = max(float(one.facts.get("holds_for", 0.0)) for one in ringing)
    terms = [term for one in ringing for term in terms_of(one)]
    threads = [*_listed(incident, "threads"), *(name for one in ringing for name in threads_of(one))]
    return {
        "topics": sorted({*_listed(incident, "topics"), *(one.topic for one in ringing)}),
        "threads": list(dict.fromkeys(threads))[:THREADS],
        "kinds": sorted(kinds),
        "told": told,
        "holds_for": max(holds_for, float(incident.facts.get("holds_for", 0.0))),
        "terms": list(dict.fromkeys([*terms, *incident.facts.get("terms", ())]))[:TERMS],
        "severity_why": _severity_why(ringing, severity, incident),
        "told_at": incident.facts.get("told_at", incident.opened_at.timestamp()),
        **{name: incident.facts[name] for name in ("returns",) if name in incident.facts},
    }


def _severity_why(ringing: Sequence[Signal], severity: Severity, incident: Incident) -> str:
    """Why it is as bad as it is, in a sentence; the earlier one while nothing worse was said."""
    leading = next((one for one in ringing if one.severity is severity), None)
    if leading is None:
        return str(incident.facts.get("severity_why", "")) or f"{severity.value}: carried by many sources"
    return f"{severity.value}: {why_of(leading)}"


def _evidence(incident: Incident, ringing: Sequence[Signal]) -> tuple[PostKey, ...]:
    return tuple(dict.fromkeys([*(key for one in ringing for key in one.evidence), *incident.evidence]))[:EVIDENCE]


def _listed(incident: Incident, name: str) -> Sequence[Any]:
    listed: Sequence[Any] = incident.facts.get(name, ())
    return listed


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
