"""What becomes of a delivery after an attempt, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.contract import ChannelError, OnDoubt, Outcome, Receipt
from alerts.verdict import Timing, after_check, after_send, back_off, is_beyond_checking, is_settled
from config.settings import Settings
from storage.records import Delivery, DeliveryState, Reason, Severity
from tests.alerts.examples import NOW

TIMING = Timing()
DELIVERY = Delivery(
    id="d1",
    incident_id="i1",
    episode=1,
    seq=1,
    reason=Reason.OPENED,
    severity=Severity.CRITICAL,
    channel="slack",
    target="C0ROOM",
    state=DeliveryState.SENDING,
    page={},
    created_at=NOW,
    due_at=NOW,
    first_due_at=NOW,
    attempt=1,
    fence=1,
    attempted_at=NOW,
)
RETRY, DEAD, AMBIGUOUS = DeliveryState.RETRY, DeliveryState.DEAD, DeliveryState.AMBIGUOUS


def failed(outcome: Outcome, retry_after: float | None = None, *, whole_channel: bool = False) -> ChannelError:
    return ChannelError("it said no", outcome, retry_after=retry_after, whole_channel=whole_channel)


@pytest.mark.parametrize(
    ("error", "on_doubt", "state", "due_in", "blocked_for", "unreachable"),
    [
        (failed(Outcome.NOT_DELIVERED), OnDoubt.CHECK, RETRY, 0, None, False),
        (failed(Outcome.NOT_DELIVERED, 90), OnDoubt.CHECK, RETRY, 90, 90, False),
        (failed(Outcome.NOT_DELIVERED, 7200), OnDoubt.CHECK, RETRY, 3600, 3600, False),
        (failed(Outcome.NOT_DELIVERED, -5), OnDoubt.CHECK, RETRY, 0, 0, False),
        (failed(Outcome.AMBIGUOUS), OnDoubt.CHECK, AMBIGUOUS, 15, None, False),
        (failed(Outcome.AMBIGUOUS), OnDoubt.RESEND, AMBIGUOUS, 0, None, False),
        (failed(Outcome.REFUSED), OnDoubt.RESEND, DEAD, None, None, True),
        (failed(Outcome.BROKEN), OnDoubt.RESEND, RETRY, 300, None, True),
        (failed(Outcome.BROKEN, whole_channel=True), OnDoubt.RESEND, RETRY, 300, 300, True),
    ],
)
def test_a_failure_means_what_its_outcome_says(
    error: ChannelError,
    on_doubt: OnDoubt,
    state: DeliveryState,
    due_in: float | None,
    blocked_for: float | None,
    unreachable: bool,
) -> None:
    verdict = after_send(DELIVERY, error, on_doubt, NOW, TIMING)
    assert verdict.state is state
    assert verdict.due_at == (None if due_in is None else NOW + timedelta(seconds=due_in))
    assert verdict.block_until == (None if blocked_for is None else NOW + timedelta(seconds=blocked_for))
    assert verdict.unreachable is unreachable
    assert verdict.error == "it said no"


def test_what_was_taken_is_sent() -> None:
    verdict = after_send(DELIVERY, Receipt("C:1"), OnDoubt.CHECK, NOW, TIMING)
    assert (verdict.state, verdict.remote_id) == (DeliveryState.SENT, "C:1")


@pytest.mark.parametrize(
    ("found", "state", "due_in"),
    [
        (Receipt("C:1"), DeliveryState.SENT, None),
        (None, DeliveryState.PENDING, 0),
        (failed(Outcome.NOT_DELIVERED), AMBIGUOUS, 5),
        (failed(Outcome.NOT_DELIVERED, 20), AMBIGUOUS, 20),
        (failed(Outcome.BROKEN, whole_channel=True), AMBIGUOUS, 5),
    ],
)
def test_a_look_decides_the_doubt_or_leaves_it(
    found: Receipt | ChannelError | None, state: DeliveryState, due_in: float | None
) -> None:
    verdict = after_check(DELIVERY, found, NOW, TIMING)
    assert verdict.state is state
    assert verdict.due_at == (None if due_in is None else NOW + timedelta(seconds=due_in))


@pytest.mark.parametrize(
    ("reason", "attempt", "hours", "state"),
    [
        (Reason.OPENED, 40, 23.9, RETRY),
        (Reason.OPENED, 40, 24.1, DEAD),
        (Reason.RESOLVED, 40, 23.9, RETRY),
        (Reason.UPDATE, 40, 0.9, RETRY),
        (Reason.UPDATE, 40, 1.1, DEAD),
        (Reason.REMINDER, 40, 1.1, DEAD),
        (Reason.OPENED, 2, 90, RETRY),  # it was silenced for days and is tried for the first time
    ],
)
def test_a_beginning_is_tried_for_a_day_and_an_update_for_an_hour(
    reason: Reason, attempt: int, hours: float, state: DeliveryState
) -> None:
    old = replace(DELIVERY, reason=reason, attempt=attempt)
    at = NOW + timedelta(hours=hours)
    assert after_send(old, failed(Outcome.NOT_DELIVERED), OnDoubt.RESEND, at, TIMING).state is state


def test_waits_grow_to_five_minutes() -> None:
    waits = [back_off(DELIVERY, tries).total_seconds() for tries in range(1, 12)]
    usual = [0, 2, 5, 15, 30, 60, 120, 300, 300, 300, 300]
    assert all(abs(wait - about) <= 0.2 * about for wait, about in zip(waits, usual, strict=True))


@given(st.text(min_size=1), st.integers(1, 1000))
def test_a_wait_is_the_same_at_every_reckoning_and_never_longer_than_six_minutes(name: str, tries: int) -> None:
    delivery = replace(DELIVERY, id=name)
    assert back_off(delivery, tries) == back_off(delivery, tries) <= timedelta(minutes=6)


def looks(*seconds: float) -> list[datetime]:
    return [NOW + timedelta(seconds=each) for each in seconds]


@pytest.mark.parametrize(("seconds", "is_beyond"), [(59, False), (60, True)])
def test_a_doubt_that_cannot_be_lifted_ends_in_sending_again(seconds: float, is_beyond: bool) -> None:
    *failed, now = looks(*range(0, 55, 5), seconds)
    assert is_beyond_checking(failed, now, TIMING) is is_beyond


def test_nothing_is_sent_again_unchecked_before_anybody_has_looked() -> None:
    assert not is_beyond_checking([], NOW + timedelta(days=1), TIMING)


@given(st.lists(st.floats(0, 100_000), max_size=4))
def test_few_looks_that_failed_are_too_few_however_far_apart(seconds: list[float]) -> None:
    *failed, now = looks(*sorted([*seconds, 100_000]))
    assert not is_beyond_checking(failed, now, TIMING) or len(failed) == 4


@pytest.mark.parametrize(("seconds", "is_so"), [(24, False), (25, True)])
def test_an_interrupted_attempt_is_looked_for_when_it_must_be_visible(seconds: float, is_so: bool) -> None:
    assert is_settled(DELIVERY, NOW + timedelta(seconds=seconds), TIMING) is is_so


def test_an_attempt_whose_failure_was_recorded_is_looked_for_when_it_is_due() -> None:
    recorded = replace(DELIVERY, due_at=NOW + timedelta(seconds=15))
    assert is_settled(recorded, NOW + timedelta(seconds=15), TIMING)


def test_the_patience_is_that_of_the_configuration() -> None:
    timing = Timing.build(Settings.model_validate({"alerting": {"failover_critical": "20s"}}))
    assert timing.failover[Severity.CRITICAL] == timedelta(seconds=20)
    assert timing.deadline + timing.deadline < timing.lease
