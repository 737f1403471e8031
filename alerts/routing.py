"""Who is told: from the routes of the configuration to channels and their targets.

Only the options of the channels are read here, no secret is resolved and nobody is connected to, so that every process
that may have something to say can also say to whom.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from alerts.channels.contract import ChannelOptions
from alerts.escalation import Policy
from config.plugins import options_of
from config.settings import ChannelSettings, RouteSettings, Settings
from storage.records import SYSTEM, Incident, Severity

CHANNELS = "alerts.channels"
ILL = "channel:"
"""Begins the topic of the program's own incident about a channel."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One target of one channel; `edits` says whether messages there can be edited."""

    channel: str
    target: str
    edits: bool = False


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

    @classmethod
    def of(cls, incident: Incident) -> Self:
        """What routes look at in an incident."""
        ill = incident.topic.removeprefix(ILL) if incident.is_system and incident.topic.startswith(ILL) else ""
        only = tuple(str(name) for name in incident.facts.get("channels", ())) if incident.is_system else ()
        return cls(incident.brand, incident.severity, incident.kind, incident.sources, ill, only)


@dataclass(frozen=True, slots=True)
class Routing:
    """The routes of one configuration, with the destinations of every enabled channel."""

    routes: tuple[RouteSettings, ...]
    channels: dict[str, tuple[Destination, ...]]
    operators: tuple[str, ...] = ()
    """Channels that hear of the program's own troubles; all, where none is named."""
    policies: tuple[Policy, ...] = ()

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Read the options of every enabled channel; `pydantic.ValidationError` or `UnknownPluginError` when wrong."""
        enabled = [channel for channel in settings.channels if channel.enabled]
        return cls(
            tuple(settings.routes),
            {channel.name: _destinations(channel) for channel in enabled},
            tuple(settings.operations.channels),
            tuple(map(Policy.build, settings.policies)),
        )

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

    def edits(self, channel: str) -> bool:
        """Whether messages of the channel can be edited; not, where it is configured no more."""
        return any(destination.edits for destination in self.channels.get(channel, ()))

    def _of_operators(self, subject: Subject, names: Iterable[str]) -> list[Destination]:
        """Where operators hear of it: not through the channel that is ill, unless there is no other."""
        others = [name for name in names if name != subject.ill]
        return self._resolve(others or [name for name in self.channels if name != subject.ill] or self.channels)

    def _matching(self, subject: Subject) -> list[RouteSettings]:
        return [route for route in self.routes if matches(route, subject)]

    def _resolve(self, names: Iterable[str]) -> list[Destination]:
        found = (destination for name in names for destination in self.channels.get(name, ()))
        return list(dict.fromkeys(found))


def matches(route: RouteSettings, subject: Subject) -> bool:
    """Whether a route is for such an incident; an empty list in the route is for all."""
    return (
        _admits(route.brands, [subject.brand])
        and _admits(route.severities, [subject.severity.value])
        and _admits(route.kinds, [subject.kind])
        and _admits(route.sources, subject.sources)
    )


def _admits(wanted: Sequence[str], present: Sequence[str]) -> bool:
    return not wanted or any(item in wanted for item in present)


def _destinations(channel: ChannelSettings) -> tuple[Destination, ...]:
    options = options_of(CHANNELS, channel.type).model_validate(channel.options)
    if not isinstance(options, ChannelOptions):
        raise TypeError(f"{channel.type}.Options is not made from ChannelOptions")
    return tuple(Destination(channel.name, target, options.edits) for target in options.targets)
