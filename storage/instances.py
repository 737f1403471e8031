"""Which processes run over this database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from storage.database import Transaction
from storage.leases import MOST_APART
from storage.schema import instance
from storage.statements import replace


@dataclass(frozen=True, slots=True)
class Instance:
    """A process that runs until `alive_until`, unless it says so again; `degraded` as in `Understanding`."""

    name: str
    started_at: datetime
    alive_until: datetime
    degraded: str = ""


_COLUMNS = tuple(instance.c[name] for name in Instance.__slots__)


def say(tx: Transaction, one: Instance) -> None:
    """Say that a process runs, and forget those that have said nothing for long."""
    replace(tx, instance, [asdict(one)])
    tx.execute(delete(instance).where(instance.c.alive_until < one.alive_until - timedelta(hours=1)))


def forget(tx: Transaction, name: str) -> None:
    """A process has ended."""
    tx.execute(delete(instance).where(instance.c.name == name))


def names(tx: Transaction) -> list[str]:
    """Every process that has said something lately and did not say that it ended."""
    return list(tx.scalars(select(instance.c.name).order_by(instance.c.name)))


def running(tx: Transaction, now: datetime, said_for: timedelta) -> list[Instance]:
    """The processes that run, by what they said, which holds for `said_for`; the oldest first."""
    # one that runs longer than any could have said had another clock, which was put back since
    until = now + said_for + MOST_APART
    statement = select(*_COLUMNS).where(instance.c.alive_until > now, instance.c.alive_until <= until)
    return [Instance(*row) for row in tx.execute(statement.order_by(instance.c.started_at, instance.c.name))]
