"""`tocsin db`: making tables, and looking whether anything is stuck."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from storage import incidents, ingest, outbox
from storage.database import Database
from storage.records import DeliveryState
from tests.monitor.cli.conftest import Run
from tests.storage.examples import NOON, after, delivery, incident, post


def test_upgrade_makes_the_tables(tocsin: Run, configured: Path) -> None:
    result = tocsin("db", "upgrade")
    assert result.exit_code == 0
    assert "is up to date" in result.output
    assert "No posts yet." in tocsin("db", "check").output


def test_check_tells_what_is_in_it(tocsin: Run, stored: Database) -> None:
    with stored.write() as tx:
        ingest.write(tx, ingest.Intake(posts=[post()]))
        incidents.insert(tx, incident())
    result = tocsin("db", "check")
    assert result.exit_code == 0
    assert result.output.startswith(f"{Path('tocsin.db').absolute()} is sound")
    assert "Posts from 2024-05-01 12:00 to 2024-05-01 12:00." in result.output
    assert "1 post, 1 live incident, 0 waiting messages." in result.output


def test_a_message_that_is_stuck_is_a_problem(tocsin: Run, stored: Database) -> None:
    with stored.write() as tx:
        incidents.insert(tx, incident())
        outbox.enqueue(tx, [delivery(), delivery(2, target="x", due_at=NOON - timedelta(minutes=6))])
        outbox.block_channel(tx, "slack", after(minutes=5), "asked for patience")
    result = tocsin("db", "check", "--json")
    assert result.exit_code == 1
    found = json.loads(result.output)
    assert (found["messages_waiting"], found["messages_late"]) == (2, 1)
    assert found["blocked_channels"] == ["slack: asked for patience"]
    assert "1 message should have gone out" in tocsin("db", "check").output


def test_a_timeline_with_holes_is_a_problem(tocsin: Run, stored: Database) -> None:
    with stored.write() as tx:
        incidents.insert(tx, incident())
        incidents.append_event(tx, "i1", NOON, "opened")
        incidents.append_event(tx, "i1", NOON, "note")
        tx.exec_driver_sql("DELETE FROM incident_event WHERE seq = 1")
    result = tocsin("db", "check")
    assert result.exit_code == 1
    assert "the timeline of incident i1 has holes" in result.output


def test_a_backup_is_a_database_of_its_own(tocsin: Run, stored: Database) -> None:
    with stored.write() as tx:
        incidents.insert(tx, incident())
    result = tocsin("db", "backup", "copy.db")
    assert result.exit_code == 0, result.output
    with Database.open("sqlite:///copy.db", migrate=False) as copy, copy.read() as tx:
        assert incidents.get(tx, "i1") == incident()
    again = tocsin("db", "backup", "copy.db")
    assert again.exit_code == 1
    assert "exists already" in again.output


def test_a_damaged_database_is_one_line(tocsin: Run, stored: Database) -> None:
    stored.close()
    file = Path("tocsin.db")
    file.write_bytes(b"no database at all" * 1000)
    for extra in ("tocsin.db-wal", "tocsin.db-shm"):
        Path(extra).unlink(missing_ok=True)
    result = tocsin("db", "check")
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert "tocsin.db" in result.output


def test_the_size_is_told_by_table_with_what_is_to_come(tocsin: Run, stored: Database) -> None:
    assert "too few to tell" in tocsin("db", "size", "--posts-per-day", "1000").output
    with stored.write() as tx:
        ingest.write(tx, ingest.Intake(posts=[post(str(number)) for number in range(200)]))
    result = tocsin("db", "size", "--posts-per-day", "1000", "--days", "30")
    assert result.exit_code == 0
    assert "1,000 posts a day kept for 30 days will take about" in result.output
    found = json.loads(tocsin("db", "size", "--json").output)
    assert [table["rows"] for table in found["tables"] if table["name"] == "post"] == [200]


def test_a_backup_comes_back_in_place_of_a_lost_database(tocsin: Run, stored: Database) -> None:
    with stored.write() as tx:
        incidents.insert(tx, incident())
        outbox.enqueue(tx, [delivery()])
    assert tocsin("db", "backup", "copy.db").exit_code == 0
    refused = tocsin("db", "restore", "copy.db")
    assert refused.exit_code == 1
    assert "move it away first" in refused.output
    stored.close()
    for file in Path().glob("tocsin.db*"):
        file.unlink()
    result = tocsin("db", "restore", "copy.db")
    assert result.exit_code == 0, result.output
    assert "is restored and sound; it has no posts, 1 incident is live." in result.output
    assert "1 of its messages may have been sent since it was made" in result.output
    with Database.open("sqlite:///tocsin.db") as restored, restored.read() as tx:
        assert [item.state for item in outbox.unfinished(tx)] == [DeliveryState.AMBIGUOUS]
