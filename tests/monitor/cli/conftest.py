"""A folder with a configuration, and the program to run in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor.cli import settings
from monitor.cli.program import app
from storage.database import Database
from tests.monitor.cli import letterbox
from tests.storage.examples import NOON

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program runs in, at noon of the tests' day, with the plug-ins of the tests."""
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    letterbox.sent.clear()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOCSIN_USER", "Ada")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("TOCSIN_CONFIG", raising=False)
    monkeypatch.setattr(settings, "now", lambda: NOON)
    return tmp_path


@pytest.fixture
def configured(folder: Path) -> Path:
    """The file of a sound configuration."""
    file = folder / "tocsin.toml"
    file.write_text(letterbox.CONFIGURATION, encoding="utf-8")
    return file


@pytest.fixture
def stored(configured: Path) -> Iterator[Database]:
    """The database of that configuration, with all tables."""
    with Database.open(f"sqlite:///{configured.parent}/tocsin.db") as database:
        yield database


@pytest.fixture
def tocsin() -> Run:
    """Runs the program: `tocsin("check", "--json")`."""

    def run(*arguments: str, input: str | None = None) -> Result:  # noqa: A002
        return CliRunner().invoke(app, list(arguments), input=input, prog_name="tocsin")

    return run
