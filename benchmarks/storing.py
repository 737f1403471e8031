"""What storing costs while a history grows: `python -m benchmarks.storing [--posts N] [--engine sqlite|postgresql]`.

Makes a database of N posts (5,000,000 unless told otherwise) and one of ten thousand, and writes batches of new posts
to both by turns, each batch a crash-safe commit; prints a JSON object a line. `ratio` is how many times as fast the
large one takes them, by processor time (that of PostgreSQL's own process for the connection included, where the system
tells) and by the clock; *in order* are posts whose names at their source rise, *in no order* those whose names are as
good as chance, which is the worst that an index can be given. Then the oldest posts are deleted from both, as `keep`
does, and the room is told that the large one takes. Last comes what an author's word adds to the index of words, in two
files that hold nothing else. `--index COLUMNS` (may be repeated) says what one more index of `post` would cost: both
databases get it, and take batches again. `--folder` keeps the large one for the next time, with all that was written
into it.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from benchmarks.reading import material
from benchmarks.reading.__main__ import say
from benchmarks.reading.engines import Place, place, processor_time
from monitor.tidying import tidy_seldom
from storage import erasure, search_index, sizes
from storage.database import Database, Transaction
from storage.ingest import Intake, write
from storage.keys import content_key
from storage.records import Engagement, Label, Mention, MentionedPost, Post, PostKind, Score

FEW = 10_000
BATCH = 500
WARM = 4
"""Batches that are not measured."""
SCORE = Score(-0.4, Label.NEGATIVE, "made", "1", 0.2)


@dataclass
class Side:
    """One of the databases, and what each of its batches took: by the processor, and by the clock."""

    database: Database
    taken: list[tuple[float, float]] = field(default_factory=list)

    def take(self, work: Callable[[Transaction], object]) -> None:
        """Do the work in a transaction, and remember what it took."""
        with self.database.read() as tx:
            backend = _backend(tx)
        busy, clock = _busy(backend), time.perf_counter()
        with self.database.write() as tx:
            work(tx)
        self.taken.append((_busy(backend) - busy, time.perf_counter() - clock))

    def usual(self) -> tuple[float, float]:
        """The mean of processor time since the last look, whose steps are coarse, and the median by the clock."""
        measured, self.taken = self.taken[WARM:] or self.taken, []
        return statistics.mean(busy for busy, _ in measured), statistics.median(clock for _, clock in measured)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--posts", type=int, default=5_000_000, help="how many posts (default 5,000,000)")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], help="one engine alone (default both)")
    parser.add_argument("--batches", type=int, default=40, help="batches of 500 posts for each line (default 40)")
    parser.add_argument("--index", action="append", default=[], metavar="COLUMNS", help="also with an index of these")
    parser.add_argument("--folder", type=Path, help="where the large database lies and is kept (with --engine)")
    options = parser.parse_args()
    tidy_seldom()  # as the program does
    say("machine", python=platform.python_version(), system=platform.platform(), processor=platform.machine())
    for engine in [options.engine] if options.engine else ["sqlite", "postgresql"]:
        with place(engine, options.folder) as where, filled(where, options.posts) as many, beside(where) as few:
            measure(engine, options.posts, Side(few), Side(many), options.batches, options.index)
    authors_in_the_index(options.folder or Path(tempfile.gettempdir()), 5 * options.batches)


@contextmanager
def filled(where: Place, count: int) -> Iterator[Database]:
    """The large database."""
    with where.open() as database:
        if not material.is_filled(database):
            material.fill(database, count)
        yield database


@contextmanager
def beside(where: Place) -> Iterator[Database]:
    """A small one, on the same server where there is one."""
    with where.open_another() as database:
        material.fill(database, FEW)
        yield database


def measure(engine: str, count: int, few: Side, many: Side, batches: int, indexes: Sequence[str]) -> None:
    """Every line of one engine."""
    fresh = made_posts(count)
    for shape, in_order in (("in order", True), ("in no order", False)):
        _by_turns(few, many, [_writing(next(fresh[in_order])) for _ in range(batches)])
        _tell(f"storing posts with names {shape}", engine, count, few, many)
    for columns in indexes:
        for side in (few, many):
            side.database.run_outside_transactions([f"CREATE INDEX tried ON post ({columns})"])
        _by_turns(few, many, [_writing(next(fresh[True])) for _ in range(batches)])
        _tell(f"storing posts with names in order, with an index of {columns}", engine, count, few, many)
        for side in (few, many):
            side.database.run_outside_transactions(["DROP INDEX tried"])
    _by_turns(few, many, [_pruning(source) for source in islice(cycle(material.SOURCES), batches)])
    _tell("deleting the oldest", engine, count, few, many)
    _tell_room(engine, count, many.database)


def authors_in_the_index(folder: Path, batches: int) -> None:
    """What the words of an author cost, in new SQLite files that take the same posts with and without them."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        without, with_it, with_both = (Side(Database.open(f"sqlite:///{place}/{name}.db")) for name in ("0", "1", "2"))
        numbers = iter(range(1, 10**9))
        for batch in islice(made_posts(0)[True], batches):
            entries = [(next(numbers), "", one.post.text, one.post.author, None) for one in batch]
            named = [(*one[:4], f"Name of {one[3]}") for one in entries]
            without.take(partial(search_index.add, entries=[(*one[:3], None, None) for one in entries]))
            with_it.take(partial(search_index.add, entries=entries))
            with_both.take(partial(search_index.add, entries=named))
        (busy, _), (busy_with, _), (busy_with_both, _) = without.usual(), with_it.usual(), with_both.usual()
        for side in (without, with_it, with_both):
            side.database.close()
    say(
        "the index of words, with the word of the author, and of the name that the author shows",
        engine="sqlite",
        posts=batches * BATCH,
        microseconds_a_post=round(1e6 * busy_with / BATCH, 1),
        with_the_name=round(1e6 * busy_with_both / BATCH, 1),
        without=round(1e6 * busy / BATCH, 1),
    )


def _by_turns(few: Side, many: Side, works: Sequence[Callable[[Transaction], object]]) -> None:
    for work in works:
        few.take(work)
        many.take(work)


def _tell(what: str, engine: str, count: int, few: Side, many: Side) -> None:
    (busy, clock), (busy_of_many, clock_of_many) = few.usual(), many.usual()
    say(
        what,
        engine=engine,
        posts=count,
        microseconds_a_post=round(1e6 * busy_of_many / BATCH, 1),
        by_the_clock=round(1e6 * clock_of_many / BATCH, 1),
        ratio=round(busy / busy_of_many, 2),
        ratio_by_the_clock=round(clock / clock_of_many, 2),
        load=round(os.getloadavg()[0], 1),
    )


def _tell_room(engine: str, count: int, database: Database) -> None:
    """How much room the large one takes, and would with ten times as many posts."""
    with database.read() as tx:
        found = sizes.sizes(tx)
    ahead = sizes.forecast(found, 10 * count)
    say(
        "room",
        engine=engine,
        posts=count,
        gigabytes=round(sum(one.octets for one in found) / 1e9, 2),
        bytes_a_post=round(ahead.per_post) if ahead else None,
        gigabytes_for_ten_times_as_many=round(ahead.octets / 1e9, 1) if ahead else None,
    )


def _pruning(source: str) -> Callable[[Transaction], object]:
    """Deletes the oldest of a source, and of the small one what was written into it, too: it soon has nothing else."""
    return lambda tx: erasure.prune(tx, source, material.END + timedelta(days=material.DAYS), limit=BATCH)


def _writing(batch: Sequence[MentionedPost]) -> Callable[[Transaction], object]:
    posts = [one.post for one in batch]
    page = Intake(posts=posts, mentions=batch)
    return lambda tx: write(tx, page)


def made_posts(count: int) -> dict[bool, Iterator[list[MentionedPost]]]:
    """Batches of posts that are newer than all others, by whether their names are in order."""
    draw = random.Random(19)  # noqa: S311 - made posts, not secrets
    texts, brands = list(material.texts()), list(material.shares())
    numbers = iter(range(count, 10 * count + 10_000_000))

    def batches(*, in_order: bool) -> Iterator[list[MentionedPost]]:
        while True:
            yield [_post(next(numbers), draw, texts, brands, in_order=in_order) for _ in range(BATCH)]

    return {in_order: batches(in_order=in_order) for in_order in (True, False)}


def _post(
    number: int, draw: random.Random, texts: Sequence[str], brands: Sequence[str], *, in_order: bool
) -> MentionedPost:
    text, author, at = (
        draw.choice(texts),
        draw.randrange(material.AUTHORS),
        material.END + number * timedelta(seconds=1),
    )
    name = str(number) if in_order else f"{draw.randrange(10**7):07}.{number}"  # among those there are, wherever
    source = draw.choice(material.SOURCES)
    post = Post(
        source, name, at, f"{text} c{draw.randrange(material.RARE)}", kind=PostKind.POST, thread_id=name,
        url=f"https://example.org/{name}", author=f"a{author}", author_name=f"Name {author}", author_reach=author,
        collected_at=at + timedelta(minutes=1), engagement=Engagement(likes=3, replies=0),
    )  # fmt: skip
    mention = Mention(draw.choice(brands), source, name, 0.9, ("name",), "named")
    return MentionedPost(post, mention, SCORE, content_key(text))


def _backend(tx: Transaction) -> int | None:
    """The process that answers on PostgreSQL."""
    return tx.exec_driver_sql("SELECT pg_backend_pid()").scalar() if tx.dialect.name == "postgresql" else None


def _busy(backend: int | None) -> float:
    """Processor time of this process, and of the one that answers it where the system tells, in seconds."""
    return time.process_time() + (processor_time(backend) if backend else 0.0)


if __name__ == "__main__":
    main()
