"""Databases of every version of the schema are brought up to date, read by the program, and taken back unharmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection

from storage import migrations
from storage.database import Database
from storage.erasure import posts_of
from storage.ingest import Intake, write
from storage.migrations import steps
from storage.post_rows import erased
from storage.posts import search
from storage.schema import metadata
from tests.storage.examples import after, mentioned, post
from tests.storage.saved import rows
from tests.storage.saved.reads import READS, differences
from tests.storage.saved.scene import fill

pytestmark = pytest.mark.usefixtures("steps_read_once")
VERSIONS = sorted(migrations.known())


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database that belongs to this test alone."""
    kind = request.param
    url = f"sqlite:///{tmp_path}/fresh.db" if kind == "sqlite" else request.getfixturevalue("fresh_postgresql_url")
    with closing(Database.open(url)) as opened:
        yield opened


def test_what_any_version_saved_is_read_by_this_one_and_kept_when_its_steps_are_taken_back(fresh: Database) -> None:
    with fresh.engine.connect() as connection:
        steps.downgrade(connection, "base")
    for version in VERSIONS:
        kept = rows.saved(version)
        with fresh.engine.connect() as connection:
            steps.upgrade(connection, version)
            rows.load(connection, kept, version)
            steps.upgrade(connection)
        assert unlike(fresh, kept) == [], f"saved by {version}"
        with fresh.engine.connect() as connection:
            steps.downgrade(connection, version)
            assert_same(rows.of(connection), kept, version)
            rows.empty(connection)


def test_names_that_accounts_show_are_found_in_what_earlier_versions_stored(fresh: Database) -> None:
    shown = (
        post("1", text="Acme", author="ann_1", author_name="Ann \u5c0f"),
        post("2", text="a word", author="bo", author_name="bo"),
    )
    with fresh.write() as tx:
        write(tx, Intake(posts=shown))
    for _ in range(2):
        with fresh.engine.connect() as connection:
            steps.downgrade(connection, "0016")
            steps.upgrade(connection)
        with fresh.write() as tx:
            assert posts_of(tx, "Ann \u5c0f") == posts_of(tx, "ann_1") == [("forum", "1")]
            assert posts_of(tx, "bo") == [("forum", "2")]
            assert [one.post.author for one in search(tx, "acme")] == ["ann_1"]
    with fresh.write() as tx:
        write(tx, Intake(posts=[post("1", text="Acme", author="ann_1", author_name="Ann", edited_at=after(days=1))]))
        assert posts_of(tx, "Ann \u5c0f") == search(tx, author="Ann") == []
        assert posts_of(tx, "@Ann") == [("forum", "1")]


def unlike(database: Database, kept: rows.Rows) -> list[str]:
    """What the program reads otherwise than it was saved."""
    with database.write() as tx:
        found = [line for table, saved in kept.items() if saved for line in differences(tx, table, saved)]
        words = [one.post.external_id for one in search(tx, '"parcels are late"')]
        assert words == ["1"]
        assert [one.post.author for one in search(tx, author="ann")] == ["ann"]
        assert posts_of(tx, "@ann") == [("forum", "1")]
        assert erased(tx, [("forum", "3")]) == {("forum", "3")}
        assert write(tx, Intake(mentions=[mentioned(post("new", text="Acme again"))])).new_posts == 1
        tx.rollback()
    return found


def assert_same(found: rows.Rows, kept: rows.Rows, version: str) -> None:
    """Table by table, so that the one that lost something is named."""
    assert set(found) == set(kept), f"tables of {version}"
    for table, saved in kept.items():
        assert found[table] == saved, f"{table}, saved by {version}, after its steps were taken back"


def test_something_is_saved_of_every_table_and_said_how_it_is_read() -> None:
    with Database.open("sqlite://") as database:
        with database.write() as tx:
            fill(tx)
        with database.engine.connect() as connection:
            filled = {name for name, found in rows.of(connection).items() if found}
    assert filled == set(metadata.tables), "put something into every table in tests/storage/saved/scene.py"
    assert set(READS) == set(metadata.tables), "say in tests/storage/saved/reads.py how every table is read"


def test_a_step_back_that_loses_something_is_seen(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/fresh.db") as database, database.engine.connect() as connection:
        kept = rows.saved(VERSIONS[-1])
        rows.load(connection, kept, VERSIONS[-1])
        forget(connection)
        with pytest.raises(AssertionError, match="silence, saved by"):
            assert_same(rows.of(connection), kept, VERSIONS[-1])


def forget(connection: Connection) -> None:
    with connection.execution_options(tocsin_writes=True).begin():
        connection.exec_driver_sql("UPDATE silence SET kind = NULL")
