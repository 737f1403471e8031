"""Reads rows out of JSONL, CSV, TSV and Parquet files, plain or packed by gzip or zstd, in bounded memory.

A row that cannot be read comes out as `BadRow` with its place and reason, in its turn; nothing is left out silently.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from collectors.contract import CollectorError, raw_hash
from storage.records import LARGEST_RAW

Row = dict[str, Any]

LONGEST_LINE = 16 * 1024 * 1024
MOST_LINES = 1_000
"""Lines of one row of CSV: in more than that stands a quotation mark that is never closed, not a post."""
_BUFFER = 1 << 20
_PACKED = 2 * 1024
"""Bytes of a zstd file that are unpacked at once: four of them may stand for 128 KiB."""
_ARCHIVE = re.compile(r"(?i)(?:^r[sc]_\d{4}-\d\d|_(?:comments|submissions))\.zst$")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read: file, line (or row number from 1), reason, and a hash of its raw form."""

    path: str
    line: int
    reason: str
    raw_hash: str = ""
    unfinished: bool = False
    """Whether the file ends within the row: somebody may still be writing it."""
    raw: bytes | None = None
    """The row as JSON, or the line that is none, where it is small."""


Read = tuple[int, Row | BadRow, int]
"""Line, its row or why there is none, and the byte after it (0 where the format has no such place)."""


def read_rows(path: Path, *, after_line: int = 0, at_byte: int = 0) -> Iterator[Read]:
    """The rows of `path` after line `after_line`.

    For a plain JSONL file `at_byte` is where that line ends, so that nothing before it is read again. Raises
    `CollectorError` when the file cannot be opened or its format is not known by its name.
    """
    reader = _READERS.get(format_of(path))
    if reader is None:
        known = ", ".join(f".{name}" for name in _READERS)
        raise CollectorError(
            f"{path}: the name does not say the format; known are {known}, each also .gz or .zst", permanent=True
        )
    try:
        yield from reader(path, after_line, at_byte)
    except OSError as error:
        raise CollectorError(f"{path} cannot be read: {error.strerror or error}", permanent=True) from error


def format_of(path: Path) -> str:
    """The last suffix of the name without its packing: `posts.jsonl.gz` is `jsonl`.

    Archives of Reddit (`RC_2020-01.zst`, `acme_comments.zst`) have none and are JSON lines.
    """
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes]
    named = next((suffix for suffix in reversed(suffixes) if suffix not in ("gz", "zst")), "")
    return "ndjson" if not named and _ARCHIVE.search(path.name) else named


def is_seekable(path: Path) -> bool:
    """Whether reading may begin in the middle: a plain JSONL file, where a line is a row."""
    return path.suffix.lower() in (".jsonl", ".ndjson", ".json")


def _opened(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", gzip.open(path, "rb")), _BUFFER))
    if path.suffix.lower() == ".zst":
        return cast("BinaryIO", io.BufferedReader(_Zstd(path.open("rb")), _BUFFER))
    return path.open("rb", buffering=_BUFFER)


class _Zstd(io.RawIOBase):
    """Unpacks frame after frame, and says when the last one is cut short, which the library's own reader does not.

    Archives of forums are packed with a window of 2 GiB, which every reader refuses unless told otherwise.
    """

    def __init__(self, file: BinaryIO) -> None:
        import zstandard  # noqa: PLC0415  (a compiled library: only paid where such a file is read)

        self._file = file
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=2**31)
        self._frame: Any = None
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            chunk = self._file.read(_PACKED)
            if not chunk:
                if self._frame is not None and not self._frame.eof:
                    raise EOFError("the last frame has no end")
                return 0
            self._ready = memoryview(self._unpacked(chunk))  # of which pieces are cut without copying
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count

    def _unpacked(self, chunk: bytes) -> bytes:
        parts: list[bytes] = []
        while chunk:
            if self._frame is None or self._frame.eof:
                self._frame = self._unpacker.decompressobj()
            parts.append(self._frame.decompress(chunk))
            chunk = self._frame.unused_data
        return b"".join(parts)

    def close(self) -> None:
        self._file.close()
        super().close()


def _broken(path: Path, line: int, error: Exception) -> Read:
    return (line, BadRow(str(path), line, f"the file is damaged or cut short from here on ({error})"), 0)


def _json_rows(path: Path, after_line: int, at_byte: int) -> Iterator[Read]:
    decode = msgspec.json.Decoder().decode
    damage = _damage(path)
    with _opened(path) as file:
        line, end = after_line, at_byte
        if at_byte:
            file.seek(at_byte)
        else:
            line, end = _skipped(file, after_line)
        while True:
            try:
                raw = file.readline(LONGEST_LINE)
            except damage as error:
                yield _broken(path, line + 1, error)
                return
            if not raw:
                return
            line, end = line + 1, end + len(raw)
            raw = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                end += _rest_of_line(file)
                yield (line, BadRow(str(path), line, f"the line is longer than {LONGEST_LINE} bytes"), end)
            elif not raw.isspace():
                yield (line, _json_row(path, line, raw, decode), end)


def _damage(path: Path) -> tuple[type[Exception], ...]:
    """What a damaged or truncated packing raises."""
    if path.suffix.lower() != ".zst":
        return (EOFError, zlib.error, gzip.BadGzipFile)
    import zstandard  # noqa: PLC0415

    return (EOFError, zstandard.ZstdError)


def _json_row(path: Path, line: int, raw: bytes, decode: Callable[[bytes], Any]) -> Row | BadRow:
    try:
        row = decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        reason = f"not JSON: {error}"
        return BadRow(str(path), line, reason, raw_hash(raw), unfinished=not raw.endswith(b"\n"), raw=kept(raw))
    return row if isinstance(row, dict) else BadRow(str(path), line, "not a JSON object", raw_hash(raw), raw=kept(raw))


def kept(raw: bytes) -> bytes | None:
    """A row's raw form where it is small enough to be tried again later."""
    return raw if len(raw) <= LARGEST_RAW else None


def _skipped(file: BinaryIO, lines: int) -> tuple[int, int]:
    end = 0
    for line in range(lines):
        raw = file.readline(LONGEST_LINE)
        if not raw:
            return line, end
        end += len(raw) if raw.endswith(b"\n") else len(raw) + _rest_of_line(file)
    return lines, end


def _rest_of_line(file: BinaryIO) -> int:
    passed = 0
    while raw := file.readline(LONGEST_LINE):
        passed += len(raw)
        if raw.endswith(b"\n"):
            break
    return passed


def _csv_rows(path: Path, after_line: int, _at_byte: int) -> Iterator[Read]:
    csv.field_size_limit(LONGEST_LINE)
    number = 0
    with io.TextIOWrapper(_opened(path), encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
        try:
            header, delimiter = _csv_header(text)
            for number, cells in enumerate(_csv_cells(text, delimiter), 1):
                if number > after_line and cells:
                    yield (number, _csv_row(path, number, header, cells), 0)
        except _damage(path) as error:
            yield _broken(path, number + 1, error)


class _UnfinishedError(csv.Error):
    """The file ends within a row."""


class _BoundedLines:
    """The lines of a text, less those that are too long, of which an error is made: a packed line may have no end.

    So is the first line of a row that has too many: all that follow a quotation mark which is never closed would be one
    row, and lost. They are given again, as rows of their own.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._row: list[str] = []
        self._again: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> None:
        """A new row begins with the next line."""
        self._row = []

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        if not line and self._row:  # within quotation marks alone is another line asked for
            raise _UnfinishedError(f"a quotation mark is not closed in the last {len(self._row):,} lines of the file")
        if not line:
            raise StopIteration
        self._row.append(line)
        if len(self._row) > MOST_LINES:
            self._again.extendleft(reversed(self._row[1:]))
            raise csv.Error(f"a quotation mark is not closed within {MOST_LINES:,} lines")
        return line

    def _read(self) -> str:
        line = self._text.readline(LONGEST_LINE)
        if len(line) < LONGEST_LINE or line.endswith("\n"):
            return line
        while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
            pass
        raise csv.Error(f"the line is longer than {LONGEST_LINE} characters")


def _csv_header(text: io.TextIOWrapper) -> tuple[list[str], str]:
    """The names of the columns, and what stands between them."""
    first = text.readline(_BUFFER)
    delimiter = max(",;\t|", key=first.count)
    return next(csv.reader([first], delimiter=delimiter), []), delimiter


def _csv_cells(text: io.TextIOWrapper, delimiter: str) -> Iterator[list[str] | csv.Error]:
    lines = _BoundedLines(text)
    rows = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin()
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield error


def _csv_row(path: Path, number: int, header: list[str], cells: list[str] | csv.Error) -> Row | BadRow:
    if isinstance(cells, csv.Error):
        return BadRow(str(path), number, f"not CSV: {cells}", unfinished=isinstance(cells, _UnfinishedError))
    if len(cells) != len(header):
        reason = f"{len(cells)} cells where the header has {len(header)}"
        return BadRow(str(path), number, reason, raw_hash("\x1f".join(cells)))
    row = dict(zip(header, cells, strict=True))
    if _SURROGATE.search("".join(cells)):
        return BadRow(str(path), number, "not UTF-8", raw_hash("\x1f".join(cells)))
    return row


def _parquet_rows(path: Path, after_line: int, _at_byte: int) -> Iterator[Read]:
    import pyarrow as pa  # noqa: PLC0415  (a heavy library: only paid where such a file is read)
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=2000):
                if number + batch.num_rows <= after_line:
                    number += batch.num_rows
                    continue
                for row in batch.to_pylist():
                    number += 1
                    if number > after_line:
                        yield (number, row, 0)
    except pa.ArrowException as error:
        yield _broken(path, number + 1, error)


_READERS: dict[str, Callable[[Path, int, int], Iterator[Read]]] = {
    "jsonl": _json_rows,
    "ndjson": _json_rows,
    "json": _json_rows,
    "csv": _csv_rows,
    "tsv": _csv_rows,
    "parquet": _parquet_rows,
}
