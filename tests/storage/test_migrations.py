"""The steps that bring tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, select

from storage import migrations
from storage.database import Database
from storage.errors import StorageError
from storage.ingest import Intake, write
from storage.migrations import compare, steps
from storage.schema import bin_day, metadata, stored_day
from tests.storage.examples import NOON, mentioned, post
from tests.storage.saved import rows

pytestmark = pytest.mark.usefixtures("steps_read_once")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with all tables that belongs to this test alone."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/fresh.db"
    else:
        url = request.getfixturevalue("fresh_postgresql_url")
    with closing(Database.open(url)) as opened:
        yield opened


def tables(connection: Connection) -> set[str]:
    with connection.begin():
        return set(inspect(connection).get_table_names())


def upgrade_and_fail(config: Config) -> None:
    command.upgrade(config, "head")
    raise ZeroDivisionError


def test_the_steps_lead_to_the_tables_of_the_program(fresh: Database) -> None:
    with fresh.engine.connect() as connection, connection.begin():
        context = MigrationContext.configure(connection, opts=compare.options())
        assert compare_metadata(context, metadata) == []


def test_every_step_can_be_taken_back_and_taken_again(fresh: Database) -> None:
    with fresh.engine.connect() as connection:
        all_tables = tables(connection)
        steps.downgrade(connection, "base")
        assert tables(connection) == {"alembic_version"}
        steps.upgrade(connection)
        assert tables(connection) == all_tables
    with fresh.write() as tx:
        assert write(tx, Intake(mentions=[mentioned(post())])).new_posts == 1


def test_what_is_summed_up_anew_is_what_was_kept_with_every_write(fresh: Database) -> None:
    times = [NOON, NOON + timedelta(days=3), datetime(1969, 12, 30, 1, tzinfo=UTC)]
    with fresh.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(str(at), created_at=at)) for at in times]))
        kept = [tx.execute(select(table).order_by(*table.primary_key)).all() for table in (stored_day, bin_day)]
    with fresh.engine.connect() as connection:
        steps.downgrade(connection, "0009")
        steps.upgrade(connection)
    with fresh.read() as tx:
        made = [tx.execute(select(table).order_by(*table.primary_key)).all() for table in (stored_day, bin_day)]
    assert made == kept
    assert [len(rows) for rows in kept] == [3, 3]


def test_steps_that_fail_leave_nothing_behind(fresh: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with fresh.engine.connect() as connection:
        steps.downgrade(connection, "base")
        before = tables(connection)
        with pytest.raises(ZeroDivisionError):
            steps.run(connection, upgrade_and_fail)
        assert tables(connection) == before
        steps.upgrade(connection)


def test_the_version_of_the_program_is_its_last_step() -> None:
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert script.get_current_head() == migrations.NEWEST
    assert {step.revision for step in script.walk_revisions()} == migrations.known()


def test_a_database_of_every_version_is_saved() -> None:
    """What `test_saved.py` upgrades and takes back; a new version is saved when it is made."""
    missing = [version for version in sorted(migrations.known()) if not rows.file_of(version).exists()]
    assert missing == [], "run: python -m tests.storage.saved"


def test_a_step_that_would_leave_rows_without_their_owner_is_refused(tmp_path: Path) -> None:
    with Database.open(f"sqlite:///{tmp_path}/fresh.db") as database:
        with database.write() as tx:
            write(tx, Intake(mentions=[mentioned(post())]))
        with database.engine.connect() as connection, pytest.raises(StorageError, match="nothing was changed"):
            steps.run(connection, lambda _: connection.exec_driver_sql("DELETE FROM post"))
        with database.read() as tx:
            assert tx.exec_driver_sql("SELECT count(*) FROM post").scalar() == 1


def test_every_table_and_column_is_described() -> None:
    for table in metadata.tables.values():
        assert table.comment, table.name
        assert [column.name for column in table.columns if not column.comment] == []
