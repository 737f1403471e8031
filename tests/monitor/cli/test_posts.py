"""`tocsin posts`: saying what posts really are, and judging history again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.assembly import assemble
from monitor.cli import settings
from monitor.pipeline import Batch
from storage import corrections, posts
from storage.corrections import Correction
from storage.database import Database
from storage.keys import content_key
from storage.records import CorrectedLabel, Post
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after

WORDS = "Acme cancelled my contract \x1b[31min a minute"


@pytest.fixture
def known(stored: Database, configured: object) -> Database:
    chosen = settings.read_settings(settings.DEFAULT, complete=False)
    assemble(chosen, stored).ingest(Batch([Post("letters", "1", NOON, WORDS), Post("letters", "2", NOON, WORDS)]))
    return stored


def labels(database: Database) -> list[str]:
    with database.read() as tx:
        return [item.score.label.value for item in posts.window(tx, NOON, after(hours=1))]


def test_a_label_is_corrected_listed_and_taken_back(tocsin: Run, known: Database) -> None:
    done = tocsin("posts", "correct", "letters", "1", "--brand", "acme", "--label", "positive", "--note", "freed")
    assert done.exit_code == 0
    assert "is positive toward Acme; 2 stored mentions changed" in done.output
    assert labels(known) == ["positive", "positive"]
    listed = tocsin("posts", "corrections", "list").output
    assert all(words in listed for words in ("Ada", "positive", "letters 1", "Acme cancelled", "freed"))
    assert "\x1b" not in listed
    (line,) = [json.loads(line) for line in tocsin("posts", "corrections", "list", "--json").output.splitlines()]
    assert (line["label"], line["target"], line["text"], line["author"]) == ("positive", "Acme", WORDS, "Ada")
    undone = tocsin("posts", "corrections", "undo", line["id"][-8:], "--by", "Bob", "--json")
    assert json.loads(undone.output)["undone_by"] == "Bob"
    assert labels(known) == ["negative", "negative"]
    assert "No corrections." in tocsin("posts", "corrections", "list").output
    assert "taken back by Bob" in tocsin("posts", "corrections", "list", "--undone").output


def test_what_is_not_about_the_brand_is_no_mention(tocsin: Run, known: Database) -> None:
    done = tocsin("posts", "correct", "letters", "1", "--brand", "Acme", "--label", "not_about_us", "--json")
    assert json.loads(done.output)["mentions"] == 2
    assert labels(known) == []
    undone = tocsin("posts", "corrections", "undo", json.loads(done.output)["id"])
    assert "tocsin posts rescore" in undone.output
    assert labels(known) == ["negative"]
    assert json.loads(tocsin("posts", "rescore", "--json").output)["moves"] == [
        {"before": "no mention", "after": "negative", "posts": 1}
    ]


def test_history_is_judged_again_under_the_configuration_of_today(tocsin: Run, known: Database) -> None:
    file = settings.DEFAULT
    rule = '[[brands.sentiment_rules]]\nwords = ["cancelled"]\nsentiment = "positive"\n'
    file.write_text(file.read_text().replace('name = "Acme"\n', f'name = "Acme"\n{rule}'))
    tried = tocsin("posts", "rescore", "--dry-run", "--brand", "Acme")
    assert "2 posts judged again: 2 labels would change." in tried.output
    assert labels(known) == ["negative", "negative"]
    done = tocsin("posts", "rescore", "--since", "2024-05-01")
    assert "2 posts judged again: 2 labels changed." in done.output
    assert "negative" in done.output
    assert labels(known) == ["positive", "positive"]


@pytest.mark.parametrize(
    ("asked", "told", "code"),
    [
        (("correct", "letters", "1", "--label", "positive"), "say toward which brand", 2),
        (("correct", "letters", "1", "--label", "positive", "--brand", "Nobody"), "watched are Acme, Bolt", 2),
        (("correct", "letters", "9", "--label", "positive", "--brand", "Acme"), "there is no post 9", 1),
        (("correct", "letters", "1", "--label", "positive", "--brand", "Bolt"), "no mention of Bolt", 1),
        (("corrections", "undo", "zz"), "there is no correction zz", 1),
        (("rescore", "--brand", "Nobody"), 'there is no brand "Nobody"', 2),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tocsin: Run, known: Database, asked: tuple[str, ...], told: str, code: int
) -> None:
    result = tocsin("posts", *asked)
    assert result.exit_code == code
    assert told in result.output


def test_a_model_is_learned_from_corrections(tocsin: Run, known: Database, folder: Path) -> None:
    praise, blame = "Acme brought it early, neighbour {} is glad", "Acme lost it again, neighbour {} is cross"
    made = [Post("letters", f"{kind}{n}", NOON, kind.format(n)) for n in range(25) for kind in (praise, blame)]
    chosen = settings.read_settings(settings.DEFAULT, complete=False)
    assemble(chosen, known).ingest(Batch(made))
    with known.write() as tx:
        for post in made:
            label = CorrectedLabel.POSITIVE if "glad" in post.text else CorrectedLabel.NEGATIVE
            key = content_key(post.text)
            made_of = Correction(
                post.external_id, *post.key, "Acme", key, copies=True, label=label, at=NOON, author="A"
            )
            corrections.add(tx, made_of)
    result = tocsin("train", "--corrections", "--out", "ours.model", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["lines"] == 50
    assert (folder / "ours.model").is_file()
    nothing = tocsin("train", "--out", "other.model")
    assert (nothing.exit_code, "--corrections" in nothing.output) == (2, True)
