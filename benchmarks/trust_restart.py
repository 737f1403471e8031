"""The program starts again over a database of a million posts: how soon is it ready, and how soon are people told?

    python -m benchmarks.trust_restart
    python -m benchmarks.trust_restart --posts 100000 --restarts 3
    python -m benchmarks.trust_restart --database postgresql

The database is filled by the engine (benchmarks/reading/material.py), and its last five weeks are judged up to the
present: what is learned longest fades over four. `tocsin run` lives over it once, until it has caught up, and is
killed: what follows finds what a program leaves behind that ran all the while, a leader's lease and the compiled
modules of an installation among it. Then a critical incident is stored whose page is due, as if the process had died in
that moment, and the program is started. Afterwards it is killed and started again, ten times a minute. The last posts
are half a day old, so that no story goes on: whatever is said is about that incident, or came of starting again.

    ready_s         from the start of the process to the moment at which it tells systemd that it is ready (goal: 5)
    ready_cpu_s     how much of that the processor worked for it: on a machine that has nothing else to do, about all
    first_page_s    from the start of the process to the Slack server that had the page which was due (goal: 7)
    leads_s         from the death of the one that was killed to its successor that judges
    extra           messages that came of starting again: none is due any more, so there must be none

One line of JSON; 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alerts.policy import Change
from alerts.speak import Speaker
from benchmarks.reading import material
from benchmarks.trust import database_at
from benchmarks.trust_load import CONFIGURATION, POLL
from benchmarks.trust_plaza import SOURCE, Plan, Plaza, served
from benchmarks.trust_sim import silence_the_log
from benchmarks.trust_worker import made, told
from config.load import load as load_settings
from config.settings import Settings
from monitor.assembly import assemble, new_fold
from monitor.fold import floor_tick
from monitor.keeping import CHECKPOINT, Keeping
from storage import incidents, state
from storage.database import Database
from storage.records import Severity
from tests.servers.mail import mail_server
from tests.servers.slack import TOKEN, slack_server

READY_WITHIN, PAGED_WITHIN, PATIENCE = 5.0, 7.0, 120.0
RESTART_EVERY = 6.0
QUIET = timedelta(hours=12)
"""How old the last posts are."""
JUDGED = timedelta(days=35)
"""How much of the history is judged. What a start reads is a tenth smaller than after all 90 days, which take three
times as long."""
RECORDED_AFTER = 2.0
"""Seconds after which it is on record that the page was taken."""


@dataclass
class Result:
    """What one run showed."""

    posts: int
    ready_s: float
    ready_cpu_s: float
    first_page_s: float
    leads_s: float
    restarts: int
    extra: list[str]
    broken: list[str] = field(default_factory=list)

    def hold(self) -> None:
        """Compare with the goals."""
        goals = {
            "ready": self.ready_s <= READY_WITHIN,
            "first_page": self.first_page_s <= PAGED_WITHIN,
            "extra": not self.extra,
        }
        self.broken = [name for name, holds in goals.items() if not holds]


@dataclass
class Lives:
    """The program's lives over one folder, one after another; `began` is when the one of now was started."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    _read_from: int = 0

    @property
    def configuration(self) -> Path:
        """Where its configuration is."""
        return self.folder / "tocsin.toml"

    def begin(self) -> None:
        """Start it, as its service does."""
        # an installation has its modules compiled, which a checkout may be forbidden to have
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        log = self.folder / "log"
        log.touch()
        self._read_from, self.began = log.stat().st_size, time.time()
        command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config"]
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*command, str(self.configuration)],
                stdout=file,
                stderr=file,
                cwd=Path(__file__).parent.parent,
                env={**environment, "PYTHONPYCACHEPREFIX": str(self.folder / "compiled")},
            )

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def after(self, is_so: Callable[[], bool]) -> float:
        """Seconds from its start until something is so."""
        while not is_so():
            if time.time() - self.began > PATIENCE:
                return PATIENCE
            threading.Event().wait(0.02)
        return time.time() - self.began

    def has_said(self, word: str) -> bool:
        """Whether this life has logged such an event."""
        return f'"event": "{word}"'.encode() in (self.folder / "log").read_bytes()[self._read_from :]

    def processor_s(self) -> float:
        """Seconds for which the processor has worked for it."""
        assert self.process is not None  # noqa: S101
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(posts: int, restarts: int, wanted: str = "") -> Result:
    """Fill, start, and start again and again."""
    with ExitStack() as stack:
        lives = Lives(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-restart-"))))
        address = stack.enter_context(served(Plaza(Plan(1.0, 0))))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        url = stack.enter_context(database_at(wanted, lives.folder))
        stack.callback(lives.kill)
        lives.configuration.write_text(
            CONFIGURATION.format(
                database='{ env = "BENCH_DATABASE" }',
                plaza=address,
                source=SOURCE,
                poll=POLL,
                mail_port=mail.port,
                slack=slack.url,
            )
            + "".join(f"[[brands]]\nname = {json.dumps(name)}\n" for name in material.brands())
        )
        os.environ.update(BENCH_TOKEN=TOKEN, BENCH_DATABASE=url)
        chosen = load_settings(lives.configuration)
        with Database.open(url) as database:
            _fill(database, chosen, posts)
            _live_once(lives, database, chosen)
            died = time.time()
            _leave_a_page(database, chosen)
        before, mailed = len(slack.messages), len(mail.taken)
        lives.begin()
        ready = lives.after(lambda: lives.has_said("running"))
        worked = lives.processor_s()
        paged = lives.after(lambda: len(slack.messages) > before and len(mail.taken) > mailed)
        first = min((one.at for one in slack.messages[before:]), default=lives.began + paged) - lives.began
        lives.after(lambda: lives.has_said("leading"))
        leads = time.time() - died
        threading.Event().wait(RECORDED_AFTER)
        posted, mailed = len(slack.messages), len(mail.taken)
        for _ in range(restarts):
            threading.Event().wait(max(0.0, RESTART_EVERY - (time.time() - lives.began)))
            lives.kill()
            lives.begin()
        lives.after(lambda: lives.has_said("leading"))
        threading.Event().wait(2 * RESTART_EVERY)
        extra = [one.text for one in slack.messages[posted:]]
        extra += [str(one.message["Subject"]) for one in mail.taken[mailed:]]
    ready, worked, first, leads = (round(value, 2) for value in (ready, worked, first, leads))
    result = Result(posts, ready, worked, first, leads, restarts, extra)
    result.hold()
    return result


def _fill(database: Database, chosen: Settings, posts: int) -> None:
    """Store posts, and judge the last of them up to the present."""
    now = datetime.now(UTC)
    material.END, material.BEGIN = now - QUIET, now - QUIET - timedelta(days=material.DAYS)
    material.fill(database, posts)
    fold, keeping = new_fold(chosen), Keeping()
    fold.at = floor_tick(material.END - JUDGED)
    with database.write() as tx:
        keeping.save(tx, fold, fold.at, keeping.taking())
    assemble(chosen, database).advance(datetime.now(UTC), early=True)


def _live_once(lives: Lives, database: Database, chosen: Settings) -> None:
    """Let the program run until it has judged the present, and kill it."""

    def is_up_to_date() -> bool:
        with database.read() as tx:
            until = state.seen_until(tx, CHECKPOINT)
        return until is not None and until >= floor_tick(datetime.now(UTC) - chosen.detection.lateness)

    lives.begin()
    lives.after(lambda: lives.has_said("leading") and lives.has_said("running") and is_up_to_date())
    lives.kill()


def _leave_a_page(database: Database, chosen: Settings) -> None:
    """Leave a page that is due, as a process does that dies between deciding and telling."""
    now = datetime.now(UTC)
    new = replace(made(1, now), brand=material.brands()[0], severity=Severity.CRITICAL)
    with database.write() as tx:
        incidents.insert(tx, new)
        Speaker.build(chosen).speak(tx, new, Change.OPENED, told(new, now), now)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--database", default="", help='"postgresql" for one from a wheel, or an address; else SQLite')
    chosen: Any = parser.parse_args(arguments)
    silence_the_log()
    result = run(chosen.posts, chosen.restarts, chosen.database)
    print(json.dumps(asdict(result)))
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
