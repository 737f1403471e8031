"""Listening to sources whose platform says when there is something new, so that a flood is not read a turn late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from collectors.contract import CollectorError, Wakes

_log = structlog.get_logger(__name__)

AGAIN = 60.0
"""Seconds until a platform that hung up is listened to again; its turns are read meanwhile as ever."""
IDLE = 2.0
LOOK_EVERY = 0.5
"""Seconds after which who waits sees that another process reads the source."""


class Ending(threading.Event):
    """Set when the program stops, and while another process reads it: a platform may take one connection only."""

    def __init__(self, stopping: threading.Event, holds: Callable[[], bool]) -> None:
        super().__init__()
        self._program, self._holds = stopping, holds

    def is_set(self) -> bool:
        """Whether listening is to end."""
        return self._program.is_set() or not self._holds()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end of listening, at most `timeout` seconds; whether it is to end.

        A platform may want to be left alone for a quarter of an hour: its source must not stay unread for as long.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = LOOK_EVERY if end is None else min(LOOK_EVERY, end - time.monotonic())
            if left <= 0:
                break
            self._program.wait(left)
        return self.is_set()


@dataclass
class Watch:
    """Listens to one source in a thread of its own, while it is this process that reads it."""

    source: Wakes
    name: str
    news: Callable[[], None]
    holds: Callable[[], bool]
    again: float = AGAIN
    is_listening: bool = field(default=False, init=False)
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
            pause = self._listen() if self.holds() else IDLE

    def _listen(self) -> float:
        """Listen until the source ends it; how long to wait before the next time."""
        self.is_listening = True
        try:
            self.source.watch(self.news, Ending(self._stopping, self.holds))
        except CollectorError as error:
            _log.warning("source cannot be listened to; its turns are read", source=self.name, reason=str(error))
        except Exception:  # noqa: BLE001  (a thread that ends silently would never wake its source again)
            _log.exception("listening to a source failed; its turns are read", source=self.name)
        finally:
            self.is_listening = False
        return self.again if self.holds() else IDLE
