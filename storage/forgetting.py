"""The mark of the last time that anything was erased or pruned: other processes see by it what to forget."""

from __future__ import annotations

import secrets
from datetime import datetime

from storage import state
from storage.database import Transaction

_NAME = "forgotten"


def note(tx: Transaction, at: datetime) -> None:
    """Words were deleted: let every process that may remember them see it."""
    state.save(tx, _NAME, at, secrets.token_bytes(8))


def mark(tx: Transaction) -> bytes:
    """Another one each time that words were deleted."""
    found = state.load(tx, _NAME)
    return found[1] if found else b""
