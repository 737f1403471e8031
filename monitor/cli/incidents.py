"""`tocsin incidents`: look at incidents, and say what people do about them."""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Verdict

if TYPE_CHECKING:
    from config.settings import Settings
    from monitor.care import Done
    from monitor.counterfactual import Alternative
    from storage.records import Delivery, Incident, IncidentEvent, Signal

app = typer.Typer(help="Look at incidents, take them, end them.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="ID", help="The incident; four or more letters of either end will do.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; you, unless said otherwise.")]
Note = Annotated[str, typer.Option("--note", "-n", metavar="TEXT", help="Words for the others, kept in the timeline.")]


def _me() -> str:
    """Who sits here."""
    try:
        return os.environ.get("TOCSIN_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"user {os.getuid()}"


@app.command("list", epilog="Example: tocsin incidents list --live --brand Acme")
def list_(
    config: ConfigFile = DEFAULT,
    live: Annotated[bool, typer.Option("--live", help="Only those that still go on.")] = False,
    brand: Annotated[str | None, typer.Option("--brand", metavar="NAME", help="Only those of this brand.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List incidents, the newest first."""
    from storage import incidents

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.read() as tx:
        found = incidents.live(tx, brand)[::-1] if live else incidents.recent(tx, brand=brand, limit=limit)
    found = found[:limit]
    if as_json:
        for incident in found:
            output.print_json(incident_json(incident))
    elif found:
        titles = ("id", "opened", "severity", "state", "brand", "headline")
        output.print_table(titles, [_row(incident, chosen.general.timezone) for incident in found])
    else:
        output.say("No incidents." if not live else "No incident is going on.")


@app.command(epilog="Example: tocsin incidents show 01JX --json")
def show(
    name: Name,
    config: ConfigFile = DEFAULT,
    alternatives: Annotated[
        bool, typer.Option("--alternatives/--no-alternatives", help="What other sensitivities would have done, or not.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show one incident: what is known, why it rang, its timeline, its messages, and what other settings would do.

    The last is found by judging the posts around it again, which takes a while where there are many; it comes last.
    """
    from monitor.care import find
    from storage import incidents, outbox

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.read() as tx:
        incident = find(tx, name)
        events = incidents.events(tx, incident.id)
        signals = incidents.signals(tx, incident.id)
        deliveries = outbox.history(tx, incident.id)
    if as_json:
        found: dict[str, Sequence[Any]] = {"signals": signals, "events": events, "deliveries": deliveries}
        lists = {key: [asdict(item) for item in items] for key, items in found.items()}
        lists["alternatives"] = [
            {**asdict(one), "sentence": one.sentence}
            for one in (_alternatives(chosen, incident) if alternatives else [])
        ]
        output.print_json(incident_json(incident) | lists)
    else:
        _print_incident(incident, chosen.general.timezone)
        _print_signals(signals)
        _print_events(events, chosen.general.timezone)
        _print_deliveries(deliveries, chosen.general.timezone)
        if alternatives:
            _print_alternatives(_alternatives(chosen, incident))


@app.command(epilog='Example: tocsin incidents ack 01JX --by "Ada" --note "writing a statement"')
def ack(name: Name, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False) -> None:
    """Take an incident: reminders stop, and the others are told who has it."""
    _care(name, "acknowledged", config, by, note, as_json=as_json)


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
        done = Care.build(chosen).judge(tx, find(tx, name).id, said, by or _me(), settings.now(), note)
    if as_json:
        output.print_json(incident_json(done.incident) | {"changed": done.changed, "event": asdict(done.event)})
    else:
        headline = f"{output.plain(done.incident.brand)}: {output.plain(done.incident.headline)}"
        output.say(f"{done.incident.id} ({headline}) was {said.value.replace('_', ' ')}; backtests will know.")


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


def _care(name: str, action: str, config: Any, by: str, note: str, *, as_json: bool) -> None:
    from monitor.care import Action, Care, find

    chosen = settings.read_settings(config, complete=False)
    care = Care.build(chosen)
    with settings.open_database(chosen) as database, database.write() as tx:
        incident = find(tx, name)
        done = care.do(tx, incident.id, Action(action), by or _me(), settings.now(), note)
    if as_json:
        output.print_json(incident_json(done.incident) | {"changed": done.changed, "event": asdict(done.event)})
    else:
        output.say(_outcome(done, chosen))


def _outcome(done: Done, chosen: Settings) -> str:
    incident = done.incident
    name = f"{incident.id} ({output.plain(incident.brand)}: {output.plain(incident.headline)})"
    if done.event.kind == "note":
        return f"Noted on {name}."
    if not done.changed:
        since = incident.acknowledged_at or incident.resolved_at
        when = f" since {output.local(since, chosen.general.timezone)}" if since else ""
        who = f" by {output.plain(incident.acknowledged_by)}" if incident.acknowledged_by else ""
        return f"{name} was {incident.state.value.replace('_', ' ')} already{who}{when}; your request is on record."
    told = len({(item.channel, item.target) for item in done.deliveries})
    others = f"{told} place{'s' if told != 1 else ''} will be told." if told else "Nobody had been told of it."
    return f"{name} is {incident.state.value.replace('_', ' ')}. {others}"


def incident_json(incident: Incident) -> dict[str, Any]:
    """An incident with JSON types, times aside."""
    return asdict(incident)


def _row(incident: Incident, timezone: str) -> Sequence[str]:
    return (
        incident.id,
        output.local(incident.opened_at, timezone),
        output.severity_markup(incident.severity.value),
        incident.state.value.replace("_", " "),
        output.plain(incident.brand),
        output.plain(incident.headline),
    )


def _print_incident(incident: Incident, timezone: str) -> None:
    severity, state = output.severity_markup(incident.severity.value), incident.state.value.replace("_", " ")
    output.say(f"[bold]{output.plain(incident.headline)}[/]")
    output.say(f"{output.plain(incident.brand)} · {severity} · {state} · episode {incident.episode} · {incident.id}")
    moments = [("began", incident.began_at), ("opened", incident.opened_at), ("taken", incident.acknowledged_at)]
    moments.append(("over", incident.resolved_at))
    said = [f"{word} {output.local(at, timezone)}" for word, at in moments if at is not None]
    who = f" by {output.plain(incident.acknowledged_by)}" if incident.acknowledged_by else ""
    output.say(f"{' · '.join(said)}{who}")
    if incident.sources:
        output.say(f"on {', '.join(map(output.plain, incident.sources))}")


def _print_signals(signals: Sequence[Signal]) -> None:
    latest = {(signal.detector, signal.topic): signal for signal in sorted(signals, key=lambda signal: signal.at)}
    sentences = [str(signal.facts["why"]) for signal in latest.values() if signal.facts.get("why")]
    if sentences:
        output.say("\n[bold]Why it rang[/]")
    for sentence in dict.fromkeys(sentences):
        output.say(f"  {output.plain(sentence)}")


def _print_events(events: Sequence[IncidentEvent], timezone: str) -> None:
    output.say("\n[bold]Timeline[/]")
    rows = [
        (output.local(event.at, timezone), event.kind, output.plain(event.actor), _words(event)) for event in events
    ]
    output.print_table(("at", "what", "who", ""), rows)


def _words(event: IncidentEvent) -> str:
    verdict = str(event.details.get("verdict", "")).replace("_", " ")
    said = str(event.details.get("note") or event.details.get("why") or "")
    return output.plain(": ".join(filter(None, (verdict, said))))


def _print_deliveries(deliveries: Sequence[Delivery], timezone: str) -> None:
    if not deliveries:
        output.say("[bold]Messages[/]\n  none")
        return
    output.say("[bold]Messages[/]")
    titles = ("decided", "what", "to", "state", "sent", "tries", "last error")
    output.print_table(titles, [_delivery_row(item, timezone) for item in deliveries])


def _alternatives(chosen: Settings, incident: Incident) -> Sequence[Alternative]:
    from monitor.counterfactual import counterfactual

    with settings.open_database(chosen, read_only=True) as database, output.progress() as progress:
        progress.add_task("judging it again at other sensitivities", total=None, note="")
        return counterfactual(database, chosen, incident)


def _print_alternatives(found: Sequence[Alternative]) -> None:
    if found:
        output.say("[bold]It would have rung[/]")
    for one in found:
        output.say(f"  {output.plain(one.sentence)}")


def _delivery_row(item: Delivery, timezone: str) -> Sequence[str]:
    def at(moment: datetime | None) -> str:
        return output.local(moment, timezone) if moment else ""

    place = output.plain(f"{item.channel} {item.target}".strip())
    error = output.plain(item.last_error or "")
    return (at(item.created_at), item.reason.value, place, item.state.value, at(item.sent_at), str(item.attempt), error)
