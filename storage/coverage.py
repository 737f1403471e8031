"""What was read of every source, hour by hour: for calendars, and beside every chart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import gaps
from storage.database import Transaction
from storage.records import Gap

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Covered:
    """How much of a span was read, 0 to 1, and why the rest was not."""

    start: datetime
    share: float
    reasons: tuple[str, ...] = ()


def calendar(
    tx: Transaction, sources: Iterable[str], since: datetime, until: datetime, step: timedelta = HOUR
) -> dict[str, list[Covered]]:
    """For every source the spans of `[since, until)`, `step` long, with the share that was read.

    A span that is not over at `until` is measured up to there.
    """
    missing: dict[str, list[Gap]] = defaultdict(list)
    for gap in gaps.between(tx, since, until):
        if gap.is_open:
            missing[gap.source].append(gap)
    return {source: _spans(missing[source], since, until, step) for source in sources}


def _spans(missing: list[Gap], since: datetime, until: datetime, step: timedelta) -> list[Covered]:
    found: list[Covered] = []
    start = since
    while start < until:
        end = min(start + step, until)
        touching = [gap for gap in missing if gap.starts_at < end and gap.ends_at > start]
        reasons = tuple(dict.fromkeys(gap.reason for gap in touching))
        found.append(Covered(start, 1.0 - gaps.share_missing(touching, start, end), reasons))
        start = end
    return found
