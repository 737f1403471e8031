"""`tocsin incidents`: look at incidents (what people do about them is in incident_care.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from alerts.page import Response
    from config.settings import Settings
    from monitor.counterfactual import Alternative
    from storage.outbox import Attempt
    from storage.records import Delivery, Incident, IncidentEvent, Signal

app = typer.Typer(help="Look at incidents, take them, end them.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="ID", help="The incident; four or more letters of either end will do.")]


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
    from monitor.response import response
    from storage import incidents, outbox

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.read() as tx:
        incident = find(tx, name)
        events = incidents.events(tx, incident.id)
        signals = incidents.signals(tx, incident.id)
        deliveries = outbox.history(tx, incident.id)
        attempts = {item.id: outbox.attempts(tx, item.id) for item in deliveries}
    clock = response(incident, events, deliveries)
    if as_json:
        found: dict[str, Sequence[Any]] = {"signals": signals, "events": events, "deliveries": deliveries}
        found["attempts"] = [one for tries in attempts.values() for one in tries]
        lists: dict[str, Any] = {key: [asdict(item) for item in items] for key, items in found.items()}
        lists["alternatives"] = [
            {**asdict(one), "sentence": one.sentence}
            for one in (_alternatives(chosen, incident) if alternatives else [])
        ]
        spans = {name: took.total_seconds() for name, took in clock.spans.items()}
        output.print_json(incident_json(incident) | lists | {"response": asdict(clock) | {"seconds": spans}})
    else:
        _print_incident(incident, chosen.general.timezone)
        _print_clock(clock)
        _print_signals(signals)
        _print_events(events, chosen.general.timezone)
        _print_deliveries(deliveries, attempts, chosen.general.timezone)
        if alternatives:
            _print_alternatives(_alternatives(chosen, incident))


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


def _print_clock(clock: Response) -> None:
    from alerts.words import span

    words = {"detected": "rang after it began", "paged": "first message", "acknowledged": "taken"}
    words |= {"answered": "answered publicly", "resolved": "over"}
    said = [f"{words[name]} {span(took.total_seconds())}" for name, took in clock.spans.items()]
    if said:
        output.say(f"response clock: {' · '.join(said)}")
    if clock.answer:
        output.say(f"our answer: {output.plain(clock.answer)}")


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
    about = (str(event.details.get(key, "")) for key in ("until", "link", "of", "twin"))
    return output.plain(": ".join(filter(None, (verdict, " ".join(filter(None, about)), said))))


def _print_deliveries(deliveries: Sequence[Delivery], attempts: Mapping[str, Sequence[Attempt]], timezone: str) -> None:
    if not deliveries:
        output.say("[bold]Messages[/]\n  none")
        return
    output.say("[bold]Messages[/]")
    titles = ("decided", "what", "to", "state", "sent", "tries", "last error")
    output.print_table(titles, [_delivery_row(item, timezone) for item in deliveries])
    tried = [(item, one) for item in deliveries for one in attempts[item.id]]
    if any(len(tries) > 1 or any(one.error for one in tries) for tries in attempts.values()):
        output.say("[bold]Attempts[/]")
        output.print_table(
            ("at", "to", "purpose", "outcome", "error"), [_attempt_row(*pair, timezone) for pair in tried]
        )


def _attempt_row(item: Delivery, one: Attempt, timezone: str) -> Sequence[str]:
    outcome = one.outcome.value if one.outcome else "nobody recorded it"
    place = output.plain(f"{item.channel} {item.target}".strip())
    return (output.local(one.started_at, timezone), place, one.purpose, outcome, output.plain(one.error or ""))


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
