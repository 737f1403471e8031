"""`tocsin db size|restore`: how much room the database takes, and putting a backup back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from storage.sizes import Forecast

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


@app.command(epilog="Example: tocsin db size --posts-per-day 20000 --days 90")
def size(
    config: ConfigFile = DEFAULT,
    posts_per_day: Annotated[
        float, typer.Option("--posts-per-day", min=0, metavar="N", help="Posts a day that are to be expected.")
    ] = 0,
    days: Annotated[int, typer.Option("--days", min=1, metavar="N", help="For how long posts are kept.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Tell how much room each table takes, and how much there will be, by what the stored posts take."""
    from storage import sizes

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        found = sizes.sizes(tx)
    ahead = sizes.forecast(found, round(posts_per_day * days)) if posts_per_day else None
    if posts_per_day and ahead is None:
        raise Failure("there are fewer than 100 posts in the database, which is too few to tell what a post takes")
    if as_json:
        output.print_json({"tables": [asdict(one) for one in found], "forecast": ahead and _forecast_json(ahead)})
        return
    rows = [(one.name, "" if one.rows is None else f"{one.rows:,}", octets(one.octets)) for one in found if one.octets]
    output.print_table(("table", "rows", "room with indexes"), rows)
    output.say(f"{octets(sum(one.octets for one in found))} in all.")
    if ahead:
        _say_forecast(ahead, posts_per_day, days)


@app.command(epilog="Example: tocsin db restore backups/tocsin-20260307T030000Z.db")
def restore(
    backup: Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")], config: ConfigFile = DEFAULT
) -> None:
    """Put a backup where the SQLite database shall be, checked whole; nothing may be there.

    Stop "tocsin run" first, and move the old file and its -wal and -shm away. What was read since the backup is read
    again as far as the sources still offer it. What waited in it may have been sent since: Slack is looked through for
    it, and elsewhere it says that it may be a repeat.
    """
    from storage import incidents, posts, upkeep
    from storage.database import Database

    chosen = settings.read_settings(config, complete=False)
    place = settings.file_of(chosen.database.resolved_url())
    if place is None:
        raise Failure("only a SQLite database is restored by Tocsin; for PostgreSQL use pg_restore")
    waiting = upkeep.restore(backup, place, settings.now())
    with Database.open(chosen.database.resolved_url()) as database, database.read() as tx:
        latest, live = posts.latest(tx), len(incidents.live(tx))
    newest = f"its newest post is of {output.local(latest, chosen.general.timezone)}" if latest else "it has no posts"
    alive = f"{live} incident is live" if live == 1 else f"{live} incidents are live"
    output.say(f"{output.plain(str(place))} is restored and sound; {newest}, {alive}.")
    if waiting:
        output.say(
            f"{waiting} of its messages may have been sent since it was made; that is looked into, or said in them."
        )


def octets(number: float) -> str:
    """A number of bytes in the unit that suits it."""
    unit = 0
    while number >= 1000 and unit < len(_UNITS) - 1:
        number, unit = number / 1000, unit + 1
    return f"{number:.0f} {_UNITS[unit]}" if unit == 0 or number >= 100 else f"{number:.1f} {_UNITS[unit]}"


def _say_forecast(ahead: Forecast, posts_per_day: float, days: int) -> None:
    output.say(
        f"{posts_per_day:,.0f} posts a day kept for {days} days will take about {octets(ahead.octets)}: "
        f"{octets(ahead.per_post)} a post, and {octets(ahead.others)} for the rest."
    )


def _forecast_json(ahead: Forecast) -> dict[str, float]:
    return {"bytes": ahead.octets, "bytes_per_post": ahead.per_post, "posts": ahead.posts, "others": ahead.others}
