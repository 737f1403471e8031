"""Who may act alone: one holder at a time, by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from storage.database import Transaction
from storage.schema import lease
from storage.statements import insert_new, is_one_of

MOST_APART = timedelta(minutes=1)
"""How far the clocks of processes may be apart."""
MOST_SILENT = timedelta(minutes=1)
"""How long a transaction under a lease may ask PostgreSQL nothing: a slow model reads the replies to a post in it."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A right to act alone until `expires_at`; `fence` rises with every holder, so that stale writes are told apart."""

    name: str
    owner: str
    fence: int
    expires_at: datetime

    def is_held(self, now: datetime, held_for: timedelta) -> bool:
        """Whether somebody holds it, by a lease of at most `held_for`."""
        # a lease that ends later than any could is from a clock that was put back since
        return self.owner != "" and now < self.expires_at <= now + held_for + MOST_APART


def acquire(tx: Transaction, name: str, owner: str, now: datetime, held_for: timedelta) -> Lease | None:
    """The lease, when it was free, expired or ours (then it is renewed, with the same fence); else None."""
    insert_new(tx, lease, [{"name": name, "owner": "", "fence": 0, "expires_at": now}])
    held = get(tx, name, locked=True)
    is_held = held.is_held(now, held_for)
    if is_held and held.owner != owner:
        return None
    is_ours = is_held and held.owner == owner
    taken = Lease(name, owner, held.fence if is_ours else held.fence + 1, now + held_for)
    statement = update(lease).where(lease.c.name == name, lease.c.fence == held.fence)
    tx.execute(statement.values(owner=owner, fence=taken.fence, expires_at=taken.expires_at))
    return taken


def acquire_at_once(tx: Transaction, name: str, owner: str, now: datetime, held_for: timedelta) -> Lease | None:
    """Like `acquire`, but None also while somebody writes under the lease: nobody is waited for."""
    # PostgreSQL's INSERT would wait for whoever writes under the lease, also where there is nothing to insert
    is_known = tx.scalar(select(lease.c.name).where(lease.c.name == name)) is not None
    is_free = not is_known or bool(_free_of_locks(tx, [name]))
    return acquire(tx, name, owner, now, held_for) if is_free else None


def renew(tx: Transaction, held: Lease, now: datetime, held_for: timedelta) -> Lease | None:
    """The lease prolonged, or None when somebody else holds it by now."""
    longer = Lease(held.name, held.owner, held.fence, now + held_for)
    statement = update(lease).where(lease.c.name == held.name, lease.c.fence == held.fence, lease.c.owner == held.owner)
    return longer if tx.execute(statement.values(expires_at=longer.expires_at)).rowcount else None


def release(tx: Transaction, held: Lease, now: datetime) -> bool:
    """Give the lease back; whether it was still ours."""
    statement = update(lease).where(lease.c.name == held.name, lease.c.fence == held.fence, lease.c.owner == held.owner)
    return bool(tx.execute(statement.values(owner="", expires_at=now)).rowcount)


def free(tx: Transaction, owners: Collection[str], now: datetime) -> None:
    """Give back what belongs to owners that are dead; what one of them was just writing under runs out by itself."""
    names = list(tx.scalars(select(lease.c.name).where(is_one_of(tx, lease.c.owner, owners))))
    held = is_one_of(tx, lease.c.owner, owners)  # asked again: another may have buried them meanwhile, and taken it
    for name in _free_of_locks(tx, names):
        tx.execute(update(lease).where(lease.c.name == name, held).values(owner="", expires_at=now))


def guard(tx: Transaction, held: Lease, now: datetime, held_for: timedelta) -> bool:
    """Prolong the lease and lock it until the transaction ends, which writes under it; whether it was still ours.

    A process that is stopped in the middle would keep the lock for as long as it sleeps, and one whose machine is gone
    for as long as PostgreSQL does not notice; so the server ends a transaction that is silent for `MOST_SILENT`.
    """
    if tx.dialect.name == "postgresql":
        patience = MOST_SILENT // timedelta(milliseconds=1)
        tx.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = {patience}")
    return renew(tx, held, now, held_for) is not None


def renew_all(tx: Transaction, names: Collection[str], owner: str, now: datetime, held_for: timedelta) -> None:
    """Prolong those of the leases that are the owner's; one that is written under is prolonged by that."""
    for name in _free_of_locks(tx, names):
        statement = update(lease).where(lease.c.name == name, lease.c.owner == owner)
        tx.execute(statement.values(expires_at=now + held_for))


def every(tx: Transaction, prefix: str) -> list[Lease]:
    """The leases whose names begin so, as they stand."""
    columns = lease.c
    statement = select(columns.name, columns.owner, columns.fence, columns.expires_at)
    return [Lease(*row) for row in tx.execute(statement.where(columns.name.startswith(prefix, autoescape=True)))]


def _free_of_locks(tx: Transaction, names: Collection[str]) -> list[str]:
    """Those of the leases that no other transaction holds; they are locked by this one then."""
    statement = select(lease.c.name).where(is_one_of(tx, lease.c.name, names)).order_by(lease.c.name)
    return list(tx.scalars(statement.with_for_update(skip_locked=True)))


def get(tx: Transaction, name: str, *, locked: bool = False) -> Lease:
    """The lease as it stands; one never taken has no owner and the fence 0."""
    columns = lease.c
    statement = select(columns.name, columns.owner, columns.fence, columns.expires_at).where(columns.name == name)
    return Lease(*tx.execute(statement.with_for_update() if locked else statement).one())
