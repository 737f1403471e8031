"""Deliveries on their way: what is due, who holds it, what came of it.

The transaction that decides an alert enqueues its deliveries. A sender claims, commits, and only then sends; so an
attempt is always on record before it is made, and a process that dies in between leaves a delivery whose lease expires.
Such a delivery *may* have arrived: it comes back from `claim` as `ambiguous`, and the sender finds out before it sends
again.

    pending -> sending -> sent | retry | ambiguous | dead        retry -> sending (when due)
    ambiguous -> checking -> sent | pending | dead               pending, retry -> superseded
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
    update,
)

from storage import attempts
from storage.buckets import holds_back
from storage.database import Transaction
from storage.records import Delivery, DeliveryState, Reason, Severity
from storage.schema import channel, delivery
from storage.statements import insert_new, is_constantly_in, is_one_of, replace

COLUMNS = tuple(delivery.c[name] for name in Delivery.__slots__)
_D = delivery.c
_TERMINAL = tuple(state.value for state in DeliveryState if state.is_terminal)
_UNSENT = (DeliveryState.PENDING.value, DeliveryState.RETRY.value)
_HELD = (DeliveryState.SENDING.value, DeliveryState.CHECKING.value)
_HISTORY = (
    select(*COLUMNS)
    .where(_D.incident_id == bindparam("incident"))
    .order_by(_D.episode, _D.seq, _D.channel, _D.target, _D.id)
)
_ARRIVALS = (
    select(_D.episode, func.min(_D.sent_at))
    .where(_D.incident_id == bindparam("incident"), _D.state == DeliveryState.SENT.value)
    .group_by(_D.episode)
    .order_by(_D.episode)
)
Moment = datetime | BindParameter[datetime]
NOW: BindParameter[datetime] = bindparam("now", type_=_D.due_at.type)
"""The moment of a statement that is put together once."""
_IS_NEWS = or_(_D.reason.in_([Reason.OPENED.value, Reason.ESCALATED.value]), _D.step.is_not(None))
MOST_URGENT_FIRST = (
    case({"critical": 0, "warning": 1}, value=_D.severity, else_=2),
    case((_IS_NEWS, 0), else_=1),
    _D.due_at,
    _D.seq,
    _D.id,
)
"""The worst first, and of what is as bad what somebody hears for the first time: it would wait for the reminders of all
others where a channel takes no more than a message a second."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The first message of an episode that a channel took."""

    episode: int
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Block:
    """A channel that asked to be left alone until `until`."""

    channel: str
    until: datetime
    why: str


def enqueue(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Put deliveries into the outbox; those already there (by id) stay as they are."""
    insert_new(tx, delivery, [_row(item) for item in deliveries])


def claim(
    tx: Transaction,
    now: datetime,
    owner: str,
    lease: timedelta,
    limit: int = 1,
    *,
    known: Collection[str] | None = None,
    without: Collection[str] = (),
    allow: Callable[[Delivery], bool] = lambda _delivery: True,
) -> list[Delivery]:
    """Take up to `limit` deliveries that are due, the most urgent first, and hold them for `lease`.

    Per (incident, channel, target) only the first that is not finished is taken, of the channels `known` where some are
    given, none of a channel that is blocked or in `without`, none that a bucket without a token holds back, and of
    those found only what `allow` lets through. Of a digest the first is taken, which stands for all of it
    (storage/digests.py).
    A delivery comes back as `sending`: send it; or as `ambiguous` (stored as `checking`): find out whether it arrived.
    Commit before acting on it.
    """
    statement = _due(tx.dialect.name, None if known is None else frozenset(known), frozenset(without))
    found = read(tx, statement, now=now, limit=limit)
    return [take(tx, one, now, owner, now + lease) for one in found if allow(one)]


@lru_cache(maxsize=64)
def _due(engine: str, known: frozenset[str] | None, without: frozenset[str]) -> Select[Any]:
    """What is due at `now`, put together once for these channels: that takes longer than to be answered."""
    statement = select(*COLUMNS).where(is_claimable(NOW), is_first_in_line(_D), ~is_blocked(NOW))
    statement = statement.where(~_is_led(NOW), ~holds_back(_D, NOW))
    if known is not None:
        statement = statement.where(_D.channel.in_(sorted(known)))
    if without:
        statement = statement.where(_D.channel.not_in(sorted(without)))
    statement = statement.order_by(*MOST_URGENT_FIRST).limit(bindparam("limit"))
    return statement.with_for_update(skip_locked=True, of=delivery) if engine == "postgresql" else statement


def let_go(tx: Transaction, owners: Collection[str], now: datetime) -> None:
    """End the leases of what processes held that are dead: each is in doubt now, as when its lease has run out."""
    held = (_D.state.in_(_HELD), is_one_of(tx, _D.owner, owners), _D.lease_until > now)
    tx.execute(update(delivery).where(*held).values(lease_until=now))


def record(
    tx: Transaction,
    delivery_id: str,
    fence: int,
    *,
    state: DeliveryState,
    now: datetime,
    due_at: datetime | None = None,
    remote_id: str | None = None,
    error: str | None = None,
) -> bool:
    """Record what came of a claim. False, and nothing done, when the claim was lost (`fence`): then do nothing more."""
    held = and_(_D.id == delivery_id, _D.fence == fence, _D.state.in_(_HELD))
    values: dict[str, Any] = {"state": state.value, "owner": None, "lease_until": None, "last_error": error}
    if due_at is not None:
        values["due_at"] = due_at
    if remote_id is not None:
        values["remote_id"] = remote_id
    if state is DeliveryState.SENT:
        values["sent_at"] = now
    if state.value in _UNSENT:
        values["digest_id"] = None
    if not tx.execute(update(delivery).where(held).values(values)).rowcount:
        return False
    attempts.end(tx, delivery_id, fence, state, now, remote_id=remote_id, error=error)
    return True


def supersede(
    tx: Transaction,
    incident_id: str,
    reasons: Collection[Reason],
    *,
    why: str = "",
    episode: int | None = None,
    before_seq: int | None = None,
    channel: str | None = None,
    target: str | None = None,
    only_steps: bool = False,
) -> list[Delivery]:
    """Drop an incident's deliveries that nobody has begun or that wait for another try; those dropped are returned.

    With `only_steps`, those alone that belong to an escalation or a fallback.
    """
    conditions = [
        _D.incident_id == incident_id,
        _D.reason.in_([reason.value for reason in reasons]),
        _D.state.in_(_UNSENT),
    ]
    for column, value in ((_D.episode, episode), (_D.channel, channel), (_D.target, target)):
        if value is not None:
            conditions.append(column == value)
    if before_seq is not None:
        conditions.append(_D.seq < before_seq)
    if only_steps:
        conditions.append(_D.step.is_not(None))
    statement = select(*COLUMNS).where(*conditions).order_by(_D.seq, _D.id)
    dropped = read(tx, statement.with_for_update() if tx.dialect.name == "postgresql" else statement)
    if dropped:
        values = {"state": DeliveryState.SUPERSEDED.value, "last_error": why or None}
        tx.execute(update(delivery).where(_D.id.in_([item.id for item in dropped])).values(values))
    return dropped


def block_channel(tx: Transaction, name: str, until: datetime, why: str) -> None:
    """Let no process make a request to the channel before `until`."""
    replace(tx, channel, [{"name": name, "blocked_until": until, "why": why}])


def blocks(tx: Transaction, now: datetime) -> list[Block]:
    """Channels that are blocked at `now`."""
    columns = channel.c
    statement = select(columns.name, columns.blocked_until, columns.why).where(columns.blocked_until > now)
    return [Block(*row) for row in tx.execute(statement.order_by(columns.name))]


def get(tx: Transaction, delivery_id: str) -> Delivery | None:
    """The delivery of this id."""
    return next(iter(read(tx, select(*COLUMNS).where(_D.id == delivery_id))), None)


def history(tx: Transaction, incident_id: str) -> list[Delivery]:
    """Every delivery of an incident, by number, channel and target."""
    return [_record(row) for row in tx.execute(_HISTORY, {"incident": incident_id})]


def arrivals(tx: Transaction, incident_id: str) -> list[Arrival]:
    """When the first message of each episode arrived anywhere, without reading the messages."""
    return [Arrival(*row) for row in tx.execute(_ARRIVALS, {"incident": incident_id})]


def send_again(tx: Transaction, item: Delivery, now: datetime) -> bool:
    """Make an attempt to send of a claim that was to look only. False, and nothing done, when the claim was lost.

    Commit before sending: whoever looks next must know when the repeat was on its way.
    """
    held = and_(_D.id == item.id, _D.fence == item.fence, _D.state.in_(_HELD))
    if not tx.execute(update(delivery).where(held).values(attempted_at=now)).rowcount:
        return False
    attempts.become_send(tx, item, now)
    return True


def root(tx: Transaction, incident_id: str, episode: int | None, channel: str, target: str) -> Delivery | None:
    """The first delivery that arrived there in a message of its own: later ones edit it or answer it."""
    statement = _sent(incident_id, episode, channel, target).order_by(_D.episode, _D.seq)
    return next(iter(read(tx, statement.limit(1))), None)


def unfinished(tx: Transaction) -> list[Delivery]:
    """Every delivery that is not finished, by the time it is due."""
    return read(tx, select(*COLUMNS).where(is_unfinished(_D)).order_by(_D.due_at, _D.id))


def late(tx: Transaction, now: datetime) -> int:
    """How many deliveries are due and not begun, or to be tried again."""
    return tx.scalar(select(func.count()).where(is_unfinished(_D), _D.state.in_(_UNSENT), _D.due_at <= now)) or 0


def oldest_due(tx: Transaction, now: datetime) -> datetime | None:
    """Since when the delivery that waits longest is due, of those that nobody has begun and no channel holds up."""
    statement = select(func.min(_D.due_at)).where(
        is_unfinished(_D), _D.state == DeliveryState.PENDING.value, _D.due_at <= now, ~is_blocked(now)
    )
    found: datetime | None = tx.scalar(statement)
    return found


def is_unfinished(columns: Any) -> ColumnElement[bool]:
    """Whether something more will happen to a delivery, in the words of the index of those."""
    return ~is_constantly_in(columns.state, _TERMINAL)


def is_claimable(now: Moment) -> ColumnElement[bool]:
    """Whether a delivery is due, or whoever held it has lost it."""
    waiting = (*_UNSENT, DeliveryState.AMBIGUOUS.value)
    return and_(
        is_unfinished(_D),
        or_(
            and_(_D.state.in_(waiting), _D.due_at <= now),
            and_(_D.state.in_(_HELD), _D.lease_until <= now),
        ),
    )


def is_first_in_line(columns: Any) -> ColumnElement[bool]:
    """Whether nothing earlier about the same incident is on its way to the same place."""
    earlier = delivery.alias()
    is_waited_for = exists().where(
        earlier.c.incident_id == columns.incident_id,
        earlier.c.channel == columns.channel,
        earlier.c.target == columns.target,
        tuple_(earlier.c.episode, earlier.c.seq) < tuple_(columns.episode, columns.seq),
        is_unfinished(earlier.c),
    )
    # A bare NOT EXISTS is a join to PostgreSQL, which without statistics compares every row with every other.
    return func.coalesce(~is_waited_for, true())


def is_gathered(columns: Any, now: Moment) -> ColumnElement[bool]:
    """Whether it is due in a digest, and surely did not arrive before."""
    return and_(columns.digest.is_not(None), is_unfinished(columns), columns.state.in_(_UNSENT), columns.due_at <= now)


def _is_led(now: Moment) -> ColumnElement[bool]:
    """Whether another delivery stands for it: of those due in a digest, or told in one message, the smallest id."""
    first, bound = delivery.alias(), delivery.alias()
    due = exists().where(
        first.c.channel == _D.channel,
        first.c.target == _D.target,
        is_gathered(first.c, now),
        first.c.id < _D.id,
        is_first_in_line(first.c),
    )
    together = exists().where(bound.c.digest_id == _D.digest_id, is_unfinished(bound.c), bound.c.id < _D.id)
    return or_(
        and_(_D.digest.is_not(None), _D.state.in_(_UNSENT), due),
        and_(_D.digest_id.is_not(None), together),
    )


def is_blocked(now: Moment) -> ColumnElement[bool]:
    """Whether the channel of a delivery is to be left alone."""
    return exists().where(channel.c.name == _D.channel, channel.c.blocked_until > now)


def take(tx: Transaction, found: Delivery, now: datetime, owner: str, until: datetime) -> Delivery:
    """Hold a delivery that was found claimable, and put the attempt on record."""
    is_send = found.state in (DeliveryState.PENDING, DeliveryState.RETRY)
    state = DeliveryState.SENDING if is_send else DeliveryState.CHECKING
    values: dict[str, Any] = {"owner": owner, "lease_until": until, "fence": found.fence + 1}
    if is_send:
        values.update(attempt=found.attempt + 1, attempted_at=now)
    tx.execute(update(delivery).where(_D.id == found.id).values(state=state.value, **values))
    taken = _changed(found, state=DeliveryState.SENDING if is_send else DeliveryState.AMBIGUOUS, **values)
    attempts.begin(tx, taken, "send" if is_send else "check", now)
    return taken


def _sent(incident_id: str, episode: int | None, channel: str, target: str) -> Select[Any]:
    statement = select(*COLUMNS).where(
        _D.incident_id == incident_id,
        _D.channel == channel,
        _D.target == target,
        _D.state == DeliveryState.SENT.value,
        _D.digest_id.is_(None),
    )
    return statement if episode is None else statement.where(_D.episode == episode)


def _row(item: Delivery) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in Delivery.__slots__}
    row.update(reason=item.reason.value, severity=item.severity.value, state=item.state.value, page=dict(item.page))
    return row


def read(tx: Transaction, statement: Select[Any], **given: Any) -> list[Delivery]:
    """The deliveries that a selection of `COLUMNS` finds, with the parameters that it wants."""
    return [_record(row) for row in tx.execute(statement, given)]


def _record(row: Sequence[Any]) -> Delivery:
    values = dict(zip(Delivery.__slots__, row, strict=True))
    values.update(
        reason=Reason(values["reason"]), severity=Severity(values["severity"]), state=DeliveryState(values["state"])
    )
    return Delivery(**values)


def _changed(of: Delivery, **values: Any) -> Delivery:
    return Delivery(**{name: values.get(name, getattr(of, name)) for name in Delivery.__slots__})
