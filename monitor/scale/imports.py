"""Files of history taken in by many workers at once: a part is a file, or a stretch of one that has lines.

Packed files cannot be begun in the middle, so each is one part; archives come as a file a month. What is stored is what
one machine would have stored: posts know nothing of the order in which they came, but for their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from collectors.contract import CollectorError
from collectors.rows import RowFormat
from collectors.tables import Read, is_seekable, read_rows
from config.settings import Settings
from monitor.importing import Imported, Importing, Place, kept_result
from monitor.scale.jobs import Answer, Done, Errand, answered, run_jobs
from monitor.scale.workers import Workers
from storage import shards
from storage.database import Database, Transaction
from storage.ingest import Written
from storage.records import Cursor
from storage.shards import Shard

NOBODYS = Shard("", 0, {})
PART_BYTES = 256 * 1024 * 1024
"""A part of a file that has lines: some minutes' work."""


@dataclass(frozen=True, slots=True)
class Way:
    """How files are taken in."""

    settings: Settings
    row_format: RowFormat
    archive_source: str
    takes_all: bool
    now: datetime


@dataclass
class PartImporting(Importing):
    """Takes in a part of a file, and keeps how far it came in the manifest."""

    held: Shard = NOBODYS

    def __post_init__(self) -> None:
        """The pipeline of one machine, with a witness."""
        super().__post_init__()
        self._pipeline.witness = self._keep
        self._position: dict[str, Any] = {}
        self._new = [int(self.held.position.get(name, 0)) for name in ("new_posts", "mentions")]

    def _keep(self, tx: Transaction, written: Written) -> None:
        new = [self._new[0] + written.new_posts, self._new[1] + len(written.new_mentions)]
        position = {**self._position, "new_posts": new[0], "mentions": new[1]}
        shards.advance(tx, self.held, position, self.clock() if position["done"] else None)
        self._new = new

    def _kept(self, name: str, path: Path) -> tuple[Place, Imported]:  # noqa: ARG002  (a part is not kept by name)
        if not self.held.position:
            return Place(0, int(self.held.what["start"])), Imported(path.name)
        return kept_result(self.held.position, path)

    def _rows(self, path: Path, place: Place) -> Iterator[Read]:
        end = self.held.what["end"]
        for line, row, reached in read_rows(path, after_line=place.line, at_byte=place.byte):
            if end is not None and reached > end:
                return
            yield line, row, reached

    def _cursor(self, name: str, position: dict[str, Any]) -> Cursor | None:  # noqa: ARG002
        self._position = position
        return None

    def request_judging(self, since: datetime | None) -> None:
        """Whoever runs all parts asks, when he knows of all."""


def import_part(errand: Errand) -> Answer:
    """Take a part in."""
    return answered(errand, _import)


def _import(database: Database, held: Shard, way: Way) -> None:
    path = Path(held.what["path"])
    if path.stat().st_size != held.what["size"]:
        raise ValueError(
            f"{path} is not the file that was planned: its size is another; are all machines shown the same?"
        )
    importing = PartImporting(
        way.settings,
        database,
        lambda: way.now,
        row_format=way.row_format,
        archive_source=way.archive_source,
        takes_all=way.takes_all,
        held=held,
    )
    try:
        importing.run(path, lambda _: None)
    except CollectorError as error:
        raise ValueError(str(error)) from error


def import_all(
    workers: Workers, importing: Importing, files: Sequence[Path], progress: Done, *, from_start: bool = False
) -> list[Imported]:
    """Take files in by workers who see them under the same names; what came of each."""
    names = {path: importing.job_of(path) for path in files}
    if from_start:
        with importing.database.write() as tx:
            for job in names.values():
                shards.forget(tx, job)
    way = Way(
        importing.settings,
        importing.row_format,
        importing.archive_source,
        importing.takes_all,
        importing.clock(),
    )
    jobs = {names[path]: list(parts_of(path, PART_BYTES)) for path in files}
    done = run_jobs(workers, importing.database, jobs, import_part, way, progress)
    found = [_summed(path, done[names[path]]) for path in files]
    for one in found:
        importing.request_judging(one.first_at)
    return found


def parts_of(path: Path, size: int = PART_BYTES) -> Iterator[dict[str, Any]]:
    """The parts of a file; those of one that has lines begin and end with a line."""
    path, whole = path.resolve(), path.stat().st_size
    if not is_seekable(path):
        yield {"path": str(path), "size": whole, "start": 0, "end": None}
        return
    start = 0
    with path.open("rb") as file:
        while start < whole:
            file.seek(min(start + size, whole) - 1)
            file.readline()
            end = file.tell()
            yield {"path": str(path), "size": whole, "start": start, "end": None if end >= whole else end}
            start = end
    if not whole:
        yield {"path": str(path), "size": 0, "start": 0, "end": None}


def _summed(path: Path, parts: Sequence[Shard]) -> Imported:
    results = [kept_result(part.position, path)[1] for part in parts]
    firsts = [one.first_at for one in results if one.first_at]
    lasts = [one.last_at for one in results if one.last_at]
    return Imported(
        path.name,
        rows=sum(one.rows for one in results),
        posts=sum(one.posts for one in results),
        new_posts=sum(int(part.position["new_posts"]) for part in parts),
        mentions=sum(int(part.position["mentions"]) for part in parts),
        samples=sum(one.samples for one in results),
        left_out=sum((one.left_out for one in results), Counter[str]()),
        first_at=min(firsts, default=None),
        last_at=max(lasts, default=None),
        resumed=any(part.fence > 1 for part in parts),
        done=all(part.done_at is not None for part in parts),
    )
