"""Every secret of a whole installation is a canary, nothing can be reached, and none is found anywhere afterwards."""

from __future__ import annotations

import base64
import io
import re
import socket
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from alerts.policy import Change
from config.load import load
from config.plugins import available
from config.settings import Settings
from monitor.app import App
from monitor.assembly import utc_now
from monitor.cli import logs
from monitor.cli.program import app as program
from monitor.web.app import create
from monitor.web.desk import Desk
from storage import incidents, runs
from storage.database import Database
from storage.records import Severity
from tests.monitor.web.test_routes import ROUTES, STREAMS
from tests.storage.examples import incident

MORE = """
[web.oidc]
issuer = "https://login.acme.example"
client_id = "tocsin"
client_secret = { env = "OIDC_SECRET" }

[operations]
heartbeat = { env = "HEARTBEAT" }
"""
SIGNING = re.compile("INGEST|WEBHOOK_SECRET|SIGN")


def canary(number: int, name: str) -> str:
    """A secret of the shape that is asked for, and that nothing else in the world looks like."""
    word = f"canary{number:02d}x7Qz"
    if "HEARTBEAT" in name or name.endswith(("URL", "URLS")):
        return f"https://hooks.acme.example/services/{word}"
    if SIGNING.search(name):
        return "whsec_" + base64.b64encode(f"{word}{'s' * 24}".encode()).decode()
    return f"xoxb-{word}" if "SLACK" in name else f"{word}:{word}"


@pytest.fixture
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No name resolves but this machine's; the names that were asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **named: Any) -> Any:
        if host in ("127.0.0.1", "localhost", "::1", None, ""):
            return real(host, *arguments, **named)
        asked.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Settings, Path, list[str]]:
    """A configuration with every source and every channel there is, and its secrets."""
    file = tmp_path / "tocsin.toml"
    chosen = [part for kind in available("collectors") for part in ("--source", kind)]
    chosen += [part for kind in available("alerts.channels") for part in ("--channel", kind)]
    made = CliRunner().invoke(program, ["init", "--yes", "--brand", "Acme", "--output", str(file), *chosen])
    assert made.exit_code == 0, made.output
    file.write_text(file.read_text() + MORE)
    names = sorted(set(re.findall(r'env = "(\w+)"', file.read_text())))
    secrets = [canary(number, name) for number, name in enumerate(names)]
    for name, secret in zip(names, secrets, strict=True):
        monkeypatch.setenv(name, secret)
    monkeypatch.chdir(tmp_path)
    return load(file), tmp_path, secrets


def test_no_secret_is_found_in_log_database_pages_or_exports(
    installation: tuple[Settings, Path, list[str]], nobody_there: list[str]
) -> None:
    settings, folder, secrets = installation
    with redirect_stderr(io.StringIO()) as log:
        logs.begin()  # without the list of secrets to hide: none may come as far as that
        turn(settings)
    with Database.open(settings.database.resolved_url()) as database:
        with database.read() as tx:
            assert {run.source for run in runs.recent(tx)} >= {"twitter", "telegram", "meta"}, "hardly any was asked"
        places = {"log": log.getvalue(), **pages(Desk.build(settings, database, utc_now))}
    assert len(nobody_there) > 10
    assert log.getvalue().count("not told yet") > 5
    places |= {" ".join(command): said(command) for command in COMMANDS}
    places |= {str(path): path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()}
    found = [(place, secret) for place, text in places.items() for secret in secrets if trace(secret) in text]
    assert found == []


COMMANDS = (
    ["check"],
    ["check", "--live"],
    ["incidents", "show", "i1", "--json"],
    ["db", "export", "--format", "csv", "analysts"],
    ["db", "check"],
    ["check", "--cost"],
)


def turn(settings: Settings) -> None:
    """Everything that a running program does once: read, judge, page, look after itself."""
    app = App(settings)
    try:
        app.lead()
        now = app.clock()
        new = incident(began_at=now, opened_at=now, updated_at=now, severity=Severity.CRITICAL)
        with app.database.write() as tx:
            incidents.insert(tx, new)
            app.care.speaker.speak(tx, new, Change.OPENED, app.care.brief(tx, new, now), now)
        for job in app.jobs.values():
            job.run()
        app.judge()
        app.send()
        app.sender.drain(60)
        app.health.look()
        app.vigil.audit()
        app.vigil.heartbeat()
    finally:
        app.stop()


def pages(desk: Desk) -> dict[str, str]:
    """Every page and answer that can be asked for without a body."""
    browser = TestClient(create(desk), base_url="http://127.0.0.1:8477", client=("127.0.0.1", 50_000))
    asked = [name for name in ROUTES if name.startswith("GET") and name not in STREAMS]
    paths = [name.removeprefix("GET ").replace("{incident_id}", "i1") for name in asked]
    return {path: browser.get(path).text for path in paths if "{" not in path}


def said(command: list[str]) -> str:
    """What a command shows."""
    return CliRunner().invoke(program, command).output


def trace(secret: str) -> str:
    """The part of a secret that would betray it."""
    return secret.removeprefix("whsec_").removeprefix("xoxb-").rpartition("/")[2][:12]
