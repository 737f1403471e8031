"""Measurements behind every figure in the README and the docs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

Row = TypeVar("Row")


def folder_in(data: Path, name: str) -> Path:
    """The folder of one kind of data: `data` itself, or the one of that `name` in it, where all kinds lie together."""
    return data / name if (data / name).is_dir() else data


def something(rows: Iterable[Row], data: Path) -> Iterator[Row]:
    """The rows; the program ends with a word on stderr where `data` holds nothing that could be measured."""
    is_empty = True
    for row in rows:
        is_empty = False
        yield row
    if is_empty:
        sys.exit(f"nothing to measure: no corpus that this command knows lies in {data}; name its folder with --data")
