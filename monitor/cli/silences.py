"""`tocsin silences`: hold messages back until a time, and see beforehand what that would have held back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Severity, Silence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.muting import Muted

app = typer.Typer(help="Hold messages back until a time.", no_args_is_help=True, rich_markup_mode=None)

Brand = Annotated[str | None, typer.Option("--brand", "-b", metavar="NAME", help="Only about this brand.")]
OfSeverity = Annotated[Severity | None, typer.Option("--severity", help="Only of this severity.")]
Kind = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only of this kind, such as outage.")]
Topic = Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="Only about this thread or story.")]
Source = Annotated[str | None, typer.Option("--source", metavar="NAME", help="Only what this source carries.")]
OfIncident = Annotated[str | None, typer.Option("--incident", metavar="ID", help="Only about this incident.")]
IncludeCritical = Annotated[bool, typer.Option("--include-critical", help="Also hold critical messages back.")]
For = Annotated[str, typer.Option("--for", metavar="TIME", help="How long, such as 2h; 30 days at most.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, for those who wonder at the silence.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who makes it; you, unless said otherwise.")]


@dataclass(frozen=True, slots=True)
class _Matchers:
    """What a silence is to be for."""

    brand: str | None
    severity: Severity | None
    kind: str | None
    topic: str | None
    source: str | None
    incident: str | None
    include_critical: bool


@app.command(epilog='Example: tocsin silences add --brand Acme --severity watch --for 4h --why "product launch"')
def add(
    config: ConfigFile = DEFAULT,
    *,
    lasts: For,
    why: Why,
    brand: Brand = None,
    severity: OfSeverity = None,
    kind: Kind = None,
    topic: Topic = None,
    source: Source = None,
    incident: OfIncident = None,
    include_critical: IncludeCritical = False,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """Hold messages back for a while. Incidents still open, count and are shown; what goes on at the end is told."""
    from monitor import hushing

    matchers = _Matchers(brand, severity, kind, topic, source, incident, include_critical)
    chosen = settings.read_settings(config, complete=False)
    now = settings.now()
    with settings.open_database(chosen) as database, database.write() as tx:
        try:
            rule = hushing.checked(_rule(matchers, lasts, why, by, tx), now)
            muted = hushing.preview(tx, rule, now)
            hushing.add(tx, rule, now)
        except hushing.SilenceError as error:
            raise Failure(str(error), code=BAD_USAGE) from error
    if as_json:
        output.print_json(asdict(rule) | {"would_have_muted": muted.messages})
        return
    output.say(f"Silent until {output.local(rule.ends_at, chosen.general.timezone)}: {_said(rule)} ({rule.id}).")
    output.say(hushing.total(muted))


@app.command(epilog="Example: tocsin silences preview --brand Acme --severity watch")
def preview(
    config: ConfigFile = DEFAULT,
    *,
    brand: Brand = None,
    severity: OfSeverity = None,
    kind: Kind = None,
    topic: Topic = None,
    source: Source = None,
    incident: OfIncident = None,
    include_critical: IncludeCritical = False,
    as_json: AsJson = False,
) -> None:
    """Show what such a silence would have held back in the last seven days; nothing is stored."""
    from monitor import hushing

    matchers = _Matchers(brand, severity, kind, topic, source, incident, include_critical)
    chosen = settings.read_settings(config, complete=False)
    now = settings.now()
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        try:
            rule = hushing.checked(_rule(matchers, "7d", "a preview", "", tx), now)
        except hushing.SilenceError as error:
            raise Failure(str(error), code=BAD_USAGE) from error
        muted = hushing.preview(tx, rule, now)
    if as_json:
        for one in muted.newest:
            output.print_json({"incident": one.incident.id, "messages": one.messages, "of": asdict(one.incident)})
        return
    _print_muted(muted.newest, chosen.general.timezone)
    if muted.incidents > len(muted.newest):
        output.say(f"These are the newest {len(muted.newest)}.")
    output.say(hushing.total(muted))


@app.command("list", epilog="Example: tocsin silences list --json")
def list_(
    config: ConfigFile = DEFAULT,
    over: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the silences that are in force or still to come."""
    from storage import silences

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        found = silences.every(tx, since=None if over else settings.now())
    if as_json:
        for rule in found:
            output.print_json(asdict(rule))
        return
    if not found:
        output.say("No silences.")
        return
    zone = chosen.general.timezone
    rows = [
        (rule.id, output.local(rule.starts_at, zone), output.local(rule.ends_at, zone), _said(rule),
         output.plain(rule.author), output.plain(rule.comment))
        for rule in found
    ]  # fmt: skip
    output.print_table(("id", "from", "until", "for", "who", "why"), rows)


@app.command("end", epilog="Example: tocsin silences end 3f2a")
def end_(
    name: Annotated[str, typer.Argument(metavar="ID", help="The silence; the beginning of its id will do.")],
    config: ConfigFile = DEFAULT,
    by: By = "",
    as_json: AsJson = False,
) -> None:
    """End a silence now: what was held back and still goes on is told."""
    from alerts.early_end import EarlyEnd
    from monitor import hushing

    chosen = settings.read_settings(config, complete=False)
    early = EarlyEnd.build(chosen)
    with settings.open_database(chosen) as database, database.write() as tx:
        try:
            ended, held = hushing.end(tx, name, by or settings.me(), settings.now(), early)
        except hushing.SilenceError as error:
            raise Failure(str(error), code=BAD_USAGE) from error
    if as_json:
        output.print_json({**asdict(ended), "held": held})
        return
    waited = f" {held} message{'' if held == 1 else 's'} waited for that." if held else ""
    output.say(f"The silence {ended.id} ({_said(ended)}) is over.{waited}")


def _rule(wanted: _Matchers, lasts: str, why: str, by: str, tx: object) -> Silence:
    from config.durations import parse_duration
    from config.problems import Mistake
    from monitor.care import CareError, find
    from monitor.hushing import SilenceError

    now = settings.now()
    try:
        length = parse_duration(lasts)
        incident = find(tx, wanted.incident).id if wanted.incident else None  # type: ignore[arg-type]
    except (Mistake, CareError) as error:
        raise SilenceError(str(error)) from error
    return Silence(
        id="",
        starts_at=now,
        ends_at=now + min(length, timedelta(days=3650)),
        author=by or settings.me(),
        comment=why,
        brand=wanted.brand,
        severity=wanted.severity,
        incident_id=incident,
        include_critical=wanted.include_critical,
        kind=wanted.kind,
        topic=wanted.topic,
        source=wanted.source,
    )


def _said(rule: Silence) -> str:
    """What the silence is for, in a few words."""
    parts = [rule.severity.value if rule.severity else "", rule.kind or ""]
    parts += [f"about {rule.brand}" if rule.brand else "", f"on {rule.source}" if rule.source else ""]
    parts += [f"topic {rule.topic}" if rule.topic else "", f"incident {rule.incident_id}" if rule.incident_id else ""]
    also = ["critical ones too" if rule.include_critical else ""]
    return output.plain(" ".join(filter(None, [*parts, *also])))


def _print_muted(muted: Sequence[Muted], zone: str) -> None:
    rows = [
        (one.incident.id, output.local(one.incident.opened_at, zone),
         output.severity_markup(one.incident.severity.value), str(one.messages), output.plain(one.incident.headline))
        for one in muted
    ]  # fmt: skip
    if rows:
        output.print_table(("incident", "opened", "severity", "messages", "headline"), rows)
