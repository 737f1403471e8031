"""The program with all its commands."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.main import get_command

from monitor.cli import (
    backtest,
    brief,
    check,
    database,
    database_files,
    demo,
    detect,
    drill,
    forgetting,
    incident_work,
    init,
    posts,
    posts_import,
    posts_reading,
    quarantine,
    replay,
    report,
    run,
    score,
    silences,
    train,
    users,
    web,
)
from monitor.cli.failures import OneLineErrors

app = typer.Typer(
    name="tocsin",
    cls=OneLineErrors,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is there in a third of the time
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tocsin {version('tocsin')}")
        raise typer.Exit


@app.callback()
def tocsin(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """An alarm bell for brands: it rings while a backlash is still small enough to answer.

    Begin with "tocsin demo", which needs nothing, then "tocsin init", "tocsin check" and "tocsin run".
    """


app.command("demo", short_help="A made incident through the real pipeline; needs nothing.")(demo.demo)
app.command("init", short_help="Write a first configuration after a few questions.")(init.init)
app.command("check", short_help="Check the configuration, and with --live all it names.")(check.check)
app.command("fire-drill", short_help="A made incident through the real channels, until somebody takes it.")(
    drill.fire_drill
)
app.command("run", short_help="Watch: read the sources, judge, and page.")(run.run)
app.command("web", short_help="Serve the web page alone.")(web.web)
app.command("replay", short_help="What would have been paged over a history of posts.")(replay.replay)
app.command("backtest", short_help="What other thresholds would have made of stored history.")(backtest.backtest)
app.command("detect", short_help="The burst detector alone, over a series of counts.")(detect.detect)
app.command("score", short_help="Sentiment toward a brand for lines of text.")(score.score)
app.command("train", short_help="Learn a sentiment model from labelled lines.")(train.train)
app.command("report", short_help="The post-mortem of an incident, as a page or a PDF.")(report.report)
app.command("brief", short_help="A brand's week or month, as a page or a PDF.")(brief.brief)
app.add_typer(incident_work.app, name="incidents")
app.add_typer(silences.app, name="silences")
app.add_typer(posts.app, name="posts")
posts.app.add_typer(posts_reading.app)
app.add_typer(users.app, name="users")
posts.app.add_typer(posts_import.app)
database.app.command("forget", epilog="Example: tocsin db forget ann_1 --source reddit")(forgetting.forget)
database.app.command("compliance", epilog="Example: tocsin db compliance --source twitter")(forgetting.compliance)
database.app.command("prune", epilog="Example: tocsin db prune --rewrite")(forgetting.prune)
app.add_typer(database.app, name="db")
database.app.add_typer(database_files.app)
app.add_typer(quarantine.app, name="quarantine")

program = get_command(app)
