"""The sender: nothing lost, nothing repeated that could be known, nobody in the way of another."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.channels.contract import ChannelError, OnDoubt, Outcome, Receipt
from alerts.outbox import SLOTS_A_CHANNEL, Sender
from alerts.page import to_json
from alerts.policy import Change
from alerts.succession import COMBINED
from storage import incidents, outbox, silences
from storage.database import Database
from storage.errors import StorageUnavailableError
from storage.records import DeliveryState, IncidentState, Severity, Silence
from tests.alerts.desk import NO_WAY, REVOKED, Desk, Inline, Way, routing
from tests.alerts.examples import NOW, page

TOO_MANY = ChannelError("too many", Outcome.NOT_DELIVERED, retry_after=90)
UNKNOWN = ChannelError("no such mailbox", Outcome.REFUSED)


def sent(desk: Desk, channel: str) -> list[str]:
    return [message.page.reason.value for message in desk.ways[channel].sent]


def test_what_is_due_is_sent_and_recorded(database: Database) -> None:
    desk = Desk(database)
    desk.open()
    desk.send()
    assert [(item.state, item.remote_id, item.attempt) for item in desk.history()] == [
        (DeliveryState.SENT, "mail-1", 1),
        (DeliveryState.SENT, "slack-1", 1),
    ]


def test_what_is_not_due_is_left(desk: Desk) -> None:
    desk.open(Severity.WARNING)
    assert desk.send().ways["mail"].sent == []
    assert sent(desk.wait(seconds=30).send(), "mail") == ["opened"]


def test_a_later_message_knows_the_first_one_and_the_thread_goes_on_over_episodes(desk: Desk) -> None:
    desk.open()
    desk.send().wait(minutes=5).end()
    desk.send().wait(minutes=5).change(state=IncidentState.OPEN, episode=2, resolved_at=None).say(Change.REOPENED)
    desk.send()
    assert [message.root for message in desk.ways["mail"].sent] == [None, "mail-1", "mail-1"]


def test_a_failure_is_tried_again_after_a_growing_wait(desk: Desk) -> None:
    desk.ways["mail"].plan = [NO_WAY] * 4
    desk.open()
    starts = []
    for _ in range(14):
        tried = len(desk.ways["mail"].sent)
        desk.send()
        starts += [(desk.now - NOW).total_seconds()] * (len(desk.ways["mail"].sent) - tried)
        desk.wait(seconds=2.4)
    assert len(starts) == 5
    assert starts[:2] == [0, 0]
    assert desk.states("mail") == [("opened", "sent")]
    assert desk.history("mail")[0].attempt == 5


def test_a_channel_that_asks_for_peace_is_left_alone_by_every_process(desk: Desk) -> None:
    desk.ways["mail"].plan = [TOO_MANY]
    desk.open()
    desk.send()
    other = desk.another_sender("two")
    for _ in range(11):
        desk.wait(seconds=8)
        other.run_once()
        desk.send()
        assert len(desk.ways["mail"].sent) == 1
    desk.wait(seconds=2).send()
    assert desk.states("mail") == [("opened", "sent")]


def test_one_who_lost_the_lease_records_nothing(desk: Desk) -> None:
    desk.open()
    stopped = desk.kill_during("mail")
    desk.wait(seconds=31).send()
    with desk.database.write() as tx:
        assert not outbox.record(tx, stopped.id, stopped.fence, state=DeliveryState.DEAD, now=desk.now)
    assert desk.states("mail") == [("opened", "sent")]


def test_two_senders_never_take_the_same_delivery(database: Database) -> None:
    desk = Desk(database)
    other = desk.another_sender("two")
    desk.open()
    other.run_once()
    assert desk.sender.run_once() == 0
    assert [len(desk.ways[name].sent) for name in ("slack", "mail")] == [1, 1]


@pytest.mark.parametrize("error", [UNKNOWN, REVOKED])
def test_when_every_way_is_closed_the_fallback_is_told_at_once(desk: Desk, error: ChannelError) -> None:
    desk.ways["slack"].plan, desk.ways["mail"].plan = [REVOKED], [error]
    desk.open()
    desk.send()
    assert sent(desk, "phone") == ["opened"]
    note = desk.ways["phone"].sent[0].page.notes[0]
    assert note.startswith("This comes to you because")


def test_while_another_way_is_open_the_fallback_is_left_in_peace(desk: Desk) -> None:
    desk.ways["mail"].plan = [UNKNOWN]
    desk.open()
    desk.send().wait(minutes=10).send()
    assert desk.ways["phone"].sent == []


@pytest.mark.parametrize(("severity", "patience"), [(Severity.CRITICAL, 55), (Severity.WARNING, 300)])
def test_when_nobody_takes_it_in_time_the_fallback_is_told_as_well(
    desk: Desk, severity: Severity, patience: int
) -> None:
    desk.ways["slack"].plan, desk.ways["mail"].plan = [NO_WAY] * 99, [TOO_MANY] * 99
    desk.open(severity)
    due = desk.history("mail")[0].due_at
    desk.now = due
    while desk.ways["phone"].sent == [] and desk.now < due + timedelta(seconds=patience + 10):
        desk.send().wait(seconds=patience / 12)
    waited = (desk.now - due).total_seconds()
    assert patience <= waited <= 1.2 * patience
    desk.wait(seconds=10).send()
    assert sent(desk, "phone") == ["opened"]
    with desk.database.read() as tx:
        assert [event.kind for event in incidents.events(tx, desk.incident.id)] == ["failover"]


def test_the_fallback_is_told_in_the_second_in_which_patience_ends(desk: Desk) -> None:
    for name in ("slack", "mail"):
        desk.ways[name].plan = [NO_WAY] * 60
    desk.wait(seconds=3).send().open()
    told_at = desk.now + desk.timing.failover[Severity.CRITICAL]
    while desk.now < told_at:
        assert desk.send().ways["phone"].sent == []
        desk.wait(seconds=1)
    assert sent(desk.send(), "phone") == ["opened"]


def test_after_an_outage_of_our_own_the_first_way_gets_its_chance(desk: Desk) -> None:
    desk.open()
    desk.wait(minutes=10).send()
    assert (sent(desk, "mail"), sent(desk, "phone")) == (["opened"], [])


def test_a_way_that_asks_for_peace_before_the_first_try_does_not_keep_the_fallback_waiting(desk: Desk) -> None:
    with desk.database.write() as tx:
        for name in ("slack", "mail"):
            outbox.block_channel(tx, name, NOW + timedelta(hours=1), "too many")
    desk.open()
    desk.wait(seconds=60).send()
    assert sent(desk, "phone") == ["opened"]


def test_what_a_silence_holds_is_nobody_s_fallback(desk: Desk) -> None:
    with desk.database.write() as tx:
        silences.add(tx, Silence("s1", NOW, NOW + timedelta(hours=1), "Kim", "launch", include_critical=True))
    desk.open()
    for _ in range(3):
        desk.send().wait(minutes=10)
    assert desk.ways["phone"].sent == desk.ways["mail"].sent == []
    desk.wait(minutes=30).send()
    assert sent(desk, "mail") == ["opened"]
    assert desk.ways["phone"].sent == []


def test_a_silence_made_after_the_decision_holds_what_was_not_sent(desk: Desk) -> None:
    desk.open(Severity.WARNING)
    with desk.database.write() as tx:
        silences.add(tx, Silence("s1", NOW, NOW + timedelta(hours=1), "Kim", "launch"))
    desk.wait(seconds=30).send()
    assert desk.ways["mail"].sent == []
    assert desk.history("mail")[0].due_at == NOW + timedelta(hours=1)
    assert desk.history("mail")[0].last_error == "silenced by Kim: launch"


def test_a_message_that_waited_long_speaks_of_now(desk: Desk) -> None:
    desk.ways["mail"].plan = [replace_retry(TOO_MANY, 1500)]
    desk.open()
    desk.send().wait(minutes=5).say(Change.UPDATED, page(observed=400))
    desk.wait(minutes=20).send()
    told = desk.ways["mail"].sent[-1].page
    assert (told.observed, told.notes) == (400, ("Delayed 25 minutes.",))
    assert told.reason.value == "opened"


def replace_retry(error: ChannelError, seconds: float) -> ChannelError:
    return ChannelError(str(error), error.outcome, retry_after=seconds)


def test_after_a_long_outage_there_is_one_message_an_incident(desk: Desk) -> None:
    desk.ways["mail"].plan = [NO_WAY] * 999
    desk.open()
    for step in range(12):
        desk.send().wait(minutes=10).say(Change.UPDATED, page(observed=400 * 3**step))
    before = len(desk.ways["mail"].sent)
    desk.ways["mail"].plan = []
    for _ in range(3):
        desk.wait(minutes=2).send()
    told = desk.ways["mail"].sent[before:]
    assert [message.page.reason.value for message in told] == ["opened"]


def test_a_beginning_that_never_got_out_is_one_notice_after_the_end(desk: Desk) -> None:
    desk.ways["mail"].plan = [NO_WAY] * 2
    desk.open()
    desk.send().wait(seconds=1).end()
    desk.send()
    assert sent(desk, "mail")[-1:] == ["resolved"]
    assert COMBINED in desk.ways["mail"].sent[-1].page.notes


def test_a_beginning_caught_in_the_act_and_then_failed_gives_way_to_the_end(careful: Desk) -> None:
    slack = careful.ways["slack"]
    slack.lookups = [None]
    careful.open()
    careful.kill_during("slack")
    careful.wait(seconds=5).end()
    careful.wait(seconds=25).send()
    assert sent(careful, "slack") == ["resolved"]
    assert slack.sent[0].page.notes == (COMBINED,)
    assert careful.states("slack") == [("opened", "superseded"), ("resolved", "sent")]


def test_no_end_comes_out_of_the_blue(desk: Desk) -> None:
    desk.open()
    claimed = desk.kill_during("mail")
    desk.end()
    with desk.database.write() as tx:
        outbox.record(tx, claimed.id, claimed.fence, state=DeliveryState.DEAD, now=desk.now, error="no such mailbox")
    desk.send()
    assert desk.states("mail") == [("opened", "dead"), ("resolved", "superseded")]


def test_nobody_is_reminded_of_what_was_taken_in_the_meantime(desk: Desk) -> None:
    desk.open()
    desk.send().wait(minutes=15).say(Change.HELD)
    desk.change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim").send()
    assert sent(desk, "mail") == ["opened"]
    assert desk.states("mail")[-1] == ("reminder", "superseded")


def test_a_page_that_cannot_be_read_is_told_as_far_as_it_is_known(desk: Desk) -> None:
    desk.open()
    item = desk.history("mail")[0]
    broken = replace(item, id="broken", target="b@halden.example", page={"severity": "dreadful"})
    with desk.database.write() as tx:
        outbox.enqueue(tx, [broken])
    desk.send()
    told = desk.ways["mail"].sent[-1].page
    assert (told.headline, told.incident_id) == (desk.incident.headline, desk.incident.id)


def test_a_channel_that_is_configured_no_more_is_dead_and_its_fallback_is_told(desk: Desk) -> None:
    del desk.ways["slack"], desk.ways["mail"]
    desk.open()
    desk.send()
    assert desk.states("mail") == [("opened", "pending")]  # another process may know it
    desk.wait(minutes=3).send()
    assert desk.states("mail") == [("opened", "dead")]
    assert sent(desk, "phone") == ["opened"]


class Faulty(Way):
    """A channel with a mistake in it."""

    def send(self, message: object, deadline: object) -> Receipt:
        """Fail as nobody expected."""
        raise ZeroDivisionError


def test_a_mistake_in_a_channel_is_doubt_and_stops_nobody_else(careful: Desk) -> None:
    careful.ways["slack"] = Faulty("slack", OnDoubt.CHECK)
    careful.open()
    careful.send()
    assert careful.states("slack") == [("opened", "ambiguous")]
    assert careful.states("mail") == [("opened", "sent")]


def test_one_channel_never_takes_all_slots(desk: Desk) -> None:
    desk.open()
    first = desk.history("mail")[0]
    with desk.database.write() as tx:
        outbox.enqueue(tx, [replace(first, id=f"x{n}", target=f"{n}@halden.example") for n in range(9)])
    held = Held()
    sender = Sender(desk.database, desk.ways, clock=lambda: desk.now, owner="one", routing=routing(), executor=held)
    sender.run_once()
    taken = [claim.delivery.channel for claim in held.claims]
    assert sorted(taken) == ["mail"] * SLOTS_A_CHANNEL + ["slack"]


class Held(Inline):
    """Takes work and never does it."""

    def __init__(self) -> None:
        self.claims: list[object] = []

    def submit(self, fn: object, /, *args: object, **kwargs: object) -> None:
        self.claims.append(args[0])


def test_what_the_database_would_not_take_is_recorded_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.open()

    def refuse(*_args: object, **_kwargs: object) -> bool:
        raise StorageUnavailableError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "record", refuse)
        desk.sender.run_once()
    assert {state for _, state in desk.states("mail") + desk.states("slack")} == {"sending"}
    desk.send()
    assert {state for _, state in desk.states("mail") + desk.states("slack")} == {"sent"}
    assert [len(desk.ways[name].sent) for name in ("slack", "mail")] == [1, 1]


def test_a_closed_sender_finishes_and_takes_nothing_more(desk: Desk) -> None:
    real = Sender(desk.database, desk.ways, clock=lambda: desk.now, owner="real")
    desk.open()
    real.run_once()
    real.close()
    assert {item.state for item in desk.history()} == {DeliveryState.SENT}
    desk.wait(minutes=2).say(Change.UPDATED, page(observed=900))
    assert real.run_once() == 0
    assert [state for _, state in desk.states("mail")] == ["sent", "pending"]


def test_the_page_that_is_sent_carries_the_state_of_now(desk: Desk) -> None:
    desk.open(Severity.WARNING)
    desk.wait(seconds=30).change(state=IncidentState.ACKNOWLEDGED, acknowledged_by="Kim", acknowledged_at=desk.now)
    desk.send()
    assert desk.ways["mail"].sent[0].page.acknowledged_by == "Kim"
    assert to_json(desk.ways["mail"].sent[0].page)["state"] == "acknowledged"
