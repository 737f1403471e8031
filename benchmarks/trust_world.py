"""What goes wrong around the kill bench: servers that fail in many ways, and posts that are stored all the while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.trust_falls import A_PAGE, mentioned
from storage.database import Database
from storage.errors import StorageError
from storage.ingest import Intake, write
from tests.servers.mail import MailServer, Refusal
from tests.servers.slack import Fault, Slack

LONGEST_DELAY = 0.5
SPELL = (1.0, 3.0)
"""Seconds for which a server refuses everything, or answers nothing at all: about as long as an attempt may take."""
SPELL_EVERY = (6.0, 12.0)
FINE, REFUSING, SILENT = "fine", "refusing", "silent"


@dataclass
class Mood:
    """How a server is: fine, but for a spell now and then in which it refuses everything or says nothing."""

    luck: random.Random
    clock: Callable[[], float] = time.monotonic
    now: str = FINE
    until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def draw(self) -> tuple[str, float, float]:
        """The mood of the moment, and two numbers between 0 and 1."""
        with self._lock:
            at = self.clock()
            if at >= self.until:
                spells = self.now == FINE and self.until > 0
                self.now = self.luck.choice((REFUSING, SILENT)) if spells else FINE
                self.until = at + self.luck.uniform(*(SPELL if spells else SPELL_EVERY))
            return self.now, self.luck.random(), self.luck.random()


def disturb(slack: Slack, mail: MailServer, seed: int) -> None:
    """Let the servers be slow, refuse, be silent, break off before and after taking a message, and ask for peace."""
    slack_mood, mail_mood = (Mood(random.Random(seed + number)) for number in range(2))  # noqa: S311
    slack.chaos = lambda method: _of_slack(method, *slack_mood.draw())
    mail.chaos = lambda stage: _of_mail(stage, *mail_mood.draw())


def _of_slack(method: str, mood: str, draw: float, share: float) -> Fault:
    may_be_taken, delay = method.startswith("chat."), share * LONGEST_DELAY
    if mood == REFUSING:
        return Fault(status=503, error="service_unavailable")
    if mood == SILENT:
        return Fault(silent=True, after=may_be_taken and draw < 0.5)
    faults = (
        (0.03, Fault(after=may_be_taken, delay=delay, reset=True)),
        (0.05, Fault(after=may_be_taken, delay=delay, error="internal_error")),
        (0.07, Fault(reset=True)),
        (0.08, Fault(status=429, error="ratelimited", headers={"Retry-After": "1"})),
        (0.50, Fault(delay=delay)),
    )
    return next((fault for below, fault in faults if draw < below), Fault(delay=delay / 20))


def _of_mail(stage: str, mood: str, draw: float, share: float) -> Refusal:
    is_taken, delay = stage == "data", share * LONGEST_DELAY
    if mood == REFUSING:
        return Refusal("421 4.3.2 not now", drop=draw < 0.5)
    if mood == SILENT:
        return Refusal(delay=SPELL[1], drop=True, taken=is_taken and draw < 0.5)
    faults = (
        (0.03, Refusal(drop=True, taken=is_taken, delay=delay)),
        (0.05, Refusal("451 4.7.1 try again later")),
    )
    return next((fault for below, fault in faults if draw < below), Refusal(taken=True, delay=delay / 10))


@contextmanager
def with_doors(slack: Slack, mail: MailServer, seed: int) -> Iterator[None]:
    """Let now and then one of the servers not listen for seconds, while inside: connections to it are refused."""
    stop = threading.Event()
    thread = threading.Thread(target=_shut_doors, args=((slack, mail), random.Random(seed), stop))  # noqa: S311
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _shut_doors(servers: Sequence[Slack | MailServer], luck: random.Random, stop: threading.Event) -> None:
    while not stop.wait(luck.uniform(*SPELL_EVERY)):
        server = luck.choice(servers)
        server.shut()
        stop.wait(luck.uniform(*SPELL))
        server.reopen()


@contextmanager
def under_load(url: str, rate: float) -> Iterator[None]:
    """Store so many posts a second in the same database, while inside."""
    if not rate:
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_store, args=(url, rate, stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _store(url: str, rate: float, stop: threading.Event) -> None:
    begun, page = time.monotonic(), 0
    with Database.open(url, migrate=False) as database:
        while not stop.wait(max(0.0, begun + page * A_PAGE / rate - time.monotonic())):
            page += 1
            try:
                with database.write() as tx:
                    write(tx, Intake(mentions=[mentioned(f"{page}-{item}") for item in range(A_PAGE)]))
            except StorageError:
                continue
