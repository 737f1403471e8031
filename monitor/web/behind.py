"""Work on history behind a page, which lasts longer than anybody waits: in a thread of its own, with its progress."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

_log = structlog.get_logger(__name__)

Watch = Callable[[datetime, float], None]
"""Called with where the work stands, and how much of it is done (0 to 1)."""


class CalledOffError(Exception):
    """Nobody waits for it any more."""


@dataclass(kw_only=True)
class Job:
    """A piece of work: `done` is how much of it is (0 to 1); `failed` says at its end why nothing came of it."""

    done: float = 0.0
    failed: str = ""
    is_over: threading.Event = field(default_factory=threading.Event)
    is_called_off: threading.Event = field(default_factory=threading.Event)


def begin(job: Job, name: str, turn: threading.Lock, work: Callable[[Watch], None], called_off: str) -> None:
    """Do `work` once it is its `turn`; `called_off` is told to who asks for it although it was called off."""

    def stop_if_called_off() -> None:
        if job.is_called_off.is_set():
            raise CalledOffError

    def watch(_: datetime, done: float) -> None:
        job.done = done
        stop_if_called_off()

    def run() -> None:
        try:
            with turn:
                stop_if_called_off()  # while it waited
                work(watch)
        except CalledOffError:
            job.failed = called_off
        except Exception as error:  # noqa: BLE001  # the top of a thread; who waits must be told
            _log.exception("work behind a page failed", work=name, error=type(error).__name__)
            job.failed = "That failed; the log says why."
        finally:
            job.is_over.set()

    threading.Thread(target=run, name=name, daemon=True).start()
