"""What people said of incidents, and databases that are opened to be read only."""

from __future__ import annotations

import pytest

from storage import incidents, verdicts
from storage.database import Database
from storage.errors import ReadOnlyDatabaseError
from storage.records import Verdict
from storage.verdicts import Judgement
from tests.storage.examples import NOON, after, incident


@pytest.fixture
def judged(database: Database) -> Database:
    """Three incidents: one judged twice, one called a false alarm, one of which nobody said anything."""
    with database.write() as tx:
        for number in range(3):
            incidents.insert(tx, incident(f"i{number}", opened_at=after(hours=number)))
        incidents.append_event(tx, "i0", NOON, verdicts.KIND, "Ada", {"verdict": "duplicate"})
        incidents.append_event(tx, "i0", after(hours=1), verdicts.KIND, "Bo", {"verdict": "real", "note": "it was"})
        incidents.append_event(tx, "i0", after(hours=2), "note", "Bo", {"note": "another line"})
        incidents.append_event(tx, "i1", after(hours=3), "false_alarm", "Ada", {"note": "a launch"})
        incidents.append_event(tx, "i2", after(hours=3), "resolved", "Ada")
    return database


REAL = Judgement("i0", Verdict.REAL, after(hours=1), "Bo", "it was")
FALSE = Judgement("i1", Verdict.FALSE_ALARM, after(hours=3), "Ada", "a launch")


def test_the_last_verdict_counts_and_ending_as_a_false_alarm_is_one(judged: Database) -> None:
    with judged.read() as tx:
        assert verdicts.given(tx) == {"i0": REAL, "i1": FALSE}
        assert [verdicts.of(tx, name) for name in ("i0", "i1", "i2")] == [REAL, FALSE, None]


def test_verdicts_of_a_span_and_of_brands(judged: Database) -> None:
    with judged.read() as tx:
        assert set(verdicts.given(tx, since=after(minutes=1))) == {"i1"}
        assert set(verdicts.given(tx, until=after(hours=1))) == {"i0"}
        assert set(verdicts.given(tx, brands=["Acme"])) == {"i0", "i1"}
        assert verdicts.given(tx, brands=["Bolt"]) == {}


def test_a_database_opened_to_be_read_refuses_to_be_written(judged: Database, database_url: str) -> None:
    with Database.open(database_url, read_only=True) as reader:
        with reader.read() as tx:
            assert verdicts.of(tx, "i0") == REAL
        with pytest.raises(ReadOnlyDatabaseError), reader.write() as tx:
            incidents.append_event(tx, "i2", NOON, "note")
    with judged.read() as tx:
        assert len(incidents.events(tx, "i2")) == 1
