"""Streams, as tests listen to them: the thread that a source listens in, and what a source with a stream is held to.

Beside `scenario()`, the test module of a source whose options have `stream` defines `streaming()`, a context manager
that gives a `Streaming`: the platform and the source with its stream turned on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import pytest

from collectors import streams
from collectors.contract import Collector, Wakes
from tests.collectors.scenario import Scenario
from tests.servers.web import Feed, Reply, WebServer

PATIENCE = 20.0


class Streaming(Scenario, Protocol):
    """A platform that lists posts and tells of them."""

    server: WebServer
    feed: Feed
    silent: dict[str, Any]
    """The options that turn the stream off."""

    def say(self, *, told: bool = True) -> str:
        """Publish one post just now, and tell those who listen (or not); returns its `external_id`."""

    def repeat(self, name: str) -> None:
        """Tell of a post again."""

    def garble(self) -> None:
        """Tell something that makes no sense."""

    def keep_alive(self) -> None:
        """Give a sign of life."""

    def shorten_silence(self, patch: pytest.MonkeyPatch) -> None:
        """Let the source give a silent connection up after a moment."""

    def fail_stream(self, *replies: Reply) -> None:
        """Answer the next attempts to listen so, and all that is asked for that."""

    def is_list(self, path: str) -> bool:
        """Whether a request asks for a list."""


class Impatient(threading.Event):
    """Says how long it was to wait, and does not; after `most` waits the program is to stop."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.done = threading.Event()
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for nothing."""
        self.waits.append(timeout or 0.0)
        if len(self.waits) >= self._most:
            self.set()
            self.done.set()
        return self.is_set()


@dataclass
class Ear:
    """A source that is listened to."""

    feed: Feed
    news: queue.SimpleQueue[None] = field(default_factory=queue.SimpleQueue)

    def connected(self) -> None:
        """Wait until the platform has taken the connection."""
        self.feed.joined.get(timeout=PATIENCE)

    def called(self) -> None:
        """Wait until a turn was called for."""
        self.news.get(timeout=PATIENCE)


@contextmanager
def listening(collector: Collector, feed: Feed, stopping: threading.Event | None = None) -> Iterator[Ear]:
    """Listen in a thread, as the program does, and see that it ends when it is told to."""
    ear, stopping = Ear(feed), stopping or threading.Event()
    problems: list[BaseException] = []

    def run() -> None:
        try:
            cast("Wakes", collector).watch(lambda: ear.news.put(None), stopping)
        except BaseException as error:  # noqa: BLE001  (told by the test)
            problems.append(error)

    thread = threading.Thread(target=run)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "SETTLE", 0.01)
        patch.setattr(streams, "LOOK_EVERY", 0.02)
        thread.start()
        try:
            yield ear
        finally:
            stopping.set()
            thread.join(PATIENCE)
    assert not thread.is_alive(), "it did not stop listening"
    assert problems == []
