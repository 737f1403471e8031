"""`tocsin posts import`: history that others have collected, taken into the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from monitor.cli.spread import ClusterAddress, workers_for

if TYPE_CHECKING:
    from collectors.rows import RowFormat
    from config.settings import Settings
    from monitor.importing import Imported, Importing
    from monitor.scale.workers import Workers
    from storage.database import Database

app = typer.Typer(rich_markup_mode=None)

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...", help="JSONL, CSV, TSV or Parquet, also packed, or archives of Reddit (RS_*.zst, RC_*.zst)."
    ),
]
As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="SOURCE",
        help="The configured source that the posts are of; one of type files says how rows are read.",
    ),
]


@app.command("import", epilog="Example: tocsin posts import RC_2024-03.zst RS_2024-03.zst --as reddit")
def import_(
    files: Files,
    row_source: As = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Also posts about no brand, which are left out otherwise.")
    ] = False,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin anew where an interrupted run would be gone on with.")
    ] = False,
    cluster: ClusterAddress = "",
    config: ConfigFile = DEFAULT,
    as_json: AsJson = False,
) -> None:
    """Take history into the store. Interrupted, it goes on where it was; twice, it changes nothing.

    Nobody is paged for the past: a running program learns from it what is usual, and judges what is the case now.
    """
    chosen = settings.read_settings(config, complete=False)
    if not chosen.brands and not everything:
        raise Failure(f"{config}: no brand is watched, so every post would be left out; add [[brands]], or --all")
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise Failure(*(f"{file}: there is no such file" for file in missing), code=BAD_USAGE)
    with settings.open_database(chosen) as database, workers_for(chosen, cluster) as workers:
        importing = _importing(chosen, database, row_source, workers, everything=everything)
        run = _run_together if cluster else _run_each
        for result in run(importing, files, from_start=from_start):
            if as_json:
                output.print_json({**asdict(result), "left_out": dict(result.left_out)})
            else:
                _tell(result, chosen.general.timezone)


def _importing(chosen: Settings, database: Database, name: str, workers: Workers, *, everything: bool) -> Importing:
    from monitor.importing import Importing

    archive = next((source.name for source in chosen.sources if source.type == "reddit"), "reddit")
    return Importing(
        chosen,
        database,
        settings.now,
        row_format=_row_format(chosen, name),
        archive_source=name or archive,
        takes_all=everything,
        workers=workers,
    )


def _row_format(chosen: Settings, name: str) -> RowFormat:
    """As the named source reads rows; rows of another source, or of none, are called after it."""
    from collectors.rows import RowFormat
    from monitor.cli.replay import row_format

    named = next((source for source in chosen.sources if source.name == name), None)
    if name and named is None:
        known = ", ".join(source.name for source in chosen.sources) or "none"
        raise Failure(f'there is no source "{name}" in the configuration; there are: {known}', code=BAD_USAGE)
    if named is not None and named.type != "files":
        return RowFormat(source=name)
    return row_format(chosen, name) or RowFormat()


def _run_each(importing: Importing, files: list[Path], *, from_start: bool) -> Iterator[Imported]:
    for file in files:
        yield _run(importing, file, from_start=from_start)


def _run_together(importing: Importing, files: list[Path], *, from_start: bool) -> Iterator[Imported]:
    from monitor.scale.imports import import_all

    with output.progress() as progress:
        task = progress.add_task("importing", total=1.0, note="")

        def watch(done: int, of: int) -> None:
            progress.update(task, completed=done / max(of, 1), note=f"{done:,} of {of:,} parts")

        yield from import_all(importing.workers, importing, files, watch, from_start=from_start)


def _run(importing: Importing, file: Path, *, from_start: bool) -> Imported:
    with output.progress() as progress:
        task = progress.add_task(file.name, total=None, note="")

        def watch(result: Imported) -> None:
            progress.update(task, note=f"{result.rows:,} rows, {result.posts:,} posts")

        return importing.run(file, watch, from_start=from_start)


def _tell(result: Imported, timezone: str) -> None:
    again = " (gone on with)" if result.resumed else ""
    rows, posts = f"{result.rows:,} rows, {result.posts:,} posts", f"{result.new_posts:,} of them new"
    more = f"{result.mentions:,} new mentions, {result.samples:,} readings of engagement"
    output.say(f"{output.plain(result.file)}{again}: {rows}, {posts}, {more}")
    if result.first_at and result.last_at:
        first, last = (output.local(at, timezone) for at in (result.first_at, result.last_at))
        output.say(f"  from {first} to {last}")
    for reason, count in result.left_out.most_common(10):
        output.say(f"  left out: {count:,} × {output.plain(reason)}")
