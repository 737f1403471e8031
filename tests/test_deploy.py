"""The files for operators: every path, command, setting and figure in them exists."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from config.load import load
from config.web import WebSettings
from monitor.app import ALIVE_EVERY
from monitor.cli.program import app
from monitor.watchdog import ALIVE_WITHIN
from tests.monitor.web.desks import browser, desk
from tests.monitor.web.test_routes import ROUTES

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "docs" / "deploy"
METRIC = re.compile(r"\btocsin_[a-z_]+\b")


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    """The unit of systemd."""
    read = configparser.ConfigParser(interpolation=None, strict=False)
    read.optionxform = str  # type: ignore[assignment]
    read.read(DEPLOY / "tocsin.service")
    return read


@pytest.fixture(scope="module")
def container() -> list[list[str]]:
    """The instructions of the container file, in words."""
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The Compose file."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def figures() -> set[str]:
    """The names of everything that /metrics tells."""
    with desk() as of:
        text = browser(of).get("/metrics").text
    return {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}


@cache
def helped(*names: str) -> str:
    """The help of a command; nothing where there is none."""
    told = CliRunner().invoke(app, [*names, "--help"])
    return told.output if told.exit_code == 0 else ""


def is_command(words: list[str]) -> bool:
    """Whether the program has such a command, with such options."""
    path = [word for word in words if not word.startswith("-")][:2]
    told = helped(*path) or helped(*path[:1])
    return bool(told) and all(word.split("=")[0] in told for word in words if word.startswith("--"))


def test_systemd_is_told_as_often_as_the_unit_asks(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert service["Type"] == "notify"
    patience = timedelta(seconds=int(service["WatchdogSec"]))
    assert patience >= 2 * ALIVE_EVERY
    assert patience >= ALIVE_WITHIN
    assert service["Restart"] == "always"


def test_systemd_never_gives_the_program_up(unit: configparser.ConfigParser) -> None:
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"  # as many starts as it takes (systemd.unit(5))


def test_the_unit_lets_the_parser_of_feeds_limit_itself(unit: configparser.ConfigParser) -> None:
    lines = (DEPLOY / "tocsin.service").read_text(encoding="utf-8").splitlines()
    calls = [line.partition("=")[2] for line in lines if line.startswith("SystemCallFilter=")]
    assert calls == ["@system-service", "~@privileged"]  # setrlimit(2) is one of @resources
    assert "ProcSubset" not in unit["Service"]  # by /proc/sys it is told whether another process is dead


def test_the_unit_starts_a_command_that_there_is(unit: configparser.ConfigParser) -> None:
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert program.endswith(".venv/bin/tocsin")
    assert is_command(arguments[:-1])


def test_typed_commands_have_what_the_unit_has(unit: configparser.ConfigParser) -> None:
    script, service = (DEPLOY / "tocsin.sh").read_text(encoding="utf-8"), unit["Service"]
    program, *_, configuration = shlex.split(service["ExecStart"])
    said = {f"program={program}", f"secrets={service['EnvironmentFile'].lstrip('-')}", f"account={service['User']}"}
    assert said <= set(script.splitlines())
    assert f"${{TOCSIN_CONFIG:-{configuration}}}" in script


@pytest.mark.parametrize("is_somebody_else", [True, False])
def test_a_typed_command_runs_as_its_account_with_its_secrets(tmp_path: Path, *, is_somebody_else: bool) -> None:
    (tmp_path / "secrets").write_text("# of the mail server\nPASSWORD=two words & more\nTOKEN=x=y", encoding="utf-8")
    _make_script(tmp_path / "program", 'echo "$PASSWORD|$TOKEN|$TOCSIN_CONFIG|$TOCSIN_USER|$*"')
    _make_script(tmp_path / "id", f"echo ${{ACCOUNT:-{'kim' if is_somebody_else else 'tocsin'}}}")
    _make_script(tmp_path / "sudo", '[ "$1 $2" = "-u tocsin" ] && shift 2 && ACCOUNT=tocsin exec "$@"')
    script = (DEPLOY / "tocsin.sh").read_text(encoding="utf-8")
    script = script.replace("/opt/tocsin/.venv/bin/tocsin", f"{tmp_path}/program")
    _make_script(tmp_path / "tocsin", script.replace("/etc/tocsin/secrets", f"{tmp_path}/secrets"))
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TOCSIN_CONFIG": "/a folder/tocsin.toml"}
    said = subprocess.run(
        [tmp_path / "tocsin", "incidents", "note", "two words"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    who = "kim" if is_somebody_else else ""
    assert said == f"two words & more|x=y|/a folder/tocsin.toml|{who}|incidents note two words\n"


def _make_script(file: Path, text: str) -> None:
    file.write_text(text if text.startswith("#!") else f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)


def test_the_unit_points_to_a_page_that_there_is(unit: configparser.ConfigParser) -> None:
    page = unit["Unit"]["Documentation"].removeprefix("file:/opt/tocsin/")
    assert (ROOT / page).exists()


def test_the_container_copies_what_there_is_and_all_of_the_program(container: list[list[str]]) -> None:
    copies = [words[:-1] for first, *words in container if first == "COPY" and "--from" not in words[0]]
    copied = [word for words in copies for word in words]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    targets = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]
    built = targets["wheel"]["packages"]
    assert set(built) <= set(copied)
    lines = [" ".join(line) for line in container]
    assert any("--require-hashes" in line for line in lines)
    assert [line for line in lines if line.startswith("USER ")] == ["USER tocsin"]


def test_the_container_starts_a_command_that_there_is(container: list[list[str]]) -> None:
    (start,) = [json.loads(" ".join(words)) for first, *words in container if first == "CMD"]
    assert start[0] == "tocsin"
    assert is_command(start[1:])


def test_the_containers_health_is_asked_for_where_it_is_told(container: list[list[str]]) -> None:
    (health,) = [" ".join(line) for line in container if line[0] == "HEALTHCHECK"]
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", health)
    assert found is not None
    assert ["EXPOSE", found[1]] in container
    assert int(found[1]) == WebSettings().port
    assert f"GET {found[2]}" in ROUTES


def test_compose_runs_two_of_the_program_over_one_database(compose: dict[str, Any]) -> None:
    services = compose["services"]
    ours = [one for one in services.values() if one["image"] == "tocsin"]
    assert len(ours) == 2
    for one in ours:
        assert (DEPLOY / one["build"]["context"] / one["build"]["dockerfile"]).exists()
        assert one["depends_on"] == {"database": {"condition": "service_healthy"}}
        assert is_command(one["command"][1:])
        assert f"{one['env_file']}.example" in [path.name for path in DEPLOY.iterdir()]
    mounted = [volume.split(":")[0] for one in services.values() for volume in one["volumes"]]
    named = {name for name in mounted if not name.startswith(".")}
    assert named == set(compose["volumes"])
    assert [name for name in mounted if name.startswith(".") and not (DEPLOY / name).exists()] == []
    assert set(services["database"]["secrets"]) == set(compose["secrets"])


def test_the_configuration_for_containers_is_a_sound_one(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (DEPLOY / "secrets.env.example").read_text(encoding="utf-8").splitlines()
    for name, value in (line.split("=", 1) for line in lines if not line.startswith("#")):
        monkeypatch.setenv(name, value)
    settings = load(DEPLOY / "tocsin.toml", secrets=True)
    assert settings.database.resolved_url().endswith("@database/tocsin")
    assert settings.web.host == "0.0.0.0"  # noqa: S104  (of a container)


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((DEPLOY / "prometheus-rules.yaml").read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def test_every_figure_of_rules_and_dashboard_is_one_that_is_told(figures: set[str]) -> None:
    board = json.loads((DEPLOY / "dashboard.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    asked += [variable["query"] for variable in board["templating"]["list"]]
    asked += [rule["expr"] for rule in rules()]
    named = {name for expression in asked for name in METRIC.findall(expression)}
    assert len(named) > 10
    assert named <= figures, named - figures


def test_every_alarm_names_a_runbook_that_there_is() -> None:
    for rule in rules():
        assert (ROOT / rule["annotations"]["runbook"]).exists(), rule["alert"]
        assert rule["for"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_every_alarm_is_tried() -> None:
    tried = yaml.safe_load((DEPLOY / "prometheus-rules-test.yaml").read_text(encoding="utf-8"))
    names = {alarm["alertname"] for test in tried["tests"] for alarm in test["alert_rule_test"] if alarm["exp_alerts"]}
    assert names == {rule["alert"] for rule in rules()}
    if promtool := shutil.which("promtool"):  # of Debian's package prometheus; its figures are those of the rules
        subprocess.run([promtool, "test", "rules", DEPLOY / "prometheus-rules-test.yaml"], check=True)


PAGES = [DEPLOY.parent / "operations.md", *sorted((DEPLOY.parent / "runbooks").glob("*.md"))]
COMMAND = re.compile(r"(?<![/\w-])tocsin ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)?)")
SETTING = re.compile(r"`((?:operations|database|web|understanding)\.[a-z_]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_and_setting_of_a_page_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    code = "\n".join(_code(text))
    for found in COMMAND.findall(code):
        words = found.split()
        assert is_command(words) or is_command(words[:1]), found
    known = (DEPLOY.parent / "configuration.md").read_text(encoding="utf-8")
    for found in SETTING.findall(text):
        table, key = found.split(".")
        assert f"[{table}]" in known, found
        assert f"| `{key}` |" in known, found


def _code(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
