"""One process against several, side by side: `python -m benchmarks.scale [--posts N] [--workers 2] [--rounds 3]`.

A made history of N posts is replayed by one process and by several in turn, so that a busy machine is as busy for
both; the median of the rounds counts. With `--cluster` (which needs the extra and the PostgreSQL of the wheel) the same
history is also imported from files by one process and by a Dask cluster of this machine. A JSON object a line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.reading.engines import place
from benchmarks.reading.material import clear
from benchmarks.speed import material
from monitor.importing import Importing
from monitor.replay import replay
from monitor.scale import imports
from monitor.scale.imports import import_all
from monitor.scale.workers import Alone, Workers, workers_of
from storage.records import Post

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FILES = 4


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--posts", type=int, default=20_000, help="how many posts (default 20,000)")
    parser.add_argument("--workers", type=int, default=2, help="how many processes (default 2)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--cluster", action="store_true", help="also a Dask cluster of this machine, on PostgreSQL")
    options = parser.parse_args()
    say("machine", python=platform.python_version(), system=platform.platform(), processors=os.cpu_count())
    posts = list(material.posts(options.posts, material.TWEETS, [one.name for one in material.settings().brands]))
    with workers_of(options.workers) as workers:
        many = _replays(posts, workers)
        many()  # the processes start, and make their lexicons
        compare("replay", len(posts), options, _replays(posts, Alone()), many)
    if options.cluster:
        _cluster(posts, options)


def _replays(posts: Sequence[Post], workers: Workers) -> Callable[[], object]:
    return lambda: replay(iter(posts), material.settings(), workers=workers)


def _cluster(posts: Sequence[Post], options: argparse.Namespace) -> None:
    from monitor.scale.cluster import cluster_at

    imports.PART_BYTES = 1 << 20
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [_file(folder / f"{number}.jsonl", posts[number::FILES]) for number in range(FILES)]
        where = stack.enter_context(place("postgresql"))
        database = stack.enter_context(closing(where.open()))
        found = stack.enter_context(cluster_at("local", options.workers))

        def by(workers: Workers | None) -> Callable[[], None]:
            def run() -> None:
                clear(database)
                importing = Importing(material.settings(), database, lambda: NOW)
                if workers is None:
                    for path in files:
                        importing.run(path, lambda _: None)
                else:
                    import_all(workers, importing, files, lambda *_: None)

            return run

        by(found)()
        compare("import of files on a cluster of this machine", len(posts), options, by(None), by(found))


def _file(path: Path, posts: Sequence[Post]) -> Path:
    rows = (
        {"source": path.stem, "id": post.external_id, "created_at": post.created_at.isoformat(), "text": post.text}
        for post in posts
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def compare(
    what: str, count: int, options: argparse.Namespace, one: Callable[[], object], many: Callable[[], object]
) -> None:
    """Both in turn, how many times faster the second is, and what is left for this process to do, which does not depend
    on how busy the machine is."""
    taken: tuple[list[float], list[float]] = ([], [])
    own: tuple[list[float], list[float]] = ([], [])
    for _ in range(options.rounds):
        for work, seconds, processor in zip((one, many), taken, own, strict=True):
            began, used = time.perf_counter(), time.process_time()
            work()
            seconds.append(time.perf_counter() - began)
            processor.append(time.process_time() - used)
    alone, together = map(statistics.median, taken)
    say(
        what,
        workers=options.workers,
        posts_per_second_of_one=round(count / alone),
        posts_per_second=round(count / together),
        times_as_fast=round(alone / together, 2),
        processor_time_left_here=round(statistics.median(own[1]) / statistics.median(own[0]), 2),
        load=round(os.getloadavg()[0], 1),
    )


def say(what: str, **figures: object) -> None:
    """One line of the table."""
    print(json.dumps({"what": what, **figures}), flush=True)


if __name__ == "__main__":
    main()
