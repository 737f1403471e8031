"""A silence that is ended before its time lets what it held go on, as far as that is still true."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from alerts.digests import Digest
from alerts.early_end import EarlyEnd
from alerts.policy import Change, Rules
from alerts.quiet import QuietHours
from alerts.speak import Speaker
from storage import silences
from storage.database import Database
from storage.records import DeliveryState, IncidentState, Severity, Silence
from tests.alerts.desk import Desk, routing
from tests.alerts.examples import BRAND, NOW
from tests.alerts.test_ladder import Night

HOUR = timedelta(hours=1)
LAUNCH = Silence("s1", NOW, NOW + HOUR, "Kim", "launch", brand=BRAND, include_critical=True)


@pytest.fixture
def desk(memory: Database) -> Desk:
    """A desk in a silence of an hour."""
    return silenced(Desk(memory))


def silenced(desk: Desk, rule: Silence = LAUNCH) -> Desk:
    with desk.database.write() as tx:
        silences.add(tx, rule)
    return desk


def reasons(desk: Desk, channel: str) -> list[str]:
    """Why a channel was told what it was told."""
    return [message.page.reason.value for message in desk.ways[channel].sent]


def end(desk: Desk, early: EarlyEnd | None = None, rule: Silence = LAUNCH) -> int:
    """People end the silence."""
    with desk.database.write() as tx:
        return (early or EarlyEnd()).end(tx, rule, desk.now)


def test_what_was_held_since_the_decision_goes_on(database: Database) -> None:
    desk = silenced(Desk(database))
    desk.open()
    desk.send().wait(minutes=10)
    assert (reasons(desk, "mail"), end(desk)) == ([], 2)
    assert reasons(desk.send(), "mail") == ["opened"]
    assert desk.history("mail")[0].first_due_at == NOW + timedelta(minutes=10)


def test_what_was_held_at_the_last_moment_goes_on(memory: Database) -> None:
    desk = Desk(memory)
    desk.open(Severity.WARNING)
    silenced(desk).wait(seconds=30).send().wait(minutes=10)
    assert (reasons(desk, "mail"), end(desk)) == ([], 2)
    assert reasons(desk.send(), "mail") == ["opened"]


def test_what_is_over_by_then_is_told_as_over(desk: Desk) -> None:
    desk.open()
    desk.wait(minutes=10).end()
    end(desk)
    assert reasons(desk.send(), "mail") == ["resolved"]


def test_what_was_taken_meanwhile_is_told_as_taken(desk: Desk) -> None:
    desk.open()
    desk.wait(minutes=10).change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Ada", acknowledged_at=desk.now)
    end(desk)
    (told,) = desk.send().ways["mail"].sent
    assert told.page.acknowledged_by == "Ada"


def test_another_silence_goes_on_holding_it(desk: Desk) -> None:
    shorter = replace(LAUNCH, id="s2", ends_at=NOW + HOUR / 2, comment="rehearsal")
    silenced(desk, shorter).open()
    desk.wait(minutes=10)
    end(desk)
    assert reasons(desk.send(), "mail") == []
    assert desk.history("mail")[0].due_at == shorter.ends_at
    assert reasons(desk.wait(minutes=20).send(), "mail") == ["opened"]


def test_what_it_did_not_hold_waits_on(desk: Desk) -> None:
    longer = replace(LAUNCH, id="s2", ends_at=NOW + 2 * HOUR, comment="the fair")
    silenced(desk, longer).open()
    assert end(desk.wait(minutes=10)) == 0
    assert desk.history("mail")[0].due_at == longer.ends_at


def test_one_that_is_over_lets_nothing_go(desk: Desk) -> None:
    desk.open()
    assert end(desk.wait(hours=2)) == 0


def test_a_warning_is_not_told_at_night_and_a_critical_one_is(memory: Database) -> None:
    quiet = QuietHours(NOW.time(), (NOW + 3 * HOUR).time(), ZoneInfo("UTC"))
    desk = silenced(Desk(memory, rules=Rules(quiet=quiet)))
    desk.open(Severity.WARNING)
    desk.wait(minutes=10)
    end(desk, EarlyEnd(quiet))
    assert reasons(desk.send(), "mail") == []
    assert desk.history("mail")[0].due_at == NOW + 3 * HOUR


def test_what_is_gathered_comes_with_the_next_digest(memory: Database) -> None:
    kim = Digest("Kim", frozenset({"mail"}), tuple(time(hour) for hour in range(24)), ZoneInfo("UTC"))
    desk = Desk(memory)
    desk.speaker = Speaker(Rules(), replace(routing(), digests=(kim,)))
    long = replace(LAUNCH, ends_at=NOW + 20 * HOUR)
    silenced(desk, long).open(Severity.WARNING)
    desk.wait(minutes=10)
    end(desk, EarlyEnd(digests=(kim,)), long)
    assert desk.history("mail")[0].due_at == kim.next_at(desk.now)
    assert desk.history("slack")[0].due_at == desk.now


def test_an_update_follows_what_was_held(desk: Desk) -> None:
    desk.open()
    desk.wait(minutes=10).say(Change.UPDATED, note="it is in the papers")
    end(desk)
    assert [item.state for item in desk.send().history("mail")][-1] is DeliveryState.SENT


def test_the_step_that_was_held_is_made_at_once(memory: Database) -> None:
    night = Night(memory)
    night.open()
    silenced(night.send())
    night.pass_minutes(12)
    assert reasons(night, "phone") == []
    end(night)
    assert reasons(night.pass_minutes(1), "phone") == ["opened"]


def test_a_ladder_that_was_to_begin_at_the_end_begins_now(memory: Database) -> None:
    night = silenced(Night(memory))
    night.open()
    night.pass_minutes(10)
    end(night)
    night.pass_minutes(4)
    assert (reasons(night, "slack"), reasons(night, "phone")) == (["opened"], [])
    assert reasons(night.pass_minutes(2), "phone") == ["opened"]
