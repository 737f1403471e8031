"""`tocsin replay`: history through the pipeline, and what would have been paged."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.cli import letterbox
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON

WORDS = (
    "parcel",
    "late",
    "angry",
    "refund",
    "lost",
    "broken",
    "rude",
    "useless",
    "awful",
    "shame",
    "never",
    "phone",
    "box",
)


def row(number: int, minutes: float, text: str, **more: Any) -> dict[str, Any]:
    at = (NOON + timedelta(minutes=minutes)).isoformat()
    return {"id": number, "source": "forum", "created_at": at, "author": f"u{number}", "text": text, **more}


def uproar() -> list[dict[str, Any]]:
    """Ten quiet days about Acme, then two hundred angry people within two hours."""
    quiet = [row(number, 60 * number, f"Acme shop visit, note {number}") for number in range(240)]
    angry = []
    for number in range(240, 440):
        said = (f"{WORDS[(number * step) % len(WORDS)]}{number * step % 97}" for step in range(1, 9))
        text = f"{' '.join(said)} Acme battery caught fire, son injured {number * 7919}"
        angry.append(row(number, 60 * 240 + 0.6 * (number - 240), text))
    return [*quiet, *angry]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That history as a file."""
    file = tmp_path_factory.mktemp("replay") / "history.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in uproar()), encoding="utf-8")
    return file


@pytest.fixture
def brands(folder: Path) -> Path:
    """A configuration of brands alone."""
    file = folder / "brands.toml"
    file.write_text(letterbox.BRANDS, encoding="utf-8")
    return file


def test_messages_come_a_json_object_a_line(tocsin: Run, history: Path, brands: Path) -> None:
    result = tocsin("replay", str(history), "--config", str(brands), "--json")
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert found
    for message in found:
        assert list(message) == ["at", "brand", "severity", "reason", "headline", "incident", "why"]
        assert all(message.values())
    first = found[0]
    assert (first["brand"], first["reason"]) == ("Acme", "opened")
    assert first["severity"] in {"warning", "critical"}
    assert "2024-05-11T12:00" <= first["at"] <= "2024-05-11T14:00"
    assert not any(message["brand"] == "Bolt" for message in found)
    assert letterbox.sent == []


def test_people_read_when_how_grave_and_why(tocsin: Run, history: Path, brands: Path) -> None:
    result = tocsin("replay", str(history), "--config", str(brands))
    assert result.exit_code == 0
    assert "2024-05-11 1" in result.stdout
    assert "opened" in result.stdout
    assert "440 posts, 440 mentions; 1 incident" in result.stderr


def test_rows_that_cannot_be_read_are_counted_with_their_reasons(tocsin: Run, folder: Path, brands: Path) -> None:
    file = folder / "mixed.jsonl"
    file.write_text(json.dumps(row(1, 0, "Acme")) + '\nnot json\n{"id": 2}\n', encoding="utf-8")
    result = tocsin("replay", str(file), "--config", str(brands))
    assert result.exit_code == 0
    assert "2 of 3 rows could not be read" in result.stderr


def test_the_columns_of_a_configured_source_are_used(tocsin: Run, folder: Path, brands: Path) -> None:
    mapped = '[[sources]]\ntype = "files"\nname = "export"\npaths = ["x"]\nmapping = { text = "message" }\n'
    brands.write_text(letterbox.BRANDS + mapped, encoding="utf-8")
    file = folder / "export.jsonl"
    line = row(1, 0, "")
    file.write_text(json.dumps({**line, "message": "Acme", "text": None}), encoding="utf-8")
    for extra in ([], ["--as", "export"]):
        result = tocsin("replay", str(file), "--config", str(brands), *extra)
        assert "1 posts, 1 mentions" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl", "--config", "brands.toml"], "missing.jsonl: there is no such file"),
        (["brands.toml", "--config", "empty.toml"], "no brand is watched"),
        (["brands.toml", "--config", "brands.toml", "--as", "export"], 'there is no source "export" of type files'),
    ],
)
def test_what_is_missing_is_bad_usage(
    tocsin: Run, folder: Path, brands: Path, arguments: list[str], message: str
) -> None:
    (folder / "empty.toml").write_text("")
    result = tocsin("replay", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_a_file_without_a_single_post_is_a_problem(tocsin: Run, folder: Path, brands: Path) -> None:
    (folder / "none.jsonl").write_text("{}\n")
    result = tocsin("replay", "none.jsonl", "--config", str(brands))
    assert result.exit_code == 1
    assert "no row of these files is a post" in result.output
