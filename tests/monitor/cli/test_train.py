"""`tocsin train` and `tocsin score`: learning a model, and using it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.cli.program import app
from tests.monitor.cli.conftest import Run

BAD = ("awful", "broken", "rude", "late", "useless")
GOOD = ("great", "lovely", "fast", "kind", "superb")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred lines, half against Acme and half for it."""
    lines = []
    for number in range(200):
        word = (BAD if number % 2 else GOOD)[number % 5]
        label = "negative" if number % 2 else "positive"
        lines.append({"id": number, "text": f"Acme was {word} to me, {number}", "target": "Acme", "label": label})
    file = tmp_path_factory.mktemp("lines") / "labelled.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def learned(labelled: Path) -> tuple[Path, str]:
    """A model of these lines, and what the program said while it learned."""
    model = labelled.with_name("ours.model")
    result = CliRunner().invoke(app, ["train", str(labelled), "--out", str(model), "--json"])
    assert result.exit_code == 0, result.output
    return model, result.output


def test_what_was_learned_is_told_in_figures(learned: tuple[Path, str]) -> None:
    model, said = learned
    found = json.loads(said)
    assert (found["model"], found["lines"], found["held_out"]) == (str(model), 200, 40)
    assert 0.8 <= found["macro_f1"] <= 1
    assert 0.8 <= found["auc_negative"] <= 1


def test_a_model_is_used_to_score(tocsin: Run, labelled: Path, learned: tuple[Path, str]) -> None:
    scored = tocsin("score", str(labelled), "--brand-field", "target", "--model", str(learned[0]), "--json")
    assert scored.exit_code == 0, scored.output
    found = [json.loads(line) for line in scored.output.splitlines()]
    truth = ["negative" if number % 2 else "positive" for number in range(200)]
    assert sum(line["label"] == label for line, label in zip(found, truth, strict=True)) >= 180


def test_a_model_is_never_overwritten(tocsin: Run, labelled: Path, learned: tuple[Path, str]) -> None:
    before = learned[0].read_bytes()
    result = tocsin("train", str(labelled), "--out", str(learned[0]))
    assert result.exit_code == 2
    assert "exists already" in result.output
    assert learned[0].read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.jsonl", "--out", "m"], 2, "missing.jsonl: there is no such file"),
        (["few.jsonl", "--out", "m"], 1, "too little to learn from"),
        (["odd.jsonl", "--out", "m"], 1, "the label 'sour' is none of"),
        (["few.jsonl", "--out", "m", "--label", "sour=bitter"], 2, "--label sour=bitter: write NAME=MEANING"),
        (["few.jsonl", "--out", "nowhere/m"], 2, "there is no such folder"),
        (["broken.jsonl", "--out", "m"], 1, "line 2: not JSON"),
    ],
)
def test_what_cannot_be_learned_from_is_one_line(
    tocsin: Run, folder: Path, arguments: list[str], code: int, message: str
) -> None:
    line = json.dumps({"text": "Acme", "label": "negative"})
    (folder / "few.jsonl").write_text(line)
    (folder / "odd.jsonl").write_text(line.replace("negative", "sour"))
    (folder / "broken.jsonl").write_text(line + "\n{")
    result = tocsin("train", *arguments)
    assert result.exit_code == code, result.output
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert not (folder / "m").exists()


def test_lines_are_scored_for_people_and_for_machines(tocsin: Run, folder: Path) -> None:
    file = folder / "posts.jsonl"
    file.write_text(json.dumps({"id": "a", "text": "Acme is awful, I hate it", "target": "Acme"}) + "\n")
    people = tocsin("score", str(file), "--brand-field", "target")
    assert people.exit_code == 0
    assert "negative" in people.output
    machine = json.loads(tocsin("score", str(file), "--brand-field", "target", "--json").output)
    assert set(machine) >= {"id", "compound", "label", "language", "relevance"}
    assert machine["compound"] < 0


def test_brands_of_a_configuration_are_known_by_their_other_names(tocsin: Run, folder: Path) -> None:
    (folder / "brands.toml").write_text('[[brands]]\nname = "Acme"\naliases = ["Roadrunner Goods"]\n')
    (folder / "posts.jsonl").write_text(json.dumps({"id": 1, "text": "Roadrunner Goods is awful", "target": "Acme"}))
    plain = json.loads(tocsin("score", "posts.jsonl", "--brand-field", "target", "--json").output)
    known = json.loads(tocsin("score", "posts.jsonl", "--brand-field", "target", "-c", "brands.toml", "--json").output)
    assert plain["relevance"] == 0
    assert known["relevance"] > 0.5


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["missing.jsonl"], 2), (["x.jsonl", "--model", "missing"], 2), (["x.jsonl", "-m", "x.jsonl"], 2)],
)
def test_what_cannot_be_scored_is_one_line(tocsin: Run, folder: Path, arguments: list[str], code: int) -> None:
    (folder / "x.jsonl").write_text('{"id": 1, "text": "Acme"}')
    result = tocsin("score", *arguments)
    assert (result.exit_code, len(result.output.splitlines())) == (code, 1), result.output
