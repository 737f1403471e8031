"""Gaps of coverage as a table, in a post-mortem and in a brief."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.render.outside import cleaned, cut
from alerts.words import clock
from monitor.report.document import Rows
from storage.records import Gap


def gap_rows(gaps: Sequence[Gap], zone: str) -> Rows:
    """A row for each gap, in the order given; times are those of the time zone."""
    rows = tuple(
        (
            cleaned(gap.source),
            f"{clock(gap.starts_at, zone)} to {clock(gap.ends_at, zone, gap.starts_at)}",
            f"{gap.share_missing:.0%}",
            "read later" if gap.filled_at else "still missing",
            cut(cleaned(gap.reason), 120),
        )
        for gap in gaps
    )
    return Rows(("source", "when", "missing", "since then", "why"), rows, (4, 7, 3, 4, 6))
