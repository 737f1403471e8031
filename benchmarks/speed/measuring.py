"""Measuring beside the unit: the bare loop and what is measured take turns, in one process that does nothing else.

Time is processor time, that of the system included, because machines are shared; what waits for a disk shows only in
`by_the_clock`.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

Work = Callable[[], object]


@dataclass
class Watch:
    """Processor time and time by the clock, added up."""

    busy: float = 0.0
    clock: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Adds what passes inside."""
        busy, clock = time.process_time(), time.perf_counter()
        yield
        self.busy += time.process_time() - busy
        self.clock += time.perf_counter() - clock


class Unit:
    """The bare loop: the scores of the package, nothing else."""

    def __init__(self) -> None:
        self._scores = SentimentIntensityAnalyzer().polarity_scores
        self.watch = Watch()

    def over(self, texts: Sequence[str]) -> None:
        """The loop over some texts, timed."""
        with self.watch.running():
            for text in texts:
                self._scores(text)


def ratios(unit: Watch, own: Watch) -> dict[str, float]:
    """How many times faster than the unit something was, over the same texts."""
    return {
        "ratio_to_bare_loop": round(unit.busy / own.busy, 2),
        "ratio_by_the_clock": round(unit.clock / own.clock, 2),
    }


def seconds(work: Work, repeat: int = 3) -> float:
    """The median processor time of `work` over `repeat` runs."""
    taken = []
    for _ in range(repeat):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def rss_mb() -> int:
    """The largest resident memory of this process so far, in MB (Linux gives kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def apart(measure: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What `measure` gives in a process of its own, so that nothing is remembered from the row before, with its memory.

    Raises RuntimeError when it fails.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        code = 1
        try:
            with os.fdopen(writing, "w") as answer:
                json.dump({**measure(), "rss_mb": rss_mb()}, answer)
            code = 0
        except BaseException:  # noqa: BLE001  (it would be lost with the process)
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise RuntimeError("a row could not be measured; what it said stands above")
    found: dict[str, Any] = json.loads(told)
    return found
