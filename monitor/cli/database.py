"""`tocsin db`: care for the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import FOUND_PROBLEMS
from monitor.cli.posts_reading import Since, Until, tell_rows
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from config.settings import Settings

app = typer.Typer(help="Care for the database.", no_args_is_help=True, rich_markup_mode=None)

LATE = timedelta(minutes=5)


@app.command(epilog="Example: tocsin db upgrade --config tocsin.toml")
def upgrade(config: ConfigFile = DEFAULT) -> None:
    """Make the tables, or bring them up to date with this version of the program.

    "tocsin run" does the same when it starts. Make a backup before you upgrade the program.
    """
    from storage.database import Database
    from storage.migrations import NEWEST

    chosen = settings.read_settings(config, complete=False)
    with Database.open(chosen.database.resolved_url()) as database:
        output.say(f"{output.plain(database.place)} is up to date (schema {NEWEST}).")


@app.command(epilog="Example: tocsin db backup tocsin-2024-05-01.db")
def backup(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write; an existing one is left as it is.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Copy a SQLite database into a file while the program runs, and check the copy."""
    from storage import upkeep

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        upkeep.backup(database, to)
        output.say(f"{output.plain(database.place)} is copied to {output.plain(str(to))}, and the copy is sound.")


TABLES = ("incidents", "timeline", "deliveries", "bins", "gaps", "posts")


@app.command(epilog="Example: tocsin db export --format csv analysts/")
def export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files go; made if need be.")],
    config: ConfigFile = DEFAULT,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="parquet, csv or jsonl.")] = "parquet",
    since: Since = None,
    until: Until = None,
) -> None:
    """Write every table that analysts work with into a folder: incidents, timeline, deliveries, bins, gaps, posts.

    All are of one moment. Names and types of their columns are those of "storage.frames".
    """
    from monitor import exports
    from storage import frames

    chosen = settings.read_settings(config, complete=False)
    known, span = exports.form_of(f"x.{form}", form), (settings.utc(since), settings.utc(until))
    folder.mkdir(parents=True, exist_ok=True)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        for name in TABLES:
            parts = frames.posts_in_parts(tx, *span) if name == "posts" else [getattr(frames, name)(tx, *span)]
            place = str(folder / f"{name}.{known}")
            tell_rows(exports.export(parts, place, known), place)


@app.command(epilog="Example: tocsin db reader analysts")
def reader(
    role: Annotated[str, typer.Argument(metavar="ROLE", help="A role of the PostgreSQL server, which must exist.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Let a PostgreSQL role read the views and tables, and do nothing else."""
    from storage import readers

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database:
        with database.write() as tx:
            readers.allow(tx, role)
        output.say(f"{output.plain(role)} may read {output.plain(database.place)}, and write nothing.")


@dataclass(frozen=True, slots=True)
class State:
    """What a look at the database found."""

    place: str
    problems: tuple[str, ...]
    rows: Mapping[str, int]
    first_post_at: datetime | None
    last_post_at: datetime | None
    live_incidents: int
    messages_waiting: int
    messages_late: int
    blocked_channels: tuple[str, ...]


@app.command(epilog="Example: tocsin db check --json")
def check(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """Look whether the database is sound and up to date, and whether a message is stuck in it (exit code 1)."""
    chosen = settings.read_settings(config, complete=False)
    state = _look(chosen)
    if as_json:
        output.print_json(asdict(state))
    else:
        _print(state, chosen.general.timezone)
    if state.problems or state.messages_late:
        raise typer.Exit(FOUND_PROBLEMS)


def _look(chosen: Settings) -> State:
    from storage import incidents, outbox, posts, upkeep

    now = settings.now()
    with settings.open_database(chosen) as database:
        problems, rows = upkeep.check(database), upkeep.counts(database)
        with database.read() as tx:
            waiting = outbox.unfinished(tx)
            return State(
                place=database.place,
                problems=tuple(problems),
                rows=rows,
                first_post_at=posts.earliest(tx),
                last_post_at=posts.latest(tx),
                live_incidents=len(incidents.live(tx)),
                messages_waiting=len(waiting),
                messages_late=sum(now - item.due_at > LATE for item in waiting),
                blocked_channels=tuple(f"{block.channel}: {block.why}" for block in outbox.blocks(tx, now)),
            )


def _print(state: State, timezone: str) -> None:
    for problem in state.problems:
        output.say(f"[red]{output.plain(problem)}[/]")
    if not state.problems:
        output.say(f"{output.plain(state.place)} is sound and up to date.")
    if state.first_post_at and state.last_post_at:
        first, last = (output.local(at, timezone) for at in (state.first_post_at, state.last_post_at))
        output.say(f"Posts from {first} to {last}.")
    else:
        output.say("No posts yet.")
    posts, live, waiting = state.rows.get("post", 0), state.live_incidents, state.messages_waiting
    numbers = ((posts, "post"), (live, "live incident"), (waiting, "waiting message"))
    output.say(", ".join(f"{number:,} {word}{'' if number == 1 else 's'}" for number, word in numbers) + ".")
    for block in state.blocked_channels:
        output.say(f"[yellow]Blocked channel[/] {output.plain(block)}")
    if state.messages_late:
        minutes = int(LATE.total_seconds() // 60)
        late = "1 message" if state.messages_late == 1 else f"{state.messages_late} messages"
        output.say(f"[red]{late} should have gone out more than {minutes} minutes ago.[/]")
