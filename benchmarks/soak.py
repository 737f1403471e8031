"""The real program for a long time, under a fault every half minute: what is lost, what is repeated, and what leaks.

    python -m benchmarks.soak --minutes 20
    python -m benchmarks.soak --minutes 60 --brands 8 --story-every 600
    python -m benchmarks.soak --minutes 360 --database postgresql+psycopg://…

`tocsin run` reads a blog whose readers turn against one company after another, and against the first again after the
last, and pages through a Slack and a mail server of our own. Texts are remembered for a day so that copies of them are
known: with a story each two and a half minutes that is memory which grows for a day, and by default each story is about
a company that is new to the program, too. With few companies, and stories seldom, it is nearer to what an installation
lives through, and what still grows is a leak.

Each half minute something goes wrong: servers refuse, break off after taking a message, drip, say nothing, or talk
nonsense; somebody else holds the database; in the first quarter the program itself is also killed, stopped and put to
sleep. Afterwards the servers' own logs are compared with what there was to say.

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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from alerts.freshness import REPEAT
from alerts.page import from_json
from monitor.audit import TOPIC as AUDIT
from monitor.demo import words
from storage import incidents, outbox
from storage.database import Database
from storage.incidents import SHELTERED
from storage.records import Delivery, DeliveryState, Incident, Reason
from tests.servers.feed_host import Article, Comment, FeedHost
from tests.servers.mail import MailServer, Refusal, mail_server
from tests.servers.slack import TOKEN, Fault, Slack, slack_server
from tests.servers.web import Reply

FAULT_EVERY = 30.0
STORY_EVERY = 150.0
"""So slow that it is no storm of incidents, in which they are bundled, and that mail keeps up: one a minute."""
SAMPLE_EVERY = 5.0
SETTLED_AFTER = 120.0
PATIENCE = 180.0
NAMES = ("Halden", "Norrvik", "Brandal", "Tveit", "Solund", "Kvamme", "Ytre", "Lofthus", "Marnar", "Fonna")
TRADES = ("Mobile", "Air", "Foods", "Bank", "Rail", "Energy", "Insurance", "Post")
BRANDS = tuple(f"{name} {trade}" for trade in TRADES for name in NAMES)

MAIL_AND_SLACK = """
[[channels]]
type = "smtp"
name = "mail"
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "tocsin@halden.example"
to = ["pr@halden.example"]
[[channels]]
type = "slack"
name = "room"
token = {{ env = "BENCH_TOKEN" }}
channels = ["C0ROOM"]
base_url = "{slack}"
[[routes]]
channels = ["mail", "room"]
"""
"""Mail and Slack servers on this machine; what stands in braces is filled in."""

CONFIGURATION = (
    """
[database]
url = {database}
[web]
port = 0
[[sources]]
type = "feeds"
name = "blogs"
every = "10s"
feeds = ["{blog}/feed"]
allow_private_hosts = ["127.0.0.1"]
allow_ports = [{blog_port}]
"""
    + MAIL_AND_SLACK
)


@dataclass
class Sample:
    """The process at one moment of its life."""

    age: float
    rss_mb: float
    descriptors: int
    threads: int


@dataclass
class Result:
    """What the run showed."""

    minutes: float
    brands: int
    faults: dict[str, int]
    stories: int
    incidents: int
    lost: int
    waiting: int
    repeated: int
    marked: int
    resent: int
    audited: int
    slowest_s: float
    lives: int
    life_minutes: float
    rss_mb: list[float]
    rss_mb_an_hour: tuple[float, float]
    descriptors: tuple[int, int]
    threads: tuple[int, int]


@dataclass
class Soak:
    """The program, the servers around it, and what is done to them."""

    folder: Path
    url: str
    blog: FeedHost
    mail: MailServer
    slack: Slack
    luck: random.Random
    brands: Sequence[str] = BRANDS
    story_every: float = STORY_EVERY
    stories: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    told_of: dict[str, float] = field(default_factory=dict)
    lives: list[list[Sample]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write the configuration."""
        brands = "".join(f'[[brands]]\nname = "{name}"\n' for name in self.brands)
        text = CONFIGURATION.format(
            database=json.dumps(self.url), blog=self.blog.url, blog_port=self.blog.url.rsplit(":", 1)[1],
            mail_port=self.mail.port, slack=self.slack.url,
        )  # fmt: skip
        (self.folder / "tocsin.toml").write_text(text + brands)
        self._numbers = iter(range(1, 10**9))
        self.process = self.started()

    # -- The program ---------------------------------------------------------------------------------------------------

    def started(self) -> subprocess.Popen[bytes]:
        """A new life."""
        self.lives.append([])
        self._born = time.monotonic()
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run"]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--config", str(self.folder / "tocsin.toml")],
                env={**os.environ, "BENCH_TOKEN": TOKEN}, stdout=log, stderr=log, cwd=Path(__file__).parent.parent,
            )  # fmt: skip

    def look(self) -> None:
        """Note how large the program is; one that ended by itself is started again, as a service manager does."""
        if self.process.poll() is not None:
            self.faults["ended by itself"] += 1
            self.process = self.started()
            return
        place = Path(f"/proc/{self.process.pid}")
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        self.lives[-1].append(
            Sample(
                time.monotonic() - self._born,
                int(status["VmRSS"].split()[0]) / 1024,
                len(list((place / "fd").iterdir())),
                int(status["Threads"]),
            )
        )

    def end(self) -> None:
        """Stop it as a service manager does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    # -- The world -----------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Readers turn against the next company, and say something else than the last time."""
        returns, at = divmod(self.stories, len(self.brands))
        brand, now = self.brands[at], datetime.now(UTC)
        self.stories += 1
        for part in range(8):
            number = next(self._numbers)
            sayings = [
                Comment(
                    100 * number + n, now - timedelta(minutes=14 - n, seconds=7 * part), _said(brand, n, part, returns)
                )
                for n in range(10)
            ]
            title = f"{brand} threatens a customer with a cease and desist letter, part {part + 1}"
            text = words.BLOG_TEXT.replace("Norrvik Mobile", brand).replace("Norrvik", brand)
            article = Article(number, now - timedelta(minutes=15 - part), title, text, sayings)
            self.blog.articles = [*self.blog.articles, article][-64:]
        self.told_of.setdefault(brand, time.time())

    def is_told(self, brand: str) -> bool:
        """Whether both places have heard of the company's trouble."""
        in_room = any(brand in json.dumps(root.blocks, ensure_ascii=False) for root in self.slack.roots())
        return in_room and any(brand in str(one.message["Subject"]) for one in self.mail.inbox("pr@halden.example"))

    # -- What goes wrong -----------------------------------------------------------------------------------------------

    @contextmanager
    def slack_does(self, *faults: Fault, share: float = 1.0) -> Iterator[None]:
        """Slack fails with one of these, in such a share of requests."""
        self.slack.chaos = lambda _method: self.luck.choice(faults) if self.luck.random() < share else None
        yield
        self.slack.chaos = lambda _method: None

    @contextmanager
    def mail_does(self, *refusals: Refusal) -> Iterator[None]:
        """The mail server refuses with one of these."""
        self.mail.chaos = lambda _stage: self.luck.choice(refusals)
        yield
        self.mail.chaos = lambda _stage: None

    @contextmanager
    def blog_does(self, *replies: Reply) -> Iterator[None]:
        """The blog answers with these instead of its own."""
        self.blog.faults.extend(replies * 20)
        yield
        self.blog.faults.clear()

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
        self.process = self.started()
        yield

    @contextmanager
    def restarted(self) -> Iterator[None]:
        """A deployment."""
        self.end()
        self.process = self.started()
        yield

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """The machine sleeps for longer than the leader's lease lasts."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    def of_processes(self) -> dict[str, Callable[[], Any]]:
        """What goes wrong with the program itself."""
        return {"killed": self.killed, "restarted": self.restarted, "asleep": self.asleep}

    def of_the_world(self) -> dict[str, Callable[[], Any]]:
        """What goes wrong around it."""
        limited = Fault(status=429, error="ratelimited", headers={"Retry-After": "5"})
        taken = [Fault(after=True, reset=True), Fault(after=True, error="internal_error"), Fault(reset=True)]
        return {
            "slack breaks off": lambda: self.slack_does(*taken, share=0.6),
            "slack fails": lambda: self.slack_does(Fault(status=503, error="service_unavailable")),
            "slack limits": lambda: self.slack_does(limited),
            "slack says nothing": lambda: self.slack_does(Fault(silent=True)),
            "slack drips": lambda: self.slack_does(Fault(after=True, drip=2.0)),
            "mail is taken and cut off": lambda: self.mail_does(Refusal(drop=True, taken=True)),
            "mail is put off": lambda: self.mail_does(Refusal("451 4.7.1 try again later")),
            "mail is slow": lambda: self.mail_does(Refusal(taken=True, delay=4.0)),
            "blog fails": lambda: self.blog_does(Reply(500, b"sorry")),
            "blog limits": lambda: self.blog_does(Reply(429, b"", {"retry-after": "7"})),
            "blog talks nonsense": lambda: self.blog_does(Reply(200, b"<html><p>Log in</p>" * 40)),
            "blog is cut short": lambda: self.blog_does(Reply(200, b"<?xml version='1.0'?><rss><channel><item>")),
            "database is held": self.database_is_held,
        }


def run(minutes: float, url: str, seed: int, brands: int = len(BRANDS), story_every: float = STORY_EVERY) -> Result:
    """Let the program work so long, then let the world be quiet until everything must be told, and count."""
    luck = random.Random(seed)  # noqa: S311
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-soak-")))
        blog = stack.enter_context(FeedHost(shown=64))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        url = url or f"sqlite:///{folder / 'soak.db'}"
        soak = Soak(folder, url, blog, mail, slack, luck, BRANDS[:brands], story_every)
        try:
            _disturb(soak, minutes * 60)
            _await_all(soak)
        finally:
            soak.end()
        with Database.open(url) as database:
            return _counted(soak, database, minutes)


def _disturb(soak: Soak, seconds: float) -> None:
    """A fault every half minute, a story now and then, and a look every few seconds."""
    begun = time.monotonic()
    end = begun + seconds
    world, all_faults = soak.of_the_world(), soak.of_the_world() | soak.of_processes()
    bag: list[str] = []
    next_story = begun + 20
    while (now := time.monotonic()) < end:
        known = all_faults if now - begun < seconds / 4 else world
        bag = [name for name in bag if name in known] or soak.luck.sample(sorted(known), len(known))
        name = bag.pop()
        soak.faults[name] += 1
        with known[name]():
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


def _counted(soak: Soak, database: Database, minutes: float) -> Result:
    with database.read() as tx:
        known = incidents.recent(tx, limit=100_000)
        deliveries = {one.id: outbox.history(tx, one.id) for one in known}
        audited = sum(one.topic == AUDIT for one in known)
        sheltered = {
            one.id for one in known if any(said.why.startswith(SHELTERED) for said in incidents.alerts(tx, one.id))
        }
    seen = Counter(soak.slack.delivery_ids())
    mails = Counter(one.message_id.strip("<>").partition("@")[0] for one in soak.mail.taken)
    marked = sum(REPEAT in json.dumps(one.blocks, ensure_ascii=False) for one in soak.slack.messages)
    taken = {"room": seen, "mail": mails}
    everything = [item for items in deliveries.values() for item in items]
    unheard = [brand for brand in soak.told_of if not soak.is_told(brand)]
    waiting = [brand for brand in unheard if _is_waiting(brand, known, deliveries, sheltered)]
    sent = [item for item in everything if item.state is DeliveryState.SENT and not _only_edits(item)]
    vanished = [item for item in sent if not taken[item.channel][item.id]]
    begun = Counter(
        (item.incident_id, item.episode, item.channel)
        for item in everything
        if item.reason is Reason.OPENED and taken[item.channel][item.id]
    )
    life = max(soak.lives, key=len)
    settled = [sample for sample in life if sample.age > SETTLED_AFTER] or life
    return Result(
        minutes=minutes,
        brands=len(soak.brands),
        faults=dict(sorted(soak.faults.items())),
        stories=soak.stories,
        incidents=sum(not one.is_system for one in known),
        lost=len(unheard) - len(waiting) + len(vanished),
        waiting=len(waiting),
        repeated=max(0, sum(number - 1 for number in seen.values()) - marked) + sum(n - 1 for n in begun.values()),
        marked=marked,
        resent=sum(number - 1 for number in mails.values()),
        audited=audited,
        slowest_s=_slowest(soak, known, {one.id: deliveries[one.id] for one in known}),
        lives=len(soak.lives),
        life_minutes=round(life[-1].age / 60, 1),
        rss_mb=[round(one.rss_mb, 1) for one in life[:: int(120 / SAMPLE_EVERY)]],
        rss_mb_an_hour=(
            _slope([one for one in settled if one.age <= life[-1].age / 2]),
            _slope([one for one in settled if one.age > life[-1].age / 2]),
        ),
        descriptors=(min(one.descriptors for one in settled), max(one.descriptors for one in settled)),
        threads=(min(one.threads for one in settled), max(one.threads for one in settled)),
    )


def _only_edits(item: Delivery) -> bool:
    """Whether it says nothing new, but shows the picture in a message that is there: no server has it by its name."""
    return item.reason is Reason.UPDATE and not from_json(item.page).changed


def _said(brand: str, number: int, part: int, returns: int) -> str:
    """What a reader says, each another thing."""
    first, second = words.OUTRAGE[1][(number + part) % 15], words.OUTRAGE[2][(3 * number + part) % 15]
    again = words.OUTRAGE[0][returns % 14].replace("Norrvik Mobile", brand) if returns else ""
    return f"{brand}: {again} {first} {second}"


def _slowest(soak: Soak, known: Sequence[Incident], deliveries: dict[str, Any]) -> float:
    """Seconds from when a first message was due to the first server that had it, at the worst."""
    at: dict[str, float] = {}
    for posted in soak.slack.messages:
        at.setdefault(posted.delivery_id or "", posted.at)
    for one in soak.mail.taken:
        at.setdefault(one.message_id.strip("<>").partition("@")[0], one.at)
    waits = []
    for incident in known:
        first = [item for item in deliveries[incident.id] if item.reason is Reason.OPENED and item.id in at]
        if first and not incident.is_system:
            due = min(item.first_due_at.timestamp() for item in first)
            waits.append(min(at[item.id] for item in first) - due)
    return round(max(waits, default=0.0), 1)


def _is_waiting(
    brand: str, known: Sequence[Incident], deliveries: dict[str, list[Delivery]], sheltered: set[str]
) -> bool:
    """Whether a message about the company waits for its turn, or speaks for it with others."""
    own = [one for one in known if one.brand == brand]
    paced = any(not item.state.is_terminal for one in own for item in deliveries[one.id])
    return paced or any(one.id in sheltered for one in own)


def _slope(samples: Sequence[Sample]) -> float:
    """Growth of memory in MB an hour, by a straight line through a life that has settled."""
    if len(samples) < 10:
        return 0.0
    return round(float(np.polyfit([one.age / 3600 for one in samples], [one.rss_mb for one in samples], 1)[0]), 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 when anything was lost or repeated, or somebody was not told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--database", default="", help="the address of an empty database; SQLite otherwise")
    parser.add_argument("--brands", type=int, default=len(BRANDS), choices=range(1, len(BRANDS) + 1), metavar="N")
    parser.add_argument("--story-every", type=float, default=STORY_EVERY, metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args(arguments)
    result = run(chosen.minutes, chosen.database, chosen.seed, chosen.brands, chosen.story_every)
    print(json.dumps(asdict(result)))
    return 1 if result.lost or result.repeated or result.audited else 0


if __name__ == "__main__":
    sys.exit(main())
