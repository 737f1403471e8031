"""A new version of the program takes over a database in which messages are on their way."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage import outbox
from storage.database import Database
from storage.errors import SchemaError
from storage.migrations import NEWEST, known, steps
from storage.records import DeliveryState
from tests.alerts.desk import Desk

BEFORE = sorted(known() - {NEWEST})


def leave_in_flight(url: str, version: str) -> None:
    """A message that waits, and one that was being sent, in a database as an earlier version has it."""
    with Database.open(url) as database:
        desk = Desk(database)
        desk.open()
        with database.write() as tx:
            assert len(outbox.claim(tx, desk.now, "the old version", desk.timing.lease, 1)) == 1
        assert {item.state for item in desk.history()} == {DeliveryState.SENDING, DeliveryState.PENDING}
        with database.engine.connect() as connection:
            steps.downgrade(connection, version)


@pytest.mark.parametrize("version", [BEFORE[0], BEFORE[-1]])
def test_messages_in_flight_are_sent_by_the_version_that_takes_over(version: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/tocsin.db"
    leave_in_flight(url, version)
    with pytest.raises(SchemaError, match="tocsin db upgrade"):
        Database.open(url, migrate=False)
    with Database.open(url) as database:
        desk = Desk(database)
        for _ in range(4):
            desk.wait(seconds=14).send()
        assert {item.state for item in desk.history()} == {DeliveryState.SENT}
        told = [message.delivery_id for way in desk.ways.values() for message in way.sent]
        assert sorted(told) == sorted(item.id for item in desk.history())
