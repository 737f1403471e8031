"""`tocsin check --preview`: what a name would match, before it is configured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.assembly import assemble
from monitor.cli import settings
from monitor.pipeline import Batch
from storage.database import Database
from storage.records import Post
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after

TEXTS = ("Acme is late", "the \x1b[31m Big A is late", "Big A and Acme", "nothing of it")


@pytest.fixture
def known(stored: Database) -> Database:
    chosen = settings.read_settings(settings.DEFAULT, complete=False)
    made = [Post("letters", str(n), after(minutes=n), text) for n, text in enumerate(TEXTS)]
    assemble(chosen, stored).ingest(Batch(made))
    return stored


def test_a_name_is_previewed_over_stored_posts(tocsin: Run, known: Database) -> None:
    result = tocsin("check", "--preview", "Big A", "--brand", "acme")
    assert result.exit_code == 0, result.output
    assert "4 posts from 2024-05-01 12:00 to 2024-05-01 12:03 were looked through." in result.output
    assert "Big A (Acme): 2 posts, 1 of them new, relevance 0.95 on average" in result.output
    assert "letters: 2, 1 new" in result.output
    assert "new 0.95 the \ufffd[31m Big A is late (name Big A)" in result.output
    assert "\x1b" not in result.output


def test_a_preview_for_machines_is_an_object_a_name(tocsin: Run, known: Database) -> None:
    result = tocsin(
        "check", "--preview", "Big A", "--preview", "late", "--brand", "Acme", "--since", "2024-05-01", "--json"
    )
    first, second = (json.loads(line) for line in result.output.splitlines())
    assert (first["posts"], first["new"], first["mean_relevance"]) == (2, 1, 0.95)
    assert first["sources"] == {"letters": {"posts": 2, "new": 1}}
    assert first["looked_through"]["complete"] is True
    assert [one["external_id"] for one in first["examples"] if one["new"]] == ["1"]
    assert "\x1b" not in first["examples"][0]["text"]
    assert (second["name"], second["posts"], second["new"]) == ("late", 2, 1)


def test_configured_names_that_matched_nothing_yet_are_previewed(tocsin: Run, known: Database) -> None:
    assert "Every configured name has matched" in tocsin("check", "--preview-unseen").output
    file = settings.DEFAULT
    file.write_text(file.read_text().replace('name = "Acme"', 'name = "Acme"\naliases = ["Big A", "Acmeware"]', 1))
    output = tocsin("check", "--preview-unseen").output
    assert "Big A (Acme): 2 posts, 1 of them new" in output
    assert "Acmeware (Acme): 0 posts, 0 of them new" in output


def test_a_preview_reads_history_files_where_no_database_is(tocsin: Run, configured: Path, folder: Path) -> None:
    lines = [{"id": str(n), "created_at": NOON.isoformat(), "text": text} for n, text in enumerate(TEXTS)]
    (folder / "old.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = tocsin("check", "--preview", "Big A", "--brand", "Acme", "--history", "old.jsonl")
    assert "Big A (Acme): 2 posts, 1 of them new" in result.output


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--preview", "Big A"), "say toward which brand"),
        (("--preview", "Big A", "--brand", "Nobody"), "watched are Acme, Bolt"),
        (("--preview", " ", "--brand", "Acme"), "a name has 1 to 500 letters"),
        (("--preview", "x", "--brand", "Acme", "--history", "none.jsonl"), "there is no such file"),
        (("--preview-unseen", "--history", "tocsin.toml"), "name what to preview"),
    ],
)
def test_what_cannot_be_previewed_is_said_in_a_line(
    tocsin: Run, known: Database, asked: tuple[str, ...], told: str
) -> None:
    result = tocsin("check", *asked)
    assert result.exit_code == 2
    assert told in result.output
