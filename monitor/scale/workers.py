"""Pure functions in other processes, their answers in the order of what was asked.

Who asks does not see where it was done: in this process, in several of this machine, or on a cluster
(`monitor.scale.cluster`). The answers are the same, so what is made of them is the same to the last bit.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import Protocol, TypeVar

import structlog

_log = structlog.get_logger(__name__)

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

AHEAD = 2
"""Questions that wait for each worker, so that none of them idles while an answer is made use of."""
TRIES = 3
"""Times that one question may be under way when a worker dies, before it is taken for the cause."""


class WorkersError(Exception):
    """The work cannot be spread, or workers die of it; the message says what to do."""


class Workers(Protocol):
    """Somewhere to work; `count` is how many answers are made at once."""

    count: int

    def each(self, task: Callable[[Asked], Answer], questions: Iterable[Asked]) -> Iterator[Answer]:
        """The answers, in the order of the questions; a question is taken up only when a worker is about to be free.

        `task` is a function of a module, and has no effect that a second time would change.
        """
        ...


class Alone:
    """This process."""

    count = 1

    def each(self, task: Callable[[Asked], Answer], questions: Iterable[Asked]) -> Iterator[Answer]:
        """One answer after another."""
        return map(task, questions)


class Beforehand:
    """This process, which answers before the transaction begins that makes use of the answer."""

    count = 1

    def each(self, task: Callable[[Asked], Answer], questions: Iterable[Asked]) -> Iterator[Answer]:
        """One answer after another."""
        return map(task, questions)


class Processes:
    """Processes of this machine. One that dies is replaced, and what it was asked is asked again."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = self._new_pool()

    def each(self, task: Callable[[Asked], Answer], questions: Iterable[Asked]) -> Iterator[Answer]:
        """The answers in order, while the next ones are being made."""
        waiting: deque[tuple[Asked, Future[Answer]]] = deque()
        more = iter(questions)
        tries = 0
        while True:
            for asked in islice(more, AHEAD * self.count - len(waiting)):
                waiting.append((asked, self._submit(task, asked)))
            if not waiting:
                return
            try:
                answer = waiting[0][1].result()
            except BrokenProcessPool as error:
                tries += 1
                if tries == TRIES:
                    raise WorkersError(
                        f"workers died {TRIES} times of the same work; is there memory enough for {self.count}? "
                        "set fewer [scale] workers"
                    ) from error
                _log.warning("a worker died; its work is done again", tries=tries)
                self._pool.shutdown(wait=True, cancel_futures=True)
                self._pool = self._new_pool()
                waiting = deque((asked, self._submit(task, asked)) for asked, _ in waiting)
                continue
            waiting.popleft()
            tries = 0
            yield answer

    def close(self) -> None:
        """End the processes; what is under way is given up."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _submit(self, task: Callable[[Asked], Answer], asked: Asked) -> Future[Answer]:
        try:
            return self._pool.submit(task, asked)
        except BrokenProcessPool as error:  # it broke since the last answer; told when this answer is asked for
            broken: Future[Answer] = Future()
            broken.set_exception(error)
            return broken

    def _new_pool(self) -> ProcessPoolExecutor:
        # Forked from a process that is asked before any thread runs in it: quick, and no lock is copied locked.
        context = get_context("forkserver")
        context.set_forkserver_preload(["monitor.scale.tasks"])
        return ProcessPoolExecutor(self.count, mp_context=context)


@contextmanager
def workers_of(count: int) -> Iterator[Workers]:
    """As many workers of this machine as configured: 1 is this process alone, 0 is one for each processor."""
    count = count or len(os.sched_getaffinity(0))
    if count == 1:
        yield Alone()
        return
    processes = Processes(count)
    try:
        yield processes
    finally:
        processes.close()
