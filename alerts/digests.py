"""Digests: what is not urgent waits for a time at which somebody reads it, and is told in one message.

Pure decisions: which deliveries wait, until when, and what the message says that tells several of them. How they stay
together on the way is a matter of the outbox (storage/digests.py, alerts/gathering.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Protocol, Self
from zoneinfo import ZoneInfo

from alerts.page import Page
from alerts.quiet import QuietHours, moments, weekdays
from alerts.words import listed
from config.digests import DigestSettings
from storage.records import Delivery, DeliveryState, Reason, Severity

QUIET = "quiet hours"
"""The digest that the end of quiet hours makes by itself."""
MOST_ENTRIES = 30
"""Alerts told in one message; more of them follow in the next."""
_DAY = timedelta(days=1)


class Gathered(Protocol):
    """What a digest looks at in an incident (alerts/routing.py, `Subject`)."""

    @property
    def brand(self) -> str:
        """Its brand."""

    @property
    def severity(self) -> Severity:
        """How bad it is."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages spoken in it."""


@dataclass(frozen=True, slots=True)
class Digest:
    """One reader's digest: when it goes out, where, and what waits for it (an empty set is for all)."""

    name: str
    channels: frozenset[str]
    at: tuple[time, ...]
    zone: ZoneInfo
    days: frozenset[int] = frozenset(range(7))
    targets: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset({"watch", "warning"})
    brands: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()

    @classmethod
    def build(cls, chosen: DigestSettings, timezone: str) -> Self:
        """The digest as the operator wrote it; `timezone` is the general one."""
        return cls(
            chosen.name,
            frozenset(chosen.channels),
            tuple(chosen.at),
            ZoneInfo(chosen.timezone or timezone),
            weekdays(chosen.days),
            frozenset(chosen.targets),
            frozenset(chosen.severities),
            frozenset(chosen.brands),
            frozenset(chosen.kinds),
            frozenset(language.casefold() for language in chosen.languages),
        )

    def is_read_at(self, channel: str, target: str) -> bool:
        """Whether it goes to this target of this channel."""
        return channel in self.channels and (not self.targets or target in self.targets)

    def admits(self, subject: Gathered) -> bool:
        """Whether messages about such an incident wait for it; never critical ones."""
        return (
            subject.severity is not Severity.CRITICAL
            and subject.severity.value in self.severities
            and (not self.brands or subject.brand in self.brands)
            and (not self.kinds or subject.kind in self.kinds)
            and (not self.languages or bool(self.languages.intersection(subject.languages)))
        )

    def next_at(self, after: datetime) -> datetime:
        """The first moment at or after `after` at which it goes out, in UTC."""
        today = after.astimezone(self.zone).date()
        days = (today + number * _DAY for number in range(-1, 9))
        times = (moments(day, at, self.zone)[0] for day in days if day.weekday() in self.days for at in self.at)
        return min(moment for moment in times if moment >= after)


def read_at(
    item: Delivery, until: datetime, quiet: QuietHours | None = None, digests: Sequence[Digest] = ()
) -> datetime:
    """When what something held back until then is read: with the next digest, and not at night."""
    if item.severity is Severity.CRITICAL:
        return until
    if quiet and (end := quiet.until(until)):
        until = end
    waits_for = next((one for one in digests if one.name == item.digest), None)
    return waits_for.next_at(until) if waits_for else until


def gathered(
    item: Delivery, digest: Digest | None, dropped: Sequence[Delivery], *, quiet: bool, gathers: bool
) -> Delivery:
    """The delivery as it waits: for `digest`, for the end of `quiet` hours, or for neither.

    `dropped` are those that it takes over from. What was due already and could not be told is not put off to the next
    digest by what came in between; what something held back is, and what waited for the end of quiet hours goes on
    doing so.
    """
    if item.severity is Severity.CRITICAL or item.step is not None or not gathers:
        return item
    waiting = [one for one in dropped if one.digest is not None]
    if digest is not None:
        was_due = any(one.digest == digest.name and _is_overdue(one, item.created_at) for one in waiting)
        due = item.due_at if was_due else digest.next_at(item.due_at)
        first_due = min([due, *(one.first_due_at for one in dropped)])
        why = f"{item.why} (gathered: {digest.name})"
        return replace(item, digest=digest.name, due_at=due, first_due_at=first_due, why=why)
    if quiet or any(one.due_at == item.due_at for one in waiting):
        return replace(item, digest=QUIET)
    return item


def _is_overdue(waiting: Delivery, now: datetime) -> bool:
    """Whether it would have been told by now, had its channel taken it."""
    is_tried = waiting.state is DeliveryState.RETRY or waiting.due_at <= now
    return waiting.first_due_at <= now and is_tried


def digest_page(pages: Sequence[Page], name: str, since: datetime, at: datetime, url: str = "") -> Page:
    """The page of a message that tells several, the most severe first and those that are over last."""
    entries = sorted(pages, key=lambda page: (not page.state.is_live, -page.severity.rank, page.began_at))
    brands = sorted({page.brand for page in pages})
    live = [page.severity for page in pages if page.state.is_live]
    return Page(
        headline=_headline(entries),
        brand=listed(brands) if len(brands) <= 3 else f"{len(brands)} brands",
        severity=max(live or [Severity.WATCH], key=lambda severity: severity.rank),
        reason=Reason.DIGEST,
        incident_id="",
        at=at,
        began_at=since,
        state=entries[0].state,
        notes=(f"This is the digest “{name}”.",) if name != QUIET else ("It waited for the end of quiet hours.",),
        url=url,
        timezone=entries[0].timezone,
        drill=all(page.drill for page in pages),
        entries=tuple(entries),
    )


def _headline(entries: Sequence[Page]) -> str:
    """How many of what: `2 warnings and 3 watches, and 1 that is over`."""
    live = Counter(page.severity for page in entries if page.state.is_live)
    counted = [
        f"{live[severity]} {one if live[severity] == 1 else many}" for severity, one, many in _NOUNS if live[severity]
    ]
    over = len(entries) - live.total()
    if over:
        counted.append(f"{over} that {'is' if over == 1 else 'are'} over")
    return listed(counted)


_NOUNS = (
    (Severity.CRITICAL, "critical incident", "critical incidents"),
    (Severity.WARNING, "warning", "warnings"),
    (Severity.WATCH, "watch", "watches"),
)
