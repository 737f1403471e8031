"""Files of posts."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from collectors import files
from collectors.contract import CollectorError
from collectors.files import Report, read
from collectors.rows import RowFormat
from storage.records import Engagement, EngagementSample, Post, PostKind
from tests.collectors.scenario import Clock, Store, built
from tests.servers.web import Reply

ASKS_SOMEBODY = False
"""Nothing that is asked can refuse or fail."""

AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@dataclass
class FilesScenario:
    """A folder into which files are dropped."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    module: ModuleType = files
    options: dict[str, Any] = field(default_factory=dict)

    def publish(self) -> set[str]:
        """One more file of 250 rows."""
        first = 250 * len(list(self.folder.iterdir()))
        rows = [row(number, thread_id=f"p{number}") for number in range(first, first + 250)]
        write(self.folder / f"posts-{first}.jsonl", *rows)
        return {f"p{number}" for number in range(first, first + 250)}

    def fail_next(self, *_: Reply) -> None:
        """A file answers nobody."""

    def asked(self) -> int:
        """A file is not asked."""
        return 0


@contextmanager
def scenario() -> Iterator[FilesScenario]:
    """Pages of 100 rows."""
    patch = pytest.MonkeyPatch()
    patch.setattr(files, "PAGE_ROWS", 100)
    with TemporaryDirectory() as folder:
        try:
            yield FilesScenario(Path(folder), options={"paths": [f"{folder}/*.jsonl"]})
        finally:
            patch.undo()


def row(number: int, **fields: Any) -> dict[str, Any]:
    at = (AT + timedelta(seconds=number)).isoformat()
    return {"id": f"p{number}", "created_at": at, "text": f"words {number}", "source": "forum", **fields}


def write(path: Path, *rows: Any) -> Path:
    lines = "".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in rows)
    path.write_text(lines, encoding="utf-8")
    return path


def one(path: Path, **options: Any) -> Post:
    (post,) = read([path], **options)
    assert isinstance(post, Post)
    return post


def test_a_row_with_every_field(tmp_path: Path) -> None:
    full = {
        "id": "a1", "source": "forum", "created_at": "2026-03-01T10:00:00+01:00", "text": "words", "title": "T",
        "author": "ann", "author_name": "Ann", "brand": "Norrvik", "lang": "en", "url": "https://forum.example/a1",
        "thread_id": "a0", "reply_to": "a0", "likes": 1, "shares": 2, "replies": 3, "views": 4, "followers": 5,
        "edited_at": "2026-03-01T09:05:00Z",
    }  # fmt: skip
    assert one(write(tmp_path / "a.jsonl", full)) == Post(
        "forum", "a1", AT, "words", PostKind.REPLY, "T", "https://forum.example/a1", "ann", "Ann", 5, "a0", "a0", None,
        "en", Engagement(1, 2, 3, 4), AT + timedelta(minutes=5), None, ("Norrvik",),
    )  # fmt: skip


def test_other_names_of_the_fields(tmp_path: Path) -> None:
    other = {
        "external_id": 17, "timestamp": 1772355600, "body": "words", "brands": ["Norrvik", "Fjord"], "language": "sv",
        "parent_id": 12, "reposts": "2", "num_comments": "3", "points": 4.0, "author_reach": "5", "user": "ann",
    }  # fmt: skip
    post = one(write(tmp_path / "a.jsonl", other))
    assert (post.external_id, post.created_at, post.text, post.language) == ("17", AT, "words", "sv")
    assert (post.parent_id, post.brands, post.author_reach, post.author) == ("12", ("Norrvik", "Fjord"), 5, "ann")
    assert post.engagement == Engagement(4, 2, 3, None)


def test_names_of_the_operators_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"key": "x", "when": "2026-03-01 09:00", "message": "words", "id": "not this"})
    post = one(path, mapping={"external_id": "key", "created_at": "when", "text": "message"})
    assert (post.external_id, post.created_at, post.text) == ("x", AT, "words")


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-01T09:00:00Z", "2026-03-01T09:00:00", "2026-03-01 09:00:00", "2026-03-01T10:00:00+01:00", 1772355600,
        1772355600000, "1772355600", "1772355600.0", "Sun Mar 01 09:00:00 +0000 2026",
        "Sun, 01 Mar 2026 10:00:00 +0100",
        " 2026-03-01T09:00:00Z ",
    ],
)  # fmt: skip
def test_times_of_every_notation_become_utc(tmp_path: Path, written: Any) -> None:
    post = one(write(tmp_path / "a.jsonl", row(1, created_at=written)))
    assert post.created_at == AT
    assert post.created_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{not json", "not JSON"),
        ("[1, 2]", "not a JSON object"),
        ({"id": "x", "text": "words"}, "no time"),
        ({"id": "x", "text": "words", "created_at": None}, "no time"),
        ({"id": "x", "text": "words", "created_at": "yesterday"}, "'yesterday' is not a time"),
        ({"id": "x", "text": "words", "created_at": "0001-01-01T00:00:00Z"}, "outside 1990 to 2100"),
        ({"id": "x", "created_at": "2026-03-01"}, "no text"),
        ({"id": "x", "created_at": "2026-03-01", "text": "  ", "likes": "many"}, "'many' is not a count"),
        ({"id": ["x"], "created_at": "2026-03-01", "text": "words"}, "is no name"),
        ({"id": "x", "created_at": "2026-03-01", "text": "words", "kind": "rumour"}, "no kind of post"),
        ({"created_at": "2026-03-01", "items": [[1, 2]]}, "items are to be lists"),
        ('{"id": "x", "text": "\\ud800"}', "not JSON"),
    ],
)
def test_a_bad_row_is_counted_with_its_line_and_reason(tmp_path: Path, bad: Any, reason: str) -> None:
    report = Report()
    posts = list(read([write(tmp_path / "a.jsonl", row(1), bad, "", row(2))], report=report))
    assert len(posts) == 2
    assert (report.rows, report.posts, report.quarantined) == (3, 2, 1)
    (found,) = report.bad
    assert found.line == 2
    assert reason in found.reason


def test_a_title_is_text_enough(tmp_path: Path) -> None:
    assert (
        one(write(tmp_path / "a.jsonl", {"id": 1, "date": "2026-03-01", "title": "Norrvik falls"})).text
        == "Norrvik falls"
    )


def test_a_row_without_id_gets_a_name_that_stays(tmp_path: Path) -> None:
    nameless = {"created_at": "2026-03-01", "text": "words"}
    first, second = one(write(tmp_path / "a.jsonl", nameless)), one(write(tmp_path / "b.jsonl", nameless))
    assert first.external_id == second.external_id
    assert first.external_id != one(write(tmp_path / "c.jsonl", {**nameless, "text": "other"})).external_id


def test_one_post_about_two_brands_is_one_post(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", row(1, brand="Norrvik"), row(2), row(1, brand="Fjord"))
    posts = {post.external_id: post for post in read([path]) if isinstance(post, Post)}
    assert posts["p1"].brands == ("Norrvik", "Fjord")
    assert len(posts) == 2


def test_a_repost_carries_anothers_words(tmp_path: Path) -> None:
    post = one(write(tmp_path / "a.jsonl", row(1, repost_of="p0")))
    assert (post.kind, post.repost_of) == (PostKind.REPOST, "p0")


def test_a_snapshot_is_many_readings(tmp_path: Path) -> None:
    snapshot = {"created_at": AT.isoformat(), "items": [[11, 1, 80, 40], [12, 2, 5, None]]}
    path = write(tmp_path / "a.jsonl", snapshot)
    samples = list(read([path], RowFormat(sample_source="front", sample_id="fp-{id}")))
    assert samples == [
        EngagementSample("front", "fp-11", AT, Engagement(likes=80, replies=40)),
        EngagementSample("front", "fp-12", AT, Engagement(likes=5)),
    ]


def test_a_snapshot_after_its_posts_knows_how_they_are_called(tmp_path: Path) -> None:
    posts = write(tmp_path / "posts.jsonl", row(1, id="fp-11", source="front"))
    snapshots = write(tmp_path / "snapshots.jsonl", {"created_at": AT.isoformat(), "items": [[11, 1, 80, 40]]})
    sample = list(read([posts, snapshots]))[-1]
    assert isinstance(sample, EngagementSample)
    assert (sample.source, sample.external_id) == ("front", "fp-11")


def test_a_reading_of_one_post(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", {"id": "p1", "source": "forum", "at": AT.isoformat(), "likes": 7, "replies": 2})
    assert list(read([path])) == [EngagementSample("forum", "p1", AT, Engagement(likes=7, replies=2))]


def test_what_no_database_stores_is_replaced(tmp_path: Path) -> None:
    assert one(write(tmp_path / "a.jsonl", row(1, text="a\0b"))).text == "a�b"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CollectorError, match="cannot be read: No such file"):
        list(read([tmp_path / "none.jsonl"]))


@for_all(st.lists(st.sampled_from(["row", "bad", "empty"]), max_size=20), st.integers(1, 7))
def test_every_row_is_either_read_or_reported(kinds: list[str], page: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PAGE_ROWS", page)
        lines = {"bad": "{", "empty": ""}
        written = [lines.get(kind) if kind in lines else row(number) for number, kind in enumerate(kinds)]
        path = write(Path(folder) / "a.jsonl", *written)
        report = Report()
        posts = [post.external_id for post in read([path], report=report) if isinstance(post, Post)]
        assert posts == [f"p{number}" for number, kind in enumerate(kinds) if kind == "row"]
        assert report.quarantined == kinds.count("bad")
        store = Store()
        store.run(built(FilesScenario(Path(folder), options={"paths": [str(path)]})))
        assert sorted(store.posts) == sorted(posts)
        assert sum(len(each.quarantined) for each in store.pages) == kinds.count("bad")


# -- as a source ------------------------------------------------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[FilesScenario]:
    with scenario() as given:
        yield given


def turn(world: FilesScenario, store: Store) -> set[str]:
    """The identities that a turn brings."""
    return {post.external_id for page in store.run(built(world)) for post in page.posts}


def test_a_file_that_grows_is_read_on(world: FilesScenario) -> None:
    path, store = world.folder / "a.jsonl", Store()
    write(path, row(1), row(2))
    assert turn(world, store) == {"p1", "p2"}
    with path.open("a") as file:
        file.write(json.dumps(row(3)) + "\n")
    assert turn(world, store) == {"p3"}
    assert turn(world, store) == set()


def test_a_line_that_is_still_being_written_waits(world: FilesScenario) -> None:
    path, store = world.folder / "a.jsonl", Store()
    line = json.dumps(row(2))
    path.write_text(json.dumps(row(1)) + "\n" + line[:10])
    assert turn(world, store) == {"p1"}
    path.write_text(json.dumps(row(1)) + "\n" + line + "\n")
    assert turn(world, store) == {"p2"}
    assert not any(page.quarantined for page in store.pages)


def test_a_row_of_csv_that_is_still_being_written_waits(world: FilesScenario) -> None:
    path, store = world.folder / "growing.csv", Store()
    world.options["paths"] = [str(path)]
    path.write_text('id,date,text\n1,2026-03-01,"first"\n2,2026-03-01,"sec\n')
    assert turn(world, store) == {"1"}
    path.write_text('id,date,text\n1,2026-03-01,"first"\n2,2026-03-01,"sec\nond"\n')
    assert turn(world, store) == {"2"}
    assert store.posts["2"].text == "sec\nond"
    assert not any(page.quarantined for page in store.pages)


def test_a_last_line_that_stays_half_is_reported_in_the_end(world: FilesScenario) -> None:
    store = Store()
    (world.folder / "a.jsonl").write_text(json.dumps(row(1)) + "\n{")
    turn(world, store)
    turn(world, store)
    turn(world, store)
    assert [bad.where for page in store.pages for bad in page.quarantined] == [f"{world.folder}/a.jsonl:2"]


def test_a_file_that_was_replaced_is_read_anew(world: FilesScenario) -> None:
    path, store = world.folder / "a.jsonl", Store()
    write(path, row(1), row(2))
    turn(world, store)
    write(path, row(7), row(8), row(9))
    assert turn(world, store) == {"p7", "p8", "p9"}


def test_a_packed_file_that_grows_is_read_on(world: FilesScenario) -> None:
    path, store = world.folder / "a.jsonl.gz", Store()
    world.options = {"paths": [str(path)]}
    path.write_bytes(gzip.compress((json.dumps(row(1)) + "\n").encode()))
    assert turn(world, store) == {"p1"}
    with path.open("ab") as file:
        file.write(gzip.compress((json.dumps(row(2)) + "\n").encode()))
    assert turn(world, store) == {"p2"}


def test_rows_of_one_moment_stay_on_one_page(world: FilesScenario) -> None:
    same = [row(1, id=f"p{number}", brand=brand) for number in range(80) for brand in ("Norrvik", "Fjord")]
    write(world.folder / "a.jsonl", *same)
    store = Store()
    store.run(built(world))
    assert {post.brands for post in store.posts.values()} == {("Norrvik", "Fjord")}


def test_options_that_every_row_takes(world: FilesScenario) -> None:
    write(world.folder / "a.jsonl", {"id": 1, "date": "2026-03-01", "text": "words", "brand": "Fjord"})
    store = Store()
    store.run(built(world, brands_of_rows=["Norrvik"], source="archive"))
    assert (store.posts["1"].brands, store.posts["1"].source) == (("Norrvik", "Fjord"), "archive")


def test_a_mapping_of_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValueError, match="no such field: txt"):
        files.Options(paths=[Path("a")], mapping={"txt": "message"})


def test_the_probe_names_paths_that_lead_nowhere(world: FilesScenario) -> None:
    with pytest.raises(CollectorError, match="no file matches"):
        built(world).probe()


def test_a_timezone_is_kept_right(tmp_path: Path) -> None:
    local = AT.astimezone(timezone(timedelta(hours=-7))).isoformat()
    assert one(write(tmp_path / "a.jsonl", row(1, created_at=local))).created_at == AT
