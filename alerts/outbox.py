"""The sender: claims what is due in the outbox, attempts it, records what came of it, and backs off.

It alone decides about trying again. Every claim is committed before a byte is sent, every result is recorded under the
claim's fence, and a claim that was lost in the meantime records nothing; so any number of senders, in any number of
processes, may be killed at any moment. What may have arrived is found out before it is sent again (alerts/verdict.py).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

import structlog

from alerts.channels.contract import Channel, ChannelContext, ChannelError, Message, OnDoubt, Outcome, Receipt
from alerts.deadline import Deadline
from alerts.failover import LOOK_EVERY, Failover
from alerts.faults import fault_point
from alerts.freshness import Freshness, Ready
from alerts.gathering import Gathering, Parcel
from alerts.pacing import Pacing
from alerts.pictures import after_message
from alerts.quiet import QuietHours
from alerts.restraint import Inhibition, inhibitions
from alerts.routing import CHANNELS, ILL, Routing
from alerts.signed_links import SignedLinks
from alerts.system import Failing, SystemIncidents
from alerts.verdict import Timing, Verdict, after_check, after_send, is_beyond_checking, is_settled
from config.plugins import resolve
from config.settings import ChannelSettings, Settings
from storage import attempts, incidents, outbox
from storage.abandoned import abandoned
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.records import Delivery, DeliveryState, Severity

_log = structlog.get_logger(__name__)

SLOTS = 8
"""Attempts that one process makes at once."""
SLOTS_A_CHANNEL = 3
"""Of them, on one channel: one that hangs leaves the others their turn."""
MOST_LEFT = 100
"""Deliveries in a channel that is gone which are given up at one look."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What this process holds, one message of one delivery or of several, and until when it may act on it."""

    parcel: Parcel
    deadline: Deadline

    @property
    def delivery(self) -> Delivery:
        """The delivery that stands for all of the message."""
        return self.parcel.first


class Sender:
    """Delivers what is due; safe to call from several threads, and beside other senders."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        *,
        clock: Callable[[], datetime],
        owner: str,
        timing: Timing | None = None,
        routing: Routing | None = None,
        executor: Executor | None = None,
        system: SystemIncidents | None = None,
        inhibitions: tuple[Inhibition, ...] = (),
        quiet: QuietHours | None = None,
        pacing: Pacing | None = None,
        url: str = "",
    ) -> None:
        self._database = database
        self._channels = channels
        self._clock = clock
        self._owner = owner
        self._timing = timing or Timing()
        self._freshness = Freshness(self._timing, inhibitions, routing.digests if routing else (), quiet)
        self._gathering = Gathering(self._freshness, url)
        self._failover = Failover(self._timing, routing)
        self._system = system
        self._pacing = pacing
        self._executor = executor or ThreadPoolExecutor(SLOTS, thread_name_prefix="send")
        self._state = threading.Condition()
        self._busy: Counter[str] = Counter()
        self._workers = 0
        self._unrecorded: list[tuple[Parcel, Verdict]] = []
        self._looks: tuple[datetime, datetime] | None = None
        """When somebody last looked whether the fallback is to be told, and when it is time again."""
        self._is_closed = False

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        *,
        clock: Callable[[], datetime],
        owner: str,
        timing: Timing | None = None,
        pacing: Pacing | None = None,
    ) -> Self:
        """The sender of one configuration, with all its enabled channels; `timing` and `pacing` only to be quicker."""
        return cls(
            database,
            build_channels(settings, clock),
            clock=clock,
            owner=owner,
            timing=timing or Timing.build(settings),
            routing=Routing.build(settings),
            system=SystemIncidents.build(settings),
            inhibitions=inhibitions(settings),
            quiet=QuietHours.build(settings),
            pacing=pacing or Pacing.build(settings),
            url=settings.general.public_url,
        )

    def run_once(self) -> int:
        """Hand what is due to free slots; returns how many were filled. Each goes on until nothing is due any more."""
        self._record_again()
        self._fail_over()
        filled = 0
        while (claim := self._next(starting=True)) is not None:
            self._executor.submit(self._work, claim)
            filled += 1
        return filled

    def drain(self, seconds: float) -> bool:
        """Wait until nothing is under way, at most so long; whether it is so."""
        with self._state:
            return self._state.wait_for(lambda: self._workers == 0, timeout=seconds)

    def close(self) -> None:
        """Claim nothing more, let what is under way finish, and record it."""
        self._is_closed = True
        self.drain(self._timing.deadline.total_seconds() * 2)
        self._executor.shutdown(wait=False)
        self._record_again()

    # -- A slot --------------------------------------------------------------------------------------------------------

    def _work(self, claim: _Claim) -> None:
        following: _Claim | None = claim
        while following is not None:
            try:
                self._deliver(following)
            except StorageError as error:
                _log.error("the database does not answer; what was sent is found out later", error=str(error))
            except Exception:  # noqa: BLE001  (the top of the loop: one delivery must not stop the others)
                _log.exception("a delivery failed unexpectedly", delivery=following.delivery.id)
            following = self._following(following)

    def _following(self, done: _Claim) -> _Claim | None:
        """The slot's next delivery; without one the slot is given up."""
        with self._state:
            self._busy[done.delivery.channel] -= 1
        try:
            claim = self._next(starting=False)
        except StorageError as error:
            _log.error("the database does not answer", error=str(error))
            claim = None
        if claim is None:
            with self._state:
                self._workers -= 1
                self._state.notify_all()
        return claim

    def _next(self, *, starting: bool) -> _Claim | None:
        """Claim one delivery for a slot, a new one when `starting`."""
        with self._state:
            if self._is_closed or (starting and self._workers >= SLOTS):
                return None
            full = [channel for channel, number in self._busy.items() if number >= SLOTS_A_CHANNEL]
            deadline = Deadline(self._timing.deadline.total_seconds())
            while (parcel := self._claimed(full)) is not None and not parcel.deliveries:
                deadline = Deadline(self._timing.deadline.total_seconds())
            if parcel is None:
                return None
            self._busy[parcel.first.channel] += 1
            self._workers += starting
        fault_point("S1")
        return _Claim(parcel, deadline)

    def _claimed(self, full: list[str]) -> Parcel | None:
        """The next message to send, `None` where nothing is due, an empty one where it was not worth sending."""
        now, lease = self._clock(), self._timing.lease
        with self._database.write() as tx:
            may_go = partial(self._may_go, tx, now)
            found = outbox.claim(tx, now, self._owner, lease, known=self._channels, without=full, allow=may_go)
            return self._gathering.parcel(tx, found[0], now, self._owner, lease) if found else None

    def _may_go(self, tx: Transaction, now: datetime, delivery: Delivery) -> bool:
        return self._pacing is None or self._pacing.take(tx, delivery, now)

    def _deliver(self, claim: _Claim) -> None:
        parcel, delivery = claim.parcel, claim.delivery
        channel = self._channels[delivery.channel]
        ready = parcel.ready or self._examined(delivery)
        if isinstance(ready, Verdict):
            self._record(parcel, ready)
        else:
            self._record(parcel, self._attempt(channel, delivery, ready, claim.deadline))

    def _examined(self, delivery: Delivery) -> Ready | Verdict:
        with self._database.read() as tx:
            return self._freshness.examine(tx, delivery, self._clock())

    def _attempt(self, channel: Channel, delivery: Delivery, ready: Ready, deadline: Deadline) -> Verdict:
        doubtful = delivery.state is DeliveryState.AMBIGUOUS
        if doubtful and channel.on_doubt is OnDoubt.CHECK:
            if not is_settled(delivery, self._clock(), self._timing):
                return self._wait_to_settle(delivery)
            verdict = self._check(channel, delivery, ready, deadline)
            if verdict.state is not DeliveryState.AMBIGUOUS or verdict.block_until or not self._repeats(delivery):
                return verdict
            deadline = Deadline(self._timing.deadline.total_seconds())
        message = ready.repeated() if doubtful else ready.message
        result = self._send(channel, message, deadline)
        return after_send(delivery, result, channel.on_doubt, self._clock(), self._timing)

    def _wait_to_settle(self, delivery: Delivery) -> Verdict:
        began = delivery.attempted_at or self._clock()
        visible_at = began + self._timing.deadline + self._timing.settle
        return Verdict(DeliveryState.AMBIGUOUS, visible_at, error="interrupted; it may have arrived")

    def _repeats(self, delivery: Delivery) -> bool:
        """Whether it is sent again unchecked, which is on record then: others must look for this attempt, too."""
        now = self._clock()
        with self._database.write() as tx:
            failed = attempts.failed_looks(tx, delivery)
            return is_beyond_checking(failed, now, self._timing) and outbox.send_again(tx, delivery, now)

    def _send(self, channel: Channel, message: Message, deadline: Deadline) -> Receipt | ChannelError:
        try:
            receipt = channel.send(message, deadline)
        except ChannelError as error:
            return error
        except Exception as error:  # noqa: BLE001  (a plug-in's mistake: nobody knows how far it came)
            _log.exception("a channel failed unexpectedly", channel=channel.name, delivery=message.delivery_id)
            return ChannelError(f"unexpected: {type(error).__name__}", Outcome.AMBIGUOUS)
        return receipt

    def _check(self, channel: Channel, delivery: Delivery, ready: Ready, deadline: Deadline) -> Verdict:
        """Look for every attempt of which it is not known whether it arrived."""
        with self._database.read() as tx:
            sends = attempts.doubtful_sends(tx, delivery) or [delivery.created_at]
        found: Receipt | ChannelError | None
        try:
            looks = (channel.find(ready.message, began, deadline) for began in sends)
            found = next((receipt for receipt in looks if receipt is not None), None)
        except ChannelError as error:
            found = error
        except Exception as error:  # noqa: BLE001  (a plug-in's mistake: nothing was found out)
            _log.exception("a channel failed unexpectedly", channel=channel.name, delivery=delivery.id)
            found = ChannelError(f"unexpected: {type(error).__name__}", Outcome.NOT_DELIVERED)
        return after_check(delivery, found, self._clock(), self._timing)

    # -- What came of it -----------------------------------------------------------------------------------------------

    def _record(self, parcel: Parcel, verdict: Verdict) -> None:
        try:
            self._write(parcel, verdict)
        except StorageError:
            with self._state:
                self._unrecorded.append((parcel, verdict))
            raise

    def _record_again(self) -> None:
        """Record what the database would not take before."""
        while True:
            with self._state:
                if not self._unrecorded:
                    return
                parcel, verdict = self._unrecorded.pop(0)
            self._record(parcel, verdict)

    def _write(self, parcel: Parcel, verdict: Verdict) -> None:
        """Record what came of a message for every delivery in it, and what follows from it, in one transaction."""
        now, first = self._clock(), parcel.first
        with self._database.write() as tx:
            for name in sorted({item.incident_id for item in parcel.deliveries if verdict.unreachable}):
                incidents.lock(tx, name)  # first, as others are to be told: with a delivery held nobody is waited for
            held = [item for item in parcel.deliveries if self._recorded(tx, item, verdict, now)]
            if held and verdict.block_until:
                outbox.block_channel(tx, first.channel, verdict.block_until, verdict.error or "")
            for item in held if verdict.unreachable else ():
                self._failover.unreachable(tx, item, now, verdict.error or "")
            if held and self._system and first.channel in self._channels:
                report_health(tx, self._system, first, verdict, now)
            if held == [first] and first.digest_id is None and verdict.state is DeliveryState.SENT:
                after_message(tx, self._channels.get(first.channel), first, verdict.picture, now)
            fault_point("S4")
        for item in parcel.deliveries:
            _tell(item, verdict, item in held)

    def _recorded(self, tx: Transaction, item: Delivery, verdict: Verdict, now: datetime) -> bool:
        return outbox.record(
            tx,
            item.id,
            item.fence,
            state=verdict.state,
            now=now,
            due_at=verdict.due_at,
            remote_id=verdict.remote_id,
            error=verdict.error,
        )

    def _fail_over(self) -> None:
        now = self._clock()
        with self._state:
            if self._looks is not None and self._looks[0] <= now < self._looks[1]:
                return
            self._looks = now, now + LOOK_EVERY
        with self._database.write() as tx:
            again_at = self._failover.look(tx, now)
            left = [item for name in abandoned(tx, now, self._channels) for item in self._taken_over(tx, name, now)]
        with self._state:
            self._looks = now, again_at
        for item in left:
            error = f"the channel {item.channel!r} is not configured any more"
            self._record(Parcel((item,)), Verdict(DeliveryState.DEAD, error=error, unreachable=True))

    def _taken_over(self, tx: Transaction, name: str, now: datetime) -> list[Delivery]:
        return outbox.claim(tx, now, self._owner, self._timing.lease, MOST_LEFT, known=[name])


def report_health(
    tx: Transaction, system: SystemIncidents, delivery: Delivery, verdict: Verdict, now: datetime
) -> None:
    """Open the program's own incident about a channel that a person must mend, and close it when it works again."""
    topic = f"{ILL}{delivery.channel}"
    if verdict.state is DeliveryState.SENT:
        system.recovered(tx, topic, now, f"a message went through {delivery.channel} again")
    elif verdict.unreachable:
        headline = f"Messages cannot be delivered through the channel {delivery.channel}"
        system.report(tx, Failing(topic, headline, verdict.error or "", Severity.CRITICAL), now)


def build_channels(settings: Settings, clock: Callable[[], datetime]) -> dict[str, Channel]:
    """Every enabled channel of the configuration by name; talks to nobody."""
    return {channel.name: build_channel(channel, settings, clock) for channel in settings.channels if channel.enabled}


def build_channel(channel: ChannelSettings, settings: Settings, clock: Callable[[], datetime]) -> Channel:
    """One configured channel, with its options checked; `ValidationError` where they are wrong."""
    module = resolve(CHANNELS, channel.type)
    links = SignedLinks.build(settings, clock).for_reader
    context = ChannelContext(channel.name, settings.general.name, clock, links)
    built: Channel = module.build(module.Options.model_validate(channel.options), context)
    return built


def _tell(delivery: Delivery, verdict: Verdict, held: bool) -> None:
    facts = {"delivery": delivery.id, "incident": delivery.incident_id, "channel": delivery.channel}
    if not held:
        _log.warning("another process took this delivery over; its result is left to that one", **facts)
    elif verdict.state is DeliveryState.SENT:
        _log.info("told", reason=delivery.reason.value, target=delivery.target, attempt=delivery.attempt, **facts)
    elif verdict.state is DeliveryState.DEAD:
        _log.error("could not be told", target=delivery.target, error=verdict.error, **facts)
    else:
        _log.warning("not told yet", state=verdict.state.value, error=verdict.error, due_at=verdict.due_at, **facts)
