"""What can go wrong with the database, in words for the operator."""

from __future__ import annotations


class StorageError(Exception):
    """The database cannot do what was asked. The message is one line: what, where, and what to do about it."""


class StorageUnavailableError(StorageError):
    """The database cannot be reached or written just now; the same call may succeed later."""


class SchemaError(StorageError):
    """The database's tables are not those that this version of the program knows."""


class CorruptDatabaseError(StorageError):
    """The database file is damaged or is no database."""


class ReadOnlyDatabaseError(StorageError):
    """The database cannot be written, whatever is tried again."""
