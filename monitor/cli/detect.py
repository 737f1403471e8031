"""`tocsin detect`: the burst detector alone, over a file of counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from monitor.cli import output
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import AsJson

if TYPE_CHECKING:
    from monitor.detect import Report

File = Annotated[
    Path, typer.Argument(metavar="COUNTS.csv", help="timestamp,count[,negative]; plain or packed by gzip.")
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print timestamp,surprise of every alert.")]
Sensitive = Annotated[
    Literal["relaxed", "standard", "keen"], typer.Option("--sensitivity", help="relaxed, standard or keen.")
]
Sparse = Annotated[
    bool, typer.Option("--sparse", help="The file leaves out rows without mentions: a hole is a zero, not a gap.")
]


def detect(
    file: File,
    as_csv: AsCsv = False,
    as_json: AsJson = False,
    sensitivity: Sensitive = "standard",
    sparse: Sparse = False,
) -> None:
    """Find the bursts in a series of counts.

    Rows are five minutes of mentions; finer and coarser ones (up to an hour) are understood.

    Example: tocsin detect mentions.csv --csv
    """
    from monitor.counts import CountsError
    from monitor.detect import csv_lines, detect

    try:
        report = detect(file, sensitivity=sensitivity, holes_are_zero=sparse)
    except CountsError as error:
        raise Failure(*str(error).splitlines(), code=BAD_USAGE) from error
    if as_json:
        for alert in report.alerts:
            output.print_json(alert.as_json())
    elif as_csv:
        for line in csv_lines(report.alerts):
            typer.echo(line)
    else:
        _print(report)


def _print(report: Report) -> None:
    """The alerts as people read them, and what nobody counted."""
    from monitor.detect import duration, rounded

    rows = [
        (
            output.plain(alert.timestamp),
            output.plain(alert.column),
            f"{alert.surprise:.1f}",
            f"{alert.observed:,.0f} in {duration(alert.window)}",
            rounded(alert.expected),
            f"{alert.low:,.0f} - {alert.high:,.0f}",
        )
        for alert in report.alerts
    ]
    span = f"{len(rows)} bursts from {output.plain(report.first)} to {output.plain(report.last)}"
    output.print_table(("when", "of", "surprise", "counted", "expected", "usual"), rows, caption=span)
    if report.holes:
        output.say(
            f"{report.holes:,} of {report.bins:,} bins of five minutes have no count and were taken as gaps. "
            "If the file leaves out rows without mentions, say --sparse."
        )
