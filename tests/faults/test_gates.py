"""Short forms of the gates that need no kill; the long ones are `python -m benchmarks.trust_gates` (docs/trust.md)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.escalation import Policy, Step
from benchmarks.trust_escalation import expected
from benchmarks.trust_gates import heartbeat, limits
from benchmarks.trust_sim import START, Gate, Simulation
from storage.records import Severity

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize("gate", [lambda: limits(answers=8), lambda: heartbeat(hours=3)])
def test_a_gate_holds(gate: object) -> None:
    found = gate()  # type: ignore[operator]
    assert isinstance(found, Gate)
    assert found.broken == [], found.figures


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 365 * 24 * HOUR])
def test_no_jump_of_the_clock_loses_or_repeats_a_message(jump: timedelta) -> None:
    sim = Simulation("slack", "mail")
    begun = {sim.begin(severity).id for severity in (Severity.CRITICAL, Severity.WARNING)}
    sim.turn()
    begun.add(sim.begin().id)
    sim.now += jump
    for _ in range(5):
        sim.turn(abs(jump) / 4)
    took = sim.ways["slack"].took
    assert {message.page.incident_id for _, message in took} == begun
    assert [way.repeats() for way in sim.ways.values()] == [0, 0]
    sim.database.close()


def test_the_plain_reckoning_of_an_escalation_is_what_a_person_would_write_down() -> None:
    policy = Policy("night", (Step(300, ("phone",)), Step(600, ("chief",))), ("director",))
    calm = expected(policy, START, None, [], START + 31 * MINUTE)
    assert calm == {1: START + 5 * MINUTE, 2: START + 15 * MINUTE, 3: START + 30 * MINUTE}
    assert expected(policy, START, START + 15 * MINUTE, [], START + 31 * MINUTE) == {1: START + 5 * MINUTE}
    away = [(START + 4 * MINUTE, START + 20 * MINUTE)]
    assert expected(policy, START, None, away, START + 36 * MINUTE) == {2: START + 20 * MINUTE, 3: START + 35 * MINUTE}
