"""The page and the notebook for analysts do what they say, run as they stand on what the demo leaves behind."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.program import app
from storage.views import VIEWS

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "analysts.md").read_text(encoding="utf-8")
NOTEBOOK = json.loads((DOCS / "notebooks" / "one-incident.ipynb").read_text(encoding="utf-8"))
TOCSIN = ".venv/bin/tocsin "


@pytest.fixture
def folder(story_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this test's own, with the demo in it as `make demo` leaves it."""
    shutil.copytree(story_folder, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_blocks_of_the_page_run_one_after_another(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (line for block in blocks("sh") for line in block.splitlines() if line.startswith(TOCSIN)):
        result = CliRunner().invoke(app, _arguments(line))
        assert result.exit_code == 0, result.output
    printed = []
    for block in blocks("python"):
        exec(compile(block, "docs/analysts.md", "exec"), {})  # noqa: S102
        printed.append(capsys.readouterr().out)
    in_pandas, in_duckdb = printed
    assert "critical" in in_pandas
    assert "hackernews" in in_pandas
    assert "twitter" in in_duckdb
    assert "toward_us" in in_duckdb


def _arguments(line: str) -> list[str]:
    return [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line.removeprefix(TOCSIN))]


def test_datasette_shows_the_views_and_refuses_to_write(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own imports use what setuptools calls deprecated
        from datasette.app import Datasette

    async def ask(path: str) -> Any:
        answer = await served.client.get(path)
        return answer.status_code, answer.json()

    served = Datasette([str(folder / "demo" / "tocsin.db")], settings={"sql_time_limit_ms": 5000})
    for view in VIEWS:
        status, found = asyncio.run(ask(f"/tocsin/{view.name}.json?_size=1&_shape=objects"))
        assert status == 200, found
    status, found = asyncio.run(ask("/tocsin.json?sql=delete+from+post"))
    assert status == 400
    assert "SELECT" in found["error"]


def test_the_notebook_runs_from_its_first_cell_to_its_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    shared: dict[str, Any] = {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "one-incident.ipynb", "exec"), shared)  # noqa: S102
    assert shared["incident"].severity == "critical"
    assert len(shared["negative"]) > 50
    assert shared["curve"].to_numpy().max() > 10


def test_the_notebook_is_kept_without_answers_of_somebody_elses_data() -> None:
    assert all(not cell.get("outputs") for cell in NOTEBOOK["cells"])
