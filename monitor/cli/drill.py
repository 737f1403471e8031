"""`tocsin fire-drill`: a made backlash through the real pipeline and the real channels, until somebody takes it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import logs, output, settings
from monitor.cli.failures import BAD_USAGE, FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Severity

if TYPE_CHECKING:
    from alerts.page import Page
    from config.settings import Settings
    from monitor.drill import Drill, Step
    from storage.database import Database

Brand = Annotated[str, typer.Option("--brand", metavar="NAME", help="The brand; the first one unless said otherwise.")]
Within = Annotated[
    str, typer.Option("--within", metavar="TIME", help="How long to wait until somebody takes it, such as 10m.")
]
To = Annotated[
    list[str] | None,
    typer.Option("--to", metavar="CHANNEL", help="Only through this channel; may be given several times."),
]


def fire_drill(
    config: ConfigFile = DEFAULT, brand: Brand = "", within: Within = "10m", to: To = None, as_json: AsJson = False
) -> None:
    """Page people with a made incident, marked as a drill, and wait until one of them takes it.

    A backlash is made up, understood and judged as posts of a source are, in a database that is forgotten at once; what
    comes of it is paged through the channels that a real one would be. It is taken like any incident: by a button, a
    link, or "tocsin incidents ack" in another terminal. The exit code is 0 when somebody took it in time, 1 otherwise.

    Example: tocsin fire-drill --within 15m
    """
    chosen = settings.read_settings(config, secrets=True)
    with logs.quiet():
        if not _drill(chosen, brand, within, to, as_json=as_json):
            raise typer.Exit(FOUND_PROBLEMS)


def _drill(chosen: Settings, brand: str, within: str, to: list[str] | None, *, as_json: bool) -> bool:
    """Whether somebody took the drill in time."""
    from config.durations import parse_duration
    from config.problems import Mistake
    from monitor.assembly import rehearsed
    from monitor.rehearsal import RehearsalError, rehearse

    try:
        patience = parse_duration(within)
        made = rehearse(chosen, _brand(chosen, brand), settings.now(), rehearsed)
    except (Mistake, RehearsalError) as error:
        raise Failure(str(error), code=BAD_USAGE) from error
    with settings.open_database(chosen, make=True) as database:
        drill = drill_of(chosen, database)
        channels = to or drill.channels_for(made.page.brand, Severity.CRITICAL)
        _require_channels(chosen, channels)
        return _carry_out(chosen, drill, made.page, channels, patience, as_json=as_json)


def _carry_out(
    chosen: Settings, drill: Drill, page: Page, channels: list[str], patience: timedelta, *, as_json: bool
) -> bool:
    """Whether somebody took it in time."""
    incident = drill.begin(page, channels)
    if not as_json:
        output.say(f"[bold]{output.plain(page.headline)}[/] (a drill, {incident.id})")
        output.say(f"Paged through {', '.join(map(output.plain, channels))}. Waiting until somebody takes it.")
    by = ""
    with pressable(chosen, drill):
        for step in drill.watch([incident], patience):
            by = by or step.by
            show(step, as_json=as_json)
    drill.end(incident, "The drill is over" if by else "The drill is over, and nobody took it in time")
    drill.sender.close()
    if as_json:
        arrived = [f"{item.channel} {item.target}".strip() for item in drill.arrived(incident)]
        output.print_json({"incident": incident.id, "taken_by": by or None, "arrived": arrived})
    elif not by:
        output.say("[red]Nobody took it in time.[/]")
    return bool(by)


def wait_for_people(
    chosen: Settings, database: Database, page: Page, patience: timedelta, *, as_json: bool
) -> list[str]:
    """Page every enabled channel with a test, and wait until each was taken; returns the channels where nobody did."""
    drill = drill_of(chosen, database)
    names = [channel.name for channel in chosen.channels if channel.enabled]
    begun = [drill.begin(page, [name]) for name in names]
    tests = {one.id: name for one, name in zip(begun, names, strict=True)}
    if not as_json:
        for one in begun:
            output.say(f"Waiting for somebody to take {one.id} ({output.plain(tests[one.id])}).")
    left = dict(tests)
    with pressable(chosen, drill):
        for step in drill.watch(begun, patience):
            show(step, as_json=as_json)
            if step.by:
                left.pop(step.incident.id, None)
    for one in begun:
        drill.end(one, "The test is over")
    drill.sender.close()
    return sorted(left.values())


def show(step: Step, *, as_json: bool) -> None:
    """A line for what happened."""
    if as_json:
        if step.delivery is not None:
            said = asdict(step.delivery)
            output.print_json({key: said[key] for key in ("id", "channel", "target", "state", "sent_at", "last_error")})
        return
    if step.delivery is None:
        output.say(f"[green]taken[/]  by {output.plain(step.by)}")
        return
    place = output.plain(f"{step.delivery.channel} {step.delivery.target}".strip())
    if step.delivery.sent_at is not None:
        output.say(f"[green]there[/]  {place} has it")
    else:
        output.say(f"[red]not there[/]  {place}: {output.plain(step.delivery.last_error or step.delivery.state.value)}")


@contextmanager
def pressable(chosen: Settings, drill: Drill) -> Iterator[None]:
    """Slack's buttons work meanwhile, also where nothing else of the program runs yet."""
    from monitor.slack_desks import SlackDesks

    desks = SlackDesks.build(chosen, drill.care, drill.database, settings.now, drill.sender.run_once)
    desks.start()
    try:
        yield
    finally:
        desks.stop()


def drill_of(chosen: Settings, database: Database) -> Drill:
    """What carries drills out under one configuration."""
    from alerts.outbox import Sender, build_channels
    from alerts.pictures import Illustrator
    from alerts.system import SystemIncidents
    from monitor.care import Care
    from monitor.drill import Drill

    care = Care.build(chosen)
    sender = Sender.build(chosen, database, clock=settings.now, owner="drill")
    system = SystemIncidents.build(chosen, care.speaker)
    illustrator = Illustrator(database, build_channels(chosen, settings.now), settings.now)
    return Drill(database, care, system, sender, illustrator, settings.now, time.sleep)


def _brand(chosen: Settings, name: str) -> str:
    if not name:
        return chosen.brands[0].name
    if chosen.brand(name) is None:
        known = ", ".join(brand.name for brand in chosen.brands)
        raise Failure(f'there is no brand "{name}"; known: {known}', code=BAD_USAGE)
    return name


def _require_channels(chosen: Settings, names: list[str]) -> None:
    enabled = {channel.name for channel in chosen.channels if channel.enabled}
    for name in names:
        if name not in enabled:
            raise Failure(f'there is no enabled channel "{name}"; known: {", ".join(sorted(enabled))}', code=BAD_USAGE)
    if not names:
        raise Failure("no route is for a critical incident of this brand, so nobody would be paged", code=BAD_USAGE)
