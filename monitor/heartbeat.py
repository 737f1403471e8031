"""The dead man's switch: somebody outside hears from us only while everything that matters goes on.

A process that hangs, a database that is full and a sender that is stuck all look alike from outside: the heartbeat
stops. It is sent only when every watermark is fresh; otherwise the same address with `/fail` gets the reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from alerts.channels.contract import ChannelError
from alerts.deadline import Deadline
from alerts.exchange import exchange
from alerts.words import span
from storage.schedule import Planned

SECONDS = 10.0
BEAT_EVERY = timedelta(seconds=60)
LOOK_EVERY = timedelta(seconds=15)
"""How often it is looked whether all goes on: with it, what is stuck is known outside within two minutes."""
JUDGED_WITHIN = timedelta(seconds=60)
SENT_WITHIN = timedelta(seconds=60)
WRITTEN_WITHIN = timedelta(seconds=30)
AUDITED_WITHIN = timedelta(seconds=100)
READ_WITHIN = 3
"""Intervals within which a source must have been read."""
LEAST_READ = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Watermarks:
    """When everything that matters last went on; `started_at` is when this process began to."""

    started_at: datetime
    judged_at: datetime | None = None
    written_at: datetime | None = None
    audited_at: datetime | None = None
    oldest_due_at: datetime | None = None
    sources: Sequence[Planned] = ()
    known_to_fail: Collection[str] = ()
    """Sources about which the operators have been told."""


def reasons(marks: Watermarks, now: datetime) -> list[str]:
    """What does not go on as it should, a sentence each; nothing where all is well."""
    since = (
        ("nothing was judged", marks.judged_at, JUDGED_WITHIN),
        ("nothing was written to the database", marks.written_at, WRITTEN_WITHIN),
        ("incidents were not audited", marks.audited_at, AUDITED_WITHIN),
    )
    found = [
        f"{what} for {_for(now, at or marks.started_at)}"
        for what, at, within in since
        if now - (at or marks.started_at) > within
    ]
    if marks.oldest_due_at is not None and now - marks.oldest_due_at > SENT_WITHIN:
        found.append(f"a message waits to be sent for {_for(now, marks.oldest_due_at)}")
    return [*found, *_unread(marks, now)]


def is_due(beaten_at: datetime | None, was_failing: bool, failing: Sequence[str], now: datetime) -> bool:
    """Whether the outside is to hear from us: each minute, and at once when that becomes bad news or good."""
    if beaten_at is None or was_failing is not bool(failing):
        return True
    return not timedelta(0) <= now - beaten_at < BEAT_EVERY


def _unread(marks: Watermarks, now: datetime) -> list[str]:
    late: list[str] = []
    for source in marks.sources:
        looked_at = source.next_at - source.every  # a turn that the budget put off was looked at, too
        last = max(source.last_ended_at or marks.started_at, marks.started_at, looked_at)
        if source.source not in marks.known_to_fail and now - last > max(READ_WITHIN * source.every, LEAST_READ):
            late.append(f"{source.source} was not read for {_for(now, last)}")
    return late


def _for(now: datetime, at: datetime) -> str:
    return span((now - at).total_seconds())


def beat(url: str, failing: Sequence[str]) -> str:
    """Send the heartbeat, or that something is wrong; returns what went wrong with that, nothing where it was taken."""
    target = _failing(url) if failing else url
    try:
        headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "tocsin"}
        answer = exchange(target, "\n".join(failing).encode(), headers, Deadline(SECONDS))
    except ChannelError as error:
        return str(error)
    return "" if 200 <= answer.status < 300 else f"{urlsplit(url).netloc} answered {answer.status}"


def _failing(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/fail"))
