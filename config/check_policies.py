"""What is wrong with escalations: channels that are not there, and ladders that do not end in a person.

The channels of the program's own troubles are held to the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from config.problems import Finding
from config.suggestions import did_you_mean

Raw = Mapping[str, Any]
_FOR_PROGRAMS = frozenset({"webhook"})
"""Types of channel that reach programs, not people."""


def policy_findings(raw: Raw) -> Iterator[Finding]:
    """Every mistake in policies and in the routes that name them."""
    policies = list(_tables(raw.get("policies")))
    names = {str(policy["name"]) for _, policy in policies if isinstance(policy.get("name"), str)}
    for index, route in _tables(raw.get("routes")):
        wanted = route.get("policy")
        if isinstance(wanted, str) and wanted not in names:
            advice = did_you_mean(wanted, names, none="add it as [[policies]]")
            yield Finding(("routes", index, "policy"), f'there is no policy "{wanted}"', advice)
    for index, policy in policies:
        yield from _of_policy(raw, index, policy)
    for index, brief in _tables(raw.get("briefs")):
        yield from _of_names(raw, ("briefs", index, "channels"), brief.get("channels"), must_reach_people=False)
    operations = raw.get("operations")
    if isinstance(operations, Mapping):
        place = ("operations", "channels")
        yield from _of_names(raw, place, operations.get("channels"), must_reach_people=True)
        if isinstance(canary := operations.get("canary"), str):
            for finding in _of_names(raw, ("operations", "canary"), [canary], must_reach_people=False):
                yield Finding(("operations", "canary"), finding.message, finding.suggestion)


def channels_of_policies(raw: Raw) -> set[str]:
    """Channels that an escalation may lead to."""
    tables = [policy for _, policy in _tables(raw.get("policies"))]
    steps = [step for policy in tables for _, step in _tables(policy.get("steps"))]
    lists = [table.get(key) for table in (*tables, *steps) for key in ("last_resort", "channels", "fallback")]
    return {str(name) for names in lists if isinstance(names, list) for name in names}


def channels_of_operations(raw: Raw) -> set[str]:
    """Channels that hear of the program's own troubles."""
    operations = raw.get("operations")
    if not isinstance(operations, Mapping):
        return set()
    names = operations.get("channels")
    return {str(name) for name in (*(names if isinstance(names, list) else ()), operations.get("canary"))}


def channels_of_briefs(raw: Raw) -> set[str]:
    """Channels that are told of briefs."""
    lists = [brief.get("channels") for _, brief in _tables(raw.get("briefs"))]
    return {str(name) for names in lists if isinstance(names, list) for name in names}


def _of_policy(raw: Raw, index: int, policy: Raw) -> Iterator[Finding]:
    place: tuple[str | int, ...] = ("policies", index)
    yield from _of_names(raw, (*place, "last_resort"), policy.get("last_resort"), must_reach_people=True)
    for number, step in _tables(policy.get("steps")):
        at = (*place, "steps", number)
        yield from _of_names(raw, (*at, "channels"), step.get("channels"), must_reach_people=False)
        yield from _of_names(raw, (*at, "fallback"), step.get("fallback"), must_reach_people=None)


def _of_names(
    raw: Raw, place: tuple[str | int, ...], names: object, *, must_reach_people: bool | None
) -> Iterator[Finding]:
    """Unknown channels, and a list of which no channel reaches anybody (`None`: it need not)."""
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        return
    channels = {_name(channel): channel for _, channel in _tables(raw.get("channels"))}
    unknown = [(position, name) for position, name in enumerate(names) if name not in channels]
    for position, name in unknown:
        advice = did_you_mean(name, [one for one in channels if one], none="there is no channel in this file yet")
        yield Finding((*place, position), f'there is no channel "{name}"', advice)
    if unknown or must_reach_people is None:
        return
    enabled = [channels[name] for name in names if channels[name].get("enabled", True) is not False]
    if not enabled:
        yield Finding(place, "none of these channels is enabled: nobody is reached", "enable one of them")
    elif must_reach_people and all(channel.get("type") in _FOR_PROGRAMS for channel in enabled):
        message = "they reach programs only, and no person"
        yield Finding(place, message, "name a channel that wakes somebody: mail, a telephone, a chat")


def _name(channel: Raw) -> str | None:
    name = channel.get("name", channel.get("type"))
    return name if isinstance(name, str) else None


def _tables(values: object) -> Iterator[tuple[int, Raw]]:
    if isinstance(values, list):
        yield from ((index, value) for index, value in enumerate(values) if isinstance(value, Mapping))
