"""History of others comes into the store whole, once, resumably, and pages nobody."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from collectors.contract import CollectorError
from collectors.pushshift import GoneError, archived_post, is_archived
from collectors.rows import RowFormat
from config.settings import Settings
from monitor import importing
from monitor.app import App
from monitor.importing import ABOUT_NOBODY, GONE, Imported, Importing
from monitor.judging_again import JUDGE_AGAIN
from monitor.keeping import CHECKPOINT
from storage import incidents, posts, state
from storage.database import Database
from storage.records import Engagement, PostKind

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = Settings.model_validate({"brands": [{"name": "Norrvik"}]})


def row(number: int, text: str = "Norrvik is late again", **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(days=30) + timedelta(minutes=number)
    return {"id": f"p{number}", "source": "forum", "created_at": at.isoformat(), "text": text, **fields}


def comment(number: int, body: str = "my Norrvik melted", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"c{number}",
        "author": "ann",
        "subreddit": "gadgets",
        "body": body,
        "created_utc": 1700000000 + number,
        "link_id": "t3_s1",
        "parent_id": "t1_c0",
        "score": 7,
        "edited": False,
        "permalink": f"/r/gadgets/comments/s1/x/c{number}/",
        **fields,
    }


def submission(number: int = 1, title: str = "Norrvik &amp; me", **fields: Any) -> dict[str, Any]:
    return {
        "id": f"s{number}",
        "author": "bob",
        "subreddit": "gadgets",
        "title": title,
        "selftext": "",
        "domain": "self.gadgets",
        "created_utc": str(1700000000 + number),
        "num_comments": 12,
        "score": 99,
        **fields,
    }


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    lines = "".join(json.dumps(each) + "\n" for each in rows).encode()
    if path.suffix == ".zst":
        lines = zstandard.ZstdCompressor().compress(lines)
    elif path.suffix == ".gz":
        lines = gzip.compress(lines)
    path.write_bytes(lines)
    return path


def run(database: Database, path: Path, **fields: Any) -> Imported:
    return Importing(SETTINGS, database, lambda: NOW, **fields).run(path, lambda _: None)


def count(database: Database) -> int:
    with database.read() as tx:
        return int(tx.exec_driver_sql("SELECT count(*) FROM post").scalar() or 0)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "POSTS_A_BATCH", 10)


@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.gz", "old.ndjson.zst"])
def test_mentions_are_kept_and_what_is_left_out_is_counted(database: Database, tmp_path: Path, name: str) -> None:
    rows = [row(1), row(2, "Somebody else"), row(3), {"id": "x", "text": "Norrvik"}, row(4, created_at="soon")]
    result = run(database, written(tmp_path / name, rows))
    assert (result.rows, result.posts, result.new_posts, result.mentions) == (5, 2, 2, 2)
    assert dict(result.left_out) == {ABOUT_NOBODY: 1, "no time": 1, "'soon' is not a time": 1}
    assert (result.first_at, result.done) == (NOW - timedelta(days=30, minutes=-1), True)
    with database.read() as tx:
        assert len(posts.get(tx, [("forum", "p1"), ("forum", "p3")])) == 2


def test_csv_and_parquet_are_read_by_the_mapping(database: Database, tmp_path: Path) -> None:
    table = tmp_path / "old.csv"
    table.write_text('sent,message\n2026-01-01T00:00:00Z,"Norrvik, again"\n', encoding="utf-8")
    packed = tmp_path / "old.parquet"
    parquet.write_table(pa.table({"sent": [1767225600.0], "message": ["Norrvik once"]}), packed)
    row_format = RowFormat({"text": "message", "created_at": "sent"}, source="crm")
    for file in (table, packed):
        assert run(database, file, row_format=row_format).new_posts == 1
    assert count(database) == 2


def test_all_posts_are_kept_when_asked_for(database: Database, tmp_path: Path) -> None:
    reading = {"id": "p1", "source": "forum", "at": NOW.timestamp(), "likes": 3}
    file = written(tmp_path / "old.jsonl", [row(1, "Somebody else"), reading])
    result = run(database, file, takes_all=True)
    assert (result.posts, result.mentions, result.samples) == (1, 0, 1)


@pytest.mark.usefixtures("small")
def test_a_file_that_is_imported_twice_changes_nothing(sqlite_database: Database, tmp_path: Path) -> None:
    file = written(tmp_path / "old.jsonl", [row(number) for number in range(35)])
    run(sqlite_database, file)
    again = run(sqlite_database, file)
    assert (again.rows, again.posts, again.new_posts, again.resumed) == (35, 35, 0, True)
    anew = Importing(SETTINGS, sqlite_database, lambda: NOW).run(file, lambda _: None, from_start=True)
    assert (anew.rows, anew.new_posts, count(sqlite_database)) == (35, 0, 35)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["old.jsonl", "old.jsonl.zst"])
def test_interrupted_anywhere_it_goes_on_where_it_was(sqlite_database: Database, tmp_path: Path, name: str) -> None:
    file = written(tmp_path / name, [row(number, "Norrvik" if number % 3 else "x") for number in range(100)])

    def interrupted(result: Imported) -> None:
        raise KeyboardInterrupt

    runs = 0
    while True:
        runs += 1
        taking = Importing(SETTINGS, sqlite_database, lambda: NOW)
        try:
            result = taking.run(file, interrupted)
        except KeyboardInterrupt:
            continue
        break
    assert runs > 5
    assert (result.rows, result.posts, result.left_out[ABOUT_NOBODY]) == (100, 66, 34)
    assert count(sqlite_database) == 66


@pytest.mark.usefixtures("small")
def test_a_file_that_grew_is_gone_on_with_and_another_way_begins_anew(
    sqlite_database: Database, tmp_path: Path
) -> None:
    file = written(tmp_path / "old.jsonl", [row(number) for number in range(30)])
    run(sqlite_database, file)
    with file.open("a", encoding="utf-8") as more:
        more.write(json.dumps(row(99)) + "\n")
    result = run(sqlite_database, file)
    assert (result.rows, result.new_posts) == (31, 1)
    assert not run(sqlite_database, file, takes_all=True).resumed


def test_a_damaged_file_is_taken_as_far_as_it_goes(sqlite_database: Database, tmp_path: Path) -> None:
    file = written(tmp_path / "old.jsonl.zst", [row(number, f"Norrvik {number * 7919}") for number in range(500)])
    file.write_bytes(file.read_bytes()[:-200])
    result = run(sqlite_database, file)
    assert sum("damaged or cut short" in reason for reason in result.left_out) == 1


def test_a_name_without_a_format_is_refused(sqlite_database: Database, tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="does not say the format"):
        run(sqlite_database, written(tmp_path / "old.dat", []))


# -- archives of Reddit ------------------------------------------------------------------------------------------------


def test_an_archive_gives_the_posts_that_reading_reddit_gives(database: Database, tmp_path: Path) -> None:
    run(database, written(tmp_path / "RS_2023-11.zst", [submission()]))
    run(database, written(tmp_path / "RC_2023-11.zst", [comment(1), comment(2, "nothing")]))
    with database.read() as tx:
        first, second = posts.get(tx, [("reddit", "t3_s1"), ("reddit", "t1_c1")])
    assert (first.title, first.kind, first.thread_id, first.author) == ("Norrvik & me", PostKind.POST, "t3_s1", "bob")
    assert first.engagement == Engagement(likes=99, replies=12)
    assert (second.text, second.kind, second.thread_id, second.parent_id) == (
        "my Norrvik melted",
        PostKind.COMMENT,
        "t3_s1",
        "t1_c0",
    )
    assert second.url == "https://www.reddit.com/r/gadgets/comments/s1/x/c1/"
    assert second.created_at == datetime.fromtimestamp(1700000001, UTC)


def test_what_was_deleted_when_it_was_archived_is_left_out(sqlite_database: Database, tmp_path: Path) -> None:
    rows = [
        comment(1, "[deleted]", author="[deleted]"),
        comment(2, "[removed]"),
        submission(3, selftext="[deleted]", author="[deleted]", removed_by_category="moderator"),
        comment(4),
    ]
    result = run(sqlite_database, written(tmp_path / "acme_comments.zst", rows))
    assert (result.posts, result.left_out[GONE]) == (1, 3)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"created_utc": "soon"}, "is not a time"),
        ({"created_utc": 0}, "outside"),
        ({"link_id": None, "score": "many"}, "many"),
        ({"author": {"name": []}}, None),
    ],
)
def test_odd_things_are_posts_or_bad_rows(fields: dict[str, Any], reason: str | None) -> None:
    made = {**comment(1), **fields}
    assert is_archived(made)
    if reason is None:
        assert archived_post(made, "reddit", NOW).author is None
        return
    with pytest.raises(ValueError, match=reason):
        archived_post(made, "reddit", NOW)


def test_rows_that_only_resemble_an_archive_are_read_as_rows() -> None:
    assert not is_archived(row(1, subreddit="gadgets"))
    assert issubclass(GoneError, ValueError)


def test_the_memory_of_an_archive_is_bounded_by_its_batches(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "ROWS_A_BATCH", 50)
    file = written(tmp_path / "RC_2023-11.zst", [comment(number, "x") for number in range(500)])
    seen: list[int] = []
    Importing(SETTINGS, sqlite_database, lambda: NOW).run(file, lambda result: seen.append(result.rows))
    assert seen == [*range(50, 501, 50), 500]


# -- judging -----------------------------------------------------------------------------------------------------------


def test_who_judges_is_asked_to_learn_from_the_oldest_post(sqlite_database: Database, tmp_path: Path) -> None:
    run(sqlite_database, written(tmp_path / "new.jsonl", [row(500), row(7)]))
    run(sqlite_database, written(tmp_path / "old.jsonl", [row(900)]))
    with sqlite_database.read() as tx:
        asked = state.load(tx, JUDGE_AGAIN)
    assert asked is not None
    assert asked[0] == NOW - timedelta(days=30, minutes=-7)


def test_a_running_program_heeds_it_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tocsin.db"
    settings = Settings.model_validate({"brands": [{"name": "Norrvik"}], "database": {"url": url}})
    program = App(settings, lambda: NOW)
    try:
        program.lead()
        program.judge()
        run(program.database, written(tmp_path / "old.jsonl", [row(number) for number in range(20)]))
        program.judge()
        with program.database.read() as tx:
            assert state.load(tx, JUDGE_AGAIN) is None
            kept = state.load(tx, CHECKPOINT)
            assert kept is not None
            assert kept[0] > NOW - timedelta(hours=1)
            assert incidents.recent(tx) == []
    finally:
        program.stop()
