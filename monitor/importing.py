"""History that others have collected, taken into the store: in bounded memory, resumably, and paging nobody.

Each batch is one transaction with the place up to which its file has been read, so that whoever is interrupted goes on
from there; taking a file in twice changes nothing. Posts about no brand are left out unless all are wanted: an archive
of a whole forum is mostly about others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from collectors.files import beginning_of, meaning
from collectors.pushshift import GoneError, archived_post, is_archived
from collectors.rows import RowFormat, RowReader, joined
from collectors.tables import BadRow, Read, Row, is_seekable, read_rows
from config.settings import Settings
from monitor import judging_again
from monitor.assembly import assemble
from monitor.pipeline import Batch, Pipeline
from monitor.scale.ahead import ReadAhead, read_ahead
from monitor.scale.workers import Alone, Workers
from storage import cursors as cursor_store
from storage.database import Database
from storage.records import Cursor, EngagementSample, Post, PostKey

POSTS_A_BATCH = 500
ROWS_A_BATCH = 20_000

ABOUT_NOBODY = "about no brand"
GONE = "deleted or removed before it was archived"


@dataclass
class Imported:
    """What came of a file: its rows, the posts and samples in them that were wanted, and why other rows were left out.

    `new_posts` and `mentions` are those that this run brought to the store. `resumed` tells that an earlier run was
    gone on with, `done` that the file was read to its end.
    """

    file: str
    rows: int = 0
    posts: int = 0
    new_posts: int = 0
    mentions: int = 0
    samples: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None
    resumed: bool = False
    done: bool = False


Progress = Callable[[Imported], None]


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read."""

    line: int = 0
    byte: int = 0


@dataclass
class _Batch:
    """What is written together."""

    posts: dict[PostKey, Post] = field(default_factory=dict)
    samples: list[EngagementSample] = field(default_factory=list)
    rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    is_last: bool = False

    @cached_property
    def wanted(self) -> list[Post]:
        """The posts, when it is full."""
        return list(self.posts.values())

    @property
    def is_full(self) -> bool:
        return len(self.posts) + len(self.samples) >= POSTS_A_BATCH or self.rows >= ROWS_A_BATCH

    def add(self, post: Post) -> None:
        known = self.posts.get(post.key)
        self.posts[post.key] = joined(known, post) if known else post


@dataclass
class Importing:
    """Takes files in. `archive_source` is what things of Reddit's archives are called after."""

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    row_format: RowFormat = field(default_factory=RowFormat)
    archive_source: str = "reddit"
    takes_all: bool = False
    workers: Workers = field(default_factory=Alone)

    def __post_init__(self) -> None:
        """Put the pipeline together; it stores and does not judge."""
        self._understanding = ReadAhead.build(self.settings, steady=True)
        self._pipeline: Pipeline = assemble(self.settings, self.database, understanding=self._understanding)

    def run(self, path: Path, progress: Progress, *, from_start: bool = False) -> Imported:
        """Take one file in; `CollectorError` where it cannot be read."""
        name = self._name(path)
        place, result = (Place(), Imported(path.name)) if from_start else self._kept(name, path)
        if result.done:
            return result
        size = path.stat().st_size
        self.request_judging(result.first_at)
        for batch, reached in self._read_ahead(self._batches(path, place)):
            first_at = result.first_at
            _count(result, batch)
            self._write(batch, self._cursor(name, position_of(reached, size, result)), result)
            if result.first_at != first_at:
                self.request_judging(result.first_at)
            progress(result)
        return result

    def _read_ahead(self, batches: Iterable[tuple[_Batch, Place]]) -> Iterator[tuple[_Batch, Place]]:
        return read_ahead(batches, lambda item: item[0].wanted, self._understanding, self.settings, self.workers)

    def _batches(self, path: Path, place: Place) -> Iterator[tuple[_Batch, Place]]:
        reader, batch = RowReader(self.row_format, collected_at=self.clock()), _Batch()
        rows = self._rows(path, place)
        while taken := list(islice(rows, min(POSTS_A_BATCH, ROWS_A_BATCH))):
            self._take([self._meaning(path, line, row, reader) for line, row, _ in taken], batch)
            line, _, end = taken[-1]
            place = Place(line, end if is_seekable(path) else 0)
            if batch.is_full:
                yield batch, place
                batch = _Batch()
        batch.is_last = True
        yield batch, place

    def _take(self, meant: Sequence[Post | Sequence[EngagementSample] | BadRow], batch: _Batch) -> None:
        batch.rows += len(meant)
        posts = [each for each in meant if isinstance(each, Post)]
        wanted = posts if self.takes_all else self._understanding.about_us(posts)
        for post in wanted:
            batch.add(post)
        if len(wanted) < len(posts):
            batch.left_out[ABOUT_NOBODY] += len(posts) - len(wanted)
        for each in meant:
            if isinstance(each, BadRow):
                batch.left_out[each.reason.partition(":")[0][:100]] += 1
            elif not isinstance(each, Post):
                batch.samples += each

    def _meaning(
        self, path: Path, line: int, row: Row | BadRow, reader: RowReader
    ) -> Post | Sequence[EngagementSample] | BadRow:
        if isinstance(row, BadRow) or not is_archived(row):
            return meaning(path, line, row, reader)
        try:
            return archived_post(row, self.archive_source, self.clock())
        except GoneError:
            return BadRow(str(path), line, GONE)
        except ValueError as error:
            return BadRow(str(path), line, str(error))

    def _rows(self, path: Path, place: Place) -> Iterator[Read]:
        return read_rows(path, after_line=place.line, at_byte=place.byte)

    def _cursor(self, name: str, position: dict[str, Any]) -> Cursor | None:
        """What keeps the place in the transaction that stores what comes before it."""
        return Cursor(name, position, self.clock())

    def _write(self, batch: _Batch, cursor: Cursor | None, result: Imported) -> None:
        given = Batch(posts=batch.wanted, samples=batch.samples, cursor=cursor)
        written = self._pipeline.ingest(given)
        result.new_posts += written.new_posts
        result.mentions += len(written.new_mentions)

    def request_judging(self, since: datetime | None) -> None:
        """Ask who judges to learn from the new past, which nobody is paged for."""
        if since is None:
            return
        with self.database.write() as tx:
            judging_again.ask(tx, since)

    def _name(self, path: Path) -> str:
        """The cursor of this file, read in this way, for these brands: another way begins anew."""
        brands = [brand.model_dump_json() for brand in self.settings.brands]
        way = repr((beginning_of(path), self.row_format, self.archive_source, self.takes_all, brands))
        return f"import:{blake2b(way.encode(), digest_size=8).hexdigest()}"

    def job_of(self, path: Path) -> str:
        """The name of taking this file in by many, as large as it is now."""
        return f"{self._name(path)}:{path.stat().st_size}"

    def _kept(self, name: str, path: Path) -> tuple[Place, Imported]:
        with self.database.read() as tx:
            found = cursor_store.get(tx, name)
        return (Place(), Imported(path.name)) if found is None else kept_result(found.position, path)


def kept_result(kept: Mapping[str, Any], path: Path) -> tuple[Place, Imported]:
    """How far a file was read, and what had come of it, as `position_of` wrote it down."""
    result = Imported(path.name, resumed=True, left_out=Counter(kept["left_out"]))
    result.rows, result.posts, result.samples = (int(kept[key]) for key in ("rows", "posts", "samples"))
    result.first_at, result.last_at = (_moment(kept[key]) for key in ("first_at", "last_at"))
    result.done = bool(kept["done"]) and kept["size"] == path.stat().st_size
    return Place(int(kept["line"]), int(kept["byte"])), result


def _count(result: Imported, batch: _Batch) -> None:
    result.rows += batch.rows
    result.left_out += batch.left_out
    result.done = batch.is_last
    posts = batch.wanted
    result.posts += len(posts)
    result.samples += len(batch.samples)
    if posts:
        first, last = min(post.created_at for post in posts), max(post.created_at for post in posts)
        result.first_at = min(first, result.first_at or first)
        result.last_at = max(last, result.last_at or last)


def position_of(place: Place, size: int, result: Imported) -> dict[str, Any]:
    """How far a file was read, and what came of it, as JSON."""
    return {
        "file": result.file,
        "size": size,
        "line": place.line,
        "byte": place.byte,
        "rows": result.rows,
        "posts": result.posts,
        "samples": result.samples,
        "left_out": dict(result.left_out),
        "first_at": result.first_at.isoformat() if result.first_at else None,
        "last_at": result.last_at.isoformat() if result.last_at else None,
        "done": result.done,
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
