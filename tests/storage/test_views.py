"""Views for people."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import select, table, text

from storage import gaps, incidents, outbox, readers
from storage.database import Database, Transaction
from storage.errors import StorageError
from storage.ingest import Intake, write
from storage.migrations import steps
from storage.records import DeliveryState, Engagement, Gap, IncidentState
from storage.schema import metadata
from storage.views import VIEWS
from tests.storage.examples import NOON, after, delivery, incident, mentioned, post, signal


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with a post, an incident that was told and taken, and a gap."""
    with database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post(engagement=Engagement(likes=3)))]))
        taken = incident(
            state=IncidentState.ACKNOWLEDGED,
            acknowledged_at=after(minutes=4),
            acknowledged_by="Kim",
            origin=("forum", "1"),
        )
        incidents.insert(tx, taken)
        incidents.append_event(tx, "i1", after(minutes=4), "acknowledged", "Kim", {"note": "writing a statement"})
        incidents.add_signals(tx, "i1", [signal(facts={"why": "40 voices in an hour; 5 are usual"})])
        outbox.enqueue(tx, [delivery(state=DeliveryState.SENT, sent_at=after(seconds=90))])
        gaps.add(tx, [Gap("forum", after(hours=-1), NOON, "refused")])
    return database


def row(tx: Transaction, name: str) -> dict[str, Any]:
    """The only row of a view."""
    return dict(tx.execute(select(text("*")).select_from(table(name))).mappings().one())


def test_every_view_has_the_columns_that_are_promised(database: Database) -> None:
    with database.read() as tx:
        for view in VIEWS:
            assert list(row(tx, view.name)) == [column.name for column in view.columns]


def test_the_response_clock_reads_in_minutes(database: Database) -> None:
    with database.read() as tx:
        found = row(tx, "v_incidents")
    assert (found["minutes_to_open"], found["minutes_to_tell"], found["minutes_to_acknowledge"]) == (30, 1.5, 4)
    assert found["minutes_to_resolve"] is None
    assert found["messages_sent"] == 1


def test_times_can_be_read_and_searched(database: Database) -> None:
    with database.read() as tx:
        found = row(tx, "v_posts")
    at = found["created_at"]
    assert (at if isinstance(at, str) else at.strftime("%Y-%m-%dT%H:%M:%S.000Z")) == "2024-05-01T12:00:00.000Z"
    assert found["created_micros"] == NOON.timestamp() * 1_000_000


def test_findings_messages_and_gaps_read_as_sentences(database: Database) -> None:
    with database.read() as tx:
        assert row(tx, "v_signals")["why"] == "40 voices in an hour; 5 are usual"
        assert row(tx, "v_timeline")["note"] == "writing a statement"
        assert row(tx, "v_deliveries")["seconds_late"] == 90
        assert row(tx, "v_gaps")["minutes"] == 60
        assert row(tx, "v_bins")["negative_share"] == 1


@pytest.fixture(name="fresh", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def _fresh(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Database]:
    postgresql = request.param == "postgresql"
    url = request.getfixturevalue("fresh_postgresql_url") if postgresql else f"sqlite:///{tmp_path}/fresh.db"
    with closing(Database.open(url)) as opened:
        yield opened


def test_views_come_and_go_with_the_tables(fresh: Database) -> None:
    with fresh.engine.connect() as connection:
        steps.downgrade(connection, "base")
        steps.upgrade(connection)
    with fresh.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM v_incidents")).scalar() == 0


def as_analyst(database: Database, statement: str) -> None:
    """Run a statement as the role that reads."""
    with database.write() as tx:
        tx.execute(text("SET LOCAL ROLE analysts"))
        tx.execute(text(statement))


@pytest.mark.postgresql
def test_a_reader_reads_the_views_and_writes_nothing(fresh_postgresql_url: str) -> None:
    with closing(Database.open(fresh_postgresql_url)) as opened:
        with opened.write() as tx:
            tx.execute(text("DROP ROLE IF EXISTS analysts"))
            tx.execute(text("CREATE ROLE analysts"))
            readers.allow(tx, "analysts")
        with opened.engine.connect() as connection:
            steps.run(connection, lambda _: None)  # the views are made anew, and may still be read
        with opened.write() as tx:
            tx.execute(text("SET LOCAL ROLE analysts"))
            for name in (*(view.name for view in VIEWS), *readers.readable()):
                tx.execute(select(text("*")).select_from(table(name)).limit(1))
        secret = (str(select(text("1")).select_from(table(name))) for name in sorted(readers.SECRET))
        for refused in ("DELETE FROM post", *secret):
            with pytest.raises(StorageError, match="permission denied"):
                as_analyst(opened, refused)
        with opened.write() as tx:
            tx.execute(text("DROP OWNED BY analysts"))
            tx.execute(text("DROP ROLE analysts"))


@pytest.mark.postgresql
def test_a_reader_that_does_not_exist_is_said(fresh_postgresql_url: str) -> None:
    opened = Database.open(fresh_postgresql_url)
    with closing(opened), opened.write() as tx, pytest.raises(StorageError, match='no role "nobody here"; make it'):
        readers.allow(tx, "nobody here")


def test_a_file_has_no_roles(sqlite_database: Database) -> None:
    with sqlite_database.write() as tx, pytest.raises(StorageError, match="mode=ro"):
        readers.allow(tx, "analysts")


OPEN = {
    "post", "revision", "mention", "engagement_sample", "bin", "erased", "correction", "cursor", "run", "gap", "spent",
    "schedule", "incident", "incident_event", "signal", "silence", "lease", "alert", "delivery", "escalation",
    "delivery_attempt", "bucket", "channel", "audit", "saved_view", "casework", "incident_tag", "incident_link",
    "bin_day", "stored_day", "instance", "picture",
}  # fmt: skip


def test_of_every_table_it_is_decided_whether_analysts_may_read_it() -> None:
    assert set(readers.readable()) == OPEN
    assert metadata.tables.keys() == OPEN | readers.SECRET
