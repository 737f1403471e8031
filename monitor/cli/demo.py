"""`tocsin demo`: the main job on a made story, with nothing to set up."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.run import ENDS

if TYPE_CHECKING:
    from monitor.demo.show import Shown
    from storage.records import Alert

Folder = Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Where the messages and the database go.")]


Serve = Annotated[bool, typer.Option("--serve", help="Then serve the web page over it, until Ctrl-C.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Where to serve it; 0 for any free port.")]


def demo(out: Folder = Path("demo"), serve: Serve = False, port: Port = 8477) -> None:
    """Tell a made backlash through the real pipeline, and show what would have rung, when, and why.

    A made company threatens a customer who wrote to its chief executive. Fifteen ordinary days and the day on which it
    goes round are read from four sources, judged at event time on SQLite, and told as Slack and e-mail would tell it.

    Example: tocsin demo --out /tmp/tocsin-demo
    """
    if serve:
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # before any thread begins, as in "tocsin run"
    from monitor.demo.show import show

    output.say("[bold]One bad day at Norrvik Mobile[/] (a made company; all times are UTC)\n")
    with output.progress() as progress:
        progress.add_task("fifteen ordinary days, and 2 June", total=None, note="")
        shown = show(out)
    _tell_story(shown)
    _tell_files(shown, is_served=serve)
    if serve:
        _serve(shown.folder, port)


def _serve(folder: Path, port: int) -> None:
    from config.load import load
    from monitor.demo.serving import story_desk
    from monitor.demo.show import CONFIGURATION
    from monitor.web.serving import Serving, WebError
    from storage.database import Database

    chosen = load(folder / CONFIGURATION, complete=False)
    chosen = chosen.model_copy(update={"web": chosen.web.model_copy(update={"port": port})})
    with Database.open(chosen.database.resolved_url(), migrate=False) as database:
        try:
            serving = Serving(story_desk(folder, database, chosen))
        except WebError as error:
            raise Failure(str(error), code=BAD_USAGE) from error
        try:
            serving.start()
            output.say(f"\nThe web page is at [bold]{output.plain(serving.address)}[/] (Ctrl-C ends it).")
            signal.sigwait(ENDS)
        finally:
            serving.stop()


def _tell_story(shown: Shown) -> None:
    story = shown.story
    lines: list[tuple[object, str]] = [
        (story.published_at, "[dim]a customer puts the voicemail on her blog[/]"),
        (story.apology_at, "[dim]the company apologises in public[/]"),
        *((alert.at, _alert(alert)) for alert in shown.result.alerts),
    ]
    for at, line in sorted(lines, key=lambda entry: str(entry[0])):
        output.say(f"{at:%d %b %H:%M}  {line}")


def _alert(alert: Alert) -> str:
    page = alert.page
    severity = output.severity_markup(alert.severity.value)
    headline = f"{severity} {alert.reason.value}: [bold]{output.plain(str(page.get('headline', '')))}[/]"
    reasons = page.get("changed") or page.get("why") or [alert.why]
    return "\n".join([headline, *(f"               {output.plain(str(sentence))}" for sentence in reasons)])


def _tell_files(shown: Shown, *, is_served: bool) -> None:
    result, first = shown.result, shown.first_page
    output.say(f"\n{result.posts:,} posts read, {result.mentions:,} about the company.")
    if first is not None:
        minutes = round((first.at - shown.story.published_at).total_seconds() / 60)
        ahead = (shown.story.apology_at - first.at).total_seconds() / 3600
        output.say(
            f"The first page went out {minutes} minutes after the blog post, {ahead:.1f} hours before the apology."
        )
    counts = Counter(message.target for message in shown.sent)
    went = " and ".join(f"{number} to {output.plain(target)}" for target, number in counts.items())
    output.say(f"\nMessages went out, {went}, as files: the demo reaches nobody. Look at them:")
    first_looks = [
        path for path in shown.files if path.name.endswith(("slack.html", "mail-1-opened.html", "curve.png"))
    ]
    for path in first_looks:
        output.say(f"  {output.plain(str(path))}")
    output.say(f"  and {len(shown.files) - len(first_looks)} more beside them, each mail as .html, .txt and .eml")
    config = output.plain(str(shown.folder / "tocsin.toml"))
    program = output.plain(sys.argv[0])
    if not is_served:
        output.say(
            f"\nLook at it in a browser: [bold]{program} demo --serve --out {output.plain(str(shown.folder))}[/]"
        )
    output.say(f"Ask the database: [bold]{program} incidents list --config {config}[/]")
