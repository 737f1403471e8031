"""What people made of incidents, as it is stored, listed, shown to analysts and forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from storage import casework, erasure, frames, incidents, response
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import Casework, IncidentState, Part, Severity
from tests.storage.examples import NOON, incident, mentioned, post

KEYS = (("forum", "10001"), ("forum", "10002"))
WORK = Casework(
    "i1",
    assigned_to="Bo",
    tags=("legal", "recall"),
    links=("i2", "i3"),
    headline="Glass in every oven they sell",
    severity=Severity.WATCH,
    severity_then=Severity.CRITICAL,
    parts=(Part("i4", KEYS, ("thread:forum:1",), ("glass",)),),
    detected=incident(evidence=KEYS, origin=KEYS[0], headline="Acme: glass in every oven they sell", facts={"n": 1}),
)


@pytest.fixture(name="database")
def _database(database: Database) -> Database:
    """A database with an incident that people worked on, and one that is part of it."""
    with database.write() as tx:
        for name in ("i1", "i2"):
            incidents.insert(tx, incident(name))
        casework.save(tx, WORK)
        casework.save(tx, Casework("i2", merged_into="i1", is_member=True, detected=incident("i2")))
    return database


def test_what_is_stored_is_read_as_it_was(database: Database) -> None:
    with database.read() as tx:
        assert casework.of(tx, "i1") == WORK
        assert casework.of(tx, "nobody") == Casework("nobody")
        assert [one.incident_id for one in casework.merged_into(tx, ["i1"])] == ["i2"]
        assert casework.people(tx) == ["Bo"]


def test_analysts_see_it_in_the_view_and_in_the_frame(database: Database) -> None:
    with database.read() as tx:
        columns = "assigned_to, tags, links, merged_into, split_from"
        rows = tx.execute(text(f"SELECT {columns} FROM v_incidents ORDER BY id")).all()  # noqa: S608
        frame = frames.incidents(tx).set_index("id")
    assert [tuple(row) for row in rows] == [
        ("Bo", "legal, recall", "i2, i3", None, None),
        (None, "", "", "i1", None),
    ]
    assert (frame.tags["i1"], frame.links["i2"], frame.merged_into["i2"]) == ("legal, recall", "", "i1")


def test_posts_that_are_erased_leave_what_is_kept_of_detection_too(database: Database) -> None:
    with database.write() as tx:
        told = mentioned(post("10001", text="Glass in every oven they sell", created_at=NOON))
        write(tx, Intake(mentions=[told]))
        erasure.erase(tx, [KEYS[0]], NOON, "their author asked")
        work = casework.of(tx, "i1")
    assert work.detected is not None
    assert (work.detected.evidence, work.detected.origin) == (KEYS[1:], None)
    assert work.parts[0].posts == KEYS[1:]
    assert "Glass" not in f"{work.headline} {work.detected.headline}"
    assert (work.severity, work.tags) == (Severity.WATCH, ("legal", "recall"))


def test_response_clocks_can_leave_out_what_is_part_of_another(database: Database) -> None:
    with database.write() as tx:
        part = incident("i3", fingerprint="i3", state=IncidentState.RESOLVED, facts={"merged_into": "i1"})
        incidents.insert(tx, part)  # detection found that; of "i2" people did
        span = (NOON - timedelta(days=9), NOON + timedelta(days=9))
        assert {one.id for one in response.between(tx, *span)} == {"i1", "i2", "i3"}
        assert {one.id for one in response.between(tx, *span, only_whole=True)} == {"i1"}
