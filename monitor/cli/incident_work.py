"""`tocsin incidents`: work on incidents, one command for each kind of work."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from monitor.cli import output, settings
from monitor.cli.incident_care import By, Note, me
from monitor.cli.incidents import Name, app, incident_json
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile
from storage.records import Severity

__all__ = ["app"]

Other = Annotated[str, typer.Argument(metavar="OTHER", help="The other incident; letters of either end will do.")]
Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="One or more tags, in small letters.")]


@app.command(epilog='Example: tocsin incidents merge 01JX 01JW --note "the same recall"')
def merge(
    name: Name, into: Other, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Make an incident part of another: it ends, and whatever comes of it counts for the other."""
    _work(name, "merged", config, by, note, as_json=as_json, other=into)


@app.command(epilog='Example: tocsin incidents split 01JX --term glass --headline "Acme: glass in ovens"')
def split(  # noqa: PLR0917
    name: Name,
    config: ConfigFile = DEFAULT,
    posts: Annotated[
        list[str] | None, typer.Option("--post", metavar="SOURCE/ID", help="A post that it rests on; may be repeated.")
    ] = None,
    threads: Annotated[
        list[str] | None, typer.Option("--thread", metavar="SOURCE/ID", help="A thread; may be repeated.")
    ] = None,
    terms: Annotated[
        list[str] | None, typer.Option("--term", metavar="WORD", help="What its posts say; may be repeated.")
    ] = None,
    headline: Annotated[str | None, typer.Option("--headline", metavar="TEXT", help="Of the new incident.")] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="Of the new incident.")] = None,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Split posts, threads or words off an incident, into one of their own."""
    from monitor.detectors.contract import thread_topic

    chosen = {
        "posts": tuple(map(_key, posts or ())),
        "threads": tuple(thread_topic(*_key(thread)) for thread in threads or ()),
        "terms": tuple(terms or ()),
    }
    _work(name, "split", config, by, note, as_json=as_json, headline=headline, severity=severity, **chosen)


@app.command(epilog='Example: tocsin incidents move 01JX "Acme Home" --note "it is their oven"')
def move(
    name: Name,
    brand: Annotated[str, typer.Argument(metavar="BRAND", help="Another brand that is watched.")],
    config: ConfigFile = DEFAULT,
    headline: Annotated[str | None, typer.Option("--headline", metavar="TEXT", help="Of the new incident.")] = None,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say that an incident is about another brand of ours: it ends, and opens for those who answer for that one."""
    _work(name, "moved", config, by, note, as_json=as_json, brand=brand, headline=headline)


@app.command(epilog="Example: tocsin incidents link 01JX 01JW")
def link(
    name: Name, other: Other, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Say that two incidents are related; both show the other."""
    _work(name, "linked", config, by, note, as_json=as_json, other=other)


@app.command(epilog="Example: tocsin incidents unlink 01JX 01JW")
def unlink(
    name: Name, other: Other, config: ConfigFile = DEFAULT, by: By = "", note: Note = "", as_json: AsJson = False
) -> None:
    """Say that two incidents are not related after all."""
    _work(name, "unlinked", config, by, note, as_json=as_json, other=other)


@app.command(epilog='Example: tocsin incidents assign 01JX "Ada" --note "knows the supplier"')
def assign(
    name: Name,
    to: Annotated[str, typer.Argument(metavar="WHO", help='Who shall carry it; "" for nobody.')],
    config: ConfigFile = DEFAULT,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Say who carries an incident: everybody who is told of it reads so."""
    _work(name, "assigned", config, by, note, as_json=as_json, to=to)


@app.command(epilog="Example: tocsin incidents tag 01JX recall legal")
def tag(name: Name, tags: Tags, config: ConfigFile = DEFAULT, by: By = "", as_json: AsJson = False) -> None:
    """Tag an incident: lists can be narrowed to a tag."""
    _work(name, "tagged", config, by, "", as_json=as_json, tags=tuple(tags))


@app.command(epilog="Example: tocsin incidents untag 01JX legal")
def untag(name: Name, tags: Tags, config: ConfigFile = DEFAULT, by: By = "", as_json: AsJson = False) -> None:
    """Take tags off an incident."""
    _work(name, "untagged", config, by, "", as_json=as_json, tags=tuple(tags))


@app.command(epilog='Example: tocsin incidents correct 01JX --severity warning --note "a rumour, no recall"')
def correct(
    name: Name,
    config: ConfigFile = DEFAULT,
    headline: Annotated[
        str | None, typer.Option("--headline", metavar="TEXT", help="What happened, in a line.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help='Its kind; "" for none.')] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", help="How bad it is.")] = None,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Correct the headline, the kind or the severity: it stays so until taken back. A raised severity pages."""
    _work(name, "corrected", config, by, note, as_json=as_json, headline=headline, kind=kind, severity=severity)


@app.command(epilog="Example: tocsin incidents undo 01JX --line 7")
def undo(
    name: Name,
    config: ConfigFile = DEFAULT,
    line: Annotated[
        int | None,
        typer.Option("--line", min=1, metavar="NUMBER", help="The line in the timeline; else the last."),
    ] = None,
    by: By = "",
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Take back a piece of work on an incident, the last one unless said otherwise; the timeline keeps both."""
    _work(name, "undone", config, by, note, as_json=as_json, line=line)


def _key(text: str) -> tuple[str, str]:
    from monitor.decisions import CareError

    source, _, external_id = text.partition("/")
    if not source or not external_id:
        raise CareError(f'"{text}" names nothing; write SOURCE/ID, such as hackernews/41500000')
    return (source, external_id)


def _work(name: str, work: str, config: Any, by: str, note: str, *, as_json: bool, **inputs: Any) -> None:
    from monitor.care import Care, find
    from monitor.casework import Asked
    from monitor.casework_lines import Work
    from monitor.caseworker import Caseworker
    from monitor.outcomes import worked
    from storage import audit

    chosen = settings.read_settings(config, complete=False)
    caseworker, actor, at = Caseworker(Care.build(chosen)), by or me(), settings.now()
    with settings.open_database(chosen) as database, database.write() as tx:
        incident = find(tx, name)
        if "other" in inputs:
            inputs["other"] = find(tx, inputs["other"])
        done = caseworker.do(tx, incident.id, Asked(Work(work), actor, at, note, **inputs))
        audit.add(tx, at, actor, work, incident.id, {"way": "command"})
    if as_json:
        told = {"changed": done.changed, "event": asdict(done.event) if done.event else None}
        other = incident_json(done.other) if done.other else None
        output.print_json(incident_json(done.incident, done.work) | told | {"other": other})
    else:
        output.say(output.plain(worked(done)))
