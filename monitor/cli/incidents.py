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
    from storage.attempts import Attempt
    from storage.records import Casework, Delivery, Incident, IncidentEvent, Signal

app = typer.Typer(help="Look at incidents, take them, end them.", no_args_is_help=True, rich_markup_mode=None)

Name = Annotated[str, typer.Argument(metavar="ID", help="The incident; four or more letters of either end will do.")]


@app.command("list", epilog="Example: tocsin incidents list --live --brand Acme")
def list_(
    config: ConfigFile = DEFAULT,
    live: Annotated[bool, typer.Option("--live", help="Only those that still go on.")] = False,
    brand: Annotated[str | None, typer.Option("--brand", metavar="NAME", help="Only those of this brand.")] = None,
    tag: Annotated[str, typer.Option("--tag", metavar="TAG", help="Only those with this tag.")] = "",
    assigned_to: Annotated[str, typer.Option("--assigned-to", metavar="WHO", help="Only those that they carry.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at the most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List incidents, the newest first."""
    from storage import casework, incidents

    chosen = settings.read_settings(config, complete=False)
    which: dict[str, Any] = {"brand": brand, "tag": tag.casefold(), "assigned_to": assigned_to}
    with settings.open_database(chosen) as database, database.read() as tx:
        found = incidents.live(tx, **which)[::-1] if live else incidents.recent(tx, **which, limit=limit)
        found = found[:limit]
        works = casework.of_many(tx, [incident.id for incident in found])
    if as_json:
        for incident in found:
            output.print_json(incident_json(incident, works[incident.id]))
    elif found:
        titles = ("id", "opened", "severity", "state", "brand", "headline", "carried by", "tags")
        rows = [_row(incident, works[incident.id], chosen.general.timezone) for incident in found]
        output.print_table(titles, rows)
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
    from monitor import shapes
    from monitor.care import find
    from monitor.response import response
    from storage import attempts as attempt_store
    from storage import casework, incidents, outbox

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen) as database, database.read() as tx:
        incident = find(tx, name)
        events = incidents.events(tx, incident.id)
        signals = shapes.signals(tx, incident.id)
        work, family = casework.of(tx, incident.id), shapes.family(tx, incident.id)
        deliveries = outbox.history(tx, incident.id)
        attempts = {item.id: attempt_store.of(tx, item.id) for item in deliveries}
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
        output.print_json(incident_json(incident, work) | lists | {"response": asdict(clock) | {"seconds": spans}})
    else:
        _print_incident(incident, work, chosen.general.timezone)
        _print_casework(work, family)
        _print_clock(clock)
        _print_signals(signals)
        _print_events(events, chosen.general.timezone)
        _print_deliveries(deliveries, attempts, chosen.general.timezone)
        if alternatives:
            _print_alternatives(_alternatives(chosen, incident))


def incident_json(incident: Incident, work: Casework | None = None) -> dict[str, Any]:
    """An incident with JSON types, times aside, and with what people made of it where that is known."""
    made = {name: getattr(work, name) for name in MADE} if work else {}
    return asdict(incident) | made


MADE = ("assigned_to", "tags", "links", "merged_into", "split_from")
"""What of the casework stands beside an incident."""


def _row(incident: Incident, work: Casework, timezone: str) -> Sequence[str]:
    return (
        incident.id,
        output.local(incident.opened_at, timezone),
        output.severity_markup(incident.severity.value),
        _state(incident, work),
        output.plain(incident.brand),
        output.plain(incident.headline),
        output.plain(work.assigned_to or ""),
        output.plain(", ".join(work.tags)),
    )


def _state(incident: Incident, work: Casework) -> str:
    return "merged" if work.merged_into else incident.state.value.replace("_", " ")


def _print_casework(work: Casework, family: Sequence[Casework]) -> None:
    """What people made of it, a line each."""
    members = [one.incident_id for one in family if one.is_member]
    said = (
        ("carried by", work.assigned_to or ""),
        ("tags", ", ".join(work.tags)),
        ("related", ", ".join(work.links)),
        ("part of", work.merged_into or ""),
        ("merged into it", ", ".join(members)),
        ("split off", work.split_from or ""),
        ("split off it", ", ".join(part.into for part in work.parts)),
    )
    for words, what in said:
        if what:
            output.say(f"{words} {output.plain(what)}")


def _print_incident(incident: Incident, work: Casework, timezone: str) -> None:
    severity, state = output.severity_markup(incident.severity.value), _state(incident, work)
    output.say(f"[bold]{output.plain(incident.headline)}[/]")
    brand = f"{output.plain(incident.brand)} · " if incident.brand else ""
    output.say(f"{brand}{severity} · {state} · episode {incident.episode} · {incident.id}")
    moments = [("began", incident.began_at), ("opened", incident.opened_at), ("taken", incident.acknowledged_at)]
    moments.append(("over", incident.resolved_at))
    said = [f"{word} {output.local(at, timezone)}" for word, at in moments if at is not None]
    who = f" by {output.plain(incident.acknowledged_by)}" if incident.acknowledged_by else ""
    output.say(f"{' · '.join(said)}{who}")
    if incident.sources:
        output.say(f"on {', '.join(map(output.plain, incident.sources))}")


def _print_clock(clock: Response) -> None:
    from alerts.words import span

    words = {"detected": "rang {} after it began", "paged": "first message after {}", "acknowledged": "taken after {}"}
    words |= {"answered": "answered publicly after {}", "resolved": "over after {}"}
    said = [words[name].format(span(took.total_seconds())) for name, took in clock.spans.items()]
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
    from monitor.casework_lines import taken_back

    gone = taken_back(events)
    output.say("\n[bold]Timeline[/]")
    rows = [
        (
            str(event.seq),
            output.local(event.at, timezone),
            event.kind,
            output.plain(event.actor),
            f"{_words(event)}{' (taken back)' if event.seq in gone else ''}",
        )
        for event in events
    ]
    output.print_table(("", "at", "what", "who", ""), rows)


def _words(event: IncidentEvent) -> str:
    from monitor.casework_lines import READINGS, Work, sentence

    verdict = str(event.details.get("verdict", "")).replace("_", " ")
    said = str(event.details.get("note") or event.details.get("why") or "")
    if event.kind in READINGS or event.kind == Work.UNDO:
        return output.plain(": ".join(filter(None, (sentence(event), said))))
    about = (str(event.details.get(key, "")) for key in ("until", "link", "of", "twin"))
    return output.plain(": ".join(filter(None, (verdict, " ".join(filter(None, about)), said))))


def _print_deliveries(deliveries: Sequence[Delivery], attempts: Mapping[str, Sequence[Attempt]], timezone: str) -> None:
    if not deliveries:
        output.say("\n[bold]Messages[/]\n  none")
        return
    output.say("\n[bold]Messages[/]")
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
        output.say("\n[bold]It would have rung[/]")
    for one in found:
        output.say(f"  {output.plain(one.sentence)}")


def _delivery_row(item: Delivery, timezone: str) -> Sequence[str]:
    def at(moment: datetime | None) -> str:
        return output.local(moment, timezone) if moment else ""

    place = output.plain(f"{item.channel} {item.target}".strip())
    error = output.plain(item.last_error or "")
    return (at(item.created_at), item.reason.value, place, item.state.value, at(item.sent_at), str(item.attempt), error)
