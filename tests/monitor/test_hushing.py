"""What a silence would have held back, as the database counts it and as alerting decides it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.policy import is_audible
from alerts.restraint import is_meant_by
from monitor import hushing
from storage import incidents
from storage.database import Database
from storage.records import Reason, Severity, Silence
from tests.storage.examples import NOON, after, alert, incident

NEW = {"changed": ["It has spread to reddit."]}
RULE = Silence("", NOON, after(hours=2), "Ada", "a launch", include_critical=True)
SILENCES = [
    replace(RULE, brand="Acme"),
    replace(RULE, brand="Acme", include_critical=False),
    replace(RULE, severity=Severity.WATCH),
    replace(RULE, kind="outage"),
    replace(RULE, topic="story: late parcels"),
    replace(RULE, source="reddit"),
    replace(RULE, source="red"),
    replace(RULE, incident_id="i2", source="reddit"),
    replace(RULE, brand="Acme", kind="outage", source="hackernews"),
]


@pytest.fixture
def week(database: Database) -> Database:
    """Four incidents with messages, one that nobody was told of, and one of before."""
    with database.write() as tx:
        for number, fields in enumerate((
            {"kind": "outage", "sources": ("hackernews", "reddit")},
            {"brand": "Bolt", "kind": "outage", "sources": ("reddit",)},
            {"severity": Severity.CRITICAL, "topic": "story: late parcels", "sources": ("reddit",)},
            {"severity": Severity.WATCH, "sources": ()},
        )):  # fmt: skip
            incidents.insert(tx, incident(f"i{number}", opened_at=after(days=-number), **fields))
            for seq, (reason, page) in enumerate(
                ((Reason.OPENED, {}), (Reason.UPDATE, NEW), (Reason.UPDATE, {"changed": []}), (Reason.UPDATE, {})), 1
            ):
                incidents.add_alert(tx, alert(seq, incident_id=f"i{number}", reason=reason, page=page))
        incidents.insert(tx, incident("untold", opened_at=after(days=-1)))
        incidents.insert(tx, incident("before", opened_at=after(days=-8)))
        incidents.add_alert(tx, alert(incident_id="before"))
    return database


def test_what_the_database_counts_is_what_alerting_would_have_held_back(week: Database) -> None:
    with week.read() as tx:
        recent = incidents.recent(tx, since=after(days=-7))
        heard = {one.id: sum(map(is_audible, incidents.alerts(tx, one.id))) for one in recent}
        for rule in SILENCES:
            found = hushing.preview(tx, rule, NOON)
            named = [(one.incident.id, one.messages) for one in found.newest]
            assert named == [(one.id, heard[one.id]) for one in recent if is_meant_by(rule, one) and heard[one.id]]
            assert found.messages == sum(messages for _, messages in named)


def test_the_newest_incidents_are_named_and_all_are_counted(week: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hushing, "MOST_SHOWN", 2)
    with week.read() as tx:
        found = hushing.preview(tx, replace(RULE, ends_at=NOON + timedelta(days=1)), NOON)
    assert [one.incident.id for one in found.newest] == ["i0", "i1"]
    assert hushing.total(found) == "In the last 7 days it would have held back 8 messages about 4 incidents."
