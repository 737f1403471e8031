"""Where the time of the whole path goes: the stack is looked at each millisecond of processor time.

A look costs microseconds, where a profiler makes every call of a small function look expensive.
"""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.speed import material, paths
from benchmarks.speed.measuring import Watch
from storage.database import Database

EVERY = 0.001
STAGES = (
    ("do_executemany", "SQLite writes"),
    ("do_commit", "SQLite commits"),
    ("do_execute", "SQLite is asked"),
    ("monitor/sentiment/", "tone toward the brand"),
    ("monitor/matching/", "whom it names"),
    ("monitor/kinds.py", "kinds of harm, and keys of texts"),
    ("storage/keys.py", "kinds of harm, and keys of texts"),
    ("monitor/voices.py", "voices and copies"),
    ("monitor/detectors/threads.py", "threads"),
    ("monitor/detectors/heat.py", "threads"),
    ("monitor/detectors/crowd.py", "crowds"),
    ("monitor/detectors/trouble.py", "other detectors"),
    ("monitor/detectors/reach.py", "other detectors"),
    ("monitor/detectors/slow_burn.py", "other detectors"),
    ("monitor/detectors/recent.py", "other detectors"),
    ("monitor/register.py", "incidents and their pages"),
    ("storage/posts.py", "reading back what is judged"),
    ("storage/ingest.py", "storing, in Python"),
    ("monitor/threads.py", "storing, in Python"),
    ("monitor/lately.py", "reading back what is judged"),
    ("monitor/fold.py:ticks", "reading back what is judged"),
    ("monitor/pipeline.py:_store", "storing, in Python"),
)
"""Part of a frame's file and function, and the stage that it belongs to; the innermost frame that is one decides."""


def where(count: int, folder: Path | None) -> dict[str, Any]:
    """Microseconds a post by stage, over `count` posts with every post stored."""
    seen: Counter[str] = Counter()

    def look(_signal: int, frame: FrameType | None) -> None:
        seen[_stage(frame)] += 1

    chosen = material.settings()
    posts = list(material.posts(count + 8_000, material.TWEETS, [brand.name for brand in chosen.brands], folder))
    with tempfile.TemporaryDirectory() as place, Database.open(f"sqlite:///{place}/speed.db") as database:
        way = paths.way_over(chosen, database)
        before = signal.signal(signal.SIGPROF, look)
        for number, batch in enumerate(paths.rounds(iter(posts))):
            if number * paths.ROUND == 8_000:
                way.watch, way.posts = Watch(), 0
                signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
            way.take(batch)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    a_post = 1e6 * way.watch.busy / way.posts
    total = sum(seen.values())
    return {
        "microseconds_a_post": round(a_post, 1),
        "looks": total,
        "shares": {stage: round(number / total, 3) for stage, number in seen.most_common()},
    }


def _stage(frame: FrameType | None) -> str:
    for at in _outward(frame):
        for part, stage in STAGES:
            if part in at:
                return stage
    return "everything else"


def _outward(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield f"{frame.f_code.co_filename}:{frame.f_code.co_name}"
        frame = frame.f_back
