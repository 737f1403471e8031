"""`tocsin run`: it starts, says so, and stops when it is told to."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from storage.database import Database
from tests.monitor.cli.conftest import Run
from tests.monitor.cli.test_program import ROOT

CONFIGURATION = """\
[web]
port = 0
[[brands]]
name = "Acme"
[[sources]]
type = "files"
paths = ["posts/*.jsonl"]
[[channels]]
type = "smtp"
host = "localhost"
port = 9
security = "none"
sender = "tocsin@example.com"
to = ["ada@example.com"]
[[routes]]
channels = ["smtp"]
"""


def events_until(process: subprocess.Popen[str], event: str) -> list[dict[str, Any]]:
    """The lines of the log up to the first of that name, or to the end."""
    assert process.stderr is not None
    lines: list[dict[str, Any]] = []
    for line in process.stderr:
        lines.append(json.loads(line))
        if lines[-1]["event"] == event:
            break
    return lines


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(folder: Path, number: signal.Signals) -> None:
    (folder / "tocsin.toml").write_text(CONFIGURATION)
    with subprocess.Popen(
        [sys.executable, "-c", "from monitor.cli import main; main()", "run", "--config", str(folder / "tocsin.toml")],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            serving = events_until(process, "serving")
            assert httpx.get(f"{serving[-1]['address']}/readyz").json() == {"status": "ok"}
            started = events_until(process, "running")
            process.send_signal(number)
            _, rest = process.communicate(timeout=30)
        finally:
            process.kill()  # does nothing to one that has ended
    assert process.returncode == 0, rest
    assert started[-1]["sources"] == ["files"]
    with Database.open(f"sqlite:///{folder}/tocsin.db", migrate=False) as made, made.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM post").scalar() == 0


def test_a_missing_secret_stops_it_before_it_starts(folder: Path, tocsin: Run) -> None:
    text = CONFIGURATION.replace("sender =", 'username = "x"\npassword = { env = "NOBODY_SET_THIS" }\nsender =')
    (folder / "tocsin.toml").write_text(text.replace('security = "none"\n', ""))
    result = tocsin("run")
    assert result.exit_code == 2
    assert "NOBODY_SET_THIS is not set" in result.output
    assert not (folder / "tocsin.db").exists()
