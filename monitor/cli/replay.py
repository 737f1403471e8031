"""`tocsin replay`: what would have been paged, when, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from monitor.cli.spread import ClusterAddress, workers_for

if TYPE_CHECKING:
    from collectors.files import Report
    from collectors.rows import RowFormat
    from config.settings import Settings
    from monitor.replay import Replay
    from storage.records import Alert

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="History: JSONL, CSV, TSV or Parquet, also packed.")
]
As = Annotated[
    str,
    typer.Option("--as", metavar="SOURCE", help="Read rows as this configured source of type files does."),
]


def replay(
    files: Files,
    config: ConfigFile = DEFAULT,
    row_source: As = "",
    cluster: ClusterAddress = "",
    as_json: AsJson = False,
) -> None:
    """Send history through the pipeline at its own time, and print what would have been paged.

    Nothing is sent and nothing is kept. The configuration needs brands; sources, channels and routes are not used.

    Example: tocsin replay history.jsonl.gz --config tocsin.toml --json
    """
    from collectors.files import Report, read
    from monitor.replay import replay as run

    chosen = settings.read_settings(config, complete=False)
    if not chosen.brands:
        raise Failure(f"{config}: no brand is watched; add a table [[brands]] with a name", code=BAD_USAGE)
    missing = [file for file in files if not file.is_file()]
    if missing:
        raise Failure(*(f"{file}: there is no such file" for file in missing), code=BAD_USAGE)
    report = Report()
    show = _print_json if as_json else _printer(chosen.general.timezone)
    with workers_for(chosen, cluster) as workers, output.progress() as progress:
        task = progress.add_task("reading", total=None, note="")

        def watch(phase: str, done: float) -> None:
            total, note = (None, f"{report.rows:,} rows") if done < 0 else (1.0, "")
            progress.update(task, description=phase, total=total, completed=max(done, 0.0), note=note)

        events = read(files, row_format(chosen, row_source), report)
        result = run(events, chosen, on_alert=lambda alert: _tell(alert, show), progress=watch, workers=workers)
    _report(result, report, as_json=as_json)


def row_format(chosen: Settings, name: str) -> RowFormat | None:
    """How rows are read: as the named source does, or as the only one of its type that is configured."""
    from collectors.files import Options

    sources = [source for source in chosen.sources if source.type == "files" and (not name or source.name == name)]
    if name and not sources:
        raise Failure(f'there is no source "{name}" of type files in the configuration', code=BAD_USAGE)
    if len(sources) != 1:
        return None
    options: Options = Options.model_validate(sources[0].options)
    return options.row_format(sources[0].name)


def _tell(alert: Alert, show: Any) -> None:
    from alerts.policy import is_audible

    if is_audible(alert):
        show(alert)


def _print_json(alert: Alert) -> None:
    output.print_json(
        {
            "at": alert.at,
            "brand": alert.page.get("brand", ""),
            "severity": alert.severity,
            "reason": alert.reason,
            "headline": alert.page.get("headline", ""),
            "incident": alert.incident_id,
            "why": " ".join(_reasons(alert)),
        }
    )


def _reasons(alert: Alert) -> list[str]:
    """What is new, for those who know of it; why it rang, for the others."""
    return [str(sentence) for sentence in alert.page.get("changed") or alert.page.get("why") or [alert.why]]


def _printer(timezone: str) -> Any:
    def show(alert: Alert) -> None:
        severity = output.severity_markup(alert.severity.value)
        brand, headline = (str(alert.page.get(key, "")) for key in ("brand", "headline"))
        about = output.plain(headline if brand in headline else f"{brand}: {headline}")
        output.say(f"{output.local(alert.at, timezone)}  {severity}  {alert.reason.value}  [bold]{about}[/]")
        for sentence in _reasons(alert):
            output.say(f"    {output.plain(sentence)}")

    return show


def _report(result: Replay, report: Report, *, as_json: bool) -> None:
    """The sum of it for people, on standard error, so that the messages alone can be piped."""
    target = output.console(error=True)
    if report.quarantined:
        reasons = ", ".join(f"{count:,} × {output.plain(reason)}" for reason, count in report.reasons.most_common(5))
        target.print(f"{report.quarantined:,} of {report.rows:,} rows could not be read: {reasons}")
    if not result.posts and not result.samples:
        raise Failure("no row of these files is a post; docs/sources/files.md tells what rows look like")
    if not as_json:
        incidents = len({alert.incident_id for alert in result.alerts})
        target.print(
            f"{result.posts:,} posts, {result.mentions:,} mentions; {incidents} incident{'s' if incidents != 1 else ''}"
        )
