"""Listening to sources whose platform says when there is something new, so that a flood is not read a turn late."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from collectors.contract import CollectorError, Wakes

_log = structlog.get_logger(__name__)

AGAIN = 60.0
"""Seconds until a platform that hung up is listened to again; its turns are read meanwhile as ever."""
IDLE = 2.0


class Ending(threading.Event):
    """Set when the program stops, and while another process leads: a platform may take one connection only."""

    def __init__(self, stopping: threading.Event, is_leader: Callable[[], bool]) -> None:
        super().__init__()
        self._program, self._is_leader = stopping, is_leader

    def is_set(self) -> bool:
        """Whether listening is to end."""
        return self._program.is_set() or not self._is_leader()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the program's end, at most `timeout` seconds; whether listening is to end."""
        return self._program.wait(timeout) or not self._is_leader()


@dataclass
class Watch:
    """Listens to one source in a thread of its own, while this process leads."""

    source: Wakes
    name: str
    news: Callable[[], None]
    is_leader: Callable[[], bool]
    again: float = AGAIN
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Begin to listen."""
        self._thread = threading.Thread(target=self._run, name=f"watch:{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Listen no longer, and wait until that is so."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._stopping.wait(pause):
            pause = self._listen() if self.is_leader() else IDLE

    def _listen(self) -> float:
        """Listen until the source ends it; how long to wait before the next time."""
        try:
            self.source.watch(self.news, Ending(self._stopping, self.is_leader))
        except CollectorError as error:
            _log.warning("source cannot be listened to; its turns are read", source=self.name, reason=str(error))
        except Exception:  # noqa: BLE001  (a thread that ends silently would never wake its source again)
            _log.exception("listening to a source failed; its turns are read", source=self.name)
        return self.again
