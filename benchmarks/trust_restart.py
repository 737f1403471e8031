"""The program starts again over a database of a million posts: how soon is it ready, and how soon are people told?

    python -m benchmarks.trust_restart
    python -m benchmarks.trust_restart --posts 100000 --restarts 3

The database is filled by the engine (benchmarks/reading/material.py) up to the present and judged once, as by a program
that ran all the while. Then a critical incident is stored whose page is due, as a process leaves it behind that died in
that moment, and `tocsin run` is started. Afterwards it is killed and started again, ten times a minute.

    ready_s         from the start of the process to the moment at which it tells systemd that it is ready (goal: 5)
    first_page_s    from the start of the process to the Slack server that had the page which was due (goal: 7)
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
from benchmarks.trust_load import CONFIGURATION, POLL
from benchmarks.trust_plaza import SOURCE, Plan, Plaza, served
from benchmarks.trust_sim import silence_the_log
from benchmarks.trust_worker import made, told
from config.load import load as load_settings
from config.settings import Settings
from monitor.assembly import assemble
from storage import incidents
from storage.database import Database
from storage.records import IncidentState, Severity
from tests.servers.mail import mail_server
from tests.servers.slack import TOKEN, slack_server

READY_WITHIN, PAGED_WITHIN, PATIENCE = 5.0, 7.0, 120.0
RESTART_EVERY = 6.0
RECORDED_AFTER = 2.0
"""Seconds after which it is on record that the page was taken."""


@dataclass
class Result:
    """What one run showed."""

    posts: int
    ready_s: float
    first_page_s: float
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


def run(posts: int, restarts: int) -> Result:
    """Fill, start, and start again and again."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-restart-")))
        address = stack.enter_context(served(Plaza(Plan(1.0, 0))))
        slack, mail = stack.enter_context(slack_server()), stack.enter_context(mail_server())
        url, configuration = f"sqlite:///{folder / 'restart.db'}", folder / "tocsin.toml"
        configuration.write_text(
            CONFIGURATION.format(
                database=json.dumps(url), plaza=address, source=SOURCE, poll=POLL, mail_port=mail.port, slack=slack.url
            )
            + "".join(f"[[brands]]\nname = {json.dumps(name)}\n" for name in material.brands())
        )
        os.environ["BENCH_TOKEN"] = TOKEN
        with Database.open(url) as database:
            _prepare(database, load_settings(configuration), posts)
        log = folder / "log"
        began, process = time.time(), _started(configuration, log)
        ready = _after(began, lambda: '"running"' in log.read_text())
        paged = _after(began, lambda: bool(slack.roots() and mail.taken))
        first = min((one.at for one in slack.roots()), default=began + paged) - began
        threading.Event().wait(RECORDED_AFTER)
        posted, mailed = len(slack.messages), len(mail.taken)
        for _ in range(restarts):
            threading.Event().wait(max(0.0, RESTART_EVERY - (time.time() - began)))
            process.kill()
            process.wait()
            began, process = time.time(), _started(configuration, log)
        threading.Event().wait(2 * RESTART_EVERY)
        process.terminate()
        process.wait(60)
        extra = [one.text for one in slack.messages[posted:]]
        extra += [str(one.message["Subject"]) for one in mail.taken[mailed:]]
    result = Result(posts, round(ready, 2), round(first, 2), restarts, extra)
    result.hold()
    return result


def _prepare(database: Database, chosen: Settings, posts: int) -> None:
    """Fill the database up to the present, judge it, end what is live, and leave a page that is due."""
    now = datetime.now(UTC)
    material.END, material.BEGIN = now, now - timedelta(days=material.DAYS)
    material.fill(database, posts)
    _end_what_is_live(database, now)
    assemble(chosen, database).advance(now - timedelta(days=1), settle=now - timedelta(hours=1), early=True)
    _end_what_is_live(database, now)
    new = replace(made(1, now), brand=material.brands()[0], severity=Severity.CRITICAL)
    with database.write() as tx:
        for statement in ("DELETE FROM delivery_attempt", "DELETE FROM delivery"):
            tx.exec_driver_sql(statement)
        incidents.insert(tx, new)
        Speaker.build(chosen).speak(tx, new, Change.OPENED, told(new, now), now)


def _end_what_is_live(database: Database, now: datetime) -> None:
    with database.write() as tx:
        for one in incidents.live(tx):
            ended = replace(one, state=IncidentState.RESOLVED, resolved_at=now, version=one.version + 1)
            incidents.update(tx, ended, one.version)


def _started(configuration: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(configuration)]
    with log.open("ab") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, cwd=Path(__file__).parent.parent)


def _after(began: float, is_so: Callable[[], bool]) -> float:
    """Seconds until something is so."""
    while not is_so():
        if time.time() - began > PATIENCE:
            return PATIENCE
        threading.Event().wait(0.02)
    return time.time() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print one line of JSON; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--restarts", type=int, default=10)
    chosen: Any = parser.parse_args(arguments)
    silence_the_log()
    result = run(chosen.posts, chosen.restarts)
    print(json.dumps(asdict(result)))
    return 1 if result.broken else 0


if __name__ == "__main__":
    sys.exit(main())
