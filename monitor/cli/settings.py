"""The configuration that a command works under."""

from __future__ import annotations

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


@contextmanager
def open_database(settings: Settings, *, read_only: bool = False) -> Iterator[Database]:
    """The configured database, which must exist and be up to date; closed at the end."""
    from storage.database import Database

    url = settings.database.resolved_url()
    file = _file_of(url)
    if file is not None and not file.exists():
        raise Failure(f'there is no database at {file} yet; "tocsin run" makes it', code=BAD_USAGE)
    database = Database.open(url, migrate=False, read_only=read_only)
    try:
        yield database
    finally:
        database.close()


def _file_of(url: str) -> Path | None:
    """The file of a SQLite database."""
    scheme, _, rest = url.partition(":///")
    name = rest.partition("?")[0]
    return Path(name) if scheme.startswith("sqlite") and name and name != ":memory:" else None
