"""Stored history judged again by many workers at once: a part is a day.

A worker reads the posts of its part before it asks for their sources, which one process writes to at a time: so the
reading, which is the work, is done by all at once. Replies are judged with their root, whoever comes to them first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from config.settings import Settings
from monitor.rescore import Rescored, Rescoring
from monitor.scale.jobs import Answer, Done, Errand, answered, run_jobs
from monitor.scale.workers import Beforehand, Workers
from monitor.understanding import Understanding
from storage import shards, stored_days
from storage.columns import from_micros, to_micros
from storage.database import Database, Transaction
from storage.rejudging import Position
from storage.shards import Shard

NOBODYS = Shard("", 0, {})
MOST_PARTS = 4_000
"""Of longer histories several days are one part: an engine is for coarse work."""


@dataclass(frozen=True, slots=True)
class Way:
    """How history is judged again."""

    settings: Settings
    brands: tuple[str, ...]
    now: datetime


@dataclass(frozen=True)
class PartRescoring(Rescoring):
    """Judges a part of history again, and keeps how far it came in the manifest."""

    held: Shard = NOBODYS
    now: datetime | None = None

    def _kept(self, asked: str) -> tuple[Rescored, Position | None]:  # noqa: ARG002  (the job is called after it)
        kept = self.held.position
        if not kept:
            return Rescored(), None
        return result_of(kept), Position(from_micros(kept["created_at"]), kept["id"])

    def _keep(self, tx: Transaction, asked: str, done: Rescored, position: Position | None) -> None:  # noqa: ARG002
        moves = [[before, after, count] for (before, after), count in sorted(done.moves.items())]
        kept: dict[str, Any] = {"posts": done.posts, "changed": done.changed, "moves": moves}
        if position is not None:
            kept |= {"created_at": to_micros(position.created_at), "id": position.id}
        shards.advance(tx, self.held, kept, None if position else self.now)


def rescore_part(errand: Errand) -> Answer:
    """Judge a part again."""
    return answered(errand, _rescore)


def _rescore(database: Database, held: Shard, way: Way) -> None:
    PartRescoring(
        database,
        way.settings,
        Understanding.build(way.settings),
        from_micros(held.what["since"]),
        from_micros(held.what["until"]),
        way.brands,
        workers=Beforehand(),
        held=held,
        now=way.now,
    ).run(lambda *_: None)


def rescore_all(
    workers: Workers, rescoring: Rescoring, now: datetime, progress: Done, *, from_start: bool = False
) -> Rescored:
    """Judge all of a span again by workers; what came of it. Once it is done, asking again begins anew."""
    job = f"rescore:{rescoring.asked()}"
    if from_start:
        _forget(rescoring.database, job)
    way = Way(rescoring.settings, rescoring.brands, now)
    parts = run_jobs(workers, rescoring.database, {job: list(_parts(rescoring))}, rescore_part, way, progress)[job]
    _forget(rescoring.database, job)
    done = Rescored(resumed=any(part.fence > 1 for part in parts))
    for part in parts:
        one = result_of(part.position)
        done = replace(done, posts=done.posts + one.posts, changed=done.changed + one.changed)
        done.moves.update(one.moves)
    return done


def result_of(kept: Mapping[str, Any]) -> Rescored:
    """What came of a part."""
    done = Rescored(kept["posts"], kept["changed"])
    done.moves.update({(before, after): count for before, after, count in kept["moves"]})
    return done


def _parts(rescoring: Rescoring) -> Iterator[dict[str, Any]]:
    with rescoring.database.read() as tx:
        days = stored_days.days(tx, rescoring.since, rescoring.until)
    size = -(-len(days) // MOST_PARTS) or 1
    for first in range(0, len(days), size):
        start, end = days[first], days[min(first + size, len(days)) - 1] + stored_days.DAY
        since, until = max(start, rescoring.since or start), min(end, rescoring.until or end)
        yield {"since": to_micros(since), "until": to_micros(until)}


def _forget(database: Database, job: str) -> None:
    with database.write() as tx:
        shards.forget(tx, job)
