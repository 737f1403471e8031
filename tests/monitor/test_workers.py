"""However many processes work on a history, what comes of it is the same to the last bit."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from collectors.files import read
from config.settings import Settings
from monitor.backtest.compare import backtest, read_history
from monitor.backtest.variants import at_sensitivity, configured
from monitor.importing import Importing
from monitor.replay import replay
from monitor.rescore import Rescoring
from monitor.scale.ahead import ReadAhead
from monitor.scale.tasks import Reading, packed_posts, packed_settings, read_posts, unpacked
from monitor.scale.workers import AHEAD, Alone, Workers, WorkersError, workers_of
from monitor.understanding import Understanding
from storage.database import Database
from storage.records import Post
from storage.schema import metadata

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}, {"name": "Tallwind", "handles": ["tallwind_air"]}]})
LATER = Settings.model_validate({"brands": [{"name": "Norrvik", "aliases": ["NVK"]}, {"name": "Tallwind"}]})
SAYINGS = (
    "Norrvik is late again and nobody answers",
    "NVK lost my bag, what a disgrace",
    "ich finde Norrvik furchtbar, nie wieder",
    "Tallwind and Norrvik are both fine",
    "@tallwind_air thank you!!! 😀",
    "nothing of interest",
)


def rows() -> Iterator[dict[str, Any]]:
    """Two quiet days and a bad hour; replies without a name, readings of one post that come twice, growing likes."""
    for number in range(500):
        at = BEGIN + timedelta(minutes=5.7 * number)
        row = {"id": f"p{number}", "source": "forum", "created_at": at.isoformat(), "author": f"a{number % 70}"}
        row["text"] = f"{SAYINGS[number % len(SAYINGS)]} {number if number % 5 else ''}"
        if number % 7 == 3:
            row |= {"thread_id": f"p{number - 3}", "text": "so do I"}
        yield row
        if number % 11 == 0:
            yield row | {
                "likes": number,
                "text": row["text"] + " (edited)",
                "edited_at": (at + timedelta(1)).isoformat(),
            }
    for number in range(120):
        at = BEGIN + timedelta(days=2, seconds=11 * number)
        text = f"Norrvik recall: the heater of flat {number} caught fire, this is a scandal"
        row = {"id": f"b{number}", "source": "forum", "created_at": at.isoformat(), "author": f"b{number}"}
        yield row | {"text": text}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def crews() -> Iterator[Sequence[Workers]]:
    """One, and three of them; a cluster of two is compared in `test_cluster.py`."""
    with workers_of(1) as one, workers_of(3) as three:
        yield one, three


def everything(database: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    with database.read() as tx:
        return {
            table.name: tx.execute(select(table).order_by(*table.primary_key)).all() for table in metadata.sorted_tables
        }


def test_a_replay_pages_the_same(history: Path, crews: Sequence[Workers], tmp_path: Path) -> None:
    told = []
    for number, workers in enumerate(crews):
        with closing(Database.open(f"sqlite:///{tmp_path}/{number}.db")) as database:
            found = replay(read([history]), SETTINGS, database=database, workers=workers)
            told.append((found, everything(database)))
    assert len(told[0][0].alerts) > 0
    assert told[0] == told[1]


def test_history_is_taken_in_judged_again_and_tried_with_the_same_result(
    history: Path, crews: Sequence[Workers], tmp_path: Path
) -> None:
    stored, tried = [], []
    for number, workers in enumerate(crews):
        with closing(Database.open(f"sqlite:///{tmp_path}/{number}.db")) as database:
            imported = Importing(SETTINGS, database, lambda: BEGIN, workers=workers).run(history, lambda _: None)
            first = everything(database)
            rescoring = Rescoring(database, LATER, Understanding.build(LATER), workers=workers)
            done = rescoring.run(lambda *_: None)
            stored.append((imported, first, done, everything(database)))
            variants = [configured(LATER), at_sensitivity(LATER, "keen")]
            tried.append(backtest(database, variants, workers=workers))
    assert done.changed > 50
    assert stored[1] == stored[0]
    assert tried[0] is not None
    assert tried[0].courses[0].outcomes
    assert tried[1] == tried[0]


def test_history_that_is_read_for_a_backtest_is_the_same(
    history: Path, crews: Sequence[Workers], tmp_path: Path
) -> None:
    stored = []
    for number, workers in enumerate(crews):
        with closing(Database.open(f"sqlite:///{tmp_path}/{number}.db")) as database:
            read_history(database, SETTINGS, read([history]), workers=workers)
            stored.append(everything(database))
    assert stored[0] == stored[1]


def test_what_workers_find_is_what_is_found_here_the_very_posts_included() -> None:
    twice = Post("forum", "1", BEGIN, "Norrvik is late", language="en")
    posts = [twice, Post("forum", "2", BEGIN, "ich hasse Norrvik und Tallwind wirklich sehr"), twice, twice]
    answer = read_posts(Reading(packed_settings(SETTINGS), packed_posts(posts), is_steady=False))
    found = unpacked(answer, posts)
    understanding = ReadAhead.build(SETTINGS)
    expected = Understanding.build(SETTINGS).read(posts)
    assert found is not None
    assert [item for one in found for item in one] == expected == understanding.read(posts)
    understanding.expect(posts, answer)
    assert understanding.read(posts) == expected
    assert found[0][0].post is twice
    assert found[1][0].post is found[1][1].post


def test_posts_that_cannot_travel_or_cannot_be_judged_are_read_where_they_are_sifted() -> None:
    broken = [Post("forum", "1", BEGIN, "Norrvik \ud800")]
    assert packed_posts(broken) == b""
    assert read_posts(Reading(packed_settings(SETTINGS), b"", is_steady=False)) == b""
    understanding = ReadAhead.build(SETTINGS)
    understanding.expect(broken, b"")
    assert len(understanding.read(broken)) == 1


def squared(number: int) -> int:
    return number * number


def killed_once(place: str) -> str:
    """The first time nobody answers; asked again, somebody does."""
    path = Path(place)
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return path.name


def killed(_: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_questions_are_taken_up_only_when_somebody_is_about_to_be_free(crews: Sequence[Workers]) -> None:
    taken: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = crews[1].each(squared, questions())
    assert next(answers) == 0
    assert len(taken) <= AHEAD * crews[1].count + 1
    assert list(answers) == [number**2 for number in range(1, 100)]


def test_a_worker_that_is_killed_costs_no_answer(
    crews: Sequence[Workers], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [str(tmp_path / str(number)) for number in range(3)]
    for place in places[1:]:
        Path(place).touch()
    assert list(crews[1].each(killed_once, places)) == ["0", "1", "2"]
    monkeypatch.setattr("monitor.scale.workers.TRIES", 1)
    with pytest.raises(WorkersError, match="fewer"):
        list(crews[1].each(killed, range(9)))


def test_one_worker_is_this_process() -> None:
    with workers_of(1) as workers:
        assert isinstance(workers, Alone)
        assert list(workers.each(squared, [3])) == [9]
    with workers_of(0) as workers:
        assert workers.count == len(os.sched_getaffinity(0))
