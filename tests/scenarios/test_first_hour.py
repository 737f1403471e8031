"""A new installation, all of whose posts are so fresh that others may still come between them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.assembly import assemble
from storage.database import Database
from tests.scenarios.days import END, SETTINGS, bad_day, give, outcomes

PATIENT = SETTINGS.model_copy(
    update={"detection": SETTINGS.detection.model_copy(update={"lateness": timedelta(days=2)})}
)
"""Nothing of the day is settled before two days have gone by."""


@pytest.fixture
def database() -> Iterator[Database]:
    with Database.open("sqlite://") as opened:
        yield opened


def test_people_are_told_before_anything_is_settled_and_once(database: Database) -> None:
    pipeline = assemble(PATIENT, database)
    give(pipeline, bad_day())
    told = [alert.incident_id for alert in pipeline.advance(END, early=True)]
    assert told
    assert len(told) == len(set(told))
    for minutes in (0, 5, 10):
        assert assemble(PATIENT, database).advance(END + timedelta(minutes=minutes), early=True) == []


def test_what_was_told_first_is_what_the_settled_numbers_know(database: Database) -> None:
    pipeline = assemble(PATIENT, database)
    give(pipeline, bad_day())
    pipeline.advance(END, early=True)
    told = [(one.brand, one.fingerprint) for one in outcomes(database)]
    pipeline.advance(END + PATIENT.detection.lateness, early=True)
    assert [(one.brand, one.fingerprint) for one in outcomes(database)] == told


def test_an_empty_database_says_nothing(database: Database) -> None:
    assert assemble(PATIENT, database).advance(END, early=True) == []
