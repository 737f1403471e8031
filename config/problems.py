"""What is wrong with a configuration, and the error that carries all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

KeyPath = tuple[str | int, ...]
"""Where in the file: names of tables and keys, and positions in lists counted from 0."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where (`line` counts from 1, 0 when it concerns the whole file), what, and what to do about it."""

    file: Path
    line: int
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        """`file:line: key: message; suggestion`, as compilers write it, so that editors jump there."""
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        about = f"{self.key}: " if self.key else ""
        advice = f"; {self.suggestion}" if self.suggestion else ""
        return f"{place}: {about}{self.message}{advice}"

    def as_json(self) -> dict[str, Any]:
        """The problem with JSON types only."""
        return asdict(self) | {"file": str(self.file)}


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake before anyone looked up its line: the key path, what is wrong, and what to do about it."""

    path: KeyPath
    message: str
    suggestion: str = ""


class Mistake(ValueError):  # noqa: N818  (raised in validators, where pydantic turns it into its own error)
    """A value that cannot be, with what to do about it."""

    def __init__(self, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.suggestion = suggestion


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` has every mistake, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


def key_name(path: KeyPath) -> str:
    """A key path as people write it: `brands[0].aliases`."""
    name = ""
    for part in path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name
