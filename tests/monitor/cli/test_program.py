"""The program as a whole: its help, its exit codes, and how it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import check
from monitor.cli.program import program
from tests.monitor.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"pydantic", "rich", "sqlalchemy", "httpx", "pandas", "numpy", "sklearn", "tweepy", "praw", "matplotlib"}


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(program))


def test_help_names_every_command(tocsin: Run) -> None:
    result = tocsin("--help")
    assert result.exit_code == 0
    for name in ("demo", "init", "check", "run", "web", "replay", "detect", "score", "train", "incidents", "db"):
        assert f"\n  {name} " in result.output
    assert "..." not in result.output.partition("Commands:")[2]


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_that_is_one(tocsin: Run, path: tuple[str, ...]) -> None:
    result = tocsin(*path, "--help")
    assert result.exit_code == 0
    words = " ".join(result.output.split())
    assert f"Example: tocsin {' '.join(path)}" in words
    known = {option for parameter in COMMANDS[path].params for option in (*parameter.opts, *parameter.secondary_opts)}
    _, _, example = words.partition("Example: ")
    used = [word for word in example.partition("Options:")[0].split() if word.startswith("-")]
    assert set(used) <= known


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(path: tuple[str, ...]) -> None:
    assert all(parameter.help for parameter in COMMANDS[path].params if parameter.name != "help")


def test_the_version_is_told(tocsin: Run) -> None:
    assert tocsin("--version").output.startswith("tocsin ")


@pytest.mark.parametrize(
    "arguments", [["chekc"], ["check", "--liv"], ["incidents", "show"], ["replay"], ["incidents", "frobnicate"]]
)
def test_a_wrong_command_line_is_bad_usage(tocsin: Run, arguments: list[str]) -> None:
    result = tocsin(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_what_nobody_thought_of_is_one_line(tocsin: Run, configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(_config: Path) -> None:
        raise ZeroDivisionError("by\nzero")

    monkeypatch.setattr(check, "_read", break_down)
    result = tocsin("check")
    assert result.exit_code == 1
    assert result.output == (
        "tocsin: this should not have happened (ZeroDivisionError: by zero); "
        "please report it with the traceback that TOCSIN_TRACEBACK=1 shows\n"
    )
    monkeypatch.setenv("TOCSIN_TRACEBACK", "1")
    assert isinstance(tocsin("check").exception, ZeroDivisionError)


@pytest.mark.parametrize("command", [["run"], ["incidents", "list"], ["db", "check"], ["db", "upgrade"]])
def test_without_a_configuration_the_way_to_one_is_shown(tocsin: Run, command: list[str]) -> None:
    result = tocsin(*command)
    assert result.exit_code == 2
    assert result.output == (
        'tocsin: tocsin.toml: there is no such file; make one with "tocsin init", or name another: --config FILE\n'
    )


@pytest.mark.parametrize("command", [["run"], ["incidents", "list"], ["db", "check"]])
def test_every_mistake_of_the_configuration_is_a_line(tocsin: Run, configured: Path, command: list[str]) -> None:
    text = configured.read_text().replace('name = "letters"', 'nam = "letters"').replace('["bells"]', '["bell"]')
    configured.write_text(text)
    result = tocsin(*command)
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("tocsin: tocsin.toml:") for line in lines)


def test_the_configuration_may_be_named_in_the_environment(
    tocsin: Run, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_CONFIG", str(configured.rename(configured.with_name("other.toml"))))
    assert "other.toml has no mistakes" in tocsin("check").output


def program_in_a_process(*arguments: str, folder: Path, code: str = "") -> subprocess.CompletedProcess[str]:
    script = f"import sys\nfrom monitor.cli import main\n{code}\nmain()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_imports_nothing_heavy(folder: Path) -> None:
    code = "import atexit, json\natexit.register(lambda: print(json.dumps(sorted(sys.modules))))"
    result = program_in_a_process("--help", folder=folder, code=code)
    loaded = json.loads(result.stdout.splitlines()[-1])
    assert "monitor.cli.check" in loaded
    assert not HEAVY & set(loaded)


def test_the_program_runs_as_a_process_from_init_to_check(folder: Path) -> None:
    made = program_in_a_process("init", "--yes", "--brand", "Acme", folder=folder)
    assert (made.returncode, made.stderr) == (0, "")
    again = program_in_a_process("init", "--yes", "--brand", "Acme", folder=folder)
    assert again.returncode == 2
    assert "exists already" in again.stderr
    file = folder / "tocsin.toml"
    file.write_text(file.read_text().replace("[[brands]]", "[[brand]]"))
    checked = program_in_a_process("check", "--json", folder=folder)
    assert checked.returncode == 2
    assert json.loads(checked.stdout)["problems"][0]["key"] in {"", "brand"}


def test_a_reader_that_went_away_is_no_failure_of_ours(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [sys.executable, "-c", "from monitor.cli import main; main()", "check", "--schema"],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")
