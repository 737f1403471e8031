"""The ladder of an escalation, decided purely."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.escalation import LAST_EVERY, LAST_FOR, Due, Policy, Step, due, first_at
from storage.records import Severity
from tests.alerts.examples import NOW

MINUTE = timedelta(minutes=1)
POLICY = Policy("night", (Step(300, ("phone",)), Step(600, ("chief",), ("mail",))), ("director",), repeat=1)
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def at(minutes: float) -> datetime:
    return NOW + minutes * MINUTE


def climbed(policy: Policy, severity: Severity, minutes: int, away: range = range(0)) -> list[tuple[int, int, str]]:
    """Who is told at which minute, when somebody looks every minute but those of `away`."""
    number, next_at = 1, first_at(policy, severity, NOW)
    said: list[tuple[int, int, str]] = []
    for minute in (minute for minute in range(minutes + 1) if minute not in away):
        while next_at and (made := due(policy, number, next_at, severity, at(minute))):
            said.append((minute, made.number, made.step.channels[0]))
            number, next_at = made.next_number, made.next_at
    return said


def test_steps_follow_one_another_and_are_gone_through_again_before_the_last_resort() -> None:
    assert climbed(POLICY, WARNING, 120) == [
        (5, 1, "phone"),
        (15, 2, "chief"),
        (20, 3, "phone"),
        (30, 4, "chief"),
        (45, 5, "director"),
    ]


def test_a_critical_incident_keeps_reminding_the_last_resort_for_a_day() -> None:
    last = [minute for minute, _, who in climbed(POLICY, CRITICAL, 3 * 24 * 60) if who == "director"]
    assert last == [45 + 15 * number for number in range(LAST_FOR // LAST_EVERY)]


def test_steps_that_were_missed_are_one_and_the_next_is_reckoned_from_now() -> None:
    made = due(POLICY, 1, at(5), CRITICAL, at(22))
    assert made == Due(3, Step(300, ("phone",)), (1, 2), 4, at(32))


def test_after_an_absence_people_are_told_once() -> None:
    told = climbed(POLICY, WARNING, 200, away=range(4, 90))
    assert told == [(90, 5, "director")]


@pytest.mark.parametrize(("minutes", "is_due"), [(4.99, False), (5, True)])
def test_nothing_is_due_before_its_time(minutes: float, is_due: bool) -> None:
    assert (due(POLICY, 1, at(5), CRITICAL, at(minutes)) is not None) is is_due


def test_a_round_without_delay_does_not_turn_without_end() -> None:
    policy = Policy("hasty", (Step(0, ("phone",)),), ("director",), repeat=2)
    assert [minute for minute, _, who in climbed(policy, WARNING, 10)] == [0, 1, 2]


def test_a_ladder_that_has_ended_is_never_due() -> None:
    assert due(POLICY, POLICY.rungs + 2, NOW, WARNING, at(10_000)) is None


def test_a_policy_survives_the_copy_into_an_incident() -> None:
    assert Policy.read(POLICY.as_json()) == POLICY


delays = st.integers(0, 40)
policies = st.builds(
    Policy,
    name=st.just("drawn"),
    steps=st.lists(st.builds(lambda m: Step(m * 60.0, ("a",)), delays), min_size=1, max_size=4).map(tuple),
    last_resort=st.just(("z",)),
    repeat=st.integers(0, 2),
)


@given(policies, st.sampled_from([CRITICAL, WARNING]), st.lists(st.integers(1, 300), min_size=1, max_size=30))
def test_whoever_looks_seldom_makes_the_latest_step_and_none_twice(
    policy: Policy, severity: Severity, gaps: list[int]
) -> None:
    number, next_at, minute = 1, first_at(policy, severity, NOW), 0
    made: list[int] = []
    skipped: list[int] = []
    for gap in gaps:
        minute += gap
        if next_at and (step := due(policy, number, next_at, severity, at(minute))):
            assert next_at <= at(minute)
            made.append(step.number)
            skipped += step.missed
            later = policy.rung(step.number + 1, severity)
            assert step.next_at == (at(minute) + timedelta(seconds=later.delay) if later else None)
            number, next_at = step.next_number, step.next_at
    assert sorted(made + skipped) == list(range(1, len(made) + len(skipped) + 1))
    assert made == sorted(set(made))
