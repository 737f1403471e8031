"""Messages that quoted what was taken back are changed where they stand, once, and nothing new is posted for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.channels.contract import ChannelError, Outcome
from alerts.page import Page, Quote, to_json
from alerts.policy import Change
from alerts.retract import Retracted, retract
from storage.database import Database
from storage.erasure import erase
from storage.ingest import Intake, write
from storage.quotations import REMOVED
from storage.records import DeliveryState, Reason
from tests.alerts.desk import Desk, routing
from tests.alerts.examples import NOW, page
from tests.storage.examples import mentioned, post

WORDS = "They threatened to cut my line over one bad review"
KEY = ("forum", "1")


@pytest.fixture
def desk(sqlite_database: Database) -> Desk:
    """An incident that quotes a post."""
    desk = Desk(sqlite_database)
    with sqlite_database.write() as tx:
        write(tx, Intake(mentions=[mentioned(post("1", text=WORDS, author="ann_1"))]))
    return desk


def quoting() -> Page:
    return replace(page(), quotes=(Quote(text=WORDS, source="forum", at=NOW, author="ann_1"),))


def take_back(desk: Desk) -> Retracted:
    with desk.database.write() as tx:
        gone = erase(tx, [KEY], desk.now, "deleted at its source")
        return retract(tx, routing(), gone.remote_pages, desk.now)


def test_a_message_that_can_be_edited_is_changed_and_a_mail_is_told_of(desk: Desk) -> None:
    desk.say(Change.OPENED, quoting())
    desk.send()
    done = take_back(desk.wait(hours=3))
    assert [item.channel for item in done.changed] == ["slack"]
    assert [item.channel for item in done.beyond] == ["mail"]
    desk.send()
    first, change = desk.ways["slack"].sent
    assert WORDS in str(to_json(first.page))
    assert WORDS not in str(to_json(change.page))
    assert change.page.quotes[0].text == REMOVED
    assert (change.root, change.is_retraction, change.page.changed) == ("slack-1", True, ())
    assert len(desk.ways["mail"].sent) == 1


def test_each_message_of_a_thread_is_changed_where_it_stands(desk: Desk) -> None:
    desk.say(Change.OPENED, quoting())
    desk.send()
    desk.wait(hours=1).say(Change.UPDATED, replace(quoting(), posts=90_000), note="it has doubled")
    desk.send()
    take_back(desk.wait(hours=1))
    desk.send()
    assert sorted(str(one.root) for one in desk.ways["slack"].sent if one.is_retraction) == ["slack-1", "slack-2"]


def test_what_was_not_sent_yet_goes_out_without_the_words(desk: Desk) -> None:
    desk.say(Change.OPENED, quoting())
    assert take_back(desk) == Retracted()
    desk.send()
    (message,) = desk.ways["slack"].sent
    assert WORDS not in str(to_json(message.page))


def test_a_change_that_fails_is_tried_again_and_a_later_alert_does_not_replace_it(desk: Desk) -> None:
    desk.say(Change.OPENED, quoting())
    desk.send()
    desk.ways["slack"].plan = [ChannelError("no connection", Outcome.NOT_DELIVERED)]
    take_back(desk.wait(hours=1))
    desk.send()
    desk.wait(hours=1).say(Change.ESCALATED, page(), note="it is worse")
    desk.send()
    changes = [item for item in desk.history() if item.reason is Reason.RETRACTED]
    assert [item.state for item in changes] == [DeliveryState.SENT]


def test_a_message_is_not_changed_for_what_it_does_not_quote(desk: Desk) -> None:
    desk.open()
    desk.send()
    assert take_back(desk.wait(hours=1)) == Retracted()


def test_a_change_is_sent_although_the_incident_is_over(desk: Desk) -> None:
    desk.say(Change.OPENED, quoting())
    desk.send()
    desk.wait(hours=1).end()
    desk.send()
    take_back(desk.wait(days=1))
    desk.send()
    assert desk.ways["slack"].sent[-1].is_retraction
