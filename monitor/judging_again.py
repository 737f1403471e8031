"""Asking who judges to go back: posts have come for time that was judged without them.

Whoever stores such posts, in whatever process, asks in the database; the leader heeds it before it judges on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from storage import state as state_store
from storage.database import Database, Transaction

_log = structlog.get_logger(__name__)

JUDGE_AGAIN = "judge again"
"""Name under which the store keeps since when history has changed."""


def ask(tx: Transaction, since: datetime) -> None:
    """Let what was judged from `since` on be judged again."""
    state_store.save_earliest(tx, JUDGE_AGAIN, since)


def heed(database: Database, rewind: Callable[[datetime], None], now: datetime, lateness: timedelta) -> None:
    """Go back to the earliest time that was asked for, unless it is not judged for good yet."""
    with database.read() as tx:
        since = state_store.seen_until(tx, JUDGE_AGAIN)
    if since is None:
        return
    if since < now - lateness:
        rewind(since)
        _log.info("judging again", since=since.isoformat())
    with database.write() as tx:
        state_store.forget(tx, JUDGE_AGAIN, since)
