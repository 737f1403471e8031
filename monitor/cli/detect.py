"""`tocsin detect`."""

from __future__ import annotations


def detect() -> None:
    """Not yet."""
