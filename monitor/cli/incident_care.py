"""`tocsin incidents`: say what people do about an incident, one command for each action."""

from __future__ import annotations

import getpass
import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.incidents import Name, app, incident_json
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Verdict

__all__ = ["app"]

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; you, unless said otherwise.")]
Note = Annotated[str, typer.Option("--note", "-n", metavar="TEXT", help="Words for the others, kept in the timeline.")]


def me() -> str:
    """Who sits here."""
    try:
        return os.environ.get("TOCSIN_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"user {os.getuid()}"


@app.command(epilog='Example: tocsin incidents ack 01JX --by "Ada" --note "writing a statement"')
def ack(name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False) -> None:
    """Take an incident: reminders stop, and the others are told who has it."""
    _care(name, "acknowledged", config, by, note, as_json=as_json)


@app.command(epilog='Example: tocsin incidents release 01JX --note "my shift ends"')
def release(name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False) -> None:
    """Hand an incident back: nobody has it any more, and everybody is told as at the start."""
    _care(name, "released", config, by, note, as_json=as_json)


@app.command(epilog='Example: tocsin incidents snooze 01JX 2h --note "the statement goes out at noon"')
def snooze(
    name: Name,
    length: Annotated[str, typer.Argument(metavar="LENGTH", help="For how long, such as 30m, 2h or 1d.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Pause an incident: nobody is told more about it until then, unless it gets worse."""
    from config.durations import parse_duration
    from config.problems import Mistake
    from monitor.care import CareError

    try:
        until = settings.now() + parse_duration(length)
    except Mistake as mistake:
        raise CareError(str(mistake)) from mistake
    _care(name, "snoozed", config, by, note, as_json=as_json, until=until)


@app.command(epilog="Example: tocsin incidents answered 01JX https://acme.example/statement")
def answered(
    name: Name,
    link: Annotated[str, typer.Argument(metavar="LINK", help="Where the public answer stands.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say that there is a public answer: the others get the link, and the response clock stops there."""
    _care(name, "answered", config, by, note, as_json=as_json, link=link)


@app.command(epilog='Example: tocsin incidents resolve 01JX --note "apology published"')
def resolve(name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False) -> None:
    """End an incident, and tell those who were told of it."""
    _care(name, "resolved", config, by, note, as_json=as_json)


@app.command("false-alarm", epilog='Example: tocsin incidents false-alarm 01JX --note "a product launch"')
def false_alarm(
    name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Call an incident a false alarm: it ends, and is remembered as one."""
    _care(name, "false_alarm", config, by, note, as_json=as_json)


@app.command("not-about-us", epilog='Example: tocsin incidents not-about-us 01JX --note "the band of that name"')
def not_about_us(
    name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Say that an incident is about something else: it ends, and is remembered so."""
    _care(name, "not_about_us", config, by, note, as_json=as_json)


@app.command(epilog='Example: tocsin incidents duplicate 01JX 01JW --note "the same recall"')
def duplicate(
    name: Name,
    twin: Annotated[str, typer.Argument(metavar="OF", help="The incident that told it first.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say that an incident is the same story as another: it ends, and the other goes on."""
    _care(name, "duplicate", config, by, note, as_json=as_json, twin=twin)


@app.command(epilog='Example: tocsin incidents verdict 01JX real --note "they had a point"')
def verdict(
    name: Name,
    said: Annotated[Verdict, typer.Argument(metavar="VERDICT", help="real, false_alarm, duplicate or not_about_us.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say what an incident was: "tocsin backtest" measures configurations by it. The last verdict counts."""
    from monitor.care import Care, find

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.write() as tx:
        done = Care.build(chosen).judge(tx, find(tx, name).id, said, by or me(), settings.now(), note)
    if as_json:
        output.print_json(incident_json(done.incident) | {"changed": done.changed, "event": asdict(done.event)})
    else:
        headline = f"{output.plain(done.incident.brand)}: {output.plain(done.incident.headline)}"
        output.say(f"{done.incident.id} ({headline}) was {said.value.replace('_', ' ')}; backtests will know.")


@app.command("apply-policies", epilog="Example: tocsin incidents apply-policies --config tocsin.toml")
def apply_policies(config: ConfigFile = DEFAULT, by: By = "", as_json: AsJson = False) -> None:
    """Let the open incidents go by the policies as they are written now; else a change holds for the next incident.

    What was made of the same policy stays made; another policy begins at its first step.
    """
    from alerts.reapply import reapply
    from alerts.routing import Routing
    from alerts.words import clock

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.write() as tx:
        applied = reapply(tx, Routing.build(chosen), by or me(), settings.now())
    if as_json:
        for one in applied:
            output.print_json(asdict(one) | {"incident": one.incident.id})
        return
    for one in applied:
        next_one = f"next step {clock(one.next_at, chosen.general.timezone)}" if one.next_at else "no further step"
        said = f"{one.before or 'no policy'} -> {one.policy or 'no policy'}; {next_one}"
        output.say(f"{one.incident.id}: {output.plain(said)}")
    if not applied:
        output.say("Every open incident goes by the policy of now.")


@app.command("note", epilog='Example: tocsin incidents note 01JX "legal has seen it"')
def note_(
    name: Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What is to be remembered.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Write a line into an incident's timeline."""
    _care(name, "note", config, by, text, as_json=as_json)


def _care(name: str, action: str, config: Any, by: str, note: str, *, as_json: bool, **inputs: Any) -> None:
    from monitor.care import Action, Care, find
    from monitor.outcomes import outcome

    chosen = settings.read_settings(config, complete=False)
    care = Care.build(chosen)
    with settings.open_database(chosen) as database, database.write() as tx:
        incident = find(tx, name)
        done = care.do(tx, incident.id, Action(action), by or me(), settings.now(), note, **inputs)
    if as_json:
        output.print_json(incident_json(done.incident) | {"changed": done.changed, "event": asdict(done.event)})
    else:
        output.say(output.plain(outcome(done, chosen.general.timezone)))
