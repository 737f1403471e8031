"""`tocsin init`: a first configuration after a few questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import output
from monitor.cli.failures import BAD_USAGE, Failure

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write; never overwritten.")]
Brand = Annotated[str, typer.Option("--brand", metavar="NAME", help="The company to watch.")]
Aliases = Annotated[list[str] | None, typer.Option("--alias", metavar="NAME", help="Another name of it; repeatable.")]
Ambiguous = Annotated[bool, typer.Option("--ambiguous", help="The name is also an ordinary word.")]
Sources = Annotated[list[str] | None, typer.Option("--source", metavar="TYPE", help="Where to watch; repeatable.")]
Channels = Annotated[list[str] | None, typer.Option("--channel", metavar="TYPE", help="How to tell; repeatable.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="TYPE.KEY=VALUE", help="An option of a source or channel; repeatable."),
]
Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Time zone of the people who are told.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take what the options say, else a default.")]
All = Annotated[bool, typer.Option("--all", help="Write every setting there is, with its default, and ask nothing.")]

SOURCES, CHANNELS = ("hackernews",), ("smtp",)
"""What is taken when nobody says otherwise: what needs no account."""


@dataclass
class Answers:
    """What is known so far: options of the command line first, then answers."""

    brand: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    timezone: str = "UTC"


def init(  # noqa: PLR0917
    output_file: Output = Path("tocsin.toml"),
    brand: Brand = "",
    alias: Aliases = None,
    ambiguous: Ambiguous = False,
    source: Sources = None,
    channel: Channels = None,
    set_: Set = None,
    timezone: Timezone = "",
    yes: Yes = False,
    all_: All = False,
) -> None:
    """Write a commented configuration after a few questions; an existing file is never overwritten.

    Example: tocsin init --yes --brand Acme --source hackernews --channel smtp
    """
    if output_file.exists():
        raise Failure(f"{output_file} exists already and is left as it is; name another with --output", code=BAD_USAGE)
    if all_:
        from config.example import example

        _write(output_file, example())
        output.say(f"Wrote every setting to {output.plain(str(output_file))}.")
        return
    answers = Answers(timezone=timezone or "UTC")
    answers.brand = _brand(brand, alias or [], ambiguous=ambiguous, ask=not yes)
    answers.timezone = timezone or ("UTC" if yes else _ask_zone())
    given = _settings(set_ or [])
    answers.sources = _plugins("sources", "Where to watch", source or [], SOURCES, given, ask=not yes)
    answers.channels = _plugins("channels", "How to tell people", channel or [], CHANNELS, given, ask=not yes)
    if given:
        raise Failure(f"--set {next(iter(given))}: no such source or channel was chosen", code=BAD_USAGE)
    _finish(output_file, answers)


def _ask(question: str, default: str | None = None, mistake: Callable[[str], str] | None = None) -> str:
    """The answer; asked again as long as `mistake` says that something is wrong with it."""
    while True:
        answer = str(typer.prompt(question, default=default, show_default=bool(default))).strip()
        wrong = mistake(answer) if mistake else ""
        if not wrong:
            return answer
        typer.echo(f"  {wrong}")


def _ask_zone() -> str:
    from config.settings import GeneralSettings
    from config.starter import mistake_in

    def mistake(answer: str) -> str:
        return mistake_in(GeneralSettings, "timezone", answer)

    return _ask("Time zone of the people who are told", "UTC", mistake)


def _brand(name: str, aliases: Sequence[str], *, ambiguous: bool, ask: bool) -> dict[str, Any]:
    from config.starter import words

    if not name and not ask:
        raise Failure("say which company to watch: --brand NAME", code=BAD_USAGE)
    found: dict[str, Any] = {"name": name or _ask("Which company or product shall be watched?")}
    others = list(aliases)
    if ask and not others:
        others = words(_ask("Other names and spellings, with commas between (Enter for none)", ""))
    if others:
        found["aliases"] = others
    if ambiguous or (ask and not name and typer.confirm("Is the name also an ordinary word, as in Apple or Target?")):
        found["ambiguous"] = True
        near = words(_ask("Words that stand near it when the company is meant, with commas", "")) if ask else []
        if near:
            found["context"] = near
    return found


def _settings(pairs: Sequence[str]) -> dict[str, str]:
    """`TYPE.KEY=VALUE` by `TYPE.KEY`."""
    found = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or "." not in key:
            raise Failure(f'--set {pair}: write TYPE.KEY=VALUE, such as "feeds.urls=https://…"', code=BAD_USAGE)
        found[key.strip()] = value.strip()
    return found


def _plugins(
    table: str, question: str, chosen: Sequence[str], default: Sequence[str], given: dict[str, str], *, ask: bool
) -> dict[str, dict[str, Any]]:
    """The options of each type chosen; those used are taken out of `given`."""
    from config.load import PACKAGES
    from config.plugins import available
    from config.starter import unknown, words

    known = available(PACKAGES[table])
    usual = [kind for kind in default if kind in known] or known[:1]
    kinds = list(dict.fromkeys(chosen)) or usual
    if ask and not chosen:
        default_answer = ", ".join(usual)
        kinds = words(
            _ask(f"{question} ({', '.join(known)})", default_answer, lambda text: unknown(words(text), known))
        )
    wrong = unknown(kinds, known)
    if wrong or not kinds:
        raise Failure(wrong or f"choose at least one of {', '.join(known)}", code=BAD_USAGE)
    return {kind: _options(table, kind, given, ask=ask) for kind in kinds}


def _options(table: str, kind: str, given: dict[str, str], *, ask: bool) -> dict[str, Any]:
    from config.load import PACKAGES
    from config.plugins import options_of
    from config.starter import read_option, required_options

    model = options_of(PACKAGES[table], kind)
    fields = model.model_fields
    found: dict[str, Any] = {}
    for name, option in fields.items():
        if f"{kind}.{name}" in given:
            found[name] = read_option(option, given.pop(f"{kind}.{name}"))
    for name, option in required_options(table, kind).items():
        if ask and name not in found:
            found[name] = _ask_option(model, kind, name, option)
    strange = [key for key in given if key.startswith(f"{kind}.")]
    if strange:
        from config.suggestions import did_you_mean

        advice = did_you_mean(strange[0].split(".", 1)[1], fields)
        raise Failure(f"--set {strange[0]}: {kind} has no such option; {advice}", code=BAD_USAGE)
    return found


def _ask_option(model: type[BaseModel], kind: str, name: str, option: FieldInfo) -> Any:
    from config.starter import mistake_in, read_option
    from config.wording import sentence

    def mistake(answer: str) -> str:
        return mistake_in(model, name, read_option(option, answer))

    several = " With commas between several." if isinstance(read_option(option, ""), list) else ""
    return read_option(option, _ask(f"{kind}, {name}: {sentence(option)}{several}", mistake=mistake))


def _finish(file: Path, answers: Answers) -> None:
    """Write the file if it will load, and say what comes next."""
    from config.starter import CHANGE, Starter

    starter = Starter(answers.brand, answers.sources, answers.channels, answers.timezone)
    text = starter.text()
    _prove(text)
    _write(file, text)
    output.say(f"Wrote {output.plain(str(file))}.")
    for number, line in enumerate(text.splitlines(), 1):
        if line.endswith(CHANGE):
            output.say(f"  Change line {number}: {output.plain(line.removesuffix(CHANGE).strip())}")
    if starter.variables:
        output.say(f"  Set in the environment: {', '.join(starter.variables)}")
    option = "" if file == Path("tocsin.toml") else f" --config {file}"
    output.say(f'Then: "tocsin check --live{option}", and "tocsin run{option}".')


def _prove(text: str) -> None:
    """Refuse answers that would make a file that does not load."""
    import tempfile

    from config.load import load
    from config.problems import ConfigurationError

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tocsin.toml"
        file.write_text(text, encoding="utf-8")
        try:
            load(file)
        except ConfigurationError as error:
            lines = [
                f"{problem.key}: {problem.message}; {problem.suggestion}".rstrip("; ") for problem in error.problems
            ]
            raise Failure("with these answers the file would not be right:", *lines, code=BAD_USAGE) from error


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as target:
            target.write(text)
    except FileExistsError as error:
        raise Failure(f"{file} exists already and is left as it is", code=BAD_USAGE) from error
