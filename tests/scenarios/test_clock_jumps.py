"""A day on which the machine's clock is put back and forward: the same incidents, and nobody is told twice."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from config.settings import Settings
from monitor.app import App
from monitor.assembly import assemble
from monitor.demo.story import SCENE
from storage import incidents, outbox
from storage.database import Database
from storage.records import Alert
from tests.collectors.scenario import Clock
from tests.scenarios.days import SETTINGS, Outcome, bad_day, give, outcomes, when
from tests.storage.examples import alert, delivery, incident

HOUR = timedelta(hours=1)
UNTIL = SCENE + timedelta(hours=9, minutes=30)
PUT_BACK = (SCENE + timedelta(hours=8), SCENE + timedelta(hours=9))
"""While the story unfolds, the clock is an hour behind."""


def lived(database: Database, lag: timedelta) -> tuple[list[Outcome], list[Alert]]:
    """Live through the day, the clock being late by `lag` for an hour of it; what there is, and what was said."""
    pipeline, at, said = assemble(SETTINGS, database), SCENE, []
    while at < UNTIL:
        step = timedelta(minutes=30) if at >= PUT_BACK[0] - HOUR else 7 * HOUR
        give(pipeline, [event for event in bad_day() if at <= when(event) < at + step])
        at += step
        said += pipeline.advance(at - (lag if PUT_BACK[0] <= at < PUT_BACK[1] else timedelta()), early=True)
    return outcomes(database), said


def test_a_clock_that_is_wrong_for_an_hour_changes_no_incident_and_repeats_no_message() -> None:
    with Database.open("sqlite://") as right, Database.open("sqlite://") as wrong:
        expected, told = lived(right, timedelta())
        found, said = lived(wrong, HOUR)
    assert {(one.fingerprint, one.severity) for one in found} == {(one.fingerprint, one.severity) for one in expected}
    assert told
    begun = Counter(each.incident_id for each in said if each.reason.value == "opened")
    assert set(begun.values()) == {1}
    assert len(begun) == sum(each.reason.value == "opened" for each in told)


def test_what_a_running_program_has_to_send_is_five_seconds_late_at_the_most(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tocsin.db"
    settings = Settings.model_validate({"brands": [{"name": "Norrvik"}], "database": {"url": url}})
    clock = Clock(datetime.fromisoformat("2026-10-25T00:30:00+00:00"))
    program = App(settings, clock)
    try:
        program.lead()
        with program.database.write() as tx:
            incidents.insert(tx, incident())
            incidents.add_alert(tx, alert())
            due = clock() + timedelta(seconds=5)
            outbox.enqueue(tx, [delivery(created_at=clock(), due_at=due, first_due_at=due)])
        clock.advance(hours=-1)
        program.put_back(HOUR)
        assert program.is_leader
        clock.advance(seconds=5)
        program.lead()
        with program.database.read() as tx:
            assert all(item.due_at <= clock() for item in outbox.unfinished(tx))
    finally:
        program.stop()
