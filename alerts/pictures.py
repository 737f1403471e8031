"""The picture of the curve where it is a file of its own: drawn and uploaded when the message has arrived.

A message never waits for its picture. Once it is there a picture is wanted; drawing, uploading and deleting are done
here, apart from the outbox and its slots, so that a provider who takes no files, or takes them slowly, delays nothing.
Only showing it is a delivery: an edit like any other, in line with what is told meanwhile. Providers work a file off
after they took it and refuse messages that show it until then, so the edit is made again a few times, and given up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from alerts.channels.contract import Channel, ChannelError, Illustrates
from alerts.deadline import Deadline
from alerts.page import Page, UnreadablePageError, from_json, to_json
from alerts.render.curve import PAPER, alternative, is_drawable, picture, shown
from storage import incidents, outbox, pictures
from storage.database import Database, Transaction
from storage.pictures import Picture, PictureState
from storage.records import Delivery, DeliveryState, Reason

_log = structlog.get_logger(__name__)

_MOST_AT_ONCE = 3
_SECOND = timedelta(seconds=1)
_LEASE = 60 * _SECOND
_DEADLINE = 8.0
"""Seconds for the calls of one step, far from the end of its claim."""
UPLOADS = (30 * _SECOND, 120 * _SECOND, 600 * _SECOND)
"""Waits after uploads that failed; after the last the message keeps its bars until there is something new to tell."""
LOOKS = (2 * _SECOND, 5 * _SECOND, 15 * _SECOND, 60 * _SECOND, 300 * _SECOND)
"""Waits before the edits that show a file, each in case that the one before was refused."""
DELETIONS = (60 * _SECOND, 600 * _SECOND, *[timedelta(hours=1)] * 24)
"""Waits after deletions that failed; a day later it is given up and said."""
_RISE = 1.25
_NEW_SHARE = 12


def after_message(tx: Transaction, channel: Channel | None, sent: Delivery, file: str | None, now: datetime) -> None:
    """What follows for the picture when a message of its own has arrived, in the transaction that records so."""
    if not isinstance(channel, Illustrates):
        return
    place = (sent.incident_id, sent.channel, sent.target)
    if file is not None:
        pictures.shown(tx, *place, file, now)
    page = _told(tx, sent.incident_id)
    if channel.illustrates and page is not None and is_wanted(pictures.at_place(tx, *place), page):
        pictures.add(tx, Picture(_name(*place, now.isoformat()), *place, due_at=now))


def is_wanted(have: list[Picture], page: Page) -> bool:
    """Whether a new picture is worth drawing: there is none, or its curve has gone on or risen too much to stand.

    One on its way is waited for: it is drawn from what is known when its turn comes.
    """
    if not is_drawable(page) or any(one.state in (PictureState.WANTED, PictureState.UPLOADED) for one in have):
        return False
    newest = max((one.drawn_until for one in have if one.drawn_until), default=None)
    if newest is None:
        return True
    end, highest, span = _extent(page)
    top = max((one.highest or 0.0 for one in have), default=0.0)
    is_over = not page.state.is_live and newest < end
    return is_over or highest > _RISE * top or end - newest >= span / _NEW_SHARE


@dataclass(frozen=True, slots=True)
class Illustrator:
    """Makes the due steps of pictures; safe beside others of its kind, in this process or another."""

    database: Database
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]

    def run_once(self) -> int:
        """Make a few steps that are due; how many."""
        names = [name for name, one in self.channels.items() if isinstance(one, Illustrates)]
        made = 0
        while names and made < _MOST_AT_ONCE and self._step(names):
            made += 1
        return made

    def _step(self, names: list[str]) -> bool:
        with self.database.read() as tx:
            due_at = pictures.next_due(tx)
        if due_at is None or due_at > self.clock():
            return False
        with self.database.write() as tx:
            blocked = {block.channel for block in outbox.blocks(tx, self.clock())}
            held = pictures.claim(tx, self.clock(), _LEASE, [name for name in names if name not in blocked])
        if held is None:
            return False
        channel = self.channels[held.channel]
        if isinstance(channel, Illustrates):
            {
                PictureState.WANTED: self._upload,
                PictureState.UPLOADED: self._show,
                PictureState.SHOWN: self._rest,
                PictureState.DOOMED: self._delete,
            }[held.state](channel, held)
        return True

    def _upload(self, channel: Illustrates, held: Picture) -> None:
        with self.database.read() as tx:
            page = _told(tx, held.incident_id)
        if page is None or not is_drawable(page):
            self._forget(held)
            return
        try:
            drawn = picture(page, PAPER) or b""  # before the deadline begins: the first one takes seconds
            file = channel.upload(drawn, alternative(page), Deadline(_DEADLINE))
        except Exception as error:  # noqa: BLE001  (whatever is wrong with a picture, its message is there)
            self._failed(held, UPLOADS, "a picture could not be uploaded; the message shows bars", error)
            return
        end, highest, _ = _extent(page)
        changes = {"file": file, "drawn_until": end, "highest": highest}
        due_at = self.clock() + LOOKS[0]
        with self.database.write() as tx:
            kept = pictures.record(tx, held, state=PictureState.UPLOADED, attempt=0, due_at=due_at, **changes)
        if not kept:  # what it belongs to was taken back meanwhile
            self._discard(channel, held, file)

    def _show(self, _channel: Illustrates, held: Picture) -> None:
        """Enqueue the edit that shows a file, unless something is on its way there, which shows it as well."""
        now = self.clock()
        with self.database.write() as tx:
            if held.attempt > len(LOOKS):
                _log.warning("a picture was never fit to be shown", incident=held.incident_id, file=held.file)
                pictures.record(tx, held, state=PictureState.DOOMED, attempt=0, due_at=now)
                return
            wait = LOOKS[held.attempt] if held.attempt < len(LOOKS) else LOOKS[-1]
            if pictures.record(tx, held, due_at=now + wait) and (edit := _edit(tx, held, now)):
                outbox.enqueue(tx, [edit])

    def _delete(self, channel: Illustrates, held: Picture) -> None:
        try:
            channel.discard(held.file or "", Deadline(_DEADLINE))
        except Exception as error:  # noqa: BLE001  (it is tried again)
            self._failed(held, DELETIONS, "a picture could not be deleted", error)
        else:
            self._forget(held)

    def _rest(self, _channel: Illustrates, held: Picture) -> None:
        with self.database.write() as tx:
            pictures.record(tx, held, due_at=None)

    def _failed(self, held: Picture, waits: tuple[timedelta, ...], what: str, error: Exception) -> None:
        """Try again later, or give it up."""
        _log.warning(what, incident=held.incident_id, channel=held.channel, attempt=held.attempt, error=str(error))
        if held.attempt > len(waits):
            self._forget(held)
            return
        with self.database.write() as tx:
            pictures.record(tx, held, due_at=self.clock() + waits[held.attempt - 1])

    def _forget(self, held: Picture) -> None:
        with self.database.write() as tx:
            pictures.forget(tx, held)

    def _discard(self, channel: Illustrates, held: Picture, file: str) -> None:
        try:
            channel.discard(file, Deadline(_DEADLINE))
        except ChannelError as error:
            _log.error("a picture is left at its provider", channel=held.channel, file=file, error=str(error))


def _told(tx: Transaction, incident_id: str) -> Page | None:
    """What people were told last; `None` where that cannot be read."""
    told = incidents.last_alert(tx, incident_id)
    try:
        return from_json(told.page) if told else None
    except UnreadablePageError:
        return None


def _edit(tx: Transaction, held: Picture, now: datetime) -> Delivery | None:
    """An edit of the message with the words that it has; `None` where another one is on its way or nothing stands."""
    place = (held.channel, held.target)
    here = [one for one in outbox.history(tx, held.incident_id) if (one.channel, one.target) == place]
    own = [one for one in here if one.digest_id is None and one.state is DeliveryState.SENT]
    told = incidents.last_alert(tx, held.incident_id)
    page = _told(tx, held.incident_id)
    if not own or told is None or page is None or not all(one.state.is_terminal for one in here):
        return None
    return Delivery(
        id=_name(held.id, str(held.attempt)),
        incident_id=held.incident_id,
        episode=told.episode,
        seq=told.seq,
        reason=Reason.UPDATE,
        severity=told.severity,
        channel=held.channel,
        target=held.target,
        state=DeliveryState.PENDING,
        page=_unchanged(page),
        created_at=now,
        due_at=now,
        first_due_at=now,
        why="the picture of its curve",
    )


def _unchanged(page: Page) -> dict[str, object]:
    return {**to_json(page), "reason": Reason.UPDATE.value, "changed": []}


def _extent(page: Page) -> tuple[datetime, float, timedelta]:
    """Where the drawn curve ends, its highest point, and how much time it shows."""
    curve = shown(page)
    span = len(curve.observed) * timedelta(seconds=curve.bin_seconds)
    return curve.start + span, max((value for value in curve.observed if value is not None), default=0.0), span


def _name(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(("picture", *parts)).encode()).hexdigest()[:32]
