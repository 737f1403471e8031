"""Whether anything is left of ten thousand posts that were taken back: in the database's files, exports, and messages.

    python -m benchmarks.erasures [--posts N] [--database postgresql]

Made backlashes of several brands are stored, judged and paged to a local Slack as they unfold. Each of N posts carries
words that nobody else writes, in its text, its address and its author's names; every tenth was edited, and growth was
seen of every fifth. Half of them is then deleted on their platforms, which rounds of looking up notice; the others are
forgotten author by author with `tocsin db forget`. In the end the files are rewritten, and the words are searched for:

    in_rows      in the columns of any table
    in_files     in the database's files and SQLite's write-ahead log
    in_log       in PostgreSQL's write-ahead log, which the server writes over by itself as it goes on
    in_exports   in the files of `tocsin db export`, made afterwards, in each of its forms
    in_messages  in what people see in Slack
    back         posts that are stored again when their sources offer them once more

Everything is in `before`, too, so that it is seen that the search finds what is there.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pyarrow.parquet as pq
import structlog
from msgspec.structs import replace
from sqlalchemy import select
from typer.testing import CliRunner

from alerts.outbox import Sender, build_channels
from alerts.routing import Routing
from benchmarks.trust import database_at
from collectors.contract import Page, Recheck
from config.load import load
from config.settings import Settings
from monitor.assembly import assemble, utc_now
from monitor.automaton import Automaton
from monitor.cli.program import app
from monitor.demo.story import SCENE, tell
from monitor.pipeline import Batch, Pipeline
from monitor.sources.rechecks import Rechecks, whole_round
from storage import incidents, outbox
from storage.database import Database
from storage.records import Engagement, EngagementSample, Post
from storage.schema import metadata
from tests.servers.slack import TOKEN, Slack, slack_server

BRANDS = ("Norrvik", "Halden", "Brekkeby", "Sundmar", "Tindvik")
POSTS_OF_AN_AUTHOR = 20
END = SCENE + timedelta(hours=14)
WAITED = timedelta(minutes=6)
"""How long after they are decided messages are sent, so that none is held back for others to join it."""
FORMS = ("parquet", "csv", "jsonl")

CONFIGURATION = """
[database]
url = {{ env = "ERASURES_DATABASE" }}
[understanding]
languages = ["en"]
{brands}
[[sources]]
type = "hackernews"
[[channels]]
type = "slack"
name = "room"
token = {{ env = "SLACK_TOKEN" }}
channels = ["C0ROOM"]
base_url = "{slack}"
[[routes]]
channels = ["room"]
"""


class Words:
    """Words that nobody else writes, and a search for all of them at once."""

    def __init__(self) -> None:
        """None yet."""
        self._ends: list[str] = []
        self._automaton: Automaton[None] | None = None

    def new(self) -> str:
        """Another word of fourteen letters.

        Its last eight are searched for: an index may leave out what a word has in common with the one before it.
        """
        number = int.from_bytes(blake2b(str(len(self._ends)).encode(), digest_size=16).digest())
        letters = "".join(ascii_lowercase[number // 26**place % 26] for place in range(14))
        self._ends.append(letters[-8:])
        self._automaton = None
        return letters

    def count(self, content: bytes) -> int:
        """How often any of them stands in `content`."""
        if self._automaton is None:
            self._automaton = Automaton(dict.fromkeys(self._ends))
        return len(self._automaton.found(content.decode("latin-1").lower()))


@dataclass(frozen=True)
class Left:
    """Places where the word was found."""

    in_rows: int
    in_files: int
    in_log: int
    in_exports: int
    in_messages: int


@dataclass(frozen=True)
class Result:
    """What came of it."""

    posts: int
    deleted: int
    forgotten: int
    authors: int
    incidents: int
    messages: int
    before: Left
    left: Left
    back: int
    seconds: float


@dataclass(frozen=True)
class Platform:
    """A platform on which the posts of `gone` were deleted."""

    name: str
    gone: frozenset[str]
    recheck_at_once: int = 500
    rechecks_mentions_only: bool = False

    def collect(self, cursor: Mapping[str, Any] | None) -> Iterator[Page]:
        """Nothing is new."""
        yield Page(cursor or {}, complete=True)

    def probe(self) -> str:
        """It is there."""
        return f"{self.name} answers"

    def recheck(self, posts: Sequence[Post], _state: Mapping[str, Any]) -> Recheck:
        """Which of the posts are gone."""
        names = [post.external_id for post in posts]
        gone = {name: "deleted" for name in names if name in self.gone}
        return Recheck(kept=[name for name in names if name not in gone], gone=gone)


class Inline(Executor):
    """Does what it is given at once."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Do it."""
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def stories(words: Words, wanted: int, days: int, end: datetime = END) -> tuple[list[Post], list[Post]]:
    """Posts in order of time, and those of them that are canaries: the newest of each brand."""
    posts: list[Post] = []
    canaries: list[Post] = []
    copies = range(min(len(BRANDS), 1 + wanted // 2_600))
    for number in copies:
        share = wanted // len(copies) + (number < wanted % len(copies))
        told = [_of(post, number) for post in tell(seed=number + 1).posts if post.created_at < end]
        told = [post for post in told if post.created_at >= SCENE - timedelta(days=days)]
        if len(told) < share:
            raise ValueError(f"a story has {len(told)} posts; take fewer than {wanted}, or more days")
        marked = list(_marked(words, told[len(told) - share :]))
        posts += [*told[: len(told) - share], *marked]
        canaries += marked
    return sorted(posts, key=lambda post: post.created_at), canaries


def _of(post: Post, number: int) -> Post:
    """The post as one about another brand, in threads of its own."""
    name = BRANDS[number]
    return replace(
        post,
        external_id=f"{number}-{post.external_id}",
        text=post.text.replace("Norrvik", name),
        title=post.title.replace("Norrvik", name),
        thread_id=f"{number}-{post.thread_id}" if post.thread_id else None,
        parent_id=f"{number}-{post.parent_id}" if post.parent_id else None,
    )


def _marked(words: Words, posts: Sequence[Post]) -> Iterator[Post]:
    author, name = "", ""
    for place, post in enumerate(posts):
        if place % POSTS_OF_AN_AUTHOR == 0:
            fate = "deleted" if place // POSTS_OF_AN_AUTHOR % 2 == 0 else "forgotten"
            author, name = f"{fate}-{words.new()}", words.new()
        url = f"https://forum.example/{words.new()}"
        yield replace(post, text=f"{words.new()} {post.text}", author=author, author_name=name, url=url)


@contextmanager
def world(kind: str, posts: int) -> Iterator[tuple[Database, Settings, Slack, Path, Path]]:
    """A database, a Slack, and the configuration of both."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tocsin-erasures-")))
        url = stack.enter_context(database_at(kind, folder))
        slack = stack.enter_context(slack_server())
        brands = "".join(f'[[brands]]\nname = "{name}"\n' for name in BRANDS[: 1 + posts // 2_600])
        file = folder / "tocsin.toml"
        file.write_text(CONFIGURATION.format(slack=slack.url, brands=brands))
        os.environ |= {"ERASURES_DATABASE": url, "SLACK_TOKEN": TOKEN}
        yield stack.enter_context(Database.open(url)), load(file), slack, folder, file


def simulate(
    kind: str = "sqlite",
    wanted: int = 10_000,
    days: int = 15,
    end: datetime = END,
    step: timedelta = timedelta(hours=1),
) -> Result:
    """Store, page, delete, forget, and search."""
    began = time.monotonic()
    words = Words()
    posts, canaries = stories(words, wanted, days, end)
    with world(kind, wanted) as (database, settings, slack, folder, file):
        pipeline = assemble(settings, database)
        _live_through(pipeline, database, settings, posts, end, step)
        _change(words, pipeline, posts, canaries)
        if kind == "postgresql":
            database.run_outside_transactions(["ANALYZE"])  # which the server does by itself, sooner or later
        before = search(words, database, slack, folder, file)
        told = len(slack.messages)
        half = {(post.source, post.external_id) for post in canaries if str(post.author).startswith("deleted")}
        deleted = _delete(pipeline, database, settings, half)
        authors = sorted({str(post.author) for post in canaries if (post.source, post.external_id) not in half})
        for author in authors:
            command(file, "db", "forget", author, "--yes", "--keep-files")
        command(file, "db", "prune", "--rewrite")
        _send(database, settings, utc_now)
        left = search(words, database, slack, folder, file)
        written = pipeline.ingest(Batch(canaries))
        with database.read() as tx:
            count = len(incidents.recent(tx, limit=1000))
    forgotten = len(canaries) - len(half)
    seconds = round(time.monotonic() - began, 1)
    return Result(wanted, deleted, forgotten, len(authors), count, told, before, left, written.new_posts, seconds)


def command(file: Path, *arguments: str) -> None:
    """Run a command of the program."""
    result = CliRunner().invoke(app, [*arguments, "--config", str(file)])
    if result.exit_code:
        raise RuntimeError(f"{' '.join(arguments)}: {result.output}")


def _live_through(
    pipeline: Pipeline,
    database: Database,
    settings: Settings,
    posts: Sequence[Post],
    end: datetime,
    step: timedelta,
) -> None:
    """The days as they come; what there is to say is sent at once."""
    at, rest = posts[0].created_at, list(posts)
    while at < end:
        at = min(at + step, end)
        count = next((place for place, post in enumerate(rest) if post.created_at >= at), len(rest))
        now, rest = rest[:count], rest[count:]
        pipeline.ingest(Batch(now))
        pipeline.advance(at, early=True)
        _send(database, settings, lambda at=at: at + WAITED)  # type: ignore[misc]


def _change(words: Words, pipeline: Pipeline, posts: Sequence[Post], canaries: Sequence[Post]) -> None:
    """Edits of every tenth post, growth of every fifth canary."""
    names = {(post.source, post.external_id) for post in canaries}
    edited = [
        replace(
            post,
            text=f"{post.text} ({words.new() if (post.source, post.external_id) in names else 'edited'})",
            edited_at=END,
            collected_at=END,
        )
        for post in posts[::10]
    ]
    grown = [EngagementSample(post.source, post.external_id, END, Engagement(likes=9)) for post in canaries[::5]]
    pipeline.ingest(Batch(edited, grown))


def _delete(pipeline: Pipeline, database: Database, settings: Settings, keys: set[tuple[str, str]]) -> int:
    """Let the platforms delete, and look everything up again; how many were found to be gone."""
    gone, routing = 0, Routing.build(settings)
    for source in sorted({source for source, _ in keys}):
        platform = Platform(source, frozenset(name for of, name in keys if of == source))
        done, stopped = whole_round(Rechecks(platform, timedelta(hours=6), database, pipeline, routing, utc_now))
        if done is None or stopped:
            raise RuntimeError(f"{source} was not looked up to the end: {stopped}")
        gone += done.gone
    return gone


def _send(database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
    """Send what is due, until nothing is."""
    channels = build_channels(settings, clock)
    sender = Sender(database, channels, clock=clock, owner="erasures", executor=Inline())
    for _ in range(1000):
        sender.run_once()
        with database.read() as tx:
            waiting = [item for item in outbox.unfinished(tx) if item.due_at <= clock()]
        if not waiting:
            return
    raise RuntimeError("there are messages that cannot be sent")


# -- searching --------------------------------------------------------------------------------------------------------


def search(words: Words, database: Database, slack: Slack, folder: Path, file: Path) -> Left:
    """Where the word stands."""
    exports = 0
    with tempfile.TemporaryDirectory(prefix="tocsin-exports-") as place:
        for form in FORMS:
            command(file, "db", "export", place, "--format", form)
        exports = sum(words.count(_unpacked(path)) for path in Path(place).iterdir())
    shown = [json.dumps(message.shown(metadata=True)) for message in slack.messages]
    files, log = _in_files(words, database, folder)
    return Left(_in_rows(words, database), files, log, exports, sum(words.count(text.encode()) > 0 for text in shown))


def _in_rows(words: Words, database: Database) -> int:
    found = 0
    with database.read() as tx:
        for table in metadata.sorted_tables:
            for row in tx.execute(select(table)):
                found += any(words.count(_bytes(value)) for value in row)
    return found


def _in_files(words: Words, database: Database, folder: Path) -> tuple[int, int]:
    """In the files that hold data, and in those of PostgreSQL's log."""
    if database.engine.dialect.name == "postgresql":
        database.run_outside_transactions(["CHECKPOINT"])
    held = [path for path in folder.rglob("*") if path.is_file() and path.name != "tocsin.toml"]
    log = [path for path in held if "pg_wal" in path.parts]
    files = [path for path in held if path not in log]
    return sum(words.count(path.read_bytes()) for path in files), sum(words.count(path.read_bytes()) for path in log)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist()).encode()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def main() -> int:
    """Do it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--database", default="sqlite", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    result = simulate(asked.database, asked.posts)
    print(json.dumps(asdict(result)))
    left = result.left
    return 1 if left.in_rows or left.in_files or left.in_exports or left.in_messages or result.back else 0


if __name__ == "__main__":
    sys.exit(main())
