"""Who reads which source: a pure function of what the sources weigh, who holds them, and who runs.

Every process computes it for itself from what the database says, and they come to the same. Sources stay where they
are unless that is clearly uneven: a source that changes hands opens its stream anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

UNEVEN = 0.25
"""Difference between the most and the least loaded process, as a share of the mean, from which sources change hands."""
CLEARLY = 0.75
"""A source is moved only when its weight is at most this share of the difference: the move must not just turn it."""
POSTS_A_TURN = 100.0
"""New posts in an hour that weigh as much as having a source at all."""

Shares = dict[str, str]
"""The process that reads each source."""


def weight(new_posts: int) -> float:
    """What a source weighs that has brought so many posts in the last hour."""
    return 1.0 + new_posts / POSTS_A_TURN


def shares(weights: Mapping[str, float], held: Mapping[str, str], running: Collection[str]) -> Shares:
    """Who of those who are `running` reads which of the sources in `weights`, which some of them have `held` so far."""
    if not running:
        return {}
    found = {source: owner for source, owner in held.items() if source in weights and owner in running}
    loads = dict.fromkeys(sorted(running), 0.0)
    for source, owner in found.items():
        loads[owner] += weights[source]
    for source in sorted(weights.keys() - found.keys(), key=lambda name: (-weights[name], name)):
        _give(found, loads, source, weights[source], min(loads, key=lambda name: (loads[name], name)))
    if _spread(loads) > UNEVEN * sum(loads.values()) / len(loads):
        _even_out(found, loads, weights)
    return found


def _even_out(found: Shares, loads: dict[str, float], weights: Mapping[str, float]) -> None:
    """Move sources from the most to the least loaded while that makes a clear difference."""
    while True:
        most, least = max(loads, key=lambda name: (loads[name], name)), min(loads, key=lambda name: (loads[name], name))
        spread = loads[most] - loads[least]
        light = [name for name, owner in found.items() if owner == most and weights[name] <= CLEARLY * spread]
        if not light:
            return
        chosen = min(light, key=lambda name: (abs(weights[name] - spread / 2), name))
        loads[most] -= weights[chosen]
        _give(found, loads, chosen, weights[chosen], least)


def _give(found: Shares, loads: dict[str, float], source: str, weighs: float, to: str) -> None:
    found[source] = to
    loads[to] += weighs


def _spread(loads: Mapping[str, float]) -> float:
    return max(loads.values()) - min(loads.values())
