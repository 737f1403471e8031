"""`tocsin check`: the whole configuration at once, and on request whether everything in it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import check_cost, logs, output, settings
from monitor.cli.failures import BAD_USAGE, FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile

if TYPE_CHECKING:
    from alerts.page import Page
    from config.problems import Problem
    from config.settings import ChannelSettings, Settings, SourceSettings

Live = Annotated[
    bool, typer.Option("--live", help="Sign in to each source, and send a test page through each channel.")
]
Cost = Annotated[
    bool, typer.Option("--cost", help="Say how many requests a day and how much money a month each source will take.")
]
Wait = Annotated[
    str,
    typer.Option("--wait", metavar="TIME", help="With --live: wait so long until a person takes each test page."),
]
Schema = Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of the configuration, for editors.")]
Previewed = Annotated[
    list[str] | None,
    typer.Option("--preview", metavar="ALIAS", help="What this name would have matched in stored posts; repeatable."),
]
PreviewUnseen = Annotated[
    bool, typer.Option("--preview-unseen", help="The same for every configured name that no stored mention has.")
]
OfBrand = Annotated[
    str,
    typer.Option("--brand", "-b", metavar="NAME", help="The brand of the previewed name, where several are watched."),
]
History = Annotated[
    list[Path] | None,
    typer.Option("--history", metavar="FILE", help="Preview over history files instead of stored posts; repeatable."),
]
Since = Annotated[
    datetime | None, typer.Option("--since", help="Preview over posts from here on (UTC).", metavar="DATE")
]
Seconds = Annotated[float, typer.Option("--seconds", min=1, help="How long a preview reads at the most.")]
DEADLINE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source or a channel said to a live check."""

    what: str
    name: str
    fine: bool
    message: str


def check(
    config: ConfigFile = DEFAULT,
    *,
    live: Live = False,
    wait: Wait = "",
    cost: Cost = False,
    schema: Schema = False,
    preview: Previewed = None,
    preview_unseen: PreviewUnseen = False,
    brand: OfBrand = "",
    history: History = None,
    since: Since = None,
    seconds: Seconds = 20.0,
    as_json: AsJson = False,
) -> None:
    """Check the configuration: every mistake at once, with file, line, key and what to do about it.

    With --preview, see what a name would have matched before you put it into the configuration.

    The exit code is 0 when all is well, 2 when the configuration is wrong, 1 when --live found something that does not
    answer.

    With --wait the test pages go through the outbox as real ones do, and each is to be taken by a person: by a button,
    a link, or "tocsin incidents ack" in another terminal.

    Example: tocsin check --live --wait 10m
    """
    if schema:
        _print_schema()
        return
    if preview or preview_unseen:
        from monitor.cli.preview import Asked, show

        asked = Asked(preview or (), preview_unseen, brand, history or (), since, seconds)
        show(settings.read_settings(config, complete=False), asked, as_json=as_json)
        return
    chosen, problems = _read(config)
    if chosen is None:
        _print_problems(problems, as_json=as_json)
        raise typer.Exit(BAD_USAGE)
    if not as_json:
        output.say(f"[green]{output.plain(str(config))} has no mistakes.[/] {_contents(chosen)}")
    costs = check_cost.estimates(chosen) if cost else []
    if not as_json:
        check_cost.show(costs)
    answers = list(_ask_model(chosen, as_json=as_json))
    answers += _ask(chosen, as_json=as_json, send=not wait) if live else []
    answers += _wait_for_people(chosen, wait, as_json=as_json) if live and wait else []
    if as_json:
        found = {"problems": [], "live": [asdict(answer) for answer in answers]}
        output.print_json(found | ({"cost": check_cost.as_json(costs)} if cost else {}))
    if not all(answer.fine for answer in answers):
        raise typer.Exit(FOUND_PROBLEMS)


def _print_schema() -> None:
    from config.schema import schema

    typer.echo(json.dumps(schema(), indent=2, ensure_ascii=False))


def _read(config: Path) -> tuple[Settings | None, list[Problem]]:
    from config.problems import ConfigurationError

    try:
        return settings.read_settings(config, secrets=True), []
    except ConfigurationError as error:
        return None, error.problems


def _print_problems(problems: list[Problem], *, as_json: bool) -> None:
    if as_json:
        output.print_json({"problems": [problem.as_json() for problem in problems], "live": []})
        return
    target = output.console()
    for problem in problems:
        place = output.plain(f"{problem.file}:{problem.line}" if problem.line else str(problem.file))
        key = f" [bold]{output.plain(problem.key)}[/]:" if problem.key else ""
        target.print(f"{place}:{key} {output.plain(problem.message)}")
        if problem.suggestion:
            target.print(f"    [cyan]{output.plain(problem.suggestion)}[/]")
    output.say(f"{len(problems)} {'mistake' if len(problems) == 1 else 'mistakes'}.")


def _contents(chosen: Settings) -> str:
    sources = [source.name for source in chosen.sources if source.enabled]
    channels = [channel.name for channel in chosen.channels if channel.enabled]
    brands = [brand.name for brand in chosen.brands]
    return output.plain(f"Watching {_listed(brands)} on {_listed(sources)}, telling {_listed(channels)}.")


def _listed(names: list[str], most: int = 5) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _ask_model(chosen: Settings, *, as_json: bool) -> Iterator[Answer]:
    """Load the sentiment model: "tocsin run" would go on without it, with the lexicon."""
    from monitor.sentiment.model_error import ModelError
    from monitor.understanding import Understanding

    model = chosen.understanding.model
    if model is None:
        return
    try:
        message = f"{Understanding.build(chosen).signature} works"
    except ModelError as error:
        yield _shown(Answer("model", str(model), fine=False, message=str(error)), as_json=as_json)
    else:
        yield _shown(Answer("model", str(model), fine=True, message=message), as_json=as_json)


def _wait_for_people(chosen: Settings, wait: str, *, as_json: bool) -> list[Answer]:
    """Whether a person took the test page of each channel in time."""
    from config.durations import parse_duration
    from config.problems import Mistake
    from monitor.cli.drill import wait_for_people

    try:
        patience = parse_duration(wait)
    except Mistake as error:
        raise Failure(f"--wait: {error}", code=BAD_USAGE) from error
    with logs.quiet(), settings.open_database(chosen, make=True) as database:
        page = replace(test_page(chosen), kind="")  # this one is an incident, which somebody can take
        missed = wait_for_people(chosen, database, page, patience, as_json=as_json)
    enabled = [channel.name for channel in chosen.channels if channel.enabled]
    return [
        _shown(
            Answer("channel", name, name not in missed, "nobody took it" if name in missed else "a person took it"),
            as_json=as_json,
        )
        for name in enabled
    ]


def _ask(chosen: Settings, *, as_json: bool, send: bool) -> Iterator[Answer]:
    """Ask every source and channel that is enabled, one after another, and print each answer as it comes."""
    for source in (source for source in chosen.sources if source.enabled):
        yield _shown(_ask_source(source, chosen), as_json=as_json)
    for channel in (channel for channel in chosen.channels if channel.enabled):
        for answer in _ask_channel(channel, chosen, send=send):
            yield _shown(answer, as_json=as_json)


def _shown(answer: Answer, *, as_json: bool) -> Answer:
    if not as_json:
        mark = "[green]fine[/]" if answer.fine else "[red]wrong[/]"
        output.say(f"{mark}  {answer.what} [bold]{output.plain(answer.name)}[/]: {output.plain(answer.message)}")
    return answer


def _ask_source(source: SourceSettings, chosen: Settings) -> Answer:
    from collectors.contract import CollectorError
    from monitor.assembly import build_collector

    try:
        return Answer("source", source.name, fine=True, message=build_collector(source, chosen, settings.now).probe())
    except CollectorError as error:
        return Answer("source", source.name, fine=False, message=str(error))
    except Exception as error:  # noqa: BLE001  (a plug-in may raise anything, and the others are still to be asked)
        return Answer("source", source.name, fine=False, message=f"{type(error).__name__}: {error}")


def _ask_channel(channel: ChannelSettings, chosen: Settings, *, send: bool) -> Iterator[Answer]:
    """Sign in, then `send` a test page to each target."""
    import secrets

    from alerts.channels.contract import ChannelError, Message
    from alerts.deadline import Deadline
    from alerts.outbox import build_channel
    from config.plugins import options_of

    try:
        way = build_channel(channel, chosen, settings.now)
        yield Answer("channel", channel.name, fine=True, message=way.probe(Deadline(DEADLINE_SECONDS)))
        options = options_of("alerts.channels", channel.type).model_validate(channel.options)
        for target in options.targets if send else ():  # type: ignore[attr-defined]
            message = Message(secrets.token_hex(16), target, test_page(chosen))
            way.send(message, Deadline(DEADLINE_SECONDS))
            told = f"a test page went to {target or channel.name}; look whether it arrived"
            yield Answer("channel", channel.name, fine=True, message=told)
    except ChannelError as error:
        yield Answer("channel", channel.name, fine=False, message=str(error))
    except Exception as error:  # noqa: BLE001  (a plug-in may raise anything, and the others are still to be asked)
        yield Answer("channel", channel.name, fine=False, message=f"{type(error).__name__}: {error}")


def test_page(chosen: Settings) -> Page:
    """A page that nobody can take for an incident.

    It is about one of its own, so that a service that shows one alert an incident rings for the second test, too.
    """
    import secrets

    from alerts.page import TEST, Page
    from storage.records import Reason, Severity

    now = settings.now()
    return Page(
        headline=f"This is a test: {chosen.general.name} can reach you here. Nothing has happened.",
        brand=chosen.brands[0].name if chosen.brands else chosen.general.name,
        severity=Severity.WATCH,
        reason=Reason.OPENED,
        incident_id=f"test-{secrets.token_hex(4)}",
        kind=TEST,
        at=now,
        began_at=now,
        why=('Somebody ran "tocsin check --live" to see whether pages arrive.',),
        timezone=chosen.general.timezone,
        drill=True,
    )
