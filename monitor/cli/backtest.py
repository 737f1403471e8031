"""`tocsin backtest`: what stored history would have done under other configurations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.names import SENSITIVITIES, Sensitivity
from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from monitor.cli.spread import ClusterAddress, workers_for

if TYPE_CHECKING:
    from rich.progress import Progress

    from config.settings import Settings
    from monitor.backtest.compare import Backtest
    from monitor.backtest.variants import Variant
    from monitor.scale.workers import Workers
    from storage.database import Database

Files = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILE]...", help="History files to judge instead of the configured database."),
]
Against = Annotated[
    list[Path] | None,
    typer.Option("--against", metavar="FILE", help="Another configuration to compare with; may be repeated."),
]
Sensitivities = Annotated[
    str, typer.Option("--sensitivity", metavar="NAMES", help="Sensitivities to compare with, commas between them.")
]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A threshold to change; all of them make one configuration."),
]
Since = Annotated[datetime | None, typer.Option("--since", help="Report from here on (UTC).", metavar="DATE")]
Until = Annotated[datetime | None, typer.Option("--until", help="Report up to here (UTC).", metavar="DATE")]
PagesPerWeek = Annotated[
    float | None,
    typer.Option("--pages-per-week", metavar="N", min=0, help="Look for the thresholds that page at most so often."),
]
As = Annotated[
    str, typer.Option("--as", metavar="SOURCE", help="Read rows of files as this configured source of type files does.")
]
PictureFile = Annotated[Path | None, typer.Option("--picture", metavar="FILE.png", help="Draw it into this file.")]


def backtest(
    files: Files = None,
    *,
    row_source: As = "",
    config: ConfigFile = DEFAULT,
    against: Against = None,
    sensitivity: Sensitivities = "",
    assignments: Assignments = None,
    pages_per_week: PagesPerWeek = None,
    since: Since = None,
    until: Until = None,
    picture: PictureFile = None,
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Compare what other thresholds would have made of your own history.

    Judges the posts of the configured database, or of history files, under several configurations: how often people
    would have been paged, and what of the incidents that they confirmed would have been caught, how early, and missed.
    Nothing is written. Without other choices the three sensitivities are compared.

    Example: tocsin backtest --set crowd_fewest_voices=12 --pages-per-week 2 --picture backtest.png
    """
    from monitor.backtest.compare import backtest as run

    _refuse_nonsense(files or [], since, until, picture)
    chosen = settings.read_settings(config, complete=False)
    if not chosen.brands:
        raise Failure(f"{config}: no brand is watched; add a table [[brands]] with a name", code=BAD_USAGE)
    scale = pages_per_week is not None
    variants = _variants(chosen, against or [], _names(sensitivity), assignments or [], scale=scale)
    with (
        workers_for(chosen, cluster) as workers,
        output.progress() as progress,
        _history(files or [], row_source, chosen, progress, workers) as database,
    ):
        task = progress.add_task("judging", total=1.0, note="")

        def watch(at: datetime, done: float) -> None:
            progress.update(task, completed=done, note=f"{at:%Y-%m-%d} × {len(variants)}")

        found = run(database, variants, _utc(since), _utc(until), watch, workers)
        if found is None:
            raise Failure(_nothing(files or [], since, until), code=FOUND_PROBLEMS)
        progress.remove_task(task)
        drawn = _draw(database, found, picture, chosen)
    _tell(found, chosen, pages_per_week, as_json=as_json)
    if picture is not None and not as_json:
        missing = len(chosen.brands) - len(drawn)
        rest = f"; it shows the {len(drawn)} brands with most to tell" if missing > 0 else ""
        output.say(f"\nThe picture is in {output.plain(str(picture))}{rest}.")


def _refuse_nonsense(
    files: Sequence[Path], since: datetime | None, until: datetime | None, picture: Path | None
) -> None:
    """Say what cannot work before minutes of work are spent on it."""
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise Failure(*(f"{file}: there is no such file" for file in missing), code=BAD_USAGE)
    if since is not None and until is not None and since >= until:
        raise Failure("--since must be before --until", code=BAD_USAGE)
    if picture is not None and picture.suffix.lower() != ".png":
        raise Failure(f"--picture: {picture} is no name of a picture; write one that ends in .png", code=BAD_USAGE)
    if picture is not None and not picture.parent.is_dir():
        raise Failure(f"--picture: there is no folder {picture.parent}", code=BAD_USAGE)


def _variants(
    chosen: Settings, against: Sequence[Path], names: Sequence[Sensitivity], assignments: Sequence[str], *, scale: bool
) -> list[Variant]:
    from monitor.backtest import variants

    files = ((path.name, settings.read_settings(path, complete=False)) for path in against)
    found = [variants.configured(chosen), *(variants.other(name, other, chosen) for name, other in files)]
    if assignments:
        try:
            found.append(variants.changed(chosen, assignments))
        except variants.VariantError as error:
            raise Failure(f"--set: {error}", code=BAD_USAGE) from error
    if not names and not against and not assignments and not scale:
        names = SENSITIVITIES
    found += [variants.at_sensitivity(chosen, name) for name in names]
    if scale:
        found += [variants.at_strictness(chosen, level) for level in variants.LEVELS]
    return variants.distinct(found)


def _names(written: str) -> list[Sensitivity]:
    from config.suggestions import did_you_mean

    names = [name.strip() for name in written.split(",") if name.strip()]
    for name in names:
        if name not in SENSITIVITIES:
            raise Failure(f'--sensitivity: there is no "{name}"; {did_you_mean(name, SENSITIVITIES)}', code=BAD_USAGE)
    return [one for one in SENSITIVITIES if one in names]


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


@contextmanager
def _history(
    files: Sequence[Path], row_source: str, chosen: Settings, progress: Progress, workers: Workers
) -> Iterator[Database]:
    """The configured database, which is only read; or a passing one with the posts of the files."""
    from storage.database import Database

    if not files:
        with settings.open_database(chosen, read_only=True) as database:
            yield database
        return
    with (
        tempfile.TemporaryDirectory(prefix="tocsin-backtest-") as folder,
        Database.open(f"sqlite:///{Path(folder) / 'history.db'}") as database,
    ):
        _read(files, row_source, chosen, database, progress, workers)
        yield database


def _read(
    files: Sequence[Path],
    row_source: str,
    chosen: Settings,
    database: Database,
    progress: Progress,
    workers: Workers,
) -> None:
    from collectors.files import Report, read
    from monitor.backtest.compare import read_history
    from monitor.cli.replay import row_format

    report = Report()
    task = progress.add_task("reading", total=None, note="")
    events = read(files, row_format(chosen, row_source), report)
    read_history(database, chosen, events, lambda rows: progress.update(task, note=f"{rows:,} rows"), workers)
    progress.remove_task(task)
    if report.quarantined:
        reasons = ", ".join(f"{count:,} × {output.plain(reason)}" for reason, count in report.reasons.most_common(5))
        output.console(error=True).print(f"{report.quarantined:,} of {report.rows:,} rows could not be read: {reasons}")


def _nothing(files: Sequence[Path], since: datetime | None, until: datetime | None) -> str:
    if since or until:
        return "no post is stored in that span; leave out --since and --until to judge all history"
    if files:
        return "no row of these files is a post; docs/sources/files.md tells what rows look like"
    return 'no post is stored yet; "tocsin run" collects them, or name history files'


def _draw(database: Database, found: Backtest, picture: Path | None, chosen: Settings) -> list[str]:
    if picture is None:
        return []
    from monitor.backtest.picture import draw

    return draw(database, found, picture, chosen.general.timezone)


def _tell(found: Backtest, chosen: Settings, pages_per_week: float | None, *, as_json: bool) -> None:
    from monitor.backtest.machine import lines
    from monitor.cli.backtest_report import tell

    if not as_json:
        tell(found, chosen.general.timezone, pages_per_week)
        return
    for line in lines(found, pages_per_week):
        output.print_json(line)
