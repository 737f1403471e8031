"""`tocsin posts import`: what it says, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from storage import posts
from storage.database import Database
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON


@pytest.fixture
def dump(folder: Path) -> Path:
    rows = [
        {"id": "1", "created_at": NOON.isoformat(), "message": "Acme is late"},
        {"id": "2", "created_at": NOON.isoformat(), "message": "others"},
        {"id": "3", "message": "Acme"},
    ]
    file = folder / "dump.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


@pytest.fixture
def mapped(stored: Database, configured: Path) -> Database:
    with configured.open("a", encoding="utf-8") as file:
        file.write('\n[[sources]]\ntype = "files"\nname = "old"\npaths = ["x"]\nmapping = { text = "message" }\n')
    return stored


def test_people_read_what_came_of_it(tocsin: Run, mapped: Database, dump: Path) -> None:
    result = tocsin("posts", "import", str(dump), "--as", "old")
    assert result.exit_code == 0, result.output
    assert "dump.jsonl: 3 rows, 1 posts, 1 of them new, 1 new mentions, 0 readings of engagement" in result.output
    assert "left out: 1 × about no brand" in result.output
    assert "left out: 1 × no time" in result.output
    with mapped.read() as tx:
        assert len(posts.get(tx, [("old", "1")])) == 1
    assert "(gone on with)" in tocsin("posts", "import", str(dump), "--as", "old").output


def test_what_an_import_did_is_told_to_machines_in_json(tocsin: Run, mapped: Database, dump: Path) -> None:
    result = tocsin("posts", "import", str(dump), "--as", "old", "--all", "--json")
    found = json.loads(result.output)
    assert (found["rows"], found["posts"], found["left_out"]) == (3, 2, {"no time": 1})


def test_posts_may_be_of_any_configured_source(tocsin: Run, mapped: Database, dump: Path) -> None:
    text = dump.read_text(encoding="utf-8").replace("message", "text")
    dump.write_text(text, encoding="utf-8")
    assert tocsin("posts", "import", str(dump), "--as", "letters").exit_code == 0
    with mapped.read() as tx:
        assert len(posts.get(tx, [("letters", "1")])) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: there is no such file"),
        (["dump.jsonl", "--as", "nobody"], 'there is no source "nobody" in the configuration; there are: letters, old'),
    ],
)
def test_a_mistake_ends_an_import_with_its_reason(
    tocsin: Run, mapped: Database, dump: Path, arguments: list[str], message: str
) -> None:
    result = tocsin("posts", "import", *arguments)
    assert result.exit_code == 2
    assert message in result.output
