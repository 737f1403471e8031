"""Count series as files: reading `timestamp,count[,negative]`, and cutting time into bins of five minutes.

Nothing is dropped silently: a row that cannot be read is a problem with its line number, and all are told at once.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median_low
from typing import Final

import numpy as np
import numpy.typing as npt

from monitor.detectors.novelty import LARGEST_COUNT, Booleans, Integers
from storage.records import BIN_SECONDS

LONGEST_STEP: Final = 3600
"""Rows further apart than an hour (seconds) say too little about when within them a burst began."""
LONGEST_HOLE: Final = 28 * 86_400 // BIN_SECONDS
"""Bins. After four weeks without a row the detector has forgotten everything, so a longer hole is cut to this."""
STEPS_LOOKED_AT: Final = 12
"""The usual distance of rows is that of the first dozen: looking at later ones would be looking ahead."""
PROBLEMS_TOLD: Final = 20
MILLISECONDS_FROM: Final = 1e11
"""A larger number (the year 5138 in seconds) is a time in milliseconds."""
NOTHING: Final = frozenset({"", "na", "nan", "none", "null"})
"""A count written like this says that nobody counted."""
UNKNOWN: Final = -1


class CountsError(ValueError):
    """A count file cannot be used; `problems` are sentences with line numbers, the first few of all."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        """Gather what is wrong with the file at `path`."""
        self.problems = tuple(problems)
        more = len(problems) - PROBLEMS_TOLD
        told = [*problems[:PROBLEMS_TOLD], *([f"and {more} more like these"] if more > 0 else [])]
        super().__init__("\n".join(f"{path}: {problem}" for problem in told))


@dataclass(frozen=True, slots=True)
class Counts:
    """A count file as read: the timestamps as they stand there, seconds since 1970, and the columns [rows] by name.

    A count of UNKNOWN says that nobody counted.
    """

    stamps: tuple[str, ...]
    at: npt.NDArray[np.float64]
    columns: dict[str, Integers]


@dataclass(frozen=True, slots=True)
class Binned:
    """Counts [columns, bins] of five minutes from the first row on, where they are `covered`, and for every bin the
    `row` by which it is known (the last one in it, −1 in a hole)."""

    names: tuple[str, ...]
    counts: Integers
    covered: Booleans
    row: Integers


def read_counts(path: Path) -> Counts:
    """Read `timestamp,count[,negative]`, with or without a header, plain or gzip. Naive timestamps are UTC.

    Raises CountsError with every problem found.
    """
    rows = _rows(path)
    names, first = _header(path, rows)
    reader = _Reader(names)
    for line, cells in [*first, *rows]:
        reader.take(line, cells)
    if not reader.problems and not reader.stamps:
        reader.problems.append("there is no row in it; a count file is `timestamp,count`, a row for every five minutes")
    if reader.problems:
        raise CountsError(str(path), reader.problems)
    columns = {name: np.array(values, dtype=np.int64) for name, values in zip(names, reader.values, strict=True)}
    return Counts(tuple(reader.stamps), np.array(reader.at), columns)


def into_bins(counts: Counts, *, holes_are_zero: bool = False) -> Binned:
    """Cut a count file into bins of five minutes, counted from its first row.

    Finer rows are added up; a coarser row (up to an hour) is spread evenly over its bins. Bins without a row are holes:
    nobody counted there, unless `holes_are_zero` says that rows without mentions were left out of the file. Raises
    ValueError where rows are more than an hour apart.
    """
    step = median_low(np.diff(counts.at[: STEPS_LOOKED_AT + 1]).tolist() or [BIN_SECONDS])
    if step > LONGEST_STEP:
        raise ValueError(f"its rows are {step / 3600:g} hours apart; bursts are found in counts at most an hour apart")
    span = max(1, round(step / BIN_SECONDS))
    place = _places(counts.at, min(step, BIN_SECONDS) / 2)
    number = int(place[-1]) + span
    row = np.full(number, UNKNOWN, dtype=np.int64)
    for part in range(span):
        free = (row[place + part] == UNKNOWN) | (part == 0)
        row[(place + part)[free]] = np.flatnonzero(free)
    binned = [_spread(values, place, span, number) for values in counts.columns.values()]
    covered = np.array([known for _, known in binned])
    return Binned(
        tuple(counts.columns),
        np.array([sums for sums, _ in binned]),
        covered | (row == UNKNOWN) if holes_are_zero else covered,
        row,
    )


def _places(at: npt.NDArray[np.float64], slack: float) -> Integers:
    """The bin of every row; `slack` (seconds) forgives rows that come a little early."""
    plain = np.floor((at - at[0] + slack) / BIN_SECONDS).astype(np.int64)
    steps = np.diff(plain, prepend=0)
    places: Integers = np.cumsum(np.minimum(steps, LONGEST_HOLE))
    return places


def _spread(values: Integers, place: Integers, span: int, number: int) -> tuple[Integers, Booleans]:
    """Sums per bin, each value shared out over `span` bins in whole posts, and whether anybody counted there."""
    known = values != UNKNOWN
    sums, rows = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
    for part in range(span):
        share = values * (part + 1) // span - values * part // span
        np.add.at(sums, (place + part)[known], share[known])
        np.add.at(rows, (place + part)[known], 1)
    return sums, rows > 0


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of every line that is not empty."""
    reader = csv.reader(io.StringIO(_text(path)))
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise CountsError(str(path), [f"line {reader.line_num}: {error}; this is no CSV file"]) from error


def _text(path: Path) -> str:
    """The file as text, unpacked where it is gzip."""
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CountsError(str(path), [f"is no text in UTF-8 ({error.reason} at byte {error.start})"]) from error
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise CountsError(str(path), [f"is damaged gzip: {error}"]) from error
    except OSError as error:
        raise CountsError(str(path), [f"cannot be read: {error.strerror or error}"]) from error


def _header(path: Path, rows: Iterator[tuple[int, list[str]]]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The names of the count columns, and the first line if it is a row already."""
    line, cells = next(rows, (0, ["timestamp", "count"]))
    has_header = moment(cells[0]) is None and all(count(cell) is None for cell in cells[1:])
    names = [cell.strip() for cell in cells[1:]] if has_header else ["count", "negative"][: len(cells) - 1]
    unread = names[1:] if len(names) > 1 and names[1].casefold() != "negative" else names[2:]
    if not names or unread or (not has_header and len(cells) > 3):
        extra = f"; it has also {', '.join(unread)}" if unread else ""
        raise CountsError(
            str(path),
            [f"line {line}: the columns of a count file are `timestamp,count` or `timestamp,count,negative`{extra}"],
        )
    return names, [] if has_header else [(line, cells)]


class _Reader:
    """Takes row after row, and keeps what is wrong with them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.stamps: list[str] = []
        self.at: list[float] = []
        self.values: list[list[int]] = [[] for _ in names]
        self.problems: list[str] = []

    def take(self, line: int, cells: Sequence[str]) -> None:
        """Take one row, or note why not."""
        if len(cells) != len(self.values) + 1:
            self.problems.append(f"line {line}: {len(cells)} columns where {len(self.values) + 1} are expected")
            return
        at, values = moment(cells[0]), [count(cell) for cell in cells[1:]]
        if at is None:
            self.problems.append(f"line {line}: {cells[0]!r} is no time; write it like 2026-03-01 14:05:00 (UTC)")
        elif self.at and at < self.at[-1]:
            self.problems.append(f"line {line}: {cells[0]} is before the line above it; sort the file by time")
        wrong = [cell for cell, value in zip(cells[1:], values, strict=True) if value is None]
        self.problems += [f"line {line}: {cell!r} is no count; it takes a whole number from 0 on" for cell in wrong]
        if at is None or wrong:
            return
        self.stamps.append(cells[0])
        self.at.append(at)
        for column, value in zip(self.values, values, strict=True):
            column.append(UNKNOWN if value is None else value)


def moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 time (UTC where it does not say) or of a number of seconds or milliseconds.

    None for neither.
    """
    stripped = text.strip()
    try:
        parsed = datetime.fromisoformat(stripped)
    except ValueError:
        pass
    else:
        if not stripped.isdigit():
            return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    try:
        seconds = float(stripped)
    except ValueError:
        return None
    if not math.isfinite(seconds):
        return None
    return seconds / 1000 if seconds > MILLISECONDS_FROM else seconds


def count(text: str) -> int | None:
    """A whole count, UNKNOWN where the cell says that nobody counted, None where it is neither."""
    stripped = text.strip()
    if stripped.casefold() in NOTHING:
        return UNKNOWN
    try:
        value = float(stripped)
    except ValueError:
        return None
    return int(value) if value.is_integer() and 0 <= value <= LARGEST_COUNT else None
