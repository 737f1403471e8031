"""`tocsin quarantine`: what sources gave and could not be read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from storage.database import Database
    from storage.records import SetAside

app = typer.Typer(help="See, try again or drop what could not be read.", no_args_is_help=True, rich_markup_mode=None)

Source = Annotated[str, typer.Option("--source", metavar="NAME", help="Items of this source alone.")]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ITEM...]", help="Items by the name that the list gives them.")
]
Everything = Annotated[bool, typer.Option("--all", help="Every item, without naming them.")]


@app.command("list", epilog="Example: tocsin quarantine list --source press")
def list_(source: Source = "", config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Print what was left out: where it stood, why, how often, and whether it can be tried again."""
    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        items = _items(database, source)
    if as_json:
        for item in items:
            output.print_json({**asdict(item), "raw": None, "can_be_tried": item.raw is not None})
    elif not items:
        output.say("Nothing is set aside.")
    else:
        titles = ("ITEM", "SOURCE", "LAST", "TIMES", "WHERE", "WHY", "")
        output.print_table(titles, [_row(item, chosen.general.timezone) for item in items])


@app.command(epilog="Example: tocsin quarantine retry --source press --all")
def retry(
    names: Names = None, source: Source = "", everything: Everything = False, config: ConfigFile = DEFAULT
) -> None:
    """Read items again, after a mend; what can be read now is stored (exit code 1 where something still cannot).

    Posts that come late this way are counted in the time at which they were written; nobody is paged for the past.
    """
    from monitor.retrying import Retry

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        tried = Retry(chosen, database, settings.now).run(_named(database, source, names, everything=everything))
    for one in tried:
        told = "stored" if one.reason is None else f"still set aside: {output.plain(one.reason)}"
        output.say(f"{one.item.raw_hash}  {output.plain(one.item.place)}: {told}")
    stored = sum(one.reason is None for one in tried)
    output.say(f"{stored} of {len(tried)} stored.")
    if stored < len(tried):
        raise typer.Exit(FOUND_PROBLEMS)


@app.command(epilog="Example: tocsin quarantine drop 9f86d081884c7d65")
def drop(
    names: Names = None, source: Source = "", everything: Everything = False, config: ConfigFile = DEFAULT
) -> None:
    """Forget items for good."""
    from storage import quarantine

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        items = _named(database, source, names, everything=everything)
        with database.write() as tx:
            count = quarantine.remove(tx, items)
    output.say(f"{count} dropped.")


def _items(database: Database, source: str) -> list[SetAside]:
    from storage import quarantine

    with database.read() as tx:
        return quarantine.every(tx, source or None)


def _named(database: Database, source: str, names: list[str] | None, *, everything: bool) -> list[SetAside]:
    """The items that are meant; a name may be cut short as long as it means one."""
    items = _items(database, source)
    if everything:
        return items
    if not names:
        raise Failure("say which items, by the names that tocsin quarantine list prints, or --all")
    found = {name: [item for item in items if item.raw_hash.startswith(name)] for name in names}
    wrong = [f'"{name}" means {len(items) or "no"} items' for name, items in found.items() if len(items) != 1]
    if wrong:
        raise Failure(*wrong)
    return [items[0] for items in found.values()]


def _row(item: SetAside, timezone: str) -> tuple[str, ...]:
    return (
        item.raw_hash,
        output.plain(item.source),
        output.local(item.last_at, timezone),
        str(item.times),
        output.plain(item.place),
        output.plain(item.reason),
        "can be tried again" if item.raw is not None else "",
    )
