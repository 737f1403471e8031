"""The benchmarks of large histories fill a database as the program would, and say what they found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from benchmarks import storing
from benchmarks.reading import material
from benchmarks.reading.__main__ import questions
from storage import posts, stored_days
from storage.database import Database

POSTS = 2_000


@pytest.fixture(scope="module", autouse=True)
def few_texts() -> Iterator[None]:
    """What is said takes longer to make than to store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "TEXTS", 200)
        yield


@pytest.fixture(scope="module")
def made(few_texts: None) -> Iterator[Database]:
    with Database.open("sqlite://") as database:
        material.fill(database, POSTS)
        yield database


def test_every_question_has_an_answer(made: Database) -> None:
    with made.read() as tx:
        asked = {one.what: one.ask(tx) for one in questions(material.incident(POSTS), POSTS)}
        author = posts.search(tx, limit=1)[0].post.author
        assert {one.post.author for one in posts.search(tx, author=author)} == {author}
        assert stored_days.numbers(tx, material.END - timedelta(days=1), None) is not None
    assert [what for what, answer in asked.items() if answer is None] == []
    assert asked["a thread of five hundred"]
    assert asked["newest 50 with a common word"]


def test_storing_is_told_for_each_shape_of_names_and_for_deleting(
    made: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with Database.open("sqlite://") as few:
        material.fill(few, 500)
        storing.measure("sqlite", POSTS, storing.Side(few), storing.Side(made), 2, ["author"])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(told) == 5
    assert all(line["ratio"] > 0 for line in told[:4])
    assert told[4]["bytes_a_post"] > 100
