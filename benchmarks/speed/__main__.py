"""The table of speed: `python -m benchmarks.speed [--quick] [--data FOLDER] [--keep FILE]`, one JSON object a line.

The unit is the bare loop: `SentimentIntensityAnalyzer().polarity_scores(text)` over the same texts and nothing else;
both take turns in one process, and every row has a process of its own. `--data` takes a folder of labelled texts (gzip
JSONL with `text`); without it the texts are made. `--keep` adds the run to a file, one line, to compare over time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from benchmarks.speed import decisive, material, near, parts, paths, peer, shares, templates
from benchmarks.speed.measuring import apart
from monitor.tidying import tidy_seldom

FOUR_TICKS = 204_000
"""Posts of twenty minutes at the usual load."""

Row = tuple[str, Callable[[], Mapping[str, Any]]]


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """The rows of the table, each with what measures it."""
    count, data = options.posts or (4_000 if options.quick else 40_000), options.data
    brands = [brand.name for brand in material.settings().brands]
    few = list(islice(material.posts(min(count, 10_000), material.TWEETS, brands, data), 10_000))
    texts = [post.text for post in few]
    yield "whole path, every post stored", partial(paths.whole_path, count, material.TWEETS, data)
    yield (
        "whole path, only matched posts stored",
        partial(paths.whole_path, count, material.TWEETS, data, only_matched=True),
    )
    if not options.quick:
        usual = partial(paths.whole_path, FOUR_TICKS, material.USUAL, data)
        yield f"whole path, {material.USUAL.name}, every post stored", usual
        yield f"whole path, {material.USUAL.name}, only matched posts stored", partial(usual, only_matched=True)
    for shape in material.SHAPES[1:]:
        smaller = max(2_000, count // 20 if shape.sentences > 1 or shape.emoji else count // 2)
        said = None if shape is material.STORM else data  # labelled texts are no storm
        yield f"whole path, {shape.name}", partial(paths.whole_path, smaller, shape, said)
    yield "scoring, equal to the package", partial(parts.scoring, texts)
    yield "matching 200 brands x 10 aliases", partial(parts.matching, few, 200)
    yield "matching 5,000 brands x 10 aliases", partial(parts.matching, few, 5_000)
    yield "matching 200 brands x 1 alias", partial(parts.matching, few, 200, 1)
    yield "matching 200 brands x 100 aliases", partial(parts.matching, few, 200, 100)
    yield "matching twice the text", partial(parts.twice_the_text, few)
    yield "near-duplicates", partial(parts.near_duplicates, few)
    if data:
        yield "near-duplicates beside comparing all", partial(near.beside_all_pairs, texts)
    for what, said in (
        ("of templates", templates.texts()),
        ("in a storm", material.texts(material.STORM, brands)),
        ("of made talk", material.texts(material.TWEETS, brands)),
    ):
        compared = partial(near.beside_all_pairs, list(islice(said, len(few))))
        yield f"near-duplicates {what} beside comparing all", compared
    yield "judging 10,000 series a tick, their counts saved", partial(parts.tick, 10_000)
    yield (
        "judging 5,000 brands a tick, whole state saved",
        partial(parts.whole_state, 5_000, 100 if options.quick else 300),
    )
    yield "detection over counts", partial(parts.counts, 20 if options.quick else 200, 28)
    yield "a quiet tick while incidents are open", partial(parts.open_incidents, 0, 1_000)
    yield "decisive post to request", partial(decisive.decisive_post, 6 if options.quick else 12)
    yield "tocsin --help", partial(parts.start_up, "--help")
    yield "tocsin check", partial(parts.start_up, "check", "--config", "CONFIG")
    if options.shares:
        yield "where the time of the whole path goes", partial(shares.where, count, data)
    if options.history:
        yield f"a history of {options.history:,} posts", partial(paths.long_history, options.history)
    if options.peer:
        yield "the closest open peer", partial(peer.beside, options.peer, few)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "what": "machine",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("SQLAlchemy", "vaderSentiment", "numpy")},
    }


def _commit() -> str:
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer posts")
    parser.add_argument("--data", type=Path, help="folder of labelled texts to measure on (default: made texts)")
    parser.add_argument("--posts", type=int, help="how many posts (default 40,000; quick 4,000)")
    parser.add_argument("--shares", action="store_true", help="also where the time of the whole path goes")
    parser.add_argument("--history", type=int, default=0, metavar="N", help="also a history of so many posts (1000000)")
    parser.add_argument("--peer", type=Path, metavar="PYTHON", help="also obsei, installed for this interpreter")
    parser.add_argument("--only", default="", metavar="WORDS", help="only rows whose name holds these words")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="add the run to this file")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    tidy_seldom()
    told = [machine()]
    print(json.dumps(told[0]), flush=True)
    began = time.perf_counter()
    for what, measure in rows(options):
        if options.only in what:
            told.append({"what": what, **apart(measure)})
            print(json.dumps(told[-1]), flush=True)
    print(json.dumps({"what": "all of it", "seconds": round(time.perf_counter() - began)}), flush=True)
    if options.keep:
        with options.keep.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
