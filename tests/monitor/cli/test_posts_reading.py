"""`tocsin posts search|thread|export` and `tocsin db export`: finding what is stored, and taking it elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.cli.posts_reading import as_tree
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Label
from tests.monitor.cli.conftest import Run
from tests.storage.examples import after, mentioned, post


@pytest.fixture
def known(stored: Database) -> Database:
    """A database with a thread of three posts, and a post of another brand."""
    with stored.write() as tx:
        thanks = post("3", text="thanks, Acme", created_at=after(minutes=2), thread_id="1", parent_id="2")
        page = [
            mentioned(post("1", text="the parcel is [lost]\x1b[31m", author="ann", thread_id="1")),
            mentioned(post("2", text="mine too", created_at=after(minutes=1), thread_id="1", parent_id="1")),
            mentioned(thanks, label=Label.POSITIVE),
            mentioned(post("4", text="a parcel", created_at=after(days=1)), brand="Bolt"),
        ]  # fmt: skip
        write(tx, Intake(mentions=page))
    return stored


def test_posts_are_found_by_words_the_newest_first(tocsin: Run, known: Database) -> None:
    found = [json.loads(line) for line in tocsin("posts", "search", "parcel", "--json").output.splitlines()]
    assert [item["external_id"] for item in found] == ["4", "1"]
    assert found[1]["mentions"][0]["brand"] == "Acme"
    assert found[1]["mentions"][0]["label"] == "negative"


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (["--brand", "Bolt"], ["4"]),
        (["--label", "positive"], ["3"]),
        (["--author", "ann"], ["1"]),
        (["--since", "2024-05-02"], ["4"]),
        (["--until", "2024-05-01T12:02:00", "--limit", "1"], ["2"]),
        (["--source", "elsewhere"], []),
    ],
)
def test_posts_are_found_by_what_is_known_of_them(
    tocsin: Run, known: Database, asked: list[str], ids: list[str]
) -> None:
    lines = tocsin("posts", "search", *asked, "--json").output.splitlines()
    assert [json.loads(line)["external_id"] for line in lines] == ids


def test_words_of_outsiders_are_shown_as_words(tocsin: Run, known: Database) -> None:
    assert "[lost]\ufffd[31m" in tocsin("posts", "search", "parcel").output
    assert "No post has all of that." in tocsin("posts", "search", "nobody said this").output


def test_a_thread_is_shown_from_any_of_its_posts_answers_below_what_they_answer(tocsin: Run, known: Database) -> None:
    lines = tocsin("posts", "thread", "forum", "3").output.splitlines()
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4]
    assert lines[2].endswith("thanks, Acme")
    found = [json.loads(line) for line in tocsin("posts", "thread", "forum", "1", "--json").output.splitlines()]
    assert [item["external_id"] for item in found] == ["1", "2", "3"]


def test_a_thread_that_is_not_stored_is_said(tocsin: Run, known: Database) -> None:
    result = tocsin("posts", "thread", "forum", "99")
    assert result.exit_code == 1
    assert 'no post "99" of the source "forum" is stored' in result.output


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 9), max_size=10))
def test_every_post_of_a_thread_stands_in_the_tree_once_even_in_a_ring(parents: dict[int, int]) -> None:
    posts = [post(str(one), parent_id=str(parent)) for one, parent in parents.items()]
    shown = [item.external_id for item, _ in as_tree(posts)]
    assert sorted(shown) == sorted(item.external_id for item in posts)


def test_posts_are_written_for_analysts(tocsin: Run, known: Database, folder: Path) -> None:
    result = tocsin("posts", "export", "acme.parquet", "--brand", "Acme", "--until", "2024-05-01T12:02:00")
    assert result.exit_code == 0
    assert list(pd.read_parquet(folder / "acme.parquet").external_id) == ["1", "2"]
    printed = tocsin("posts", "export", "-", "--format", "jsonl", "--brand", "Bolt").output
    assert json.loads(printed)["text"] == "a parcel"


def test_a_file_whose_form_is_not_known_is_refused(tocsin: Run, known: Database) -> None:
    result = tocsin("posts", "export", "acme.xlsx")
    assert result.exit_code == 2
    assert "does not tell its form" in result.output


def test_all_tables_are_written_at_once(tocsin: Run, known: Database, folder: Path) -> None:
    assert tocsin("db", "export", "out", "--format", "csv").exit_code == 0
    files = {file.name: len(pd.read_csv(file)) for file in (folder / "out").iterdir()}
    assert files == {
        "incidents.csv": 0, "timeline.csv": 0, "deliveries.csv": 0, "bins.csv": 2, "gaps.csv": 0, "posts.csv": 4,
    }  # fmt: skip
