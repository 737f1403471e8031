"""Which incidents of several configurations are the same story, and which of them people have judged.

Two incidents of one brand are the same story when they overlap in time and one subject of theirs is the same (a post, a
thread, a kind of trouble), or when one of them is about the brand as a whole: the rule by which a signal joins an
incident (monitor/incidents.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.backtest.course import LOUD, Course, Outcome
from monitor.signals import BRAND_WIDE
from storage import incidents as incident_store
from storage import verdicts as verdict_store
from storage.database import Database, Transaction
from storage.records import Incident, IncidentEvent, Severity, Verdict

SLACK = timedelta(hours=1)
"""Incidents this far apart may still be the same story."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A story by one incident that tells it: a judged one from the database, or one that a configuration has.

    `paged_at` is when it interrupted people there, `ends_at` when it was over (the end of history while it goes on).
    """

    outcome: Outcome
    ends_at: datetime
    verdict: Verdict | None = None

    @property
    def incident(self) -> Incident:
        """The incident itself."""
        return self.outcome.incident

    @property
    def began_at(self) -> datetime:
        """When the story began, by its first evidence, and the decision at the latest."""
        return min(self.incident.began_at, self.incident.opened_at)


@dataclass(frozen=True, slots=True)
class Share:
    """What one configuration has of a story: when it told people of it, `None` where it did not.

    `was_paged` says that the story is part of an incident with which people were interrupted before it began.
    """

    noticed_at: datetime | None = None
    paged_at: datetime | None = None
    was_paged: bool = False

    @property
    def is_caught(self) -> bool:
        """Whether people were interrupted, by this story or the incident that it is part of."""
        return self.paged_at is not None or self.was_paged


@dataclass(frozen=True, slots=True)
class Story:
    """A story, and what each configuration, in their order, has of it."""

    anchor: Anchor
    shares: tuple[Share, ...] = ()

    @property
    def is_paged(self) -> bool:
        """Whether any configuration interrupts people with this story itself."""
        return any(share.paged_at for share in self.shares)


@dataclass
class _Shelf:
    """Anchors by brand, so that a long history is not compared with itself."""

    by_brand: dict[str, list[Anchor]] = field(default_factory=dict)

    def add(self, anchor: Anchor) -> None:
        self.by_brand.setdefault(anchor.incident.brand, []).append(anchor)

    def fitting(self, outcome: Outcome, ends_at: datetime) -> list[Anchor]:
        return [one for one in self.by_brand.get(outcome.incident.brand, []) if is_same(one, outcome, ends_at)]


def stories(courses: Sequence[Course], judged: Sequence[Anchor]) -> list[Story]:
    """Every story that people judged or that any of the courses tells, by its beginning."""
    shelf = _Shelf()
    for anchor in judged:
        shelf.add(anchor)
    for course in courses:
        for outcome in course.outcomes:
            ends_at = _ends_at(outcome.incident, course.until)
            if not shelf.fitting(outcome, ends_at):
                shelf.add(Anchor(outcome, ends_at))
    found = [Story(anchor, _shares(anchor, courses)) for anchors in shelf.by_brand.values() for anchor in anchors]
    return sorted(found, key=lambda story: (story.anchor.incident.opened_at, story.anchor.incident.id))


def judged_incidents(database: Database, since: datetime, until: datetime, brands: Iterable[str]) -> list[Anchor]:
    """The incidents opened in `[since, until)` that people gave a verdict on, as they were lived through."""
    wanted = set(brands)
    with database.read() as tx:
        given = verdict_store.given(tx, since=since, until=until)
        stored = (incident_store.get(tx, name) for name in given)
        known = [incident for incident in stored if incident is not None and incident.counted_as in wanted]
        return [Anchor(lived(tx, one), _ends_at(one, until), given[one.id].verdict) for one in known]


def lived(tx: Transaction, incident: Incident) -> Outcome:
    """What people were told of a stored incident, by its timeline, with the posts of all its signals."""
    loud = [event for event in incident_store.events(tx, incident.id) if event.kind in LOUD]
    signals = incident_store.signals(tx, incident.id)
    return Outcome(
        replace(incident, brand=incident.counted_as),
        notices=tuple(event.at for event in loud if not _is_page(event)),
        pages=tuple(event.at for event in loud if _is_page(event)),
        evidence=frozenset(incident.evidence).union(*(signal.evidence for signal in signals)),
    )


def _is_page(event: IncidentEvent) -> bool:
    return event.details.get("severity") in (Severity.WARNING, Severity.CRITICAL)


def is_same(anchor: Anchor, outcome: Outcome, ends_at: datetime) -> bool:
    """Whether an incident, live until `ends_at`, is the anchor's story."""
    one, other = anchor.outcome, outcome
    if one.incident.brand != other.incident.brand:
        return False
    if ends_at + SLACK < anchor.began_at or other.incident.opened_at - SLACK > anchor.ends_at:
        return False
    if one.incident.fingerprint == other.incident.fingerprint or one.evidence & other.evidence:
        return True
    return bool(one.topics & other.topics or one.kinds & other.kinds or _is_brand_wide(one) or _is_brand_wide(other))


def _is_brand_wide(outcome: Outcome) -> bool:
    return outcome.incident.topic == BRAND_WIDE or BRAND_WIDE in outcome.incident.facts.get("topics", ())


def _shares(anchor: Anchor, courses: Sequence[Course]) -> tuple[Share, ...]:
    return tuple(share_of(anchor, course) for course in courses)


def share_of(anchor: Anchor, course: Course) -> Share:
    """What a course has of the anchor's story."""
    fitting = [one for one in course.outcomes if is_same(anchor, one, _ends_at(one.incident, course.until))]
    pages = [at for one in fitting for at in one.pages]
    notices = [at for one in fitting for at in one.notices]
    paged_at = _first_told(anchor, pages)
    was_paged = paged_at is None and any(at < anchor.began_at for at in pages)
    return Share(_first_told(anchor, notices), paged_at, was_paged)


def _first_told(anchor: Anchor, moments: Sequence[datetime]) -> datetime | None:
    """When people first heard of it while it lasted."""
    return min((at for at in moments if anchor.began_at - SLACK <= at <= anchor.ends_at + SLACK), default=None)


def stretched(judged: Iterable[Anchor], course: Course) -> list[Anchor]:
    """The judged incidents, each to the end that a course knows of: people may have closed them long before the end."""
    return [_stretched(anchor, course) for anchor in judged]


def _stretched(anchor: Anchor, course: Course) -> Anchor:
    ends = [(one, _ends_at(one.incident, course.until)) for one in course.outcomes]
    return replace(anchor, ends_at=max([anchor.ends_at, *(end for one, end in ends if is_same(anchor, one, end))]))


def _ends_at(incident: Incident, until: datetime) -> datetime:
    return max(incident.resolved_at or until, incident.opened_at)


def by_verdict(found: Iterable[Story]) -> Mapping[Verdict | None, list[Story]]:
    """The stories by what people said of them."""
    sorted_out: dict[Verdict | None, list[Story]] = {verdict: [] for verdict in (*Verdict, None)}
    for story in found:
        sorted_out[story.anchor.verdict].append(story)
    return sorted_out
