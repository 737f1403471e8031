"""Roles that read and do nothing else, on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import text

from storage.database import Transaction
from storage.errors import StorageError
from storage.schema import metadata
from storage.views import VIEWS

SECRET = frozenset({
    "account", "web_session", "api_token",  # what opens doors, hashed or not
    "inbox", "inbox_message", "quarantine",  # raw words that were not judged, or could not be read
    "checkpoint", "shard",  # states in a form of their own, with posts in them
})  # fmt: skip
"""Tables that no analyst is let read. A table that is new must be put here or among the open ones, or a test fails."""


def readable() -> list[str]:
    """The tables that a reader may read."""
    return [name for name in metadata.tables if name not in SECRET]


def allow(tx: Transaction, role: str) -> None:
    """Let a role read every view, and every table but the secret ones. `StorageError` where that cannot be."""
    if tx.dialect.name == "sqlite":
        raise StorageError("a SQLite file has no roles; let analysts open it with mode=ro (docs/database.md)")
    if not tx.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
        raise StorageError(f'the server has no role "{role}"; make it with CREATE ROLE, with a password and LOGIN')
    quoted = tx.dialect.identifier_preparer.quote(role)
    names = ", ".join([*(view.name for view in VIEWS), *readable()])
    tx.execute(text(f"GRANT USAGE ON SCHEMA public TO {quoted}"))
    tx.execute(text(f"GRANT SELECT ON {names} TO {quoted}"))
