"""`tocsin backtest`, the verdicts that it measures by, and what `tocsin incidents show` says of other settings."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from collectors.files import Report, read
from config.load import load
from monitor.backtest import variants
from monitor.replay import replay
from storage import incidents
from storage.database import Database
from storage.records import IncidentState, Severity
from tests.monitor.cli import letterbox
from tests.monitor.cli.conftest import Run
from tests.monitor.cli.test_replay import uproar


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history, its configuration, and the database of who lived through it."""
    folder = tmp_path_factory.mktemp("backtest")
    history = folder / "history.jsonl"
    history.write_text("\n".join(json.dumps(line) for line in uproar()), encoding="utf-8")
    (folder / "brands.toml").write_text(letterbox.BRANDS, encoding="utf-8")
    with Database.open(f"sqlite:///{folder}/tocsin.db") as database:
        replay(read([history], None, Report()), load(folder / "brands.toml", complete=False), database=database)
    return folder


@pytest.fixture
def past(lived: Path, folder: Path) -> Path:
    """The folder that the program runs in, with a copy of all that."""
    shutil.copytree(lived, folder, dirs_exist_ok=True)
    return folder


def loudest(folder: Path) -> str:
    """The first incident that interrupted people."""
    with Database.open(f"sqlite:///{folder}/tocsin.db") as database, database.read() as tx:
        return next(item.id for item in incidents.recent(tx)[::-1] if item.severity is not Severity.WATCH)


def lines(tocsin: Run, *arguments: str) -> list[dict[str, Any]]:
    result = tocsin("backtest", "--config", "brands.toml", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_the_sensitivities_stand_side_by_side(tocsin: Run, past: Path) -> None:
    result = tocsin("backtest", "--config", "brands.toml")
    assert result.exit_code == 0, result.output
    for words in ("as configured = standard", "relaxed", "keen", "pages/wk", "When people would have been paged"):
        assert words in result.output
    assert "No incident of that time is confirmed" in result.output


def test_a_verdict_makes_it_a_measurement(tocsin: Run, past: Path) -> None:
    name = loudest(past)
    said = tocsin("incidents", "verdict", name, "real", "--config", "brands.toml", "--note", "they_had a point")
    assert "was real; backtests will know" in said.output
    shown = tocsin("incidents", "show", name, "--config", "brands.toml", "--no-alternatives").output
    assert "real: they_had a point" in shown
    result = tocsin("backtest", "--config", "brands.toml")
    assert "Measured by 1 incident that people confirmed" in result.output
    assert "1 of 1" in result.output
    first = lines(tocsin)[0]
    assert (first["confirmed"], first["caught"], first["missed"], first["wrong"]) == (1, 1, 0, 0)
    assert (first["precision"], first["recall"], first["lead_minutes"]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("verdict", ["false_alarm", "not_about_us"])
def test_what_people_call_wrong_counts_against_a_configuration(tocsin: Run, past: Path, verdict: str) -> None:
    tocsin("incidents", "verdict", loudest(past), verdict, "--config", "brands.toml")
    first = lines(tocsin)[0]
    assert (first["confirmed"], first["wrong"], first["precision"]) == (0, 1, 0.0)
    assert verdict.replace("_", " ") in tocsin("backtest", "--config", "brands.toml").output


def test_a_false_alarm_that_was_real_after_all_is_only_over(tocsin: Run, past: Path) -> None:
    name = loudest(past)
    for verdict, state in (("false_alarm", IncidentState.FALSE_ALARM), ("real", IncidentState.RESOLVED)):
        told = tocsin("incidents", "verdict", name, verdict, "--config", "brands.toml", "--json")
        assert json.loads(told.output)["state"] == state
    assert lines(tocsin)[0]["caught"] == 1


def test_the_database_is_left_as_it_was(tocsin: Run, past: Path) -> None:
    before = hashlib.sha256((past / "tocsin.db").read_bytes()).digest()
    lines(tocsin, "--sensitivity", "keen", "--picture", "backtest.png")
    assert hashlib.sha256((past / "tocsin.db").read_bytes()).digest() == before
    assert (past / "backtest.png").read_bytes().startswith(b"\x89PNG")


def test_history_files_are_judged_without_a_database(tocsin: Run, past: Path) -> None:
    stored = lines(tocsin)
    (past / "tocsin.db").unlink()
    assert [strip(line) for line in lines(tocsin, "history.jsonl")] == [strip(line) for line in stored]
    assert not (past / "tocsin.db").exists()


def strip(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key in ("configuration", "pages", "notices", "version")}


def test_other_files_and_single_thresholds(tocsin: Run, past: Path) -> None:
    (past / "other.toml").write_text('[detection]\nsensitivity = "relaxed"\n')
    names = [line["configuration"] for line in lines(tocsin, "--against", "other.toml", "--set", "crowd_page=3.5")]
    assert names == ["as configured", "other.toml", "crowd_page=3.5"]


def test_thresholds_for_a_budget_of_pages_can_be_pasted(
    tocsin: Run, past: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variants, "LEVELS", (0.0, 1.0))
    *courses, last = lines(tocsin, "--pages-per-week", "100")
    assert [line["strictness"] for line in courses] == [None, 0.0, 1.0]
    advice = last["advice"]
    assert (advice["configuration"], advice["strictness"]) == ("keen", 0.0)
    assert advice["toml"] == '[detection]\nsensitivity = "keen"'
    said = tocsin("backtest", "--config", "brands.toml", "--pages-per-week", "0").output
    assert "Nothing between keen and relaxed pages at most 0 times a week" in said
    said = tocsin("backtest", "--config", "brands.toml", "--pages-per-week", "100").output
    assert 'sensitivity = "keen"' in said


def test_an_incident_is_shown_with_what_other_sensitivities_would_have_done(tocsin: Run, past: Path) -> None:
    name = loudest(past)
    found = json.loads(tocsin("incidents", "show", name, "--config", "brands.toml", "--json").output)
    assert [one["sensitivity"] for one in found["alternatives"]] == ["relaxed", "keen"]
    shown = tocsin("incidents", "show", name, "--config", "brands.toml").output
    assert "It would have rung" in shown
    for one in found["alternatives"]:
        assert one["sentence"] in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sensitivity", "keem"], 'did you mean "keen"'),
        (["--set", "crowd_pages=2"], 'did you mean "crowd_page"'),
        (["--since", "2024-06-01", "--until", "2024-05-01"], "--since must be before --until"),
        (["--picture", "backtest.jpg"], "write one that ends in .png"),
        (["--picture", "nowhere/backtest.png"], "there is no folder nowhere"),
        (["missing.jsonl"], "missing.jsonl: there is no such file"),
        (["--against", "missing.toml"], "missing.toml: there is no such file"),
    ],
)
def test_what_makes_no_sense_is_bad_usage(tocsin: Run, past: Path, arguments: list[str], message: str) -> None:
    result = tocsin("backtest", "--config", "brands.toml", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_without_a_post_there_is_nothing_to_judge(tocsin: Run, past: Path) -> None:
    (past / "none.jsonl").write_text("{}\n")
    result = tocsin("backtest", "none.jsonl", "--config", "brands.toml")
    assert result.exit_code == 1
    assert "no row of these files is a post" in result.output
    result = tocsin("backtest", "--config", "brands.toml", "--until", "2020-01-01")
    assert result.exit_code == 1
    assert "no post is stored in that span" in result.output
