"""`tocsin report`: the post-mortem of an incident."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, ConfigFile

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.report.document import Document

FORMS = ("html", "pdf")
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="FILE", help="What to write, .html or .pdf; a name is made otherwise."),
]


def report(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="The incident; four or more letters of either end will do.")
    ],
    config: ConfigFile = DEFAULT,
    out: Out = None,
    redact: Annotated[
        bool, typer.Option("--redact", help="Leave out who wrote what, links, addresses and numbers.")
    ] = False,
) -> None:
    """Write the post-mortem of an incident: its course, how fast we were, the evidence, and what was done.

    Example: tocsin report 01JXQ4 --out voicemail.pdf --redact
    """
    from monitor.care import find
    from monitor.report.incident import post_mortem

    chosen, now = settings.read_settings(config, complete=False), settings.now()
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        incident = find(tx, name)
        document = post_mortem(tx, chosen, incident, now, redacted=redact)
    write(document, out or Path(f"report-{incident.id}.html"), now)


def write(document: Document, place: Path, now: datetime) -> None:
    """Write a report in the form that the name of the file tells."""
    form = place.suffix.removeprefix(".").lower()
    if form not in FORMS:
        raise Failure(f'"{place}" does not tell its form; end it with .html or .pdf', code=BAD_USAGE)
    if form == "pdf":
        from monitor.report.pdf import pdf

        place.write_bytes(pdf(document, now))
    else:
        from monitor.report.html import html

        place.write_text(html(document), encoding="utf-8")
    output.say(f"Wrote {output.plain(str(place))}.")
