"""Who is told: from the routes of the configuration to channels and their targets.

Only the options of the channels are read here, no secret is resolved and nobody is connected to, so that every process
that may have something to say can also say to whom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from alerts.channels.contract import ChannelOptions
from alerts.digests import Digest
from alerts.escalation import Policy
from alerts.quiet import QuietHours
from config.alerting import RouteSettings
from config.hours import window
from config.plugins import options_of
from config.settings import ChannelSettings, Settings
from storage import posts
from storage.database import Transaction
from storage.records import SYSTEM, Incident, Severity

CHANNELS = "alerts.channels"
_SPOKEN = 0.2
"""Share of an incident's telling posts from which on their language counts as spoken in it."""

ILL = "channel:"
"""Begins the topic of the program's own incident about a channel."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One target of one channel; `edits` says whether messages there can be edited, `gathers` whether one may tell of
    several incidents."""

    channel: str
    target: str
    edits: bool = False
    gathers: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What routes look at; of the program's own troubles, the channel that is `ill` and so not to be used, or the
    channels that `only` are to hear of it."""

    brand: str
    severity: Severity
    kind: str = ""
    sources: tuple[str, ...] = ()
    ill: str = ""
    only: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    at: datetime | None = None
    """The moment at which somebody is to be told; `None` for a route's hours not to matter."""

    @classmethod
    def of(cls, incident: Incident, at: datetime | None = None, languages: Iterable[str] = ()) -> Self:
        """What routes look at in an incident."""
        ill = incident.topic.removeprefix(ILL) if incident.is_system and incident.topic.startswith(ILL) else ""
        only = tuple(str(name) for name in incident.facts.get("channels", ())) if incident.is_system else ()
        spoken = tuple(languages)
        return cls(incident.brand, incident.severity, incident.kind, incident.sources, ill, only, spoken, at)


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes of one configuration, with the destinations of every enabled channel."""

    routes: tuple[RouteSettings, ...]
    channels: dict[str, tuple[Destination, ...]]
    operators: tuple[str, ...] = ()
    """Channels that hear of the program's own troubles; all, where none is named."""
    policies: tuple[Policy, ...] = ()
    timezone: str = "UTC"
    """Zone in which the hours of routes are counted that name none."""
    digests: tuple[Digest, ...] = ()
    """Who reads what is not urgent at fixed times."""

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Read the options of every enabled channel; `pydantic.ValidationError` or `UnknownPluginError` when wrong."""
        enabled = [channel for channel in settings.channels if channel.enabled]
        return cls(
            tuple(settings.routes),
            {channel.name: _destinations(channel) for channel in enabled},
            tuple(settings.operations.channels),
            tuple(map(Policy.build, settings.policies)),
            settings.general.timezone,
            tuple(Digest.build(digest, settings.general.timezone) for digest in settings.digests),
        )

    def subject(self, tx: Transaction, incident: Incident, at: datetime) -> Subject:
        """What the routes look at in an incident at a moment; its posts are read only where a route asks for it."""
        wanted = any(route.languages for route in self.routes) or any(one.languages for one in self.digests)
        return Subject.of(incident, at, spoken(tx, incident) if wanted else ())

    def destinations(self, subject: Subject) -> list[Destination]:
        """Where an alert about `subject` goes, each once; without any route, to every channel."""
        if subject.only:
            return self._resolve(subject.only)
        if subject.brand == SYSTEM:
            return self._of_operators(subject, self.operators or self.channels)
        if not self.routes:
            return self._resolve(self.channels)
        return self._resolve(name for route in self._matching(subject) for name in route.channels)

    def fallbacks(self, subject: Subject) -> list[Destination]:
        """Where it goes as well when nobody of `destinations` could be reached; never one of those."""
        primary = set(self.destinations(subject))
        if subject.only:
            return []
        if subject.brand == SYSTEM:
            return [place for place in self._of_operators(subject, self.channels) if place not in primary]
        named = self._resolve(name for route in self._matching(subject) for name in route.fallback)
        return [destination for destination in named if destination not in primary]

    def policy(self, subject: Subject) -> Policy | None:
        """What follows while nobody takes it: the policy of the first route that names one."""
        if subject.brand == SYSTEM:
            return None
        named = next((route.policy for route in self._matching(subject) if route.policy), None)
        return next((policy for policy in self.policies if policy.name == named), None)

    def named(self, channels: Iterable[str]) -> list[Destination]:
        """Every target of these channels, each once."""
        return self._resolve(channels)

    def digest(self, subject: Subject, place: Destination) -> Digest | None:
        """The first digest for which it waits at one place; the program's own troubles wait for none."""
        if subject.brand == SYSTEM or not place.gathers:
            return None
        here = (digest for digest in self.digests if digest.is_read_at(place.channel, place.target))
        return next((digest for digest in here if digest.admits(subject)), None)

    def place(self, channel: str, target: str) -> Destination:
        """One target as it is configured now; where it is so no more, its messages cannot be edited."""
        configured = self.channels.get(channel, ())
        gathers = all(destination.gathers for destination in configured)
        return Destination(channel, target, self.edits(channel), gathers)

    def edits(self, channel: str) -> bool:
        """Whether messages of the channel can be edited; not, where it is configured no more."""
        return any(destination.edits for destination in self.channels.get(channel, ()))

    def _of_operators(self, subject: Subject, names: Iterable[str]) -> list[Destination]:
        """Where operators hear of it: not through the channel that is ill, unless there is no other."""
        others = [name for name in names if name != subject.ill]
        return self._resolve(others or [name for name in self.channels if name != subject.ill] or self.channels)

    def _matching(self, subject: Subject) -> list[RouteSettings]:
        return [route for route in self.routes if matches(route, subject, self.timezone)]

    def _resolve(self, names: Iterable[str]) -> list[Destination]:
        found = (destination for name in names for destination in self.channels.get(name, ()))
        return list(dict.fromkeys(found))


def matches(route: RouteSettings, subject: Subject, timezone: str = "UTC") -> bool:
    """Whether a route is for such an incident; an empty list in the route is for all."""
    return (
        _admits(route.brands, [subject.brand])
        and _admits(route.severities, [subject.severity.value])
        and _admits(route.kinds, [subject.kind])
        and _admits(route.sources, subject.sources)
        and _admits([language.casefold() for language in route.languages], subject.languages)
        and _is_open(route, subject.at, timezone)
    )


def spoken(tx: Transaction, incident: Incident) -> list[str]:
    """The languages of the incident's telling posts, those aside that hardly anybody speaks; most spoken first."""
    found = Counter(post.language.casefold() for post in posts.get(tx, incident.evidence) if post.language)
    return [language for language, number in found.most_common() if number >= _SPOKEN * found.total()]


def _is_open(route: RouteSettings, at: datetime | None, timezone: str) -> bool:
    if not route.hours or at is None:
        return True
    zone = ZoneInfo(route.timezone or timezone)
    windows = (window(text) for text in route.hours)
    return any(QuietHours(each.start, each.end, zone, each.days).until(at) is not None for each in windows)


def _admits(wanted: Sequence[str], present: Sequence[str]) -> bool:
    return not wanted or any(item in wanted for item in present)


def _destinations(channel: ChannelSettings) -> tuple[Destination, ...]:
    options = options_of(CHANNELS, channel.type).model_validate(channel.options)
    if not isinstance(options, ChannelOptions):
        raise TypeError(f"{channel.type}.Options is not made from ChannelOptions")
    return tuple(Destination(channel.name, target, options.edits, options.gathers) for target in options.targets)
