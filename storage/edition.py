"""Which edition of the posts a database holds: a number that is another after every write to posts and mentions.

Whoever has posts in memory sees by it that nobody else has written since. It stands in the head of SQLite's file, where
programs may keep a number, and is written in the transaction of the posts. It is drawn, not counted, so that a
transaction that was rolled back leaves no number that another will have. PostgreSQL, where writers of several sources
work at once, has none.
"""

from __future__ import annotations

import secrets

from storage.database import Transaction


def of(tx: Transaction) -> int | None:
    """The edition that the transaction sees, `None` where there is none."""
    if tx.dialect.name != "sqlite":
        return None
    return int(tx.exec_driver_sql("PRAGMA user_version").scalar_one())


def renew(tx: Transaction) -> None:
    """Make it another: posts or mentions have changed."""
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(f"PRAGMA user_version = {secrets.randbits(31)}")
