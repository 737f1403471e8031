"""Tables for analysts as files: Parquet, CSV and JSON lines, also packed.

A file is written beside its place and moved there when it is whole, so that nobody reads half of one. Spans are given
as seconds (`time_to_open` becomes `time_to_open_seconds`), because no two tools agree on how to read them.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa

FORMS = ("parquet", "csv", "jsonl")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is a formula to a spreadsheet: whoever wrote the post would run it on the reader's machine."""


class ExportError(Exception):
    """A file could not be written; the message says why and what to do."""


def form_of(place: str, form: str = "") -> str:
    """The form that is asked for, or that the file's name tells. `ExportError` for one that is not known."""
    name = place.removesuffix(".gz")
    found = form or Path(name).suffix.removeprefix(".").replace("ndjson", "jsonl")
    if found not in FORMS:
        raise ExportError(f'"{place}" does not tell its form; end it with .{", .".join(FORMS)}, or say --format')
    if found == "parquet" and (place == "-" or place.endswith(".gz")):
        raise ExportError("Parquet is packed in itself and needs a file; write it to a name that ends with .parquet")
    return found


def export(frames: Iterable[pd.DataFrame], place: str, form: str) -> int:
    """Write the frames, all of the same columns and at least one, to a file or (`-`) standard output.

    Returns the number of rows. Raises `ExportError` when the file cannot be written; then it is as it was before.
    """
    write = {"csv": _write_csv, "jsonl": _write_jsonl}.get(form)
    flat = map(_flat, frames)
    if place == "-":
        return (write or _write_csv)(flat, sys.stdout)
    unfinished = Path(f"{place}.unfinished")
    try:
        rows = _write_parquet(flat, unfinished) if write is None else _write_text(flat, unfinished, place, write)
        unfinished.replace(place)
    except OSError as error:
        raise ExportError(f"{place} could not be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with spans in seconds and small sets of words as words."""
    changed = frame.copy()
    for name in frame.columns:
        if pd.api.types.is_timedelta64_dtype(frame[name]):
            changed[name] = frame[name].dt.total_seconds()
            changed = changed.rename(columns={name: f"{name}_seconds"})
        elif isinstance(frame[name].dtype, pd.CategoricalDtype):
            changed[name] = frame[name].astype("string")
    return changed


Write = Callable[[Iterable[pd.DataFrame], IO[str]], int]


def _write_text(frames: Iterable[pd.DataFrame], unfinished: Path, place: str, write: Write) -> int:
    with _opened(unfinished, packed=place.endswith(".gz")) as file:
        return write(frames, file)


@contextmanager
def _opened(path: Path, *, packed: bool) -> Iterator[IO[str]]:
    with (
        path.open("wb") as raw,
        gzip.open(raw, "wb") if packed else raw as file,
        TextIOWrapper(cast("IO[bytes]", file), encoding="utf-8", newline="") as text,
    ):
        yield text


def _write_csv(frames: Iterable[pd.DataFrame], file: IO[str]) -> int:
    rows = 0
    for number, frame in enumerate(frames):
        harmless = frame.copy()
        for name in frame.columns:
            if pd.api.types.is_string_dtype(frame[name]):
                harmless[name] = frame[name].map(_harmless, na_action="ignore")
        harmless.to_csv(file, index=False, header=number == 0, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
        rows += len(frame)
    return rows


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _write_jsonl(frames: Iterable[pd.DataFrame], file: IO[str]) -> int:
    rows = 0
    for frame in frames:
        if len(frame):
            frame.to_json(file, orient="records", lines=True, date_format="iso", date_unit="us", force_ascii=False)
        rows += len(frame)
    return rows


def _write_parquet(frames: Iterable[pd.DataFrame], unfinished: Path) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415 - a third of a second, and rarely needed

    rows, schema, writer = 0, None, None
    try:
        for frame in frames:
            table = _table(frame, schema)
            schema = table.schema
            writer = writer or pq.ParquetWriter(unfinished, schema, compression="zstd")
            writer.write_table(table)
            rows += table.num_rows
    finally:
        if writer is not None:
            writer.close()
    return rows


def _table(frame: pd.DataFrame, schema: pa.Schema | None) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415

    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
