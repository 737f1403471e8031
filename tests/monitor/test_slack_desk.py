"""Pressing buttons in Slack: over a real line to a local Slack, with the real outbox that edits the message."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from alerts.outbox import Sender
from alerts.policy import Change
from config.settings import Settings
from monitor import slack_desk
from monitor.care import Action, Care
from monitor.slack_desks import SlackDesks
from storage import incidents, outbox, silences
from storage.database import Database
from storage.records import Delivery, Incident, IncidentState, Reason
from tests.alerts.examples import page
from tests.servers.slack import TOKEN, Posted, Slack
from tests.servers.slack_people import APP_TOKEN
from tests.storage.examples import NOON, after, incident

FIRST, SECOND = "01HWRX5Z00AAAAAAAAAAAAAAA1", "01HWRX6Z00BBBBBBBBBBBBBBB2"


@dataclass
class Room:
    """A Slack with an incident's message in it, and the desk behind the buttons."""

    slack: Slack
    database: Database
    desks: SlackDesks
    sender: Sender
    care: Care

    @property
    def message(self) -> Posted:
        return self.slack.roots()[0]

    @property
    def header(self) -> str:
        return str(self.message.blocks[0]["text"]["text"])

    @property
    def incident(self) -> Incident:
        with self.database.read() as tx:
            found = incidents.get(tx, FIRST)
        assert found is not None
        return found

    def history(self) -> list[Delivery]:
        with self.database.read() as tx:
            return outbox.history(tx, FIRST)

    def work(self) -> None:
        """Let everything that is under way finish."""
        for desk in self.desks.desks.values():
            assert desk.drain(10)
        self.sender.drain(10)


def opened(care: Care, database: Database) -> None:
    with database.write() as tx:
        for name, headline in ((FIRST, "Parcels are late"), (SECOND, "Parcels are lost")):
            incidents.insert(tx, incident(name, headline=headline, opened_at=NOON))
            incidents.append_event(tx, name, NOON, "opened", "tocsin", {"episode": 1})
        told = page(incident_id=FIRST, headline="Parcels are late", brand="Acme", at=NOON, began_at=NOON)
        care.speaker.speak(tx, incident(FIRST, headline="Parcels are late"), Change.OPENED, told, NOON)


@pytest.fixture
def room(slack: Slack, sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """The first message is posted, and the line is open."""
    monkeypatch.setenv("BOT", TOKEN)
    monkeypatch.setenv("APP", APP_TOKEN)
    slack.messages.clear()
    slack.people.views.clear()
    slack.people.whispers.clear()
    slack.scopes.add("users:read")
    options: dict[str, Any] = {"token": {"env": "BOT"}, "app_token": {"env": "APP"}, "channels": ["C0ROOM"]}
    channel = {"type": "slack", "base_url": slack.url, **options}
    settings = Settings.model_validate({"brands": [{"name": "Acme"}, {"name": "Bolt"}], "channels": [channel]})
    clock = lambda: after(minutes=10)  # noqa: E731
    care = Care.build(settings)
    sender = Sender.build(settings, sqlite_database, clock=clock, owner="here")
    opened(care, sqlite_database)
    sender.run_once()
    sender.drain(10)
    desks = SlackDesks.build(settings, care, sqlite_database, clock, sender.run_once)
    desks.start()
    slack.people.line()
    yield Room(slack, sqlite_database, desks, sender, care)
    desks.stop()
    sender.close()


def test_taking_it_edits_the_message_and_tells_the_thread_who_has_it(room: Room) -> None:
    room.slack.press(room.message, "Take it")
    room.work()
    assert (room.incident.state, room.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "slack:Kim Berg")
    assert room.header == "🟠 Warning: Kim Berg has it · Acme"
    assert "Kim Berg has it since 12:10." in str(room.message.blocks)
    assert "Kim Berg took it." in room.slack.replies(room.message)[0].text
    assert "Take it" not in str(room.message.blocks)
    assert room.slack.people.whispers == []


def test_a_press_is_answered_when_it_is_done_and_not_before(room: Room) -> None:
    room.slack.press(room.message, "Take it")
    assert room.incident.acknowledged_by == "slack:Kim Berg"


def test_a_press_that_takes_long_is_answered_while_its_work_goes_on(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slack_desk, "ANSWERS_WITHIN", 0.05)
    goes_on = threading.Event()
    act = Care.do

    def when_it_may(*given: Any, **named: Any) -> Any:
        assert goes_on.wait(10)
        return act(*given, **named)

    monkeypatch.setattr(Care, "do", when_it_may)
    room.slack.press(room.message, "Take it")
    goes_on.set()
    room.work()
    assert room.incident.acknowledged_by == "slack:Kim Berg"


def test_an_envelope_that_comes_twice_acts_once(room: Room) -> None:
    room.slack.press(room.message, "Take it", again=True)
    room.work()
    with room.database.read() as tx:
        assert [event.kind for event in incidents.events(tx, FIRST)] == ["opened", "acknowledged"]


def test_the_second_to_take_it_reads_alone_who_has_it(room: Room) -> None:
    both = room.slack.pressed(room.message, "Take it"), room.slack.pressed(room.message, "Take it", "U0ROB")
    room.slack.people.through_line(both[0])
    room.work()
    room.slack.people.through_line(both[1])
    assert "Kim Berg has it since" in room.slack.people.whispered()
    assert room.incident.acknowledged_by == "slack:Kim Berg"


def test_an_answer_asks_for_its_link_and_a_wrong_one_is_told_beside_the_field(room: Room) -> None:
    room.slack.press(room.message, "We answered")
    people, view = room.slack.people, room.slack.people.view()
    assert "Parcels are late" in str(view.view)
    wrong = people.through_line(people.sent(view, "U0KIM", link="javascript:alert(1)"))
    assert wrong["response_action"] == "errors"
    assert "https://" in wrong["errors"]["link"]
    right = people.through_line(people.sent(view, "U0KIM", link="https://acme.example/sorry", note="at noon"))
    room.work()
    assert right == {}
    said = room.slack.replies(room.message)[-1].text
    assert "Kim Berg says that we have answered publicly (https://acme.example/sorry): at noon" in said


def test_a_snooze_is_chosen_from_the_menu(room: Room) -> None:
    room.slack.press(room.message, "Snooze")
    people = room.slack.people
    people.through_line(people.sent(people.view(), "U0ROB", time="2h", note="legal reads"))
    room.work()
    with room.database.read() as tx:
        (silence,) = silences.active(tx, after(minutes=11))
    assert (silence.author, silence.ends_at) == ("slack:Rob", after(minutes=130))
    assert "Snoozed by Rob until 14:10." in str(room.message.blocks)


def test_a_duplicate_is_chosen_among_the_other_incidents(room: Room) -> None:
    room.slack.press(room.message, "Duplicate")
    people = room.slack.people
    view = people.view()
    assert "Parcels are lost" in str(view.view)
    people.through_line(people.sent(view, "U0KIM", incident=SECOND))
    room.work()
    assert room.incident.state is IncidentState.RESOLVED
    assert room.header.startswith("✅ Over")


def test_what_is_about_another_brand_of_ours_goes_on_there(room: Room) -> None:
    room.slack.press(room.message, "Not about us")
    people = room.slack.people
    view = people.view()
    assert "another brand of ours" in str(view.view)
    people.through_line(people.sent(view, "U0KIM", brand="Bolt", note="their oven"))
    room.work()
    assert room.header.startswith("✅ Over")
    assert room.incident.state is IncidentState.RESOLVED
    with room.database.read() as tx:
        (new,) = [one for one in incidents.recent(tx) if one.brand == "Bolt"]
        told = outbox.history(tx, new.id)
    assert new.state is IncidentState.OPEN
    assert [item.reason for item in told] == [Reason.OPENED]
    assert "You moved it to Bolt" in str(people.whispers)


def test_what_ends_it_from_the_menu_is_confirmed_in_a_form(room: Room) -> None:
    room.slack.press(room.message, "Resolve")
    people = room.slack.people
    assert room.incident.state is IncidentState.OPEN
    people.through_line(people.sent(people.view(), "U0KIM", note="all is said"))
    room.work()
    assert room.incident.state is IncidentState.RESOLVED
    assert {one.reason for one in room.history()} >= {Reason.OPENED, Reason.RESOLVED}


def test_who_may_not_look_names_up_acts_under_the_handle(room: Room) -> None:
    room.slack.scopes.discard("users:read")
    room.slack.press(room.message, "Take it")
    room.work()
    assert room.incident.acknowledged_by == "slack:u0kim"


def test_names_of_people_are_remembered_up_to_a_number(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.slack_desk.MOST_NAMES", 1, raising=False)
    presses = [room.slack.pressed(room.message, "Take it", user) for user in ("U0KIM", "U0ROB")]
    for press in presses:
        room.slack.people.through_line(press)
        room.work()
    assert [len(desk._names) for desk in room.desks.desks.values()] == [1]


def test_a_press_in_another_channel_or_by_another_does_nothing(room: Room) -> None:
    elsewhere = room.slack.pressed(room.message, "Take it") | {"channel": {"id": "C0OTHER"}}
    room.slack.people.through_line(elsewhere)
    assert "press in the channel" in room.slack.people.whispered()
    desk = room.desks.desks["slack"]
    desk.options = desk.options.model_copy(update={"responders": ["U0ROB"]})
    room.slack.press(room.message, "Take it")
    assert "not among those who may act" in room.slack.people.whispered(1)
    assert room.incident.state is IncidentState.OPEN


def test_what_cannot_be_done_is_said_to_the_presser_alone(room: Room) -> None:
    late = room.slack.pressed(room.message, "Take it")
    with room.database.write() as tx:
        room.care.do(tx, FIRST, Action.RESOLVE, "Bo", after(minutes=10))
    room.slack.people.through_line(late)
    assert "is over (resolved), so there is nothing to take" in room.slack.people.whispered()


def test_words_are_whispered_only_where_slack_listens(room: Room) -> None:
    press = room.slack.pressed(room.message, "Take it") | {"response_url": "https://evil.example/"}
    room.slack.people.through_line(press | {"channel": {"id": "C0OTHER"}})
    room.work()
    assert room.slack.people.whispers == []


def test_a_new_line_is_opened_when_slack_wants_one_or_hangs_up(room: Room) -> None:
    people = room.slack.people
    for leave in (people.ask_for_another_line, people.hang_up):
        before = people.line()
        leave()
        with people.changed:
            assert people.changed.wait_for(lambda old=before: people._lines and people._lines[-1] is not old, 10)
    room.slack.press(room.message, "Take it")
    room.work()
    assert room.incident.state is IncidentState.ACKNOWLEDGED
    assert len(room.slack.asked("apps.connections.open")) >= 3


def test_what_is_none_of_ours_is_answered_and_left_alone(room: Room) -> None:
    assert room.slack.people.through_line({"type": "shortcut", "user": {"id": "U0KIM"}}) == {}
    assert room.incident.state is IncidentState.OPEN
