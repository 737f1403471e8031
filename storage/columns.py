"""Column types that behave alike on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Microseconds since the Unix epoch; a naive time raises TypeError, because nobody could say which moment it is."""
    return (at - EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The aware time in UTC that `to_micros` was given."""
    return EPOCH + timedelta(microseconds=micros)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond.

    SQLite has no type for moments: whole microseconds compare exactly and cost a tenth of parsing text. PostgreSQL
    keeps its own `timestamptz`. Both give aware times in UTC.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`BIGINT` on SQLite, `TIMESTAMP WITH TIME ZONE` on PostgreSQL."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """What the driver is given."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"a time without zone cannot be stored: {value!r}; give it tzinfo=UTC")
        return to_micros(value) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, _coltype: object) -> Callable[[Any], datetime | None]:
        """`process_result_value` without asking for the engine at every value."""
        return _read_micros if dialect.name == "sqlite" else _read_aware

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """What the program is given."""
        return _read_micros(value) if dialect.name == "sqlite" else _read_aware(value)


def _read_micros(value: int | None) -> datetime | None:
    return None if value is None else EPOCH + timedelta(0, 0, value)


def _read_aware(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


RowId = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite makes a column its row id only when its type is spelled INTEGER."""

Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
"""Lists and maps of JSON types."""


def json_text(value: Any) -> str:
    """JSON as both engines accept it: PostgreSQL refuses NUL, and no engine can keep half of a surrogate pair."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:
        text = "\\u0000"
    return msgspec.json.encode(_storable_parts(value)).decode() if "\\u0000" in text else text


def json_value(text: str | bytes) -> Any:
    """The value that `json_text` was given, tuples as lists."""
    return msgspec.json.decode(text)


def is_storable(text: str) -> bool:
    """Whether both engines keep the text as it is: without NUL and without halves of surrogate pairs."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def storable(text: str) -> str:
    """The text with NUL and lone surrogates replaced by U+FFFD; other texts come back as they are."""
    if is_storable(text):
        return text
    whole = text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass")
    return whole.decode("utf-16", "replace")


def _storable_parts(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable(str(key)): _storable_parts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_storable_parts(item) for item in value]
    return value
