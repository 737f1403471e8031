"""How the program reads each table: what it gives is held against the rows that were saved.

A reading is given the rows and returns records, of which every field that has a column's name must be as in the row; or
it asserts what it has to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any

from storage import (
    accounts,
    attempts,
    audit,
    bins,
    buckets,
    casework,
    corrections,
    cursors,
    escalations,
    gaps,
    inbox,
    incidents,
    instances,
    leases,
    outbox,
    pictures,
    post_rows,
    posts,
    pulse,
    quarantine,
    runs,
    saved_views,
    schedule,
    shards,
    silences,
    spending,
    state,
    stored_days,
)
from storage.database import Transaction
from storage.pulse import DAY, Counts
from tests.storage.examples import NOON
from tests.storage.saved.rows import Row
from tests.storage.saved.scene import COOKIE, TOKEN

BEGIN, END = NOON - timedelta(days=30), NOON + timedelta(days=30)
Read = Callable[[Transaction, Sequence[Row]], Iterable[Any]]


def _keys(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(row["source"], row["external_id"]) for row in rows]


def _of_incidents(read: Callable[[Transaction, str], Iterable[Any]]) -> Read:
    return lambda tx, rows: [one for name in {row["incident_id"] for row in rows} for one in read(tx, name)]


def _casework(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    for row in rows:
        work = casework.of(tx, row["incident_id"])
        assert (work.assigned_to, work.merged_into, work.split_from) == (
            row["assigned_to"],
            row["merged_into"],
            row["split_from"],
        )
        assert (work.detected is None) == (row["detected"] is None)
        assert work.headline == row["shaping"]["headline"]
    return ()


def _worked(name: str, column: str) -> Read:
    def read(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
        for row in rows:
            assert row[column] in getattr(casework.of(tx, row["incident_id"]), name)
        return ()

    return read


def _revisions(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    kept = post_rows.load(tx, [("forum", "2")])["forum", "2"].revisions
    assert set(kept) == {(row["title"], row["text"]) for row in rows}
    return ()


def _stored_days(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    for row in rows:
        found = stored_days.numbers(tx, row["day"], row["day"] + DAY, row["source"])
        assert found == (row["first_id"], row["last_id"])
    return ()


def _days_of_bins(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    for row in rows:
        found = pulse.total(tx, row["brand"], row["start"], row["start"] + DAY, row["source"])
        assert [getattr(found, name) for name in Counts.__slots__] == [row[name] for name in Counts.__slots__]
    return ()


def _erased(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    assert post_rows.erased(tx, _keys(rows)) == set(_keys(rows))
    return ()


def _sessions(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    found = accounts.session(tx, COOKIE, NOON, timedelta(hours=1))
    assert found is not None
    assert [(found.name, found.created_at)] == [(row["name"], row["created_at"]) for row in rows]
    return ()  # its role is that of the account


def _tokens(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    assert accounts.token(tx, TOKEN, NOON) is not None
    return accounts.tokens(tx)


def _audit(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    assert audit.first_broken(tx) is None
    return audit.recent(tx)


def _states(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    assert {name: state.load(tx, name) for name, _ in state.every(tx)} == {
        row["name"]: (row["at"], row["blob"]) for row in rows
    }
    return ()


def _samples(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    kept = {(row["source"], row["external_id"], row["at"]) for row in rows}  # the newest stand in the posts' rows
    return [one for one in posts.samples(tx, BEGIN, END) if (one.source, one.external_id, one.at) in kept]


def _messages(tx: Transaction, rows: Sequence[Row]) -> Iterable[Any]:
    assert all(inbox.accept(tx, row["source"], row["message_id"], row["digest"], [], NOON).repeated for row in rows)
    return ()


READS: Mapping[str, Read] = {
    "post": lambda tx, rows: posts.get(tx, _keys(rows)),
    "revision": _revisions,
    "mention": lambda tx, _: [one.mention for one in posts.window(tx, BEGIN, END)],
    "engagement_sample": _samples,
    "bin": lambda tx, rows: [
        one for brand in {row["brand"] for row in rows} for one in bins.series(tx, brand, BEGIN, END)
    ],
    "bin_day": _days_of_bins,
    "stored_day": _stored_days,
    "shard": lambda tx, rows: [one for job in {row["job"] for row in rows} for one in shards.every(tx, job)],
    "erased": _erased,
    "correction": lambda tx, _: corrections.recent(tx),
    "cursor": lambda tx, _: cursors.every(tx),
    "run": lambda tx, _: runs.recent(tx),
    "gap": lambda tx, _: gaps.between(tx, BEGIN, END),
    "spent": lambda tx, _: spending.between(tx, BEGIN.date(), END.date()),
    "schedule": lambda tx, _: schedule.every(tx),
    "incident": lambda tx, _: incidents.recent(tx),
    "casework": _casework,
    "incident_tag": _worked("tags", "tag"),
    "incident_link": _worked("links", "other_id"),
    "incident_event": _of_incidents(incidents.events),
    "signal": _of_incidents(incidents.signals),
    "silence": lambda tx, _: silences.every(tx),
    "checkpoint": _states,
    "instance": lambda tx, _: instances.running(tx, NOON, timedelta(seconds=10)),
    "lease": lambda tx, rows: [leases.get(tx, row["name"]) for row in rows],
    "alert": _of_incidents(incidents.alerts),
    "delivery": _of_incidents(outbox.history),
    "escalation": _of_incidents(lambda tx, name: filter(None, [escalations.get(tx, name)])),
    "delivery_attempt": lambda tx, rows: [one for row in rows for one in attempts.of(tx, row["delivery_id"])],
    "picture": lambda tx, rows: [
        one for row in rows for one in pictures.at_place(tx, row["incident_id"], row["channel"], row["target"])
    ],
    "bucket": lambda tx, rows: buckets.locked(tx, [(row["channel"], row["target"]) for row in rows]),
    "channel": lambda tx, _: outbox.blocks(tx, NOON),
    "account": lambda tx, _: accounts.every(tx),
    "web_session": _sessions,
    "api_token": _tokens,
    "audit": _audit,
    "saved_view": lambda tx, _: saved_views.every(tx),
    "quarantine": lambda tx, _: quarantine.every(tx),
    "inbox": lambda tx, _: inbox.waiting(tx, "hook", 0, 100),
    "inbox_message": _messages,
}
"""Every table that the program knows, with how it is read."""


def differences(tx: Transaction, table: str, rows: Sequence[Row]) -> list[str]:
    """Where the records that the program reads differ from the rows; nothing where all is as it was saved."""
    found = list(READS[table](tx, rows))
    if not found:
        return []
    if len(found) != len(rows):
        return [f"{table}: {len(rows)} rows are read as {len(found)}"]
    names = [name for name in type(found[0]).__match_args__ if name in rows[0]]
    read = sorted(str({name: _plain(getattr(one, name)) for name in names}) for one in found)
    kept = sorted(str({name: _plain(row[name]) for name in names}) for row in rows)
    return [f"{table}: {old} is read as {new}" for old, new in zip(kept, read, strict=True) if old != new]


def _plain(value: Any) -> Any:
    """A value as both a record and a row could hold it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value
