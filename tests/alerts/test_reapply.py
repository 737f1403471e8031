"""A policy that was changed holds for open incidents only when somebody says so, and then goes on where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.escalation import Policy, Step, carried_over, due
from alerts.reapply import EVENT, Applied, reapply
from storage import escalations, incidents
from storage.database import Database
from storage.records import Severity
from tests.alerts.examples import NOW
from tests.alerts.test_ladder import POLICY, Night, routing

LONGER = Policy("night", (Step(300, ("phone",)), Step(1800, ("mail",)), Step(60, ("chief",))), ("mail",))
OTHER = Policy("day", (Step(120, ("chief",)),), ("mail",))


@pytest.fixture
def night() -> Iterator[Night]:
    """An incident that was told, seven minutes later: the first step is made, the second is due at minute 15."""
    with Database.open("sqlite://") as database:
        desk = Night(database)
        desk.open()
        yield desk.send().pass_minutes(7)


def apply(desk: Night, policy: Policy) -> list[Applied]:
    with desk.database.write() as tx:
        return reapply(tx, routing(policy), "ada", desk.now)


def course(desk: Night) -> tuple[str, int, Any]:
    with desk.database.read() as tx:
        found = escalations.get(tx, desk.incident.id)
    assert found is not None
    return found.policy["name"], found.step, found.next_at


def test_the_policy_that_was_copied_holds_until_somebody_says_otherwise(night: Night) -> None:
    assert course(night) == ("night", 2, NOW + timedelta(minutes=15))
    assert apply(night, POLICY) == []


def test_what_was_made_stays_made_and_the_next_step_is_due_as_the_policy_says_now(night: Night) -> None:
    [done] = apply(night, LONGER)
    assert (done.before, done.policy, done.next_at) == ("night", "night", NOW + timedelta(minutes=35))
    assert course(night) == ("night", 2, NOW + timedelta(minutes=35))
    assert apply(night, LONGER) == []
    with night.database.read() as tx:
        [line] = [event for event in incidents.events(tx, night.incident.id) if event.kind == EVENT]
    assert (line.actor, line.details) == ("ada", {"before": "night", "policy": "night"})


def test_another_policy_begins_at_its_foot_now(night: Night) -> None:
    apply(night, OTHER)
    assert course(night) == ("day", 1, night.now + timedelta(minutes=2))


def test_what_somebody_has_is_left_alone(night: Night) -> None:
    night.take()
    assert apply(night, LONGER) == []


def test_without_a_policy_nobody_else_is_told(night: Night) -> None:
    bare = routing(POLICY)
    with night.database.write() as tx:
        [done] = reapply(tx, type(bare)((), bare.channels), "ada", night.now)
    assert (done.policy, done.next_at) == ("", None)
    assert course(night)[2] is None


POLICIES = st.builds(
    Policy,
    st.just("one"),
    st.lists(st.builds(Step, st.sampled_from([60.0, 300.0, 1800.0]), st.just(("x",))), min_size=1, max_size=4).map(
        tuple
    ),
    st.just(("y",)),
    st.integers(0, 2),
)


@given(POLICIES, POLICIES, st.integers(1, 20), st.integers(-60, 60), st.sampled_from(Severity))
def test_a_ladder_that_was_not_at_its_end_is_not_at_its_end_on_another(
    before: Policy, policy: Policy, step: int, minutes: int, severity: Severity
) -> None:
    number, next_at = carried_over(policy, before, step, NOW + timedelta(minutes=minutes), severity, NOW)
    assert (next_at is None) == (before.rung(step, severity) is None)
    if next_at is not None:
        assert next_at >= NOW
        assert due(policy, number, next_at, severity, next_at) is not None


@given(POLICIES, st.integers(1, 12), st.integers(1, 90))
def test_a_policy_that_did_not_change_changes_nothing(policy: Policy, step: int, minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    if policy.rung(step, Severity.CRITICAL):
        assert carried_over(policy, policy, step, at, Severity.CRITICAL, NOW) == (step, at)
