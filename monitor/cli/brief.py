"""`tocsin brief`: a brand's week or month."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from monitor.cli import settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.report import Out, write
from monitor.cli.settings import DEFAULT, ConfigFile

if TYPE_CHECKING:
    from config.names import BriefPeriod


def brief(
    brand: Annotated[str, typer.Argument(metavar="[BRAND]", help="Whose; may be left out where there is one.")] = "",
    config: ConfigFile = DEFAULT,
    week: Annotated[bool, typer.Option("--week", help="Of the seven days before that day.")] = False,
    month: Annotated[bool, typer.Option("--month", help="Of the calendar month before that day.")] = False,
    at: Annotated[
        datetime | None,
        typer.Option("--at", metavar="DATE", formats=["%Y-%m-%d"], help="As it is made on that day; today otherwise."),
    ] = None,
    out: Out = None,
) -> None:
    """Write the brief of a week or a month: what was said, what rang, how fast people were, and what nobody saw.

    Example: tocsin brief Acme --week --out acme.pdf
    """
    from monitor.briefs import file_name
    from monitor.report.brief import brief as made
    from monitor.report.period import EARLIEST, Period

    every = _every(week=week, month=month)
    chosen, now = settings.read_settings(config, complete=False), settings.now()
    name, zone = settings.brand_named(chosen, brand), chosen.general.timezone
    today = now.astimezone(ZoneInfo(zone)).date()
    day = max(at.date() if at else today, EARLIEST)
    period = Period.up_to(every, day, zone)
    if period.begin > now:
        raise Failure(f"{period.words} has not begun yet", code=BAD_USAGE)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        document = made(tx, chosen, name, period, now)
    write(document, out or Path(file_name(name, period, "html")), now)


def _every(*, week: bool, month: bool) -> BriefPeriod:
    if week == month:
        raise Failure("say which: --week or --month", code=BAD_USAGE)
    return "week" if week else "month"
