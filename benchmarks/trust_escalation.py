"""The gate of escalation: every step of a ladder against a plain reckoning of when it must be made."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts.escalation import Policy, Step
from alerts.ladder import Ladder
from alerts.policy import Change
from benchmarks.trust_sim import Gate, Simulation
from config.alerting import RouteSettings
from storage import incidents
from storage.records import Incident, IncidentState

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def escalation(seed: int = 1, count: int = 2000) -> Gate:
    """Incidents that people take or not, while the program is away now and then; against a plain reckoning."""
    luck = random.Random(seed)  # noqa: S311
    policy = Policy("night", (Step(300, ("phone",)), Step(600, ("chief",))), ("director",), repeat=1)
    sim = Simulation("slack", "phone", "chief", "director")
    route = RouteSettings(channels=["slack"], policy="night")
    sim.speaker = replace(sim.speaker, routing=replace(sim.routing, routes=(route,), policies=(policy,)))
    ladder = Ladder(sim.speaker)
    away = _absences(luck, sim.now)
    opens = sorted(luck.randrange(0, 3600) for _ in range(count))
    takes: dict[int, list[Incident]] = defaultdict(list)
    taken: dict[str, datetime] = {}
    began: dict[str, datetime] = {}
    begin = sim.now
    for second in range(2 * 3600):
        sim.now = begin + second * SECOND
        while opens and opens[0] == second:
            opens.pop(0)
            new = sim.begin()
            began[new.id] = sim.now
            if luck.random() < 0.7:
                takes[second + luck.randrange(1, 3600)].append(new)
        for one in takes.pop(second, ()):
            sim.change(one, Change.ACKNOWLEDGED, state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ada")
            taken[one.id] = sim.now
        if not any(start <= sim.now < end for start, end in away):
            with sim.database.write() as tx:
                ladder.climb(tx, sim.now)
    return _compared(sim, policy, began, taken, away)


def _absences(luck: random.Random, begin: datetime) -> list[tuple[datetime, datetime]]:
    starts_at = sorted(begin + luck.randrange(7200) * SECOND for _ in range(8))
    return [(start, start + luck.randrange(5, 1200) * SECOND) for start in starts_at]


def _compared(
    sim: Simulation,
    policy: Policy,
    began: dict[str, datetime],
    taken: dict[str, datetime],
    away: Sequence[tuple[datetime, datetime]],
) -> Gate:
    missing = extra = after_taking = steps = 0
    latest = 0.0
    with sim.database.read() as tx:
        for name, at in began.items():
            lines = [line for line in incidents.events(tx, name) if line.kind == "escalation"]
            made = {int(line.details["step"]): line.at for line in lines}
            wanted = expected(policy, at, taken.get(name), away, at + 2 * HOUR)
            wanted = {number: due for number, due in wanted.items() if due < sim.now - 5 * SECOND}
            missing += len(wanted.keys() - made.keys())
            extra += len([n for n in made.keys() - wanted.keys() if made[n] < sim.now - 5 * SECOND])
            latest = max([latest, *((made[n] - wanted[n]).total_seconds() for n in wanted.keys() & made.keys())])
            after_taking += sum(name in taken and moment > taken[name] for moment in made.values())
            steps += len(made)
    gate = Gate("escalation", {"incidents": len(began), "taken": len(taken), "steps": steps})
    gate.require("missing", missing, missing == 0)
    gate.require("not_due", extra, extra == 0)
    gate.require("latest_s", latest, latest <= 5)
    gate.require("after_it_was_taken", after_taking, after_taking == 0)
    return gate


def expected(
    policy: Policy,
    opened_at: datetime,
    taken_at: datetime | None,
    away: Sequence[tuple[datetime, datetime]],
    until: datetime,
) -> dict[int, datetime]:
    """When each step must be made: the plain reckoning that the program is held to.

    Steps that fall into an absence are made at its end, the last of them alone, and the others follow from there.
    """
    delays = [step.delay for step in policy.steps] * (policy.repeat + 1) + [900.0] * 96
    found: dict[int, datetime] = {}
    at = opened_at
    number = 0
    while number < len(delays):
        at = max(at + delays[number] * SECOND, opened_at)
        back = _back(at, away)
        while back > at and number + 1 < len(delays) and at + delays[number + 1] * SECOND <= back:
            number += 1
            at += delays[number] * SECOND
        at = max(at, back)
        if at > until or (taken_at is not None and at >= taken_at):
            return found
        number += 1
        found[number] = at
    return found


def _back(at: datetime, away: Sequence[tuple[datetime, datetime]]) -> datetime:
    """When the program is there at or after `at`."""
    for start, end in away:
        if start <= at < end:
            return _back(end, away)
    return at
