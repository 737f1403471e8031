"""What a server's answer means for us: one table of HTTP statuses for every source.

The one who knows (here) says whether a refusal is permanent and how long the source wants to be left alone; the one who
schedules decides when to ask again. RFC 9110 for the statuses and `Retry-After`; `x-rate-limit-reset` is X's and
`ratelimit-reset` Bluesky's (seconds since the epoch), `x-ratelimit-reset` is Reddit's (seconds from now) and Mastodon's
(a time in ISO 8601).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from collectors.contract import CollectorError

LONGEST_WAIT = 3600.0
"""Seconds that a source may ask for at the most; a mistaken header must not silence it for a year."""

WITHOUT_ADVICE = 60.0
"""Seconds to wait after a 429 that does not say how long."""

_PERMANENT = {
    400: "it does not accept the request; the options of the source do not suit it",
    401: "it does not accept the credentials; renew them and put the new ones where the configuration points",
    402: "it wants to be paid first; see the account's plan and balance",
    403: "the credentials do not permit this; see the account's access level or the owner's terms",
    404: "there is nothing at this address; correct it in the configuration",
    405: "it does not accept the request; the options of the source do not suit it",
    410: "it is gone for good; take it out of the configuration",
    422: "it does not accept the request; the options of the source do not suit it",
    451: "it is withheld for legal reasons",
}


def refusal(status: int, headers: Mapping[str, str], *, service: str, now: datetime) -> CollectorError | None:
    """The error that an answer with this status stands for, or `None` when it is no refusal (below 400)."""
    if status < 400:
        return None
    if status in _PERMANENT:
        return CollectorError(f"{service} answered {status}: {_PERMANENT[status]}", permanent=True, status=status)
    wait = retry_after(headers, now=now)
    if status == 429:
        wait = WITHOUT_ADVICE if wait is None else wait
        message = f"{service} answered 429: too many requests; next in {wait:.0f} s"
        return CollectorError(message, retry_after=wait, status=status)
    message = f"{service} answered {status}; this passes by itself as a rule"
    return CollectorError(message, retry_after=wait, status=status)


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds until the source may be asked again, in 1…3600; `None` where no header says so in an intelligible way.

    `headers` look up names whatever their capitals (as those of requests and httpx do).
    """
    readings = (
        _seconds_or_date(headers.get("retry-after"), now),
        _since_epoch(headers.get("x-rate-limit-reset"), now),
        _since_epoch(headers.get("ratelimit-reset"), now),
        _number(headers.get("x-ratelimit-reset")),
        _since(headers.get("x-ratelimit-reset"), now),
    )
    wait = next((reading for reading in readings if reading is not None and reading > 0), None)
    return None if wait is None else min(max(wait, 1.0), LONGEST_WAIT)


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _seconds_or_date(value: str | None, now: datetime) -> float | None:
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()


def _since_epoch(value: str | None, now: datetime) -> float | None:
    moment = _number(value)
    return None if moment is None else moment - now.timestamp()


def _since(value: str | None, now: datetime) -> float | None:
    try:
        moment = datetime.fromisoformat(value) if value is not None else None
    except ValueError:
        return None
    return None if moment is None else (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
