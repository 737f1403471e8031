"""What becomes of a delivery after an attempt: pure decisions, with the clock given.

Temporary failures wait and try again, doubt is looked into before anything is repeated, what only a person can mend is
probed now and then, and nothing is given up while it could still help.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Self

from alerts.channels.contract import ChannelError, OnDoubt, Outcome, Receipt
from config.settings import Settings
from storage.records import Delivery, DeliveryState, Reason, Severity

_SECOND = timedelta(seconds=1)
_BACK_OFF = (0, 2, 5, 15, 30, 60, 120, 300)
_JITTER = 0.2
_LOOKS_APART = 3
"""Failed looks so many times their usual distance apart, or more, count as so far apart."""
LONGEST_BLOCK = timedelta(hours=1)
"""No answer keeps us away for longer, whatever it asks for."""


def _failover() -> dict[Severity, timedelta]:
    return {Severity.CRITICAL: 55 * _SECOND, Severity.WARNING: 300 * _SECOND}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things may take.

    `deadline` bounds one attempt and lies well within `lease`, after which another process may take the delivery.
    `settle` is how long the other side may need to show what it took: it must exceed `deadline` and the time in which
    the provider works off a request, or a check finds nothing and the message is sent twice. A check that is impossible
    for `doubt_for` ends in sending again, marked: rather twice than never. What is older than `late_after` is drawn
    from the state of now. `failover` says after how long the fallback channels are told as well.
    """

    deadline: timedelta = 10 * _SECOND
    lease: timedelta = 30 * _SECOND
    settle: timedelta = 15 * _SECOND
    check_every: timedelta = 5 * _SECOND
    doubt_for: timedelta = 60 * _SECOND
    probe_every: timedelta = 300 * _SECOND
    longest_wait: timedelta = 300 * _SECOND
    late_after: timedelta = 600 * _SECOND
    keep_for: timedelta = timedelta(hours=24)
    keep_updates_for: timedelta = timedelta(hours=1)
    failover: Mapping[Severity, timedelta] = field(default_factory=_failover)

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The timing of one configuration."""
        alerting = settings.alerting
        return cls(
            failover={Severity.CRITICAL: alerting.failover_critical, Severity.WARNING: alerting.failover_warning}
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to record: the state, when the next step is due, and for how long the whole channel is left alone.

    `unreachable` says that this way is closed for now, so that the fallback need not wait for its time.
    """

    state: DeliveryState
    due_at: datetime | None = None
    remote_id: str | None = None
    error: str | None = None
    block_until: datetime | None = None
    unreachable: bool = False
    picture: str | None = None
    """What the receipt says of the picture in the message."""


def after_send(
    delivery: Delivery, result: Receipt | ChannelError, on_doubt: OnDoubt, now: datetime, timing: Timing
) -> Verdict:
    """What becomes of a delivery whose sending ended in `result`."""
    if isinstance(result, Receipt):
        return Verdict(DeliveryState.SENT, remote_id=result.remote_id, picture=result.picture)
    if result.outcome is Outcome.REFUSED:
        return Verdict(DeliveryState.DEAD, error=str(result), unreachable=True)
    if _is_given_up(delivery, now, timing):
        return Verdict(DeliveryState.DEAD, error=f"given up: {result}", unreachable=True)
    if result.outcome is Outcome.AMBIGUOUS:
        wait = min(back_off(delivery, delivery.fence), timing.longest_wait)
        wait = max(wait, timing.settle) if on_doubt is OnDoubt.CHECK else wait
        return Verdict(DeliveryState.AMBIGUOUS, now + wait, error=str(result))
    if result.outcome is Outcome.BROKEN:
        probe_at = now + timing.probe_every
        block = probe_at if result.whole_channel else None
        return Verdict(_still(delivery), probe_at, error=str(result), block_until=block, unreachable=True)
    block = _asked_for(result, now)
    wait = min(_wait(delivery), timing.longest_wait)
    return Verdict(_still(delivery), block or now + wait, error=str(result), block_until=block)


def _still(delivery: Delivery) -> DeliveryState:
    """To be tried again; in doubt where it was: that a repeat surely failed says nothing about the attempt before."""
    return DeliveryState.AMBIGUOUS if delivery.state is DeliveryState.AMBIGUOUS else DeliveryState.RETRY


def _wait(delivery: Delivery) -> timedelta:
    return back_off(delivery, delivery.fence if delivery.state is DeliveryState.AMBIGUOUS else delivery.attempt)


def after_check(delivery: Delivery, result: Receipt | ChannelError | None, now: datetime, timing: Timing) -> Verdict:
    """What becomes of a delivery after looking whether it had arrived; an error says that it could not be found out."""
    if isinstance(result, Receipt):
        return Verdict(DeliveryState.SENT, remote_id=result.remote_id)
    if result is None:
        return Verdict(DeliveryState.PENDING, now, error="it had not arrived")
    if _is_given_up(delivery, now, timing):
        return Verdict(DeliveryState.DEAD, error=f"given up: {result}", unreachable=True)
    block = _asked_for(result, now)
    return Verdict(DeliveryState.AMBIGUOUS, block or now + timing.check_every, error=str(result), block_until=block)


def is_beyond_checking(failed: Sequence[datetime], now: datetime, timing: Timing) -> bool:
    """Whether looking has failed for so long that the message is sent again, unchecked.

    `failed` is when looks failed before the one that failed `now`. Of the time between two of them no more counts than
    a few looks take: that nobody looked meanwhile, or died of it, says nothing about the other side.
    """
    longest = _LOOKS_APART * timing.check_every
    spans = (after - before for before, after in pairwise(sorted([*failed, now])))
    return sum((min(span, longest) for span in spans), timedelta(0)) >= timing.doubt_for


def is_settled(delivery: Delivery, now: datetime, timing: Timing) -> bool:
    """Whether what an attempt left behind must be visible by now."""
    began = delivery.attempted_at or delivery.first_due_at
    return now - began >= timing.deadline + timing.settle or delivery.due_at > began


def back_off(delivery: Delivery, tries: int) -> timedelta:
    """How long to wait after so many tries: 0, 2, 5 … 300 s, a fifth more or less, the same at every reckoning."""
    seconds = _BACK_OFF[min(max(tries, 1), len(_BACK_OFF)) - 1]
    digest = hashlib.sha256(f"{delivery.id}/{tries}".encode()).digest()
    share = int.from_bytes(digest[:4], "big") / 0xFFFFFFFF
    return timedelta(seconds=seconds * (1 - _JITTER + 2 * _JITTER * share))


def _asked_for(error: ChannelError, now: datetime) -> datetime | None:
    if error.retry_after is None:
        return None
    return now + min(max(timedelta(0), timedelta(seconds=error.retry_after)), LONGEST_BLOCK)


def _is_given_up(delivery: Delivery, now: datetime, timing: Timing) -> bool:
    """An update that is an hour late says nothing any more; a beginning or an end may help for a day."""
    brief = delivery.reason in (Reason.UPDATE, Reason.REMINDER)
    keep_for = timing.keep_updates_for if brief else timing.keep_for
    return delivery.attempt >= len(_BACK_OFF) and now - delivery.first_due_at > keep_for
