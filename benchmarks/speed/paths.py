"""The whole path: read, match, score, store with search index and rollups, judge, beside the bare loop over the texts.

Posts come in batches of 500, each one crash-safe commit, and what they bring is judged after every fourth. The first
rounds only warm up: a program that runs has read its lexicons.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.speed import material
from benchmarks.speed.measuring import Unit, Watch, ratios, rss_mb
from config.settings import Settings
from monitor.assembly import assemble
from monitor.pipeline import Batch, Pipeline
from storage.database import Database
from storage.records import Post

BATCH = 500
ROUND = 4 * BATCH
WARM = 2
"""Rounds that are not measured."""


@dataclass
class Way:
    """The path over one new SQLite file."""

    pipeline: Pipeline
    only_matched: bool = False
    """Leaves out what is about no brand, as `tocsin import` does."""
    watch: Watch = field(default_factory=Watch)
    posts: int = 0

    def take(self, posts: Sequence[Post]) -> None:
        """One round, timed."""
        with self.watch.running():
            wanted = self.pipeline.understanding.about_us(posts) if self.only_matched else posts
            for start in range(0, len(wanted), BATCH):
                self.pipeline.ingest(Batch(posts=wanted[start : start + BATCH]))
            end = posts[-1].created_at - timedelta(minutes=5)
            self.pipeline.advance(end, settle=end)
        self.posts += len(posts)


def rounds(posts: Iterator[Post]) -> Iterator[list[Post]]:
    """The posts in rounds."""
    while batch := list(islice(posts, ROUND)):
        yield batch


def whole_path(count: int, shape: material.Shape, folder: Path | None, *, only_matched: bool = False) -> dict[str, Any]:
    """The ratio over `count` posts of a shape."""
    chosen = material.settings(shape.brands)
    posts = material.posts(count + WARM * ROUND, shape, [brand.name for brand in chosen.brands], folder)
    with tempfile.TemporaryDirectory() as place, Database.open(f"sqlite:///{place}/speed.db") as database:
        path, unit = way_over(chosen, database, only_matched=only_matched), Unit()
        for number, batch in enumerate(rounds(posts)):
            if number == WARM:
                path.watch, path.posts = Watch(), 0
            if number >= WARM:
                unit.over([post.text for post in batch])
            path.take(batch)
    return {
        **ratios(unit.watch, path.watch),
        "microseconds_a_post": round(1e6 * path.watch.busy / path.posts, 1),
        "posts_per_second_by_the_clock": round(path.posts / path.watch.clock),
    }


def long_history(count: int) -> dict[str, Any]:
    """Cost and memory while a history grows: the ratios over its first and last tenth, and what was resident then."""
    chosen = material.settings()
    posts = material.posts(count, material.TWEETS, [brand.name for brand in chosen.brands])
    ends = [count // 10, count - count // 10, count]
    marks: list[tuple[float, float, int]] = []
    with tempfile.TemporaryDirectory() as place, Database.open(f"sqlite:///{place}/speed.db") as database:
        path, unit = way_over(chosen, database), Unit()
        for batch in rounds(posts):
            unit.over([post.text for post in batch])
            path.take(batch)
            if len(marks) < len(ends) and path.posts >= ends[len(marks)]:
                marks.append((unit.watch.busy, path.watch.busy, rss_mb()))
    (loop_0, own_0, early), (loop_1, own_1, _), (loop_2, own_2, late) = marks
    first, last = loop_0 / own_0, (loop_2 - loop_1) / (own_2 - own_1)
    return {
        **ratios(unit.watch, path.watch),
        "first_tenth": round(first, 2),
        "last_tenth": round(last, 2),
        "cost_grew": round(first / last, 2),
        "rss_mb_after_a_tenth": early,
        "rss_mb_at_the_end": late,
    }


def way_over(chosen: Settings, database: Database, *, only_matched: bool = False) -> Way:
    """The path of a configuration over a database."""
    return Way(assemble(chosen, database, durable=False), only_matched)
