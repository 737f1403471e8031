"""The demo delivers what it decides, in the story's own time, and shows what went where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.demo.courier import MAIL, ROOM
from storage import incidents, outbox
from storage.database import Database
from storage.records import Delivery, DeliveryState, Incident, Severity


@pytest.fixture
def told(story_folder: Path) -> Iterator[list[tuple[Incident, list[Delivery]]]]:
    """Each incident of the story with its messages."""
    with Database.open(f"sqlite:///{story_folder / 'tocsin.db'}", migrate=False) as database, database.read() as tx:
        yield [(one, outbox.history(tx, one.id)) for one in incidents.recent(tx)]


def test_every_message_of_the_story_arrived_when_it_was_due_or_gave_way_to_a_newer_one(
    told: list[tuple[Incident, list[Delivery]]],
) -> None:
    for _, messages in told:
        for message in messages:
            if message.state is DeliveryState.SENT:
                assert message.sent_at == message.due_at
            else:
                assert message.state is DeliveryState.SUPERSEDED
                assert message.last_error == f"replaced by alert {message.seq + 1}"
        assert {(message.channel, message.target) for message in messages if message.sent_at} == {
            (place.channel, place.target) for place in (ROOM, MAIL)
        }


def test_what_the_duty_heard_of_the_backlash_is_what_the_files_show(
    told: list[tuple[Incident, list[Delivery]]], story_folder: Path
) -> None:
    messages = next(messages for one, messages in told if one.severity is Severity.CRITICAL)
    sent = [one for one in messages if one.target == MAIL.target and one.state is DeliveryState.SENT]
    assert sent
    shown: dict[str, list[str]] = {}
    for path in sorted(story_folder.glob("*-mail-*.eml")):
        number, _, name = path.stem.partition("-mail-")
        shown.setdefault(number, []).append(name)
    assert [f"{step}-{message.reason.value}" for step, message in enumerate(sent, start=1)] in shown.values()
