"""Who may act alone: one holder at a time, by compare-and-set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from storage.database import Transaction
from storage.schema import lease
from storage.statements import insert_new

MOST_APART = timedelta(minutes=1)
"""How far the clocks of processes may be apart."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to act alone until `expires_at`; `fence` rises with every holder, so that stale writes are told apart."""

    name: str
    owner: str
    fence: int
    expires_at: datetime


def acquire(tx: Transaction, name: str, owner: str, now: datetime, held_for: timedelta) -> Lease | None:
    """The lease, when it was free, expired or ours (then it is renewed, with the same fence); else None."""
    insert_new(tx, lease, [{"name": name, "owner": "", "fence": 0, "expires_at": now}])
    held = get(tx, name, locked=True)
    # a lease that ends later than any could is from a clock that was put back since
    is_held = held.owner != "" and now < held.expires_at <= now + held_for + MOST_APART
    if is_held and held.owner != owner:
        return None
    is_ours = is_held and held.owner == owner
    taken = Lease(name, owner, held.fence if is_ours else held.fence + 1, now + held_for)
    statement = update(lease).where(lease.c.name == name, lease.c.fence == held.fence)
    tx.execute(statement.values(owner=owner, fence=taken.fence, expires_at=taken.expires_at))
    return taken


def renew(tx: Transaction, held: Lease, now: datetime, held_for: timedelta) -> Lease | None:
    """The lease prolonged, or None when somebody else holds it by now."""
    longer = Lease(held.name, held.owner, held.fence, now + held_for)
    statement = update(lease).where(lease.c.name == held.name, lease.c.fence == held.fence, lease.c.owner == held.owner)
    return longer if tx.execute(statement.values(expires_at=longer.expires_at)).rowcount else None


def release(tx: Transaction, held: Lease, now: datetime) -> bool:
    """Give the lease back; whether it was still ours."""
    statement = update(lease).where(lease.c.name == held.name, lease.c.fence == held.fence, lease.c.owner == held.owner)
    return bool(tx.execute(statement.values(owner="", expires_at=now)).rowcount)


def get(tx: Transaction, name: str, *, locked: bool = False) -> Lease:
    """The lease as it stands; one never taken has no owner and the fence 0."""
    columns = lease.c
    statement = select(columns.name, columns.owner, columns.fence, columns.expires_at).where(columns.name == name)
    return Lease(*tx.execute(statement.with_for_update() if locked else statement).one())
