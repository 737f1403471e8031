"""`tocsin users`: who may sign in to the web page, and the tokens of programs."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.names import RoleName
from monitor.cli import output, settings
from monitor.cli.failures import BAD_USAGE, FOUND_PROBLEMS, Failure
from monitor.cli.settings import DEFAULT, AsJson, ConfigFile, me

if TYPE_CHECKING:
    from storage.database import Transaction

app = typer.Typer(
    help="Who may sign in to the web page, and the tokens of programs.", no_args_is_help=True, rich_markup_mode=None
)

RESERVED = ("tocsin", "local")
"""What timelines call the program itself, and somebody who sits at the machine."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")]
AsRole = Annotated[RoleName, typer.Option("--role", help="What the person may do.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command(epilog="Example: tocsin users add ada --role responder")
def add(name: Name, role: AsRole = "viewer", config: ConfigFile = DEFAULT, password_stdin: FromInput = False) -> None:
    """Add somebody who signs in with a password."""
    from storage import accounts, audit
    from storage.accounts import Account

    _refuse_name(name)
    kept = _hashed(password_stdin)
    with _writing(config) as tx:
        if not accounts.add(tx, Account(name, role, settings.now(), kept)):
            raise Failure(f'there is a "{name}" already; "tocsin users password {name}" changes the password')
        audit.add(tx, settings.now(), me(), "added user", name, {"role": role})
    output.say(f"{output.plain(name)} may sign in, as {role}.")


@app.command("list", epilog="Example: tocsin users list")
def list_(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """List who may sign in."""
    from storage import accounts

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        found = accounts.every(tx)
    if as_json:
        for one in found:
            output.print_json({"name": one.name, "role": one.role, "created_at": one.created_at})
    elif found:
        rows = [(one.name, one.role, f"{one.created_at:%Y-%m-%d}") for one in found]
        output.print_table(("name", "role", "since"), rows)
    else:
        output.say('Nobody may sign in yet; "tocsin users add NAME" adds somebody.')


@app.command(epilog="Example: tocsin users role ada analyst")
def role(
    name: Name,
    role: Annotated[RoleName, typer.Argument(metavar="ROLE", help="viewer, responder, analyst or operator.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Give somebody another role; it counts from the next request on."""
    from storage import accounts, audit

    with _writing(config) as tx:
        _known(accounts.set_role(tx, name, role), name)
        audit.add(tx, settings.now(), me(), "changed role", name, {"role": role})
    output.say(f"{output.plain(name)} is {role} now.")


@app.command(epilog="Example: tocsin users password ada")
def password(name: Name, config: ConfigFile = DEFAULT, password_stdin: FromInput = False) -> None:
    """Give somebody another password, and sign their browsers out."""
    from storage import accounts, audit

    kept = _hashed(password_stdin)
    with _writing(config) as tx:
        _known(accounts.set_password(tx, name, kept), name)
        audit.add(tx, settings.now(), me(), "changed password", name)
    output.say(f"{output.plain(name)} has another password, and must sign in again.")


@app.command(epilog="Example: tocsin users remove ada")
def remove(name: Name, config: ConfigFile = DEFAULT) -> None:
    """Remove somebody, with their browsers and tokens."""
    from storage import accounts, audit

    with _writing(config) as tx:
        _known(accounts.remove(tx, name), name)
        audit.add(tx, settings.now(), me(), "removed user", name)
    output.say(f"{output.plain(name)} may not come in any more.")


@app.command(epilog="Example: tocsin users token ada --scope read --days 90 --purpose notebook")
def token(
    name: Name,
    config: ConfigFile = DEFAULT,
    scopes: Annotated[
        list[str], typer.Option("--scope", metavar="SCOPE", help="read, respond, analyse or operate; may be repeated.")
    ] = ["read"],  # noqa: B006  # typer's way to say a default
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="For how long it holds.")] = 90,
    purpose: Annotated[str, typer.Option("--purpose", metavar="WORDS", help="What it is for.")] = "",
) -> None:
    """Make a token for a program; it is shown this once."""
    from monitor.web.access import SCOPES
    from storage import accounts, audit
    from storage.accounts import Token

    for scope in scopes:
        if scope not in SCOPES:
            raise Failure(f'--scope: there is no "{scope}"; choose of {", ".join(SCOPES)}', code=BAD_USAGE)
    secret, now = f"tocsin_{secrets.token_urlsafe(32)}", settings.now()
    made = Token(secrets.token_hex(4), name, "", purpose, tuple(scopes), now, now + timedelta(days=days))
    with _writing(config) as tx:
        _known(accounts.get(tx, name) is not None, name)
        accounts.add_token(tx, secret, made)
        audit.add(tx, now, me(), "made token", name, {"token": made.id, "scopes": list(scopes), "days": days})
    typer.echo(secret)
    output.console(error=True).print(f"This is token {made.id}; it holds until {made.expires_at:%Y-%m-%d}.")


@app.command(epilog="Example: tocsin users tokens")
def tokens(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> None:
    """List tokens, without their secrets."""
    from dataclasses import asdict

    from storage import accounts

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        found = accounts.tokens(tx)
    if as_json:
        for one in found:
            output.print_json(asdict(one))
    elif found:
        titles = ("token", "of", "for", "may", "until", "last used")
        rows = [
            (one.id, one.account, one.purpose, ", ".join(one.scopes), f"{one.expires_at:%Y-%m-%d}", _day(one.seen_at))
            for one in found
        ]
        output.print_table(titles, rows)
    else:
        output.say("There are no tokens.")


@app.command(epilog="Example: tocsin users revoke 1f2e3d4c")
def revoke(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="The token, as listed.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Take a token back; it stops at once."""
    from storage import accounts, audit

    with _writing(config) as tx:
        if not accounts.remove_token(tx, token_id):
            raise Failure(f'there is no token "{token_id}"; "tocsin users tokens" lists them')
        audit.add(tx, settings.now(), me(), "revoked token", token_id)
    output.say(f"Token {output.plain(token_id)} holds no more.")


@app.command("log", epilog="Example: tocsin users log --limit 20")
def log_(
    config: ConfigFile = DEFAULT,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="How many lines.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what people did, the newest last, and whether the log is whole."""
    from dataclasses import asdict

    from storage import audit

    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, read_only=True) as database, database.read() as tx:
        lines, broken = audit.recent(tx, limit=limit)[::-1], audit.first_broken(tx)
    if as_json:
        for line in lines:
            output.print_json(asdict(line))
    else:
        rows = [(str(line.seq), f"{line.at:%Y-%m-%d %H:%M}", line.actor, line.action, line.subject) for line in lines]
        output.print_table(("line", "at (UTC)", "who", "what", "to"), rows)
    if broken is not None:
        raise Failure(f"line {broken} does not fit the lines before it: the log was changed", code=FOUND_PROBLEMS)


@contextmanager
def _writing(config: Path) -> Iterator[Transaction]:
    chosen = settings.read_settings(config, complete=False)
    with settings.open_database(chosen, make=True) as database, database.write() as tx:
        yield tx


def _refuse_name(name: str) -> None:
    if not re.fullmatch(r"[\w.@+-]{1,100}", name) or name in RESERVED:
        message = f'"{name}" is no name to sign in with; write letters, digits and . @ + - _, without spaces'
        raise Failure(message if name not in RESERVED else f'"{name}" is what the program calls itself', code=BAD_USAGE)


def _known(is_known: bool, name: str) -> None:
    if not is_known:
        raise Failure(f'there is no "{name}"; "tocsin users list" shows who there is')


def _hashed(from_input: bool) -> str:
    from monitor.web.passwords import PasswordError, hashed

    if from_input:
        written = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        written = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        raise Failure("nobody is there to type a password; give it with --password-stdin", code=BAD_USAGE)
    try:
        return hashed(written)
    except PasswordError as error:
        raise Failure(str(error), code=BAD_USAGE) from error


def _day(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d}" if at else "never"
