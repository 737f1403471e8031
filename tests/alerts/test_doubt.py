"""What may have arrived is found out before it is sent again, whoever dies meanwhile."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.channels.contract import ChannelError, Receipt
from alerts.freshness import REPEAT
from alerts.outbox import Sender
from alerts.policy import Change
from storage import outbox, upkeep
from storage.records import DeliveryState
from tests.alerts.desk import DOUBT, NO_WAY, REVOKED, Desk, Inline
from tests.alerts.examples import NOW, page


class Death(BaseException):
    """The process dies here."""


def die_while_repeating(desk: Desk) -> None:
    """Send until looking for a message has failed for so long that it is repeated, and die with that on its way."""
    with suppress(Death):
        for _ in range(20):
            desk.send().wait(seconds=5)
    assert len(desk.ways["slack"].sent) == 2


def test_doubt_on_a_channel_that_repeats_is_looked_into_before_sending_again(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT], [None]
    careful.open()
    careful.send().wait(seconds=14).send()
    assert slack.looked_for == []
    careful.wait(seconds=1).send()
    assert slack.looked_for == [careful.history("slack")[0].id]
    assert [message.delivery_id for message in slack.sent] == slack.looked_for * 2
    assert slack.sent[-1].page.notes == ()
    assert careful.states("slack") == [("opened", "sent")]


def test_what_is_found_to_have_arrived_is_not_sent_again(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT], [Receipt("C0ROOM:1.5")]
    careful.open()
    careful.send().wait(seconds=15).send()
    assert len(slack.sent) == 1
    assert (careful.history("slack")[0].state, careful.history("slack")[0].remote_id) == (
        DeliveryState.SENT,
        "C0ROOM:1.5",
    )


def test_processes_that_die_while_they_look_are_no_reason_to_send_again(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT], [NO_WAY, Receipt("C0ROOM:1.5")]
    careful.open()
    careful.send().wait(seconds=15)
    for _ in range(6):
        careful.kill_during("slack")
        careful.wait(seconds=31)
    careful.send().wait(seconds=6).send()
    assert len(slack.sent) == 1
    assert careful.states("slack") == [("opened", "sent")]


def test_a_doubt_that_cannot_be_looked_into_ends_in_a_marked_repeat(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT], [NO_WAY] * 99
    careful.open()
    for _ in range(20):
        careful.send().wait(seconds=5)
    assert [message.page.notes for message in slack.sent] == [(), (REPEAT,)]
    assert careful.states("slack") == [("opened", "sent")]


def test_a_repeat_that_was_cut_off_is_looked_for_before_there_is_another(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT, Death()], [NO_WAY] * 13 + [Receipt("C0ROOM:1.5")]
    careful.open()
    die_while_repeating(careful)
    repeated_at, looks = careful.now, len(slack.looked_for)
    careful.wait(seconds=31).send()
    assert (len(slack.sent), len(slack.looked_for)) == (2, looks + 1)
    assert slack.since[-1] == repeated_at
    assert careful.states("slack") == [("opened", "sent")]


def test_after_a_cut_off_repeat_the_first_attempt_is_still_looked_for(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT, Death()], [NO_WAY] * 13 + [None, Receipt("C0ROOM:1.5")]
    careful.open()
    die_while_repeating(careful)
    repeated_at = careful.now
    careful.wait(seconds=31).send()
    assert slack.since[-2:] == [repeated_at, NOW]
    assert len(slack.sent) == 2, "neither was sent a third time"
    assert careful.states("slack") == [("opened", "sent")]


def test_time_in_which_nobody_looked_is_no_reason_to_send_again(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT], [NO_WAY, NO_WAY, Receipt("C0ROOM:1.5")]
    careful.open()
    careful.send().wait(seconds=15).send()
    careful.wait(minutes=10).send()
    careful.wait(seconds=5).send()
    assert len(slack.sent) == 1
    assert careful.states("slack") == [("opened", "sent")]


def test_a_cut_off_repeat_has_its_own_time_of_doubt(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.plan, slack.lookups = [DOUBT, Death()], [NO_WAY] * 99
    careful.open()
    die_while_repeating(careful)
    careful.wait(seconds=31)
    for _ in range(12):
        careful.send().wait(seconds=5)
    assert len(slack.sent) == 2
    careful.send().wait(seconds=5).send()
    assert [message.page.notes for message in slack.sent] == [(), (REPEAT,), (REPEAT,)]


def test_a_doubtful_mail_is_sent_again_at_once_and_says_so(desk: Desk) -> None:
    desk.ways["mail"].plan = [DOUBT]
    desk.open()
    desk.send()
    first, second = desk.ways["mail"].sent
    assert first.delivery_id == second.delivery_id
    assert (first.page.notes, second.page.notes) == ((), (REPEAT,))


@pytest.mark.parametrize("error", [NO_WAY, REVOKED])
def test_a_doubt_outlives_a_repeat_that_surely_failed(desk: Desk, error: ChannelError) -> None:
    desk.ways["mail"].plan = [DOUBT, error]
    desk.open()
    desk.send()
    assert desk.states("mail") == [("opened", "ambiguous")]
    desk.wait(minutes=2).say(Change.UPDATED, page(observed=900))
    desk.wait(minutes=10).send()
    assert desk.states("mail") == [("opened", "sent"), ("update", "sent")]


@pytest.mark.parametrize("found", [None, Receipt("C0ROOM:7")])
def test_what_a_killed_process_was_sending_is_found_out_when_its_lease_ends(
    careful: Desk, found: Receipt | None
) -> None:
    slack = careful.ways["slack"]
    slack.lookups = [found]
    careful.open()
    careful.kill_during("slack")
    careful.wait(seconds=29).send()
    assert slack.sent == []
    careful.wait(seconds=1).send()
    assert len(slack.sent) == (0 if found else 1)
    assert careful.states("slack") == [("opened", "sent")]


def test_with_a_short_lease_a_look_waits_until_the_message_must_be_visible(careful: Desk) -> None:
    careful.sender = Sender(
        careful.database,
        careful.ways,
        clock=lambda: careful.now,
        owner="short",
        timing=replace(careful.timing, lease=timedelta(seconds=12)),
        executor=Inline(),
    )
    careful.ways["slack"].lookups = [None]
    careful.open()
    with careful.database.write() as tx:
        outbox.claim(tx, careful.now, "dead", timedelta(seconds=12), 10)
    careful.wait(seconds=12).send().wait(seconds=12).send()
    assert careful.ways["slack"].looked_for == []
    careful.wait(seconds=1).send()
    assert len(careful.ways["slack"].looked_for) == 1


@pytest.mark.parametrize("found", [None, Receipt("C0ROOM:7")])
def test_what_waits_in_a_restored_backup_is_looked_for_before_it_is_sent(careful: Desk, found: Receipt | None) -> None:
    slack, mail = careful.ways["slack"], careful.ways["mail"]
    slack.lookups = [found]
    careful.open()
    careful.wait(minutes=5)
    with careful.database.write() as tx:
        assert upkeep.doubt_waiting(tx, careful.now) == 2
    careful.send().send()
    assert slack.since == [NOW]
    assert len(slack.sent) == (0 if found else 1)
    assert [REPEAT in message.page.notes for message in mail.sent] == [True]
    assert careful.states("slack") == careful.states("mail") == [("opened", "sent")]
