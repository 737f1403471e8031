"""What is decided: signals, incidents, and what people made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from storage.records.reading import PostKey


class Severity(StrEnum):
    """How bad an incident is: `watch` is a notice, `warning` and `critical` interrupt people."""

    WATCH = "watch"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for watch, 1 for warning, 2 for critical."""
        return _SEVERITY_RANK[self]


_SEVERITY_RANK = {Severity.WATCH: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}


class IncidentState(StrEnum):
    """Life cycle of an incident (docs/incidents.md)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"

    @property
    def is_live(self) -> bool:
        """Whether the incident still goes on."""
        return self in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)


class Verdict(StrEnum):
    """What people say of an incident afterwards; thresholds are tuned by it (storage/verdicts.py)."""

    REAL = "real"
    FALSE_ALARM = "false_alarm"
    DUPLICATE = "duplicate"
    """Of another incident, which told it first."""
    NOT_ABOUT_US = "not_about_us"


@dataclass(frozen=True, slots=True)
class Signal:
    """One detector's finding about one brand at the tick `at`.

    `observed` was counted in `[window_start, window_end)`, where `expected` (with the interval `low`…`high`) was usual;
    `surprise` is the detector's own strength, 1.0 being its threshold, so that detectors compare. `topic` names what it
    is about (a thread, a story, or the brand as a whole); `evidence` are the posts it rests on, most telling first.
    `facts` hold what the explanation needs beside, JSON types only.
    """

    brand: str
    detector: str
    version: str
    at: datetime
    window_start: datetime
    window_end: datetime
    observed: float
    expected: float
    low: float
    high: float
    surprise: float
    severity: Severity
    unit: str = "voices"
    topic: str = ""
    kind: str = ""
    sources: tuple[str, ...] = ()
    evidence: tuple[PostKey, ...] = ()
    coverage: float = 1.0
    facts: Mapping[str, Any] = field(default_factory=dict)


SYSTEM = ""
"""The brand of incidents that are about the program itself (alerts/system.py)."""
COUNTED_AS = "counted_as"
"""The fact that names the brand whose counts made an incident, where people moved it to another."""


@dataclass(frozen=True, slots=True)
class Incident:
    """What people are talking about. `began_at` is the event time of its first evidence, `opened_at` the event time of
    the decision; `version` rises with every stored change, `episode` with every reopening."""

    id: str
    brand: str
    fingerprint: str
    state: IncidentState
    severity: Severity
    headline: str
    began_at: datetime
    opened_at: datetime
    updated_at: datetime
    kind: str = ""
    topic: str = ""
    episode: int = 1
    version: int = 1
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    origin: PostKey | None = None
    sources: tuple[str, ...] = ()
    evidence: tuple[PostKey, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_system(self) -> bool:
        """Whether it is about the program itself; detection knows nothing of it."""
        return self.brand == SYSTEM

    @property
    def counted_as(self) -> str:
        """The brand whose counts made it; another one than `brand` where people said that it is about that."""
        return str(self.facts.get(COUNTED_AS, self.brand))


@dataclass(frozen=True, slots=True)
class Part:
    """What was split off an incident: the incident `into` which it went, and the posts, threads (as topics:
    `thread:SOURCE:ID`) and words that went along."""

    into: str
    posts: tuple[PostKey, ...] = ()
    threads: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Casework:
    """What people made of an incident beside taking and ending it, as its timeline says (monitor/casework.py).

    `merged_into` is the incident that it is part of, and `is_member` whether it adds to it (what was split off and put
    back does not); `merged_episode` is its episode at that moment. `headline`, `kind` and `severity` are corrections,
    `severity_then` what detection said when the severity was corrected. `parts` were split off it. `detected` is the
    incident as detection knows it, kept once the incident that people see differs from that.
    """

    incident_id: str
    assigned_to: str | None = None
    tags: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    merged_into: str | None = None
    is_member: bool = False
    merged_episode: int = 1
    split_from: str | None = None
    headline: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    severity_then: Severity | None = None
    parts: tuple[Part, ...] = ()
    detected: Incident | None = None


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One line of an incident's timeline; `(incident_id, seq)` is unique and gap-free."""

    incident_id: str
    seq: int
    at: datetime
    kind: str
    actor: str = "tocsin"
    details: Mapping[str, Any] = field(default_factory=dict)


def fingerprint(brand: str, topic: str) -> str:
    """Identity of what an incident is about: no counts, no times, no severity."""
    return hashlib.sha256(f"v1\x1f{brand}\x1f{topic}".encode()).hexdigest()[:32]
