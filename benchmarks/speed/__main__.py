"""The table of speed: `python -m benchmarks.speed [--quick] [--data FOLDER]`, one JSON object a line.

The unit is the bare loop: `SentimentIntensityAnalyzer().polarity_scores(text)` over the same texts and nothing else,
measured before and after each row in the same process, because machines are noisy. `--data` takes a folder of labelled
texts (gzip JSONL with `text`); without it the texts are made.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from benchmarks.speed import material
from monitor.app import assemble
from monitor.detectors.burst import SeriesBank
from monitor.matching import Matcher
from monitor.pipeline import Batch
from monitor.replay import replay
from monitor.sentiment.vader import Vader
from monitor.tidying import tidy_seldom
from storage.database import Database
from storage.records import Post

BATCH = 500


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """The median wall time of `work` over `repeat` runs."""
    taken = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def rss_mb() -> int:
    """The largest resident memory so far, in MB (Linux gives kilobytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def say(what: str, **figures: object) -> None:
    """One line of the table."""
    print(json.dumps({"what": what, **figures, "rss_mb": rss_mb()}), flush=True)


def bare_loop(texts: Sequence[str]) -> Callable[[], object]:
    """The unit."""
    analyzer = SentimentIntensityAnalyzer()
    return lambda: [analyzer.polarity_scores(text) for text in texts]


def beside(texts: Sequence[str], work: Callable[[], object], repeat: int) -> tuple[float, float]:
    """How many times faster than the bare loop `work` is, and its seconds; the loop is timed on both sides of it."""
    loop = bare_loop(texts)
    before, own, after = seconds(loop, 1), seconds(work, repeat), seconds(loop, 1)
    return (before + after) / 2 / own, own


def scoring(texts: Sequence[str], repeat: int) -> None:
    """The same scores as the package, without its detours."""
    vader = Vader.packaged()
    ratio, own = beside(texts, lambda: [vader.polarity(text) for text in texts], repeat)
    say("scoring, equal to the package", ratio_to_bare_loop=round(ratio, 2), texts_per_second=round(len(texts) / own))
    for what, text in (("5,000 emoji", "😡" * 5000), ("12,800 lexicon words", "terrible good " * 6400)):
        say(f"scoring {what}", milliseconds=round(1000 * seconds(lambda text=text: vader.polarity(text)), 2))  # type: ignore[misc]


def matching(posts: Sequence[Post], repeat: int) -> None:
    """Finding the brands in a post."""
    for brands in (200, 5000):
        matcher = Matcher(material.settings(brands).brands)
        own = seconds(lambda matcher=matcher: [matcher.match(post) for post in posts], repeat)  # type: ignore[misc]
        say(
            f"matching {brands} brands x {material.ALIASES} aliases",
            microseconds_a_post=round(1e6 * own / len(posts), 2),
        )


def whole_path(posts: Sequence[Post], only_matched: bool) -> Callable[[], object]:
    """Read, match, score, store with search index and rollups, judge: into a new SQLite file, commits crash-safe."""
    settings = material.settings()
    matches = Matcher(settings.brands).match

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            database = Database.open(f"sqlite:///{folder}/speed.db")
            pipeline = assemble(settings, database, durable=False)
            for start in range(0, len(posts), BATCH):
                batch = posts[start : start + BATCH]
                pipeline.ingest(Batch(posts=[post for post in batch if matches(post)] if only_matched else batch))
            end = posts[-1].created_at + timedelta(minutes=5)
            pipeline.advance(end, settle=end)
            database.close()

    return work


def paths(posts: Sequence[Post], repeat: int) -> None:
    """The whole path, with every post stored and with only those about a brand."""
    texts = [post.text for post in posts]
    for what, only_matched in (("whole path, every post stored", False), ("whole path, matched posts stored", True)):
        ratio, own = beside(texts, whole_path(posts, only_matched), repeat)
        say(what, ratio_to_bare_loop=round(ratio, 2), posts_per_second=round(len(posts) / own))


def tick(series: int) -> None:
    """Judging many count series at one tick, the state saved included."""
    bank = SeriesBank([str(number) for number in range(series)])
    counts = np.random.default_rng(1).poisson(2.0, series)
    bank.push(counts)
    say(
        f"judging {series} series a tick, state saved",
        milliseconds=round(1000 * seconds(lambda: (bank.push(counts), bank.dump()), 9), 1),
    )


def long_replay(count: int) -> None:
    """Memory while a long history goes through; made posts are given one by one."""
    settings = material.settings()
    brands = [brand.name for brand in settings.brands]
    kinds = material.posts(10_000, brands, 0.27)
    made = (
        replace(kinds[n % len(kinds)], external_id=str(n), created_at=material.BEGIN + timedelta(seconds=3 * n))
        for n in range(count)
    )
    began = time.perf_counter()
    replay(made, settings)
    say(f"replay of {count} posts", posts_per_second=round(count / (time.perf_counter() - began)))


def start_up() -> None:
    """How long the command line takes to say its help."""
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "--help"]
    run = lambda: subprocess.run(command, check=True, capture_output=True)  # noqa: E731
    say("tocsin --help", seconds=round(seconds(run, 5), 2))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="fewer posts, and no long replay")
    parser.add_argument("--data", type=Path, help="folder of labelled texts to measure on (default: made texts)")
    parser.add_argument("--posts", type=int, help="how many posts (default 20,000; quick 4,000)")
    options = parser.parse_args()
    tidy_seldom()
    count, repeat = options.posts or (4_000 if options.quick else 20_000), 1 if options.quick else 3
    say("machine", python=platform.python_version(), system=platform.platform(), processor=platform.machine())
    brands = [brand.name for brand in material.settings().brands]
    posts = material.posts(count, brands, 0.27, options.data)
    scoring([post.text for post in posts], repeat)
    matching(posts, repeat)
    paths(posts, repeat)
    tick(10_000)
    start_up()
    if not options.quick:
        long_replay(1_000_000)


if __name__ == "__main__":
    main()
