"""Live sources shared among instances: what two store beside one, and what is lost when they are killed.

    python -m benchmarks.sharing [--posts 30000] [--rounds 3] [--instances 2]
    python -m benchmarks.sharing --faults 20 [--instances 3] [--rate 200]

Real instances of the program over a PostgreSQL of our own; the sources are files that grow, six of them. The first form
puts all posts there at once, for one instance and for several in turn, so that a busy machine is as busy for both, and
prints how many posts a second were stored (understood, and judged by the leader) and how much processor time the
busiest process took, which does not depend on the load.

With `--faults` posts are written all the while, and every few seconds an instance is killed (kill -9) and started
again, or stopped for longer than its leases last and woken. Then what is stored is compared with what was written:

    lost         posts that were written and are not stored
    twice        posts that are stored twice
    miscounted   brands, sources and days whose counts are not those of their mentions
    refused      times that an instance was told that it had lost its leases

A JSON object a line; 1 when anything was lost, stored twice or miscounted.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from benchmarks.reading.engines import place
from benchmarks.reading.material import clear
from benchmarks.scale import say
from benchmarks.speed import material
from config.settings import Settings
from monitor.sharing import HELD_FOR, SOURCE
from storage import leases, runs
from storage.database import Database
from storage.schema import bin_, mention, post

SOURCES = [f"place{number}" for number in range(6)]
ASLEEP = HELD_FOR.total_seconds() + 5
SETTLED = 2.0
PATIENCE = 180.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def work(settings: str) -> None:
    """An instance, until it is told to stop."""
    from monitor.app import App
    from monitor.cli.run import ENDS

    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    program = App(Settings.model_validate_json(settings))
    program.start()
    signal.sigwait(ENDS)
    program.stop()


@dataclass
class Place:
    """The folder with the sources, the database, and the instances over it."""

    folder: Path
    database: Database
    living: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write the settings."""
        made = material.settings(brands=20)
        sources = [
            {"type": "files", "name": name, "every": "10s", "options": {"paths": [str(self.folder / f"{name}.jsonl")]}}
            for name in SOURCES
        ]
        self.brands = [brand.name for brand in made.brands]
        brands = [{"name": name, "languages": ["en"]} for name in self.brands]
        address = {"env": "TOCSIN_SHARING_DATABASE"}
        self.settings = json.dumps({"database": {"url": address}, "brands": brands, "sources": sources})

    def begin(self) -> subprocess.Popen[bytes]:
        """Another instance; its log is left in the folder."""
        with (self.folder / "log").open("ab") as log:
            made = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.sharing", "--work", self.settings],
                env={**os.environ, "TOCSIN_SHARING_DATABASE": self.database.address}, stdout=log, stderr=log,
                cwd=Path(__file__).parent.parent,
            )  # fmt: skip
        self.living.append(made)
        return made

    def end(self) -> None:
        """Stop all instances as a service manager does."""
        for one in self.living:
            one.send_signal(signal.SIGTERM)
        for one in self.living:
            one.wait(60)
        self.living.clear()

    def shares(self) -> Counter[str]:
        """How many sources each instance holds."""
        with self.database.read() as tx:
            return Counter(one.owner for one in leases.every(tx, SOURCE) if one.is_held(datetime.now(UTC), HELD_FOR))

    def stored(self) -> int:
        """How many posts there are."""
        with self.database.read() as tx:
            return int(tx.scalar(select(func.count()).select_from(post)) or 0)

    def seconds(self) -> float:
        """From the first turn that brought something to the end of the last."""
        with self.database.read() as tx:
            known = [one for one in runs.recent(tx, limit=1_000) if one.new_posts]
        return (max(one.ended_at for one in known) - min(one.started_at for one in known)).total_seconds()

    def busiest(self) -> float:
        """Seconds of processor time that the instance took which took most."""
        return max(_processor_time(one.pid) for one in self.living)


def _processor_time(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def _until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError("it takes too long; see the log")
        threading.Event().wait(0.1)


def _row(number: int, text: str, at: datetime) -> str:
    row = {"id": f"p{number}", "created_at": at.isoformat(), "text": text, "author": f"a{number % 5000}"}
    return json.dumps(row) + "\n"


# -- how fast ----------------------------------------------------------------------------------------------------------


def race(where: Place, posts: int, rounds: int, instances: int) -> None:
    """One instance and several in turn."""
    counts = (1, instances)
    found = [(count, *_run(where, posts, count)) for _ in range(rounds) for count in counts]
    alone, together = (statistics.median(rate for of, rate, _ in found if of == count) for count in counts)
    used = [statistics.median(seconds for of, _, seconds in found if of == count) for count in counts]
    say(
        "posts stored a second",
        instances=instances,
        by_one=round(alone),
        by_all=round(together),
        times_as_fast=round(together / alone, 2),
        processor_time_of_the_busiest=round(used[1] / used[0], 2),
        load=round(os.getloadavg()[0], 1),
    )


def _run(where: Place, posts: int, count: int) -> tuple[float, float]:
    """Posts a second from the first turn to the last that is stored, and what the busiest instance took meanwhile."""
    clear(where.database)
    for path in where.folder.glob("*.jsonl*"):
        path.unlink()
    _write_all(where, posts)
    for _ in range(count):
        where.begin()
    even = len(SOURCES) // count
    _until(lambda: sorted(where.shares().values()) == [even] * count)
    before = where.busiest()
    for path in where.folder.glob("*.jsonl.new"):
        path.rename(path.with_suffix(""))
    _until(lambda: where.stored() == posts)
    used = where.busiest() - before
    where.end()
    return posts / where.seconds(), used


def _write_all(where: Place, posts: int) -> None:
    now = datetime.now(UTC)
    texts = material.texts(material.TWEETS, where.brands)
    files = {name: (where.folder / f"{name}.jsonl.new").open("w", encoding="utf-8") for name in SOURCES}
    for number in range(posts):
        at = now - timedelta(minutes=50) * (1 - number / posts)
        files[SOURCES[number % len(SOURCES)]].write(_row(number, next(texts), at))
    for file in files.values():
        file.close()


# -- what is lost ------------------------------------------------------------------------------------------------------


def disturb(where: Place, faults: int, every: float, rate: int, instances: int, seed: int) -> int:
    """Kill and stop instances while posts are written; what came of it."""
    luck, done = random.Random(seed), Counter[str]()  # noqa: S311
    stopping = threading.Event()
    for _ in range(instances):
        where.begin()
    _until(lambda: len(where.shares()) == instances)
    written: list[int] = [0]
    writer = threading.Thread(target=_write_on, args=(where, rate, stopping, written))
    writer.start()
    for number in range(faults):
        threading.Event().wait(every)
        victim = luck.choice(where.living)
        if number % 3 == 2:
            _sleep(victim)
            done["stopped"] += 1
        else:
            victim.kill()
            victim.wait()
            where.living.remove(victim)
            where.begin()
            done["killed"] += 1
    stopping.set()
    writer.join()
    _until(lambda: where.stored() >= written[0])
    where.end()
    return _counted(where, written[0], done)


def _sleep(victim: subprocess.Popen[bytes]) -> None:
    """Stopped for longer than its leases last, in the middle of whatever it does."""
    victim.send_signal(signal.SIGSTOP)
    threading.Event().wait(ASLEEP)
    victim.send_signal(signal.SIGCONT)


def _write_on(where: Place, rate: int, stopping: threading.Event, written: list[int]) -> None:
    """Let the sources grow, a few posts at a time."""
    texts = material.texts(material.TWEETS, where.brands)
    while not stopping.wait(0.2):
        for name in SOURCES:
            with (where.folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
                for _ in range(max(rate // 5 // len(SOURCES), 1)):
                    file.write(_row(written[0], next(texts), datetime.now(UTC)))
                    written[0] += 1


def _counted(where: Place, written: int, done: Counter[str]) -> int:
    with where.database.read() as tx:
        names = Counter(tx.scalars(select(post.c.external_id)))
        sums = select(bin_.c.brand, bin_.c.source, func.sum(bin_.c.posts)).group_by(bin_.c.brand, bin_.c.source)
        counts = {(brand, source): int(posts) for brand, source, posts in tx.execute(sums)}
        found = select(mention.c.brand, post.c.source, func.count()).where(mention.c.post_id == post.c.id)
        mentions = {
            (brand, source): int(posts)
            for brand, source, posts in tx.execute(found.group_by(mention.c.brand, post.c.source))
        }
    log = (where.folder / "log").read_text(encoding="utf-8", errors="replace")
    lost = sum(f"p{number}" not in names for number in range(written))
    twice = sum(count - 1 for count in names.values())
    miscounted = sum(counts.get(key, 0) != mentions.get(key, 0) for key in counts.keys() | mentions.keys())
    say(
        "instances killed, and stopped past their leases",
        **done,
        written=written,
        stored=len(names),
        lost=lost,
        twice=twice,
        miscounted=miscounted,
        refused=log.count("by now"),
        load=round(os.getloadavg()[0], 1),
    )
    return 1 if lost or twice or miscounted else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; 1 when anything was lost, stored twice or miscounted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=30_000, help="posts that are stored (default 30,000)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--instances", type=int, default=0, help="how many (default 2; 3 with faults)")
    parser.add_argument("--faults", type=int, default=0, help="kills and pauses; none: the race")
    parser.add_argument("--every", type=float, default=6.0, help="seconds between them (default 6)")
    parser.add_argument("--rate", type=int, default=200, help="posts a second that are written meanwhile (default 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    chosen: Any = parser.parse_args(arguments)
    if chosen.work:
        work(chosen.work)
        return 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-sharing-")))
        database = stack.enter_context(closing(stack.enter_context(place("postgresql")).open()))
        where = Place(folder, database)
        stack.callback(where.end)
        if chosen.faults:
            return disturb(where, chosen.faults, chosen.every, chosen.rate, chosen.instances or 3, chosen.seed)
        race(where, chosen.posts, chosen.rounds, chosen.instances or 2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
