"""The last way to people: what is said while the database takes nothing.

Everything else is stored before it is sent. With a full disk, or a server that is gone, nothing can be stored, and that
would look like calm. So the operators are told past the outbox, from memory, by every channel of theirs that takes it:
when it has lasted for half a minute, and each hour while it lasts. That it is over is told by the outbox again.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from alerts.channels.contract import Channel, ChannelError, Message
from alerts.deadline import Deadline
from alerts.routing import Destination, Subject
from alerts.system import Failing, SystemIncidents
from storage.database import Database
from storage.records import SYSTEM, Severity

_log = structlog.get_logger(__name__)

TOPIC = "database"
PATIENCE = timedelta(seconds=30)
"""How long nothing can be stored before anybody is told: a restart of a server is no news."""
AGAIN_AFTER = timedelta(hours=1)
TRY_AFTER = timedelta(seconds=30)
"""When nobody took it, it is tried again so much later."""
SECONDS = 10.0


@dataclass
class LastWord:
    """Knows since when nothing could be stored, and what was said about it."""

    system: SystemIncidents
    channels: Mapping[str, Channel]
    clock: Callable[[], datetime]
    refused_at: datetime | None = None
    due_at: datetime | None = None
    was_told: bool = False

    def refused(self, why: str) -> None:
        """The database took nothing just now."""
        now = self.clock()
        if self.refused_at is None or self.due_at is None:
            self.refused_at, self.due_at = now, now + PATIENCE
        if now < self.due_at:
            return
        heard = self._tell(self.refused_at, why, now)
        self.was_told = self.was_told or heard
        self.due_at = now + (AGAIN_AFTER if heard else TRY_AFTER)

    def worked(self, database: Database) -> None:
        """The database took something; who was told otherwise hears of it."""
        if self.was_told:
            now = self.clock()
            with database.write() as tx:
                headline = "What is found can be stored again"
                self.system.remark(tx, f"{TOPIC} {now.isoformat()}", headline, TOPIC, [self._since(now)], now)
        self.refused_at = self.due_at = None
        self.was_told = False

    def _tell(self, since: datetime, why: str, now: datetime) -> bool:
        """Send it to everybody concerned; whether anybody took it."""
        host = socket.gethostname()
        failing = Failing(f"{TOPIC}:{host}", "Nothing can be stored", f"{host}: {why}", Severity.CRITICAL)
        page = self.system.unstored(failing, since, now)
        places = self.system.speaker.routing.destinations(Subject(SYSTEM, Severity.CRITICAL))
        sent = [self._send(place, Message(secrets.token_hex(16), place.target, page)) for place in places]
        return any(sent)

    def _send(self, place: Destination, message: Message) -> bool:
        try:
            self.channels[place.channel].send(message, Deadline(SECONDS))
        except ChannelError as error:
            _log.error("nothing can be stored, and that could not be told", channel=place.channel, error=str(error))
            return False
        except Exception:  # noqa: BLE001  (a plug-in's mistake must not keep the others from being asked)
            _log.exception("a channel failed unexpectedly", channel=place.channel)
            return False
        return True

    def _since(self, now: datetime) -> str:
        minutes = (now - (self.refused_at or now)).total_seconds() / 60
        return f"For {minutes:.0f} minutes nothing was read, judged or paged; what is still offered is read now."
