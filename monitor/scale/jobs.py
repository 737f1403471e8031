"""Work in parts that workers share, by the manifest in the database: what is done is not done again.

A part is an errand: a worker anywhere takes it in the database, goes on where it was left, and keeps how far it came in
every transaction that it stores something in. Errands may be run twice, by a worker that was believed dead and another:
the older one is told so at its next transaction, which is undone.
"""

from __future__ import annotations

import os
import pickle
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from monitor.scale.workers import Workers, WorkersError
from storage import shards
from storage.database import Database
from storage.errors import StorageError
from storage.shards import Shard

Part = Mapping[str, Any]
Done = Callable[[int, int], None]
"""Told how many parts are done, of how many."""


class Errand(NamedTuple):
    """A part for a worker: of which job in which database, and the work itself, packed."""

    address: str
    job: str
    number: int
    work: bytes


class Answer(NamedTuple):
    """What became of an errand: nothing to say, or why it failed."""

    failure: str = ""


Work = Callable[[Database, Shard, Any], None]
"""Does a part that was taken, with what was packed for it; keeps how far it came by `shards.advance`."""


def run_jobs(
    workers: Workers,
    database: Database,
    jobs: Mapping[str, Sequence[Part]],
    task: Callable[[Errand], Answer],
    work: object,
    progress: Done,
) -> dict[str, list[Shard]]:
    """Do every part of the jobs that is not done, and give all of them as they were done."""
    refuse_files(database)
    with database.write() as tx:
        for job, parts in jobs.items():
            shards.plan(tx, job, parts)
    planned = _every(database, jobs)
    waiting = [one for parts in planned.values() for one in parts if one.done_at is None]
    packed, total = pickle.dumps(work), sum(map(len, planned.values()))
    progress(total - len(waiting), total)
    errands = (Errand(database.address, one.job, one.number, packed) for one in waiting)
    for done, answer in enumerate(workers.each(task, errands), total - len(waiting) + 1):
        if answer.failure:
            raise WorkersError(answer.failure)
        progress(done, total)
    return _every(database, jobs)


def refuse_files(database: Database) -> None:
    """`WorkersError` where the database is none that several machines share."""
    if database.engine_name != "postgresql":
        raise WorkersError(
            f"{database.place} is a file, which a cluster cannot share; set database.url to a PostgreSQL database, "
            "or use the processors of this machine with [scale] workers"
        )


@contextmanager
def taken(errand: Errand) -> Iterator[tuple[Database, Shard | None]]:
    """The part of an errand, taken; `None` where it was done meanwhile."""
    database = _database(errand.address)
    with database.write() as tx:
        held = shards.take(tx, errand.job, errand.number, f"{socket.gethostname()}-{os.getpid()}")
    yield database, held


def answered(errand: Errand, work: Work) -> Answer:
    """Do the part of an errand; a failure of the database or of a file is told, not raised."""
    try:
        with taken(errand) as (database, held):
            if held is not None:
                work(database, held, pickle.loads(errand.work))  # noqa: S301  (of the process that asked, ours)
    except (StorageError, OSError, ValueError) as error:
        return Answer(f"part {errand.number} of {errand.job}: {error}")
    return Answer()


@lru_cache(maxsize=2)
def _database(address: str) -> Database:
    """Opened once in each worker."""
    return Database.open(address, migrate=False)


def _every(database: Database, jobs: Mapping[str, Sequence[Part]]) -> dict[str, list[Shard]]:
    with database.read() as tx:
        return {job: shards.every(tx, job) for job in jobs}
