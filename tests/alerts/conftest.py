"""Desks for tests of speaking and sending."""

from __future__ import annotations

import pytest

from alerts.channels.contract import OnDoubt
from storage.database import Database
from tests.alerts.desk import Desk


@pytest.fixture
def desk(sqlite_database: Database) -> Desk:
    """A desk whose channels show a repeated message once."""
    return Desk(sqlite_database)


@pytest.fixture
def careful(sqlite_database: Database) -> Desk:
    """A desk whose Slack shows a repeated message twice."""
    desk = Desk(sqlite_database)
    desk.ways["slack"].on_doubt = OnDoubt.CHECK
    return desk
