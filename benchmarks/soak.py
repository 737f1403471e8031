"""The real program for a long time, under a fault every half minute: what is lost, what is repeated, and what leaks.

    python -m benchmarks.soak --minutes 20
    python -m benchmarks.soak --minutes 60 --brands 8 --story-every 600 --lived 26
    python -m benchmarks.soak --minutes 180 --brands 3 --story-every 600 --lived 26 --spared
    python -m benchmarks.soak --minutes 360 --database postgresql+psycopg://…

`tocsin run` reads a blog whose readers turn against one company after another, and against the first again after the
last, and pages through a Slack and a mail server of our own. Texts are remembered for a day so that copies of them are
known: with a story each two and a half minutes that is memory which grows for a day, and by default each story is about
a company that is new to the program, too. With few companies, stories seldom, and hours that were lived before
(`--lived`: as much ordinary talk as there will be of stories), it is nearer to what an installation lives through. What
is remembered of the stories themselves grows for a day even so; what faults leave behind is seen apart from that in
`benchmarks.flat --faults`.

Each half minute something goes wrong: servers refuse, break off after taking a message, drip, say nothing, or talk
nonsense; somebody else holds the database; in the first quarter the program itself is also killed, stopped and put to
sleep, unless it is `--spared` and lives as long as the run. Afterwards the servers' own logs are compared with what
there was to say.

    lost         companies with a flood of which Slack or the mailbox was not told, and messages recorded as sent that
                 nobody has
    waiting      those of which a message waits for its turn at the end (mail is paced), or that are part of a storm
    repeated     messages that a person sees twice without being told that they may be a repeat, and incidents told from
                 the beginning twice
    resent       mails that the server took twice under one Message-ID, which is all that plain SMTP allows
    audited      what the auditor of the program found: incidents of which nobody was told
    slowest_s    the longest time from the moment at which a first message was due to the first server that had it
    rss_mb       memory of the longest life: each second minute, and its growth an hour by a straight line through each
                 half, without the first two minutes
    lowest_mb    the least of each whole five minutes, between which free memory is given back, without what belongs to
                 files; and its growth likewise. What is in use goes up and down between: this is what a leak raises
    lowest_doubt the standard error of that growth: a leak of 1 MB an hour is ruled out where growth and twice the doubt
                 are less together, which takes some hours
    descriptors  open files of that life, fewest and most after it had settled; threads likewise

One line of JSON; 1 when anything was lost or repeated, or the auditor found something.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.soak_count import SAMPLE_EVERY, Past, Result, counted, sample
from benchmarks.soak_faults import Around, Bag, Faults
from benchmarks.soak_world import BRANDS, live_before, story, write_configuration
from storage.database import Database
from tests.servers.feed_host import FeedHost
from tests.servers.mail import mail_server
from tests.servers.slack import TOKEN, slack_server

FAULT_EVERY = 30.0
STORY_EVERY = 150.0
"""So slow that it is no storm of incidents, in which they are bundled, and that mail keeps up: one a minute."""
PATIENCE = 180.0


@dataclass(kw_only=True)
class Soak(Past):
    """The program, the servers around it, and what is done to them."""

    folder: Path
    url: str
    blog: FeedHost
    luck: random.Random
    story_every: float = STORY_EVERY

    def __post_init__(self) -> None:
        """Write the configuration."""
        self.config = write_configuration(
            self.folder, self.brands, url=self.url, blog=self.blog.url, slack=self.slack.url, mail_port=self.mail.port
        )
        self._numbers = iter(range(1, 10**9))

    # -- The program ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin another life."""
        self.lives.append([])
        self._born = time.monotonic()
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config)],
                env={**os.environ, "BENCH_TOKEN": TOKEN}, stdout=log, stderr=log, cwd=Path(__file__).parent.parent,
            )  # fmt: skip

    def look(self) -> None:
        """Note how large the program is; one that ended by itself is started again, as a service manager does."""
        if self.process.poll() is not None:
            self.faults["ended by itself"] += 1
            self.start()
            return
        self.lives[-1].append(sample(self.process.pid, time.monotonic() - self._born))

    def end(self) -> None:
        """Stop it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def tell(self) -> None:
        """Readers turn against the next company, and say something else than the last time."""
        returns, at = divmod(self.stories, len(self.brands))
        brand = self.brands[at]
        self.stories += 1
        self.blog.articles += story(brand, self._numbers, datetime.now(UTC), returns)
        self.told_of.setdefault(brand, time.time())

    # -- What goes wrong -----------------------------------------------------------------------------------------------

    @contextmanager
    def database_is_held(self) -> Iterator[None]:
        """Somebody else writes, for as long as the fault lasts."""
        if not self.url.startswith("sqlite"):
            yield
            return
        with closing(sqlite3.connect(self.folder / "soak.db", timeout=30, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    @contextmanager
    def killed(self) -> Iterator[None]:
        """kill -9, and another life."""
        self.process.kill()
        self.process.wait()
        self.start()
        yield

    @contextmanager
    def restarted(self) -> Iterator[None]:
        """A deployment."""
        self.end()
        self.start()
        yield

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """The machine sleeps for longer than the leader's lease lasts."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    def of_processes(self) -> Faults:
        """What goes wrong with the program itself."""
        return {"killed": self.killed, "restarted": self.restarted, "asleep": self.asleep}

    def of_the_world(self) -> Faults:
        """What goes wrong around it."""
        around = Around(blog=self.blog, slack=self.slack, mail=self.mail, luck=self.luck)
        return {**around.at_once(), **around.slowly(), "database is held": self.database_is_held}


def run(
    minutes: float,
    url: str,
    seed: int,
    brands: int = len(BRANDS),
    story_every: float = STORY_EVERY,
    lived: float = 0.0,
    *,
    spared: bool = False,
) -> Result:
    """Let the program work so long, then let the world be quiet until everything must be told, and count."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-soak-")))
        soak = Soak(
            folder=folder,
            url=url or f"sqlite:///{folder / 'soak.db'}",
            blog=stack.enter_context(FeedHost(shown=64)),
            slack=stack.enter_context(slack_server()),
            mail=stack.enter_context(mail_server()),
            luck=random.Random(seed),  # noqa: S311
            brands=BRANDS[:brands],
            story_every=story_every,
        )
        if lived:
            live_before(soak.config, lived, story_every, datetime.now(UTC))
        soak.start()
        try:
            _disturb(soak, minutes * 60, spared=spared)
            _await_all(soak)
        finally:
            soak.end()
        with Database.open(soak.url) as database:
            return counted(soak, database, minutes)


def _disturb(soak: Soak, seconds: float, *, spared: bool) -> None:
    """A fault every half minute, a story now and then, and a look every few seconds."""
    begun = time.monotonic()
    end = begun + seconds
    world = soak.of_the_world()
    all_faults = world if spared else world | soak.of_processes()
    bag = Bag(soak.luck, soak.faults)
    next_story = begun + 20
    while (now := time.monotonic()) < end:
        known = all_faults if now - begun < seconds / 4 else world
        with bag.draw(known):
            next_story = _go_on(soak, min(FAULT_EVERY / 2, end - now), next_story)
        next_story = _go_on(soak, FAULT_EVERY / 2, next_story)


def _go_on(soak: Soak, seconds: float, next_story: float) -> float:
    """Time passes; when the next story is due."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        soak.look()
        if now >= next_story:
            soak.tell()
            next_story = now + soak.story_every
        threading.Event().wait(min(SAMPLE_EVERY, max(0.0, end - time.monotonic())))
    return next_story


def _await_all(soak: Soak) -> None:
    """Wait until both places have heard of everything, or it is too late."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not all(map(soak.is_told, soak.told_of)):
        soak.look()
        threading.Event().wait(SAMPLE_EVERY)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 when anything was lost or repeated, or somebody was not told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--database", default="", help="the address of an empty database; SQLite otherwise")
    parser.add_argument("--brands", type=int, default=len(BRANDS), choices=range(1, len(BRANDS) + 1), metavar="N")
    parser.add_argument("--story-every", type=float, default=STORY_EVERY, metavar="SECONDS")
    parser.add_argument("--lived", type=float, default=0.0, metavar="HOURS", help="of ordinary talk, stored before")
    parser.add_argument("--spared", action="store_true", help="leave the program itself alone, for one long life")
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args(arguments)
    of_world = (chosen.database, chosen.seed, chosen.brands, chosen.story_every, chosen.lived)
    result = run(chosen.minutes, *of_world, spared=chosen.spared)
    print(json.dumps(asdict(result)))
    return 1 if result.lost or result.repeated or result.audited else 0


if __name__ == "__main__":
    sys.exit(main())
