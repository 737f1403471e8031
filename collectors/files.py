"""Files as a source: JSONL, CSV, TSV and Parquet, plain or packed by gzip or zstd.

Limits: rows are read in bounded memory whatever the size of the file; a line of more than 16 MiB is quarantined; zstd
windows up to 2 GiB are accepted. Packed and CSV files that have grown are counted through from their beginning, plain
JSONL files are read on from the byte where reading stopped. A file whose beginning has changed is read anew. The row
format stands in docs/sources/files.md.

`read` is the same reading for histories (`tocsin replay`), without a cursor.
"""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from pydantic import Field, field_validator

from collectors.contract import CollectorError, Page, Quarantined, SourceContext, SourceOptions, raw_hash
from collectors.rows import FIELDS, RowFormat, RowReader, joined
from collectors.tables import BadRow, Row, is_seekable, kept, read_rows
from config.tables import FilePath
from storage.records import EngagementSample, Post, PostKey

PAGE_ROWS = 2000
_WINDOW = 1000
_KEPT = 1000


class Options(SourceOptions):
    """Keys of a `[[sources]]` table of type `files`."""

    paths: list[FilePath] = Field(min_length=1, examples=[["history/*.jsonl"]])
    """Files to read; `*` and `**` stand for several. New and grown files are read at every turn."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Columns of fields that are not called by one of the names in the documentation, such as `text = "message"`."""
    source: str | None = None
    """Source of posts whose row names none; unset for this source's name."""
    brands_of_rows: list[str] = Field(default_factory=list)
    """Brands that every row is about, whatever it says."""
    sample_source: str | None = None
    """Source of the posts that snapshot rows count for; unset for that of the posts read before."""
    sample_id: str | None = None
    """How those posts are called, with {id} for the snapshot's number, such as "hn-{id}"; unset likewise."""

    @field_validator("mapping")
    @classmethod
    def _known_fields(cls, mapping: dict[str, str]) -> dict[str, str]:
        unknown = sorted(set(mapping) - FIELDS)
        if unknown:
            raise ValueError(f"no such field: {', '.join(unknown)}; fields are {', '.join(sorted(FIELDS))}")
        return mapping

    def row_format(self, name: str = "files") -> RowFormat:
        """How rows are read, for a source called `name`."""
        return RowFormat(
            self.mapping, self.source or name, tuple(self.brands_of_rows), self.sample_source, self.sample_id
        )


@dataclass
class Report:
    """What came of reading: rows, posts, samples, and every bad row counted by its reason (the first 1,000 kept)."""

    rows: int = 0
    posts: int = 0
    samples: int = 0
    bad: list[BadRow] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def quarantined(self) -> int:
        """How many rows could not be read."""
        return self.reasons.total()

    def note(self, row: BadRow) -> None:
        """Count a bad row."""
        self.reasons[row.reason.partition(":")[0]] += 1
        if len(self.bad) < _KEPT:
            self.bad.append(row)


def read(
    paths: Sequence[str | Path],
    mapping: Mapping[str, str] | RowFormat | None = None,
    report: Report | None = None,
) -> Iterator[Post | EngagementSample]:
    """The posts and engagement samples in `paths`, file after file, in the order of their rows.

    `mapping` names columns as the option of that name does, or is the whole format. Rows that cannot be read are noted
    in `report`. Rows of one identity that stand near one another become one post with the brands of all. Raises
    `CollectorError` for a file that cannot be opened.
    """
    row_format = mapping if isinstance(mapping, RowFormat) else RowFormat(dict(mapping or {}))
    reader, report = RowReader(row_format), report if report is not None else Report()
    for path in map(Path, paths):
        yield from _one_per_post(_readings(path, reader, report))


def _readings(path: Path, reader: RowReader, report: Report) -> Iterator[Post | EngagementSample]:
    for line, row, _ in read_rows(path):
        report.rows += 1
        meant = meaning(path, line, row, reader)
        if isinstance(meant, Post):
            report.posts += 1
            yield meant
        elif isinstance(meant, BadRow):
            report.note(meant)
        else:
            report.samples += len(meant)
            yield from meant


def meaning(path: Path, line: int, row: Row | BadRow, reader: RowReader) -> Post | Sequence[EngagementSample] | BadRow:
    """What a row means, or why it means nothing."""
    if isinstance(row, BadRow):
        return row
    try:
        return reader.read(row)
    except ValueError as error:
        return BadRow(str(path), line, str(error), raw_hash(repr(row)), raw=kept(_raw_form(row)))


def _raw_form(row: Row) -> bytes:
    try:
        return msgspec.json.encode(row)
    except (TypeError, ValueError, UnicodeEncodeError):
        return repr(row).encode("utf-8", "replace")


def _one_per_post(readings: Iterable[Post | EngagementSample]) -> Iterator[Post | EngagementSample]:
    """The readings with rows of one identity joined, as far as they stand within `_WINDOW` posts of one another."""
    waiting: dict[PostKey, Post] = {}
    for reading in readings:
        if isinstance(reading, EngagementSample):
            yield reading
            continue
        key = (reading.source, reading.external_id)
        if key in waiting:
            waiting[key] = joined(waiting[key], reading)
            continue
        waiting[key] = reading
        if len(waiting) > _WINDOW:
            yield waiting.pop(next(iter(waiting)))
    yield from waiting.values()


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a file has been read: lines, bytes (plain JSONL), and what it looked like then."""

    line: int = 0
    byte: int = 0
    size: int = -1
    changed_at: float = 0.0
    beginning: str = ""
    done: bool = False


class Files:
    """Reads files that are dropped somewhere or grow."""

    def __init__(self, options: Options, context: SourceContext) -> None:
        self.name = context.name
        self._options = options
        self._clock = context.clock

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Read what is new in every file, about 2,000 rows a page."""
        places = {path: _Place(**place) for path, place in ((cursor or {}).get("files") or {}).items()}
        reader = RowReader(self._options.row_format(self.name), collected_at=self._clock())
        for path in self._paths():
            yield from self._read_file(path, places, reader)
        yield Page(_cursor(places), complete=True)

    def probe(self) -> str:
        """Count the files that the paths lead to."""
        paths = self._paths()
        if not paths:
            raise CollectorError(f"no file matches {', '.join(map(str, self._options.paths))}", permanent=True)
        first = next((line for path in paths for line, _, _ in read_rows(path)), None)
        return f"{len(paths)} file(s) to read" + ("" if first else ", all of them empty")

    def reread(self, raw: bytes) -> Sequence[Post | EngagementSample]:
        """A row that was set aside, as JSON."""
        row = msgspec.json.decode(raw)
        if not isinstance(row, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004  (a row's fault, not a caller's)
        meant = RowReader(self._options.row_format(self.name), collected_at=self._clock()).read(row)
        return [meant] if isinstance(meant, Post) else meant

    def _paths(self) -> list[Path]:
        found = {path for pattern in self._options.paths for path in glob.glob(str(pattern), recursive=True)}  # noqa: PTH207
        return sorted(path for path in map(Path, found) if path.is_file())

    def _read_file(self, path: Path, places: dict[str, _Place], reader: RowReader) -> Iterator[Page]:
        place = _looked_at(path, places.get(str(path), _Place()))
        if place.done:
            return
        for rows, reached in _pages(path, place, reader):
            places[str(path)] = reached
            yield Page(_cursor(places), rows.posts(), rows.samples, quarantined=rows.bad)


@dataclass
class _Rows:
    """What the rows of a page mean."""

    by_key: dict[PostKey, Post] = field(default_factory=dict)
    samples: list[EngagementSample] = field(default_factory=list)
    bad: list[Quarantined] = field(default_factory=list)
    count: int = 0
    last_at: datetime | None = None

    def add(self, meant: Post | Sequence[EngagementSample] | BadRow) -> None:
        self.count += 1
        if isinstance(meant, BadRow):
            self.bad.append(Quarantined(f"{meant.path}:{meant.line}", meant.reason, meant.raw_hash, meant.raw))
        elif isinstance(meant, Post):
            known = self.by_key.get(meant.key)
            self.by_key[meant.key] = joined(known, meant) if known else meant
            self.last_at = meant.created_at
        else:
            self.samples.extend(meant)

    def posts(self) -> list[Post]:
        return list(self.by_key.values())

    def is_full(self, following: Post | Sequence[EngagementSample] | BadRow) -> bool:
        """Whether the page ends before this row: rows of one moment stay together, they may be of one post."""
        same_moment = isinstance(following, Post) and following.created_at == self.last_at
        return self.count >= PAGE_ROWS * (5 if same_moment else 1)


def _pages(path: Path, place: _Place, reader: RowReader) -> Iterator[tuple[_Rows, _Place]]:
    """Pages of rows with the place that each reaches; the last one marks the file as done for its present size."""
    rows = _Rows()
    waits = place.size < path.stat().st_size  # a half-written last line counts as bad once the file has stopped growing
    for line, row, end in read_rows(path, after_line=place.line, at_byte=place.byte):
        if isinstance(row, BadRow) and row.unfinished and waits:
            break
        meant = meaning(path, line, row, reader)
        if rows.is_full(meant):
            yield rows, place
            rows = _Rows()
        rows.add(meant)
        place = replace(place, line=line, byte=end if is_seekable(path) else 0)
    else:
        waits = False
    yield rows, replace(_seen(path, place), done=not waits)


def _looked_at(path: Path, place: _Place) -> _Place:
    """The place to read on from, given what the file looks like now."""
    now = _seen(path, place)
    if place.beginning and (now.beginning != place.beginning or now.size < place.size):
        return replace(now, line=0, byte=0, size=-1, done=False)
    if place.done and (now.size, now.changed_at) == (place.size, place.changed_at):
        return place
    return replace(place, beginning=now.beginning, done=False)


def _seen(path: Path, place: _Place) -> _Place:
    stat = path.stat()
    beginning = beginning_of(path, int(place.beginning.partition("-")[0]) if place.beginning else None)
    return replace(place, size=stat.st_size, changed_at=stat.st_mtime, beginning=beginning)


def beginning_of(path: Path, length: int | None = None) -> str:
    """What tells a file from others that may stand in its place: its first bytes (1,024, or as many as there are)."""
    length = min(path.stat().st_size, 1024) if length is None else length
    with path.open("rb") as file:
        return f"{length}-{raw_hash(file.read(length))}"


def _cursor(places: Mapping[str, _Place]) -> dict[str, Any]:
    return {"files": {path: asdict(place) for path, place in places.items()}}


def build(options: Options, context: SourceContext) -> Files:
    """The source as configured."""
    return Files(options, context)
