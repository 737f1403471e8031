"""Pictures that lie with a channel's provider as files of their own, one row a file.

    wanted -> uploaded -> shown -> doomed -> gone       wanted, uploaded -> doomed (it was never shown)

A message never waits for its picture: the row is made when the message has arrived, and what follows (drawing,
uploading, one edit, deleting what was replaced) is done apart from the outbox, by whoever claims the row. A claim is a
due time in the future and a higher fence, so that one of several processes does each step and a dead one's comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select, update

from storage.database import Transaction
from storage.schema import picture
from storage.statements import insert_new

_P = picture.c


class PictureState(StrEnum):
    """How far a picture is."""

    WANTED = "wanted"
    UPLOADED = "uploaded"
    """The provider has the file; no message shows it yet."""
    SHOWN = "shown"
    DOOMED = "doomed"
    """No message shows it any more, and the file is to be deleted."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of an incident's curve at one place; `file` is the provider's name for it."""

    id: str
    incident_id: str
    channel: str
    target: str
    state: PictureState = PictureState.WANTED
    file: str | None = None
    drawn_until: datetime | None = None
    highest: float | None = None
    attempt: int = 0
    due_at: datetime | None = None
    fence: int = 0


_COLUMNS = tuple(_P[name] for name in Picture.__slots__)


def add(tx: Transaction, new: Picture) -> None:
    """Store a new one; one of the same id stays as it is."""
    insert_new(tx, picture, [{name: getattr(new, name) for name in Picture.__slots__} | {"state": new.state.value}])


def at_place(tx: Transaction, incident_id: str, channel: str, target: str) -> list[Picture]:
    """The pictures of an incident at one place, without those that are to be deleted."""
    statement = select(*_COLUMNS).where(
        _P.incident_id == incident_id,
        _P.channel == channel,
        _P.target == target,
        _P.state != PictureState.DOOMED.value,
    )
    return [_record(row) for row in tx.execute(statement.order_by(_P.id))]


def files(tx: Transaction, incident_id: str, channel: str, target: str) -> tuple[str, ...]:
    """The files that a message may show: a new one first, then the one that it shows."""
    found = at_place(tx, incident_id, channel, target)
    states = (PictureState.UPLOADED, PictureState.SHOWN)
    return tuple(one.file for state in states for one in found if one.state is state and one.file)


def next_due(tx: Transaction) -> datetime | None:
    """When the next step of any picture is due; `None` where there is none to make."""
    found: datetime | None = tx.scalar(select(func.min(_P.due_at)))
    return found


def claim(tx: Transaction, now: datetime, lease: timedelta, channels: Sequence[str]) -> Picture | None:
    """The picture of one of the channels whose next step is due first, held for `lease`. Commit before acting on it."""
    statement = select(*_COLUMNS).where(_P.due_at <= now, _P.channel.in_(channels)).order_by(_P.due_at, _P.id).limit(1)
    if tx.dialect.name == "postgresql":
        statement = statement.with_for_update(skip_locked=True)
    row = tx.execute(statement).first()
    if row is None:
        return None
    found = _record(row)
    held = replace(found, attempt=found.attempt + 1, due_at=now + lease, fence=found.fence + 1)
    taken = {"attempt": held.attempt, "due_at": held.due_at, "fence": held.fence}
    tx.execute(update(picture).where(_P.id == found.id).values(**taken))
    return held


def record(tx: Transaction, held: Picture, **changes: Any) -> bool:
    """Store what a step came to; false, and nothing done, where the claim was lost."""
    plain = {name: value.value if isinstance(value, PictureState) else value for name, value in changes.items()}
    mine = update(picture).where(_P.id == held.id, _P.fence == held.fence)
    return bool(tx.execute(mine.values(**plain)).rowcount)


def forget(tx: Transaction, held: Picture) -> bool:
    """Remove the row of a picture that is gone or never came to be; false where the claim was lost."""
    return bool(tx.execute(delete(picture).where(_P.id == held.id, _P.fence == held.fence)).rowcount)


def shown(tx: Transaction, incident_id: str, channel: str, target: str, file: str, now: datetime) -> None:
    """Note that the message shows this file by now, and none of the others; with an empty one that it shows none."""
    for one in at_place(tx, incident_id, channel, target):
        if one.file == file:
            _move(tx, one, PictureState.SHOWN, None)
        elif one.state is PictureState.SHOWN:
            _move(tx, one, PictureState.DOOMED, now)


def doom(tx: Transaction, incident_id: str, channel: str, target: str, now: datetime) -> None:
    """Let every picture at a place be deleted; one that is being uploaded loses its claim, and goes with it."""
    for one in at_place(tx, incident_id, channel, target):
        if one.file is None:
            tx.execute(delete(picture).where(_P.id == one.id))
        else:
            _move(tx, one, PictureState.DOOMED, now)


def _move(tx: Transaction, one: Picture, state: PictureState, due_at: datetime | None) -> None:
    if one.state is not state:
        values = {"state": state.value, "due_at": due_at, "attempt": 0, "fence": one.fence + 1}
        tx.execute(update(picture).where(_P.id == one.id, _P.fence == one.fence).values(**values))


def _record(row: Sequence[Any]) -> Picture:
    values = dict(zip(Picture.__slots__, row, strict=True))
    return Picture(**{**values, "state": PictureState(values["state"])})
