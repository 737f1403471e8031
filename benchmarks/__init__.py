"""Measurements behind every figure in the README and the docs."""

from __future__ import annotations

from pathlib import Path


def folder_in(data: Path, name: str) -> Path:
    """The folder of one kind of data: `data` itself, or the one of that `name` in it, where all kinds lie together."""
    return data / name if (data / name).is_dir() else data
