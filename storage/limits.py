"""Questions of people may not take for ever: a read ends with an error when it takes longer than it may."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import OperationalError

from storage.database import Transaction
from storage.errors import StorageError

_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock: some hundred microseconds."""


class TooSlowError(StorageError):
    """The question took longer than it may; a narrower one will not."""


@contextmanager
def within(tx: Transaction, limit: timedelta) -> Iterator[None]:
    """Let statements of `tx` take at most `limit`; `TooSlowError` when one takes longer."""
    try:
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql(f"SET LOCAL statement_timeout = {int(limit / timedelta(milliseconds=1))}")
            yield
        else:
            with _watched(tx, limit):
                yield
    except OperationalError as error:
        if "interrupted" in str(error.orig) or "statement timeout" in str(error.orig):
            raise TooSlowError(
                f"this takes longer than {limit.total_seconds():g} s; ask for a shorter span or rarer words"
            ) from error
        raise


@contextmanager
def _watched(tx: Transaction, limit: timedelta) -> Iterator[None]:
    raw: Any = tx.connection.driver_connection
    end = time.monotonic() + limit.total_seconds()
    raw.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)
