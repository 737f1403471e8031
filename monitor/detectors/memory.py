"""What the burst detector remembers of its series between ticks: some 1.8 kB each, whole numbers but for one.

Sums of whole numbers are exact in any order. That, and nothing else, is why a restart, another batching of the ticks,
or other series beside a series never change a single bit of its future.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from monitor.detectors.novelty import DAY_BLOCKS, HISTORY_BLOCKS, LENSES, LEVEL_BLOCKS, LONGEST, NEVER

FORMAT: Final = "tocsin burst memory 1"

Array = npt.NDArray[Any]

FIELDS: Final[dict[str, tuple[tuple[int, ...], str, float]]] = {
    "counts": ((LONGEST - 1,), "<i4", 0),
    "capped": ((LONGEST - 1,), "<i4", 0),
    "covered": ((LONGEST - 1,), "|b1", 0),
    "block_counts": ((LEVEL_BLOCKS + 1,), "<i8", 0),
    "block_capped": ((LEVEL_BLOCKS + 1,), "<i8", 0),
    "block_covered": ((LEVEL_BLOCKS + 1,), "<i4", 0),
    "block_peaks": ((len(LENSES), DAY_BLOCKS), "<i4", NEVER),
    "day_peaks": ((len(LENSES), HISTORY_BLOCKS), "<i4", NEVER),
    "last_rung": ((), "<i8", -(2**62)),
    "loudness": ((), "<f8", 0),
}
"""Per series, oldest first: the ticks that windows still reach; sums of each block, the one under way last; the largest
excess of each of a day's blocks, the one under way last; the daily maxima; tick and surprise of the last ring."""


CHANGED: Final = ("last_rung", "loudness")
"""Fields whose arrays are changed where they are."""


class MemoryFormatError(ValueError):
    """A saved memory cannot be taken up: it was written by another version, or is not one at all."""


class Memory:
    """The arrays of `FIELDS` for `names`, series along the first axis, and the number of ticks seen."""

    def __init__(self, names: Sequence[str]) -> None:
        """Remember nothing yet."""
        if len(set(names)) != len(names):
            raise ValueError("two series have the same name; give every series of a bank a name of its own")
        self.tick = 0
        self.names = list(names)
        self.arrays: dict[str, Array] = _blank(len(self.names))

    def __getitem__(self, field: str) -> Array:
        return self.arrays[field]

    def add(self, names: Sequence[str]) -> None:
        """Make room for further series without a past."""
        both = [*self.names, *names]
        if len(set(both)) != len(both):
            raise ValueError(f"one of the series {list(names)} is in the bank already, or is given twice")
        fresh = _blank(len(names))
        self.arrays = {field: np.concatenate([old, fresh[field]]) for field, old in self.arrays.items()}
        self.names = both

    def copy(self) -> Memory:
        """An independent memory of the same. Only what rang is changed in place; the other arrays are replaced."""
        twin = Memory([])
        twin.tick, twin.names = self.tick, list(self.names)
        twin.arrays = self.arrays | {field: self.arrays[field].copy() for field in CHANGED}
        return twin

    def take(self, ticks: int, learned: Mapping[str, Array]) -> None:
        """Go on by `ticks` to what a stretch has learned."""
        self.tick += ticks
        for field, values in learned.items():
            known = self.arrays[field]
            self.arrays[field] = np.ascontiguousarray(values, dtype=known.dtype)  # what lies so is taken as it is

    def dump(self) -> bytes:
        """Everything as bytes: a line of JSON, then the arrays as they lie in memory (little-endian)."""
        header = {"format": FORMAT, "tick": self.tick, "names": self.names}
        arrays = [np.ascontiguousarray(array).data for array in self.arrays.values()]
        return b"".join([json.dumps(header).encode(), b"\n", *arrays])

    def load(self, blob: bytes) -> None:
        """Take up what `dump` gave, for the series that are here; those without a past keep none.

        Raises MemoryFormatError when the bytes are not a memory of this version.
        """
        saved = parse(blob)
        rows = {name: row for row, name in enumerate(saved.names)}
        here = [row for row, name in enumerate(self.names) if name in rows]
        there = [rows[self.names[row]] for row in here]
        self.tick, self.arrays = saved.tick, _blank(len(self.names))
        for field, array in self.arrays.items():
            array[here] = saved[field][there]


def parse(blob: bytes) -> Memory:
    """The memory that `Memory.dump` wrote."""
    line, _, body = blob.partition(b"\n")
    header = _header(line)
    memory = Memory(header["names"])
    memory.tick = header["tick"]
    if len(body) != sum(array.nbytes for array in memory.arrays.values()):
        raise MemoryFormatError("the saved detection state is cut short; delete it and let history be read again")
    offset = 0
    for field, array in memory.arrays.items():
        memory.arrays[field] = np.frombuffer(body, array.dtype, array.size, offset).reshape(array.shape).copy()
        offset += array.nbytes
    return memory


def _header(line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError as error:
        raise MemoryFormatError("this is no saved detection state; delete it and let history be read again") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise MemoryFormatError(
            "the saved detection state was written by another version; delete it and let history be read again"
        )
    return header


def _blank(number: int) -> dict[str, Array]:
    return {name: np.full((number, *tail), fill, dtype=kind) for name, (tail, kind, fill) in FIELDS.items()}
