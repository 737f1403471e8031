"""How fast stored posts are read back: `python -m benchmarks.reading [--posts N] [--engine sqlite|postgresql]`.

Makes a database of N posts (5,000,000 unless told otherwise) and prints a JSON object a line: how long each question
takes that the web page, the API and the commands ask, and each page of the incident room. *Cold* is the first answer
over a new connection after the machine has dropped the files from memory (of PostgreSQL the server is started anew
too), *warm* the median of the next seven, *best* the quickest of them: on a busy machine the others tell how busy it
is. `busy_ms` is the processor time that one took in the mean, that of the processes of a PostgreSQL server included
where the system tells. `goal_ms` is what we hold ourselves to. `--folder` keeps the database for the next time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from benchmarks.reading import material
from benchmarks.reading.engines import Place, place, size_mb
from monitor.tidying import tidy_seldom
from monitor.web.app import create
from monitor.web.desk import Desk
from storage import erasure, posts, pulse
from storage.database import Database, Transaction
from storage.records import Incident

REPEAT = 7
LONG = 5_000.0
"""What takes so many milliseconds is asked twice, not eight times."""
DAY = timedelta(days=1)
PAGE_GOAL = 500.0
INCIDENT_GOAL = 300.0


@dataclass(frozen=True, slots=True)
class Question:
    """Something asked of the store, with what it may take on SQLite and on PostgreSQL, in milliseconds."""

    what: str
    ask: Callable[[Transaction], object]
    goals: tuple[float, float] = (100.0, 150.0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--posts", type=int, default=5_000_000, help="how many posts (default 5,000,000)")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], help="one engine alone (default both)")
    parser.add_argument("--only", default="", metavar="WORDS", help="only questions whose name holds these words")
    parser.add_argument("--folder", type=Path, help="where the database lies and is kept (with --engine)")
    options = parser.parse_args()
    tidy_seldom()  # as the program does
    say("machine", python=platform.python_version(), system=platform.platform(), processor=platform.machine())
    for engine in [options.engine] if options.engine else ["sqlite", "postgresql"]:
        with place(engine, options.folder) as where:
            measure(where, options.posts, options.only)


def measure(where: Place, count: int, only: str = "") -> None:
    """Make the database, and ask everything, or what has the words `only` in its name."""
    with where.open() as database:
        if not material.is_filled(database):
            _make(database, where, count)
        incident = material.incident(count)
    for question in (one for one in questions(incident, count) if only in one.what):
        goal = question.goals[where.name == "postgresql"]
        _tell(where, question.what, goal, lambda database, ask=question.ask: _asked(database, ask))  # type: ignore[misc]
    for path in (one for one in pages(incident) if only in f"GET {one}"):
        goal = INCIDENT_GOAL if path == f"/incidents/{incident.id}" else PAGE_GOAL
        _tell(where, f"GET {path}", goal, lambda database, path=path: _page(database, path))  # type: ignore[misc]


def _make(database: Database, where: Place, count: int) -> None:
    began = time.perf_counter()
    material.fill(database, count)
    made = round(time.perf_counter() - began)
    say(f"{count} posts made", engine=where.name, seconds=made, megabytes=size_mb(where.folder))


def questions(incident: Incident, count: int) -> list[Question]:
    """What quality asks for, and the searches that are hard."""
    brand, end, words = incident.brand, material.END, material.words()
    small = material.brands()[-1]
    source, thread_id = material.root_of_the_largest_thread(count)
    day, month = (end - DAY, end), (end - 30 * DAY, end)
    half_hours, hours = timedelta(minutes=30), timedelta(hours=1)
    search = posts.search
    return [
        Question("24 h pulse of the largest brand", lambda tx: pulse.pulse(tx, brand, *day, half_hours), (2, 5)),
        Question("30 days by the hour", lambda tx: pulse.pulse(tx, brand, *month, hours), (50, 50)),
        Question("a thread of five hundred", lambda tx: posts.thread(tx, source, thread_id), (50, 50)),
        Question("a thread of five", lambda tx: posts.thread(tx, source, "0"), (5, 5)),
        Question("newest 50 with a common word", lambda tx: search(tx, words.common), (20, 150)),
        Question("newest 50 with a frequent word", lambda tx: search(tx, words.frequent), (20, 150)),
        Question("newest 50 with a seldom word", lambda tx: search(tx, words.seldom), (20, 150)),
        Question("newest 50 with a rare word", lambda tx: search(tx, words.rare), (20, 150)),
        Question("with a common and a rare word", lambda tx: search(tx, f"{words.common} {words.rare}"), (20, 150)),
        Question("a common word, of a small brand", lambda tx: search(tx, words.common, brand=small)),
        Question("a seldom word, last week", lambda tx: search(tx, words.seldom, since=end - 7 * DAY)),
        Question("a common word, the oldest week", lambda tx: search(tx, words.common, until=material.BEGIN + 7 * DAY)),
        Question("newest 50 of a brand", lambda tx: search(tx, brand=brand), (20, 150)),
        Question("newest 50 of a source", lambda tx: search(tx, source=source), (20, 150)),
        Question("newest 50 of one author", lambda tx: search(tx, author="a77777")),
        Question("newest 50 of one author toward a brand", lambda tx: search(tx, brand=brand, author="a777")),
        Question("all of a name that an account shows", lambda tx: erasure.posts_of(tx, "Name 77777")),
        Question("top authors of a day", lambda tx: pulse.voices(tx, brand, *day), (100, 100)),
        Question("top authors of 30 days", lambda tx: pulse.voices(tx, brand, *month), (5_000, 5_000)),
    ]


def pages(incident: Incident) -> list[str]:
    """Every page of the incident room, and what programs ask most."""
    common = material.words().common
    return [
        "/",
        "/incidents",
        f"/incidents/{incident.id}",
        "/explore",
        "/explore?span=30d",
        f"/explore?span=90d&q={common}",
        "/sources",
        "/review",
        "/tune",
        "/metrics",
        f"/api/v1/incidents/{incident.id}",
        f"/api/v1/posts?brand={incident.brand}",
        f"/api/v1/posts?q={common}",
        f"/api/v1/pulse?brand={incident.brand}&every=3600",
    ]


def _asked(database: Database, ask: Callable[[Transaction], object]) -> Callable[[], object]:
    def run() -> object:
        with database.read() as tx:
            return ask(tx)

    return run


def _page(database: Database, path: str) -> Callable[[], object]:
    """The page as a browser on this machine gets it, made anew each time."""
    client = TestClient(
        create(Desk.build(material.settings(), database, lambda: material.END)),
        base_url="http://127.0.0.1:8477",
        client=("127.0.0.1", 50_000),
    )
    desk: Any = client.app.state.desk  # type: ignore[attr-defined]
    client.get("/healthz")

    def run() -> object:
        desk.briefs._kept.clear()  # noqa: SLF001  (what was made for the one before would be shown for ten seconds)
        answer = client.get(path)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:500]}")
        return answer

    return run


def _tell(where: Place, what: str, goal: float, prepared: Callable[[Database], Callable[[], object]]) -> None:
    where.forget()
    with where.open() as database:
        run = prepared(database)
        cold = _milliseconds(run)
        busy = time.process_time() + where.busy()
        warm = [_milliseconds(run) for _ in range(REPEAT if cold < LONG else 1)]
        busy = time.process_time() + where.busy() - busy
    best, median = min(warm), statistics.median(warm)
    figures = {"best_ms": round(best, 2), "warm_ms": round(median, 2), "cold_ms": round(cold, 1)}
    figures["busy_ms"] = round(1000 * busy / len(warm), 2)
    say(what, engine=where.name, **figures, goal_ms=goal, load=round(os.getloadavg()[0], 1))


def _milliseconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began)


def say(what: str, **figures: object) -> None:
    """One line of the table."""
    print(json.dumps({"what": what, **figures}), flush=True)


if __name__ == "__main__":
    main()
