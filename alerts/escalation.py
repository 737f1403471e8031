"""Who is told next while nobody takes an incident: pure decisions, with the clock given.

A policy is a ladder: its steps one after another, the whole of them `repeat` times more, and then the last resort,
which a critical incident keeps reminding for a day. Steps are numbered from 1 over all rounds. When the program was
away, the steps that it missed are one: the last that is due is made, and the time of the next is reckoned from now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from config.alerting import PolicySettings
from storage.records import Severity

LAST_EVERY = timedelta(minutes=15)
LAST_FOR = timedelta(hours=24)
SHORTEST_ROUND = timedelta(minutes=1)
"""Between two rounds, whatever the delay of the first step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rung: who is told, `delay` seconds after the one before, and who instead of them."""

    delay: float
    channels: tuple[str, ...]
    fallback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A ladder that ends in a person."""

    name: str
    steps: tuple[Step, ...]
    last_resort: tuple[str, ...]
    repeat: int = 0

    @classmethod
    def build(cls, chosen: PolicySettings) -> Self:
        """The policy as the operator wrote it."""
        steps = [Step(one.delay.total_seconds(), tuple(one.channels), tuple(one.fallback)) for one in chosen.steps]
        return cls(chosen.name, tuple(steps), tuple(chosen.last_resort), chosen.repeat)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """The policy as it was copied into an incident."""
        steps = [Step(one["delay"], tuple(one["channels"]), tuple(one["fallback"])) for one in stored["steps"]]
        return cls(stored["name"], tuple(steps), tuple(stored["last_resort"]), stored["repeat"])

    def as_json(self) -> dict[str, Any]:
        """JSON types only, for the copy in an incident."""
        return asdict(self)

    @property
    def rungs(self) -> int:
        """Steps over all rounds, before the last resort."""
        return len(self.steps) * (self.repeat + 1)

    def rung(self, number: int, severity: Severity) -> Step | None:
        """The step of this number (from 1), `None` when the ladder has ended."""
        if number <= self.rungs:
            place = (number - 1) % len(self.steps)
            step = self.steps[place]
            pause = SHORTEST_ROUND.total_seconds() if number > 1 and place == 0 else 0.0
            return Step(max(step.delay, pause), step.channels, step.fallback)
        most = LAST_FOR // LAST_EVERY if severity is Severity.CRITICAL else 1
        if number - self.rungs > most:
            return None
        return Step(LAST_EVERY.total_seconds(), self.last_resort)


def carried_over(
    policy: Policy, before: Policy | None, step: int, next_at: datetime | None, severity: Severity, now: datetime
) -> tuple[int, datetime | None]:
    """Where an escalation stands on a policy that takes the place of `before`: its next step, and when.

    On the same policy, written anew, what was made stays made, and the next step is due as long after it as the policy
    says now; on another one it begins at the foot, now.
    """
    if before is None or before.name != policy.name:
        return 1, first_at(policy, severity, now)
    beyond = step - before.rungs
    number = policy.rungs + beyond if beyond > 0 else min(step, policy.rungs + 1)
    rung, usual = policy.rung(number, severity), before.rung(step, severity)
    if rung is None:
        return number, None
    last_at = next_at - timedelta(seconds=usual.delay) if next_at is not None and usual is not None else now
    return number, max(now, last_at + timedelta(seconds=rung.delay))


@dataclass(frozen=True, slots=True)
class Due:
    """The step to make now, those that were missed before it, and the next one with its time."""

    number: int
    step: Step
    missed: tuple[int, ...]
    next_number: int
    next_at: datetime | None


def first_at(policy: Policy, severity: Severity, told_at: datetime) -> datetime | None:
    """When the first step is due after people were told of the incident at `told_at`."""
    step = policy.rung(1, severity)
    return None if step is None else told_at + timedelta(seconds=step.delay)


def due(policy: Policy, number: int, next_at: datetime, severity: Severity, now: datetime) -> Due | None:
    """What is to be done at `now` where step `number` is due at `next_at`; `None` when it is not yet, or no more."""
    step = policy.rung(number, severity)
    if step is None or next_at > now:
        return None
    missed: list[int] = []
    while (later := policy.rung(number + 1, severity)) and next_at + timedelta(seconds=later.delay) <= now:
        missed.append(number)
        number, step, next_at = number + 1, later, next_at + timedelta(seconds=later.delay)
    after = policy.rung(number + 1, severity)
    return Due(number, step, tuple(missed), number + 1, now + timedelta(seconds=after.delay) if after else None)
