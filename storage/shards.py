"""The manifest of work that is done in parts, by many processes on many machines.

A part is taken with a number that rises (its fence). Whoever works on it keeps how far they came in the transaction
that does the work, and only while nobody has taken it over: so a process that was believed dead, and wakes, undoes
nothing and counts nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from storage.database import Transaction
from storage.errors import StorageError
from storage.schema import shard
from storage.statements import insert_new


class LostShardError(StorageError):
    """Another process has taken the part over; what this one was about to write is left to it."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a job: what it covers, how far it came and what came of that so far. `done_at` when it is complete."""

    job: str
    number: int
    what: Mapping[str, Any]
    fence: int = 0
    owner: str = ""
    position: Mapping[str, Any] = field(default_factory=dict)
    done_at: datetime | None = None


_SHARD = tuple(shard.c[name] for name in Shard.__slots__)


def plan(tx: Transaction, job: str, parts: Sequence[Mapping[str, Any]]) -> None:
    """Write the parts of a job down; a job that is known stays as it is."""
    rows = [{"job": job, "number": number, "what": dict(what), **_UNTOUCHED} for number, what in enumerate(parts)]
    insert_new(tx, shard, rows)


_UNTOUCHED: Mapping[str, Any] = {"fence": 0, "owner": "", "position": {}, "done_at": None}


def every(tx: Transaction, job: str) -> list[Shard]:
    """The parts of a job, in order."""
    return [_shard(row) for row in tx.execute(select(*_SHARD).where(shard.c.job == job).order_by(shard.c.number))]


def take(tx: Transaction, job: str, number: int, owner: str) -> Shard | None:
    """Take a part, whoever had it before; `None` when it is done."""
    statement = select(*_SHARD).where(shard.c.job == job, shard.c.number == number).with_for_update()
    found = _shard(tx.execute(statement).one())
    if found.done_at is not None:
        return None
    taken = replace(found, fence=found.fence + 1, owner=owner)
    tx.execute(update(shard).where(*_is(found)).values(fence=taken.fence, owner=owner))
    return taken


def advance(tx: Transaction, held: Shard, position: Mapping[str, Any], done_at: datetime | None = None) -> None:
    """Keep how far a part has come; `LostShardError` when it is no longer ours."""
    changed = update(shard).where(*_is(held)).values(position=dict(position), done_at=done_at)
    if not tx.execute(changed).rowcount:
        raise LostShardError(
            f"part {held.number} of {held.job} was taken over by another process, which goes on with it"
        )


def forget(tx: Transaction, job: str) -> None:
    """Forget a job."""
    tx.execute(delete(shard).where(shard.c.job == job))


def _is(held: Shard) -> tuple[Any, ...]:
    return (shard.c.job == held.job, shard.c.number == held.number, shard.c.fence == held.fence)


def _shard(row: Any) -> Shard:
    job, number, what, fence, owner, position, done_at = row
    return Shard(job, number, what, fence, owner, position, done_at)
