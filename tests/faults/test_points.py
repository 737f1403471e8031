"""A sender that dies at each named place, by a Slack and a mail server of our own: people read the message once.

Here the end of the process is an exception that nothing catches, so that each place is met for certain and at once;
real kills are in `test_kills.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from alerts.outbox import build_channel
from alerts.verdict import Timing
from config.settings import ChannelSettings, Settings
from storage.database import Database
from tests.alerts.desk import Desk
from tests.servers.mail import mail_server
from tests.servers.slack import TOKEN, Slack, slack_server

PLACES = {"S1": "alerts.outbox", "S2": "alerts.exchange", "S3": "alerts.exchange", "S4": "alerts.outbox"}
MAIL_PLACES = {**PLACES, "S2": "alerts.mail_session", "S3": "alerts.mail_session"}
TIMING = Timing()


class DeathError(BaseException):
    """The end of the process: nothing of ours catches it."""


Die = Callable[[str, str], None]


@pytest.fixture
def die(monkeypatch: pytest.MonkeyPatch) -> Die:
    """Lets the sender die the next time that it passes a place of a module."""

    def plan(module: str, place: str) -> None:
        left = [place]

        def fault_point(name: str) -> None:
            if left == [name]:
                left.clear()
                raise DeathError(name)

        monkeypatch.setattr(f"{module}.fault_point", fault_point)

    return plan


def desk(database: Database, name: str, options: dict[str, Any]) -> Desk:
    """A desk whose channel of that name is a real one."""
    made = Desk(database, now=datetime.now(UTC))
    settings = ChannelSettings(type="smtp" if name == "mail" else name, name=name, options=options)
    made.ways[name] = build_channel(settings, Settings(), lambda: made.now)  # type: ignore[assignment]
    return made


def outlive(desk: Desk) -> None:
    """Another process goes on, once the lease of the dead one is over and what it sent must be visible."""
    heir = desk.another_sender("heir")
    for _ in range(8):
        desk.wait(seconds=TIMING.settle.total_seconds())
        heir.run_once()


@pytest.mark.parametrize("place", PLACES)
def test_a_message_to_slack_is_read_once_wherever_its_sender_dies(
    place: str, die: Die, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_TOKEN", TOKEN)
    with slack_server() as slack:
        options = {"token": {"env": "SLACK_TOKEN"}, "channels": ["C0ROOM"], "base_url": slack.url}
        made = desk(sqlite_database, "slack", options)
        made.open()
        die(PLACES[place], place)
        with pytest.raises(DeathError):
            made.send()
        outlive(made)
        assert _read(slack) == [made.history("slack")[0].id]
        assert made.states("slack") == [("opened", "sent")]
        assert "repeat" not in slack.roots()[0].text.lower()


@pytest.mark.parametrize("place", MAIL_PLACES)
def test_a_mail_is_lost_nowhere_and_repeated_under_its_own_name_alone(
    place: str, die: Die, sqlite_database: Database
) -> None:
    with mail_server() as server:
        options = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "t@halden.example"}
        made = desk(sqlite_database, "mail", {**options, "to": ["a@halden.example"]})
        made.open()
        die(MAIL_PLACES[place], place)
        with pytest.raises(DeathError):
            made.send()
        outlive(made)
        assert len({mail.message_id for mail in server.inbox("a@halden.example")}) == 1
        assert made.states("mail") == [("opened", "sent")]


def _read(slack: Slack) -> list[str | None]:
    return [message.delivery_id for message in slack.roots()]
