"""The configuration that a command works under."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli.failures import BAD_USAGE, Failure

if TYPE_CHECKING:
    from config.settings import Settings
    from storage.database import Database

ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="TOCSIN_CONFIG", help="The configuration, a TOML file.", metavar="FILE"),
]
DEFAULT = Path("tocsin.toml")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]

now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731


def read_settings(path: Path, *, complete: bool = True, secrets: bool = False) -> Settings:
    """The settings in `path`; `ConfigurationError` with every mistake."""
    from config.load import load
    from monitor.kinds import built_in_kinds

    return load(path, complete=complete, secrets=secrets, kinds=built_in_kinds())


def me() -> str:
    """Who sits here."""
    try:
        return os.environ.get("TOCSIN_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user often has no name
        return f"user {os.getuid()}"


@contextmanager
def open_database(settings: Settings, *, read_only: bool = False, make: bool = False) -> Iterator[Database]:
    """The configured database, which must exist and be up to date unless `make`; closed at the end."""
    from storage.database import Database

    url = settings.database.resolved_url()
    file = file_of(url)
    if file is not None and not make and not file.exists():
        raise Failure(
            f'there is no database at {file} yet; "tocsin db upgrade" makes it, and so does "tocsin run"',
            code=BAD_USAGE,
        )
    database = Database.open(url, migrate=make, read_only=read_only)
    try:
        yield database
    finally:
        database.close()


def brand_named(settings: Settings, name: str = "") -> str:
    """The configured brand of that name, whatever its capitals; the only one where none is named."""
    names = [brand.name for brand in settings.brands]
    if not name and len(names) == 1:
        return names[0]
    for known in names:
        if known.casefold() == name.casefold() and name:
            return known
    asked = f'there is no brand "{name}"' if name else "say toward which brand, with --brand"
    raise Failure(f"{asked}; watched are {', '.join(names) or 'none'}", code=BAD_USAGE)


def utc(moment: datetime | None) -> datetime | None:
    """A moment of the command line, which is in UTC unless it says otherwise."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def file_of(url: str) -> Path | None:
    """The file of a SQLite database, None for any other."""
    scheme, _, rest = url.partition(":///")
    name = rest.partition("?")[0]
    return Path(name) if scheme.startswith("sqlite") and name and name != ":memory:" else None
