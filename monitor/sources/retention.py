"""How long posts are kept: each source's old posts are deleted a few at a time; counts and incidents stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from config.settings import SourceSettings
from storage import erasure, runs
from storage.database import Database

AT_ONCE = 2_000
RUNS_FOR = timedelta(days=90)
"""How long runs of collectors are remembered."""


def spans(sources: Sequence[SourceSettings]) -> dict[str, timedelta]:
    """How long the posts of each source are kept; sources that keep theirs for ever are not among them."""
    return {source.name: kept for source in sources if (kept := source.kept_for) is not None}


def pruned(database: Database, kept: Mapping[str, timedelta], now: datetime) -> Iterator[tuple[str, int]]:
    """Delete what is older, in transactions of a bearable size; gives each source with how many posts went at once."""
    for source, span in kept.items():
        while True:
            with database.write() as tx:
                count = erasure.prune(tx, source, now - span, limit=AT_ONCE)
            if not count:
                break
            yield source, count
            if count < AT_ONCE:
                break
    with database.write() as tx:
        runs.forget_before(tx, now - RUNS_FOR)


def prune(database: Database, kept: Mapping[str, timedelta], now: datetime) -> dict[str, int]:
    """Delete what is older; how many posts of each source."""
    gone: dict[str, int] = {}
    for source, count in pruned(database, kept, now):
        gone[source] = gone.get(source, 0) + count
    return gone
