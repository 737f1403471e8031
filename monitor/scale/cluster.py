"""Workers on other machines: dask.distributed, the extra `cluster`, imported only when somebody asks for it.

Dask places the work, notices machines that die, and asks again elsewhere. What the work is, and what must not be done
twice, is ours: see `monitor.scale.jobs`.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from itertools import islice
from typing import Any

from monitor.scale.workers import AHEAD, TRIES, Answer, Asked, WorkersError

LOCAL = "local"
CONNECTS_WITHIN = "30s"


class Cluster:
    """The workers of a cluster; `dashboard` is where the engine shows what they do."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.count = sum(client.nthreads().values())
        self.dashboard = str(client.dashboard_link)

    def each(self, task: Callable[[Asked], Answer], questions: Iterable[Asked]) -> Iterator[Answer]:
        """The answers in order, while the next ones are being made."""
        waiting: deque[Any] = deque()
        more = iter(questions)
        while True:
            for asked in islice(more, AHEAD * self.count - len(waiting)):
                waiting.append(self._client.submit(task, asked, pure=False))
            if not waiting:
                return
            yield _answer(waiting.popleft())


@contextmanager
def cluster_at(address: str, count: int = 0) -> Iterator[Cluster]:
    """The cluster whose scheduler is at `address`; `local` starts one of `count` processes (0: one per processor)."""
    try:
        from distributed import Client  # noqa: PLC0415  (the extra)
    except ImportError as error:
        raise WorkersError('a cluster needs the extra "cluster": pip install "tocsin[cluster]"') from error
    with _scheduler(address, count) as place:
        try:
            client: Any = Client(place, timeout=CONNECTS_WITHIN, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, TimeoutError) as error:
            raise WorkersError(
                f"no scheduler answers at {address} ({error}); start one with: dask scheduler"
            ) from error
        with client:
            _refuse_others(client, address)
            yield Cluster(client)


@contextmanager
def _scheduler(address: str, count: int) -> Iterator[Any]:
    if address != LOCAL:
        yield address
        return
    from distributed import LocalCluster  # noqa: PLC0415

    processes = count or len(os.sched_getaffinity(0))
    made: Any = LocalCluster(  # type: ignore[no-untyped-call]
        n_workers=processes, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )
    with made:
        yield made


def version_here(_: int = 0) -> str:
    """The version of the program that a worker has."""
    return version("tocsin")


def _refuse_others(client: Any, address: str) -> None:
    """`WorkersError` where nobody works, or with another version of the program."""
    try:
        found = client.run(version_here)
    except Exception as error:
        raise WorkersError(
            f"the workers of {address} cannot run tocsin ({error}); install it where they run"
        ) from error
    if not found:
        raise WorkersError(f"the scheduler at {address} has no workers; start some with: dask worker {address}")
    others = {place: one for place, one in found.items() if one != version_here()}
    if others:
        place, one = next(iter(others.items()))
        raise WorkersError(f"the worker {place} has tocsin {one}, and here is {version_here()}; install the same")


def _answer(future: Any) -> Any:
    from distributed import KilledWorker  # noqa: PLC0415

    try:
        return future.result()
    except KilledWorker as error:
        raise WorkersError(
            f"workers died {TRIES} times of the same work; is there memory enough for them? ({error})"
        ) from error
