"""The real program through simulated days: whether its memory stands still while weeks of content pass.

    python -m benchmarks.flat --days 21
    python -m benchmarks.flat --days 4 --trace 25
    python -m benchmarks.flat --days 3 --story-every 1
    python -m benchmarks.flat --days 3 --story-every 1 --faults      the same under a fault in each turn

A child process is the program of `tocsin run`: the same parts, the same jobs on as many threads, its web page served.
Two things are not the real ones: the clock, which is turned by this process, and the timer, which runs the jobs in the
order of that clock, none of them more often than once in five minutes. Blog, Slack, mail server and readers of the
pages live in this process, so that what they remember is not counted.

The content repeats itself: readers of eight companies talk, more by day than by night, and four times a day they turn
against one of them. So whatever has a bound has reached it by the middle, and what still grows in the second half is a
leak, or has a bound that is too large.

With `--faults` servers fail as in the soak, in each turn of five minutes in another way, but for those for which
somebody has to wait. A day of it has as many faults as two hours and a half of the soak, and what is remembered for a
day is full by its middle, which in the soak it is not: so what faults leave behind is seen apart from that.

    mb           resident at the end of each day
    mb_an_hour   growth by a straight line through the second half, for each hour of the simulated time
    faults       how many there were
    mb_a_hundred growth by the same line for each hundred faults; the soak has 120 an hour
    told         messages that Slack and the mailbox have, which shows that the days were lived through
    failures     jobs that ended in an error

One line of JSON; 1 when it grew by more than 1 MB an hour, a job failed, or nobody was told. With `--trace N` also the
N lines of code whose objects grew most from the middle to the end (and everything is several times slower). Standard
error has the size at each hour.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.soak_faults import Around, Bag, Faults
from benchmarks.soak_world import BRANDS, CONFIGURATION
from config.load import load
from monitor import memory
from monitor.app import App
from monitor.cli import logs
from monitor.demo import words
from monitor.scheduler import Timer
from monitor.web.desk import Desk
from monitor.web.serving import Serving
from tests.servers.feed_host import Article, Comment, FeedHost
from tests.servers.mail import mail_server
from tests.servers.slack import TOKEN, slack_server

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
TURN = timedelta(minutes=5)
STORY_EVERY = 6.0
"""Hours."""
SELDOM = TURN
SETTLES_WITHIN = 30.0
RENEWED = ("lead", "share")
"""Jobs that renew leases, which are shorter than a turn."""
WATCHED = BRANDS[::10]
PAGES = ("/", "/incidents", "/explore", "/review", "/sources", "/tune", "/metrics")
GATE = 1.0
"""Megabytes an hour."""


@dataclass
class Hand:
    """The clock, which stands still until it is turned."""

    now: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.now


class Turned(Timer):
    """Runs jobs when the clock is turned to them, one after another, on as many threads as the real timer has."""

    def __init__(self, hand: Hand, threads: int, settle: Callable[[float], object]) -> None:
        """Prepare; nothing runs before `turn`. Time stands still until what is being sent is (`settle`)."""
        self._hand, self._settle = hand, settle
        self._jobs: dict[str, tuple[timedelta, Callable[[], object]]] = {}
        self._due: dict[str, datetime] = {}
        self._threads = [ThreadPoolExecutor(1) for _ in range(threads)]
        self._ran = 0
        self.failures = 0

    def every(
        self, name: str, interval: timedelta, job: Callable[[], object], first_at: datetime | None = None
    ) -> None:
        """Run `job` each `interval`, but not more often than `SELDOM`."""
        self._jobs[name] = (max(interval, SELDOM), job)
        self._due[name] = first_at or self._hand()

    def run_at(self, name: str, moment: datetime) -> None:
        """Move the next run."""
        self._due[name] = moment

    def names(self) -> list[str]:
        """The jobs there are."""
        return sorted(self._jobs)

    def start(self) -> None:
        """Nothing runs by itself."""

    def stop(self) -> None:
        """Let the threads go."""
        for thread in self._threads:
            thread.shutdown()

    def turn(self, until: datetime) -> None:
        """Let time pass up to `until`."""
        while (name := min(self._due, key=lambda each: self._due[each])) and self._due[name] <= until:
            moment = max(self._hand.now, self._due[name])
            if moment > self._hand.now:
                self._hand.now = moment
                for renewal in RENEWED:
                    self._do(renewal)
            self._do(name)
        self._hand.now = until

    def _do(self, name: str) -> None:
        interval, job = self._jobs[name]
        self._due[name] = self._hand.now + interval
        self._ran += 1
        error = self._threads[self._ran % len(self._threads)].submit(job).exception()
        self._settle(SETTLES_WITHIN)
        if error is not None:
            self.failures += 1
            sys.stderr.write(f"{self._hand.now.isoformat()} {name}: {error!r}\n")


def live(config: Path) -> None:
    """Be the program: let time pass up to the moment that each line of the input names, and say how large we are."""
    memory.economise()
    hand = Hand()
    chosen = load(config, secrets=True)
    logs.begin(logs.secrets_of(chosen))
    app = App(chosen, clock=hand)
    app.timer = timer = Turned(hand, len(app.jobs) + 6, app.sender.drain)
    serving = Serving(Desk.build(chosen, app.database, hand, config))
    serving.start()
    app.start()
    _say(serving.address)
    before: tracemalloc.Snapshot | None = None
    for line in sys.stdin:
        order, _, about = line.strip().partition(" ")
        if order == "trace":
            tracemalloc.start(8)
        elif order == "remember":
            before = tracemalloc.take_snapshot()
        elif order == "compare" and before is not None:
            grown = tracemalloc.take_snapshot().compare_to(before, "lineno")[: int(about)]
            _say([str(one) for one in grown])
        elif order == "turn":
            timer.turn(datetime.fromisoformat(about))
            _say({"mb": _resident_mb(), "failures": timer.failures})
    serving.stop()
    app.stop()


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _resident_mb() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Life:
    """The child process."""

    def __init__(self, config: Path) -> None:
        """Start it."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.flat", "--live", str(config)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(config.parent / "log").open("wb"), text=True,
            env={**os.environ, "BENCH_TOKEN": TOKEN}, cwd=Path(__file__).parent.parent,
        )  # fmt: skip
        if self.process.stdin is None or self.process.stdout is None:
            raise OSError("the program cannot be talked to")
        self._to, self._from = self.process.stdin, self.process.stdout
        self.address: str = self._heard()

    def asked(self, order: str) -> Any:
        """What it answers to an order."""
        self.ordered(order)
        return self._heard()

    def ordered(self, order: str) -> None:
        """Give an order that has no answer."""
        self._to.write(order + "\n")
        self._to.flush()

    def end(self) -> None:
        """Let it end."""
        self._to.close()
        self.process.wait(60)

    def _heard(self) -> Any:
        return json.loads(self._from.readline())


@dataclass
class World:
    """What people write."""

    blog: FeedHost
    story_every: timedelta = timedelta(hours=STORY_EVERY)
    luck: Random = field(default_factory=lambda: Random(1))  # noqa: S311
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))
    stories: int = 0

    def go_on(self, now: datetime) -> None:
        """What was written in the turn up to now."""
        busy = 1.0 if 7 <= now.hour < 23 else 0.2
        for brand in WATCHED:
            if self.luck.random() < 0.15 * busy:
                self._write(brand, now, [self._ordinary(brand) for _ in range(self.luck.randrange(3))])
        if (now - BEGIN) % self.story_every < 4 * TURN and now - BEGIN > timedelta(hours=3):
            brand = WATCHED[self.stories // 4 % len(WATCHED)]
            for _ in range(3):
                self._write(brand, now, [self._angry(brand) for _ in range(10)], "threatens a customer with a letter")
            self.stories += 1

    def _write(self, brand: str, now: datetime, sayings: Sequence[str], title: str = "in the morning news") -> None:
        number = next(self.numbers)
        comments = [
            Comment(100 * number + n, now - timedelta(seconds=20 * (len(sayings) - n)), text)
            for n, text in enumerate(sayings)
        ]
        article = Article(number, now - TURN, f"{brand} {title}, part {number}", self._ordinary(brand), comments)
        self.blog.articles.append(article)

    def _ordinary(self, brand: str) -> str:
        return f"{brand}: {' '.join(self.luck.choice(part) for part in words.ORDINARY[1:])} {self.luck.random():.6f}"

    def _angry(self, brand: str) -> str:
        return f"{brand}: {' '.join(self.luck.choice(part) for part in words.OUTRAGE[1:])} {self.luck.random():.6f}"


@dataclass
class Result:
    """What the days showed."""

    days: float
    mb: list[float]
    mb_an_hour: float
    faults: int
    mb_a_hundred: float
    stories: int
    told: int
    failures: int
    grown: list[str] = field(default_factory=list)


def run(days: float, trace: int = 0, story_every: float = STORY_EVERY, *, faults: bool = False) -> Result:
    """Let so many days pass, with a story each so many hours."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-flat-")))
        world = World(stack.enter_context(FeedHost(shown=64)), timedelta(hours=story_every))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        bag = Bag(Random(1))  # noqa: S311
        around = Around(blog=world.blog, slack=slack, mail=mail, luck=bag.luck)
        life = stack.enter_context(_living(_configured(folder, world.blog.url, slack.url, mail.port)))
        known = around.at_once() if faults else {}
        sizes, failures = _lived(life, world, bag, known, days, trace)
        grown: list[str] = life.asked(f"compare {trace}") if trace else []
        slope = _slope(sizes)
        return Result(
            days=days,
            mb=_daily(sizes),
            mb_an_hour=slope,
            faults=bag.drawn.total(),
            mb_a_hundred=round(slope * 100 * TURN / timedelta(hours=1), 3) if faults else 0.0,
            stories=-(-world.stories // 4),
            told=len(slack.messages) + len(mail.taken),
            failures=failures,
            grown=grown,
        )


def _lived(life: Life, world: World, bag: Bag, faults: Faults, days: float, trace: int) -> tuple[list[float], int]:
    """How large the program was after each turn, and how many jobs failed."""
    turns = int(timedelta(days=days) / TURN)
    sizes: list[float] = []
    failures = 0
    if trace:
        life.ordered("trace")
    for number in range(1, turns + 1):
        now = BEGIN + number * TURN
        world.go_on(now)
        with bag.draw(faults) if faults else nullcontext():
            said = life.asked(f"turn {now.isoformat()}")
        sizes.append(said["mb"])
        failures = int(said["failures"])
        if number % 12 == 0:
            _read_pages(life.address)
            sys.stderr.write(f"hour {number // 12}: {said['mb']:.1f} MB\n")
        if trace and number == turns // 2:
            life.ordered("remember")
    return sizes, failures


@contextmanager
def _living(config: Path) -> Iterator[Life]:
    life = Life(config)
    try:
        yield life
    finally:
        life.end()


def _configured(folder: Path, blog: str, slack: str, mail: int) -> Path:
    text = CONFIGURATION.replace('every = "10s"', 'every = "5m"').format(
        database=json.dumps(f"sqlite:///{folder / 'flat.db'}"), blog=blog, blog_port=blog.rsplit(":", 1)[1],
        mail_port=mail, slack=slack,
    )  # fmt: skip
    config = folder / "tocsin.toml"
    config.write_text(text + "".join(f'[[brands]]\nname = "{name}"\n' for name in WATCHED))
    return config


def _read_pages(address: str) -> None:
    for page in PAGES:
        with urllib.request.urlopen(address + page, timeout=60) as answer:  # noqa: S310  (our own, on loopback)
            answer.read()


def _daily(sizes: Sequence[float]) -> list[float]:
    a_day = int(timedelta(days=1) / TURN)
    return [round(size, 1) for size in [*sizes[a_day - 1 :: a_day]] or sizes[-1:]]


def _slope(sizes: Sequence[float]) -> float:
    later = sizes[len(sizes) // 2 :]
    hours = [number * TURN / timedelta(hours=1) for number in range(len(later))]
    return round(float(np.polyfit(hours, later, 1)[0]), 3) if len(later) > 1 else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 when memory grew or a job failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--days", type=float, default=21)
    parser.add_argument("--story-every", type=float, default=STORY_EVERY, metavar="HOURS")
    parser.add_argument("--faults", action="store_true", help="the world fails in each turn in another way")
    parser.add_argument("--trace", type=int, default=0, metavar="N", help="the lines whose objects grew most")
    parser.add_argument("--live", type=Path, help=argparse.SUPPRESS)
    chosen: Any = parser.parse_args(arguments)
    if chosen.live:
        live(chosen.live)
        return 0
    result = run(chosen.days, chosen.trace, chosen.story_every, faults=chosen.faults)
    print(json.dumps(vars(result)))
    return 1 if result.mb_an_hour >= GATE or result.failures or not result.told else 0


if __name__ == "__main__":
    sys.exit(main())
