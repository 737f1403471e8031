"""Times as sources write them, read into aware UTC times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def from_epoch(seconds: float) -> datetime:
    """The moment `seconds` after 1970 in UTC; milliseconds, micro- and nanoseconds are told by their size.

    Raises `ValueError` outside 1990…2100, which is a mistake and no time of a post.
    """
    if not -1e20 < seconds < 1e20:  # not a number compares false as well
        raise ValueError(f"{seconds!r:.60} is not a time")
    size = abs(seconds)
    scale = 1 if size < 1e11 else 1e3 if size < 1e14 else 1e6 if size < 1e17 else 1e9
    try:
        moment = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds / scale)
    except OverflowError as error:
        raise ValueError(f"{seconds!r:.60} lies before or after every calendar") from error
    return _plausible(moment)


def read_moment(value: Any) -> datetime:
    """The UTC time that a row's field means: ISO 8601 text, a number since the epoch (also as text), or a datetime.

    A time without an offset is taken to be UTC. Raises `ValueError` for anything else.
    """
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, datetime):
        return _plausible(_in_utc(value))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return from_epoch(value)
    raise ValueError("no time" if value is None else f"{value!r:.60} is not a time")


def not_after(moment: datetime, now: datetime) -> datetime:
    """`moment`, or `now` where the source dates a post into the future: a wrong clock must not hold an alarm back."""
    return min(moment, now)


def _from_text(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _from_odd_text(text)
    return _plausible(_in_utc(moment))


def _from_odd_text(text: str) -> datetime:
    """Spaces around, numbers since the epoch, and the two other notations that exports of platforms are full of."""
    text = text.strip()
    try:
        return _plausible(_in_utc(datetime.fromisoformat(text)))
    except ValueError:
        pass
    try:
        return from_epoch(float(text))
    except ValueError:
        pass
    for notation in ("%a %b %d %H:%M:%S %z %Y", "%a, %d %b %Y %H:%M:%S %z"):
        try:
            return _plausible(_in_utc(datetime.strptime(text, notation)))  # noqa: DTZ007  (both have %z)
        except ValueError:
            continue
    raise ValueError(f"{text!r:.60} is not a time")


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"{moment.isoformat()} lies before or after every calendar") from error


def _plausible(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError(f"{moment.isoformat()} lies outside 1990 to 2100")
    return moment
