"""What becomes of what waits, and of what goes on, when the configuration has other channels than before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.escalation import Policy, Step
from alerts.ladder import Ladder
from alerts.outbox import Sender
from alerts.policy import Change
from alerts.routing import ILL, Destination, Routing
from alerts.speak import Speaker
from alerts.system import SystemIncidents
from config.alerting import RouteSettings
from storage import incidents
from storage.database import Database
from storage.records import SYSTEM, IncidentState
from tests.alerts.desk import MAIL, NO_WAY, PHONE, REVOKED, ROOM, Desk, Inline, Way

NEW = Destination("new", "C0NEW", edits=True)
POLICY = Policy("night", (Step(600.0, ("phone",)),), ("phone",))


def routes(*channels: str, places: tuple[Destination, ...], policies: tuple[Policy, ...] = ()) -> Routing:
    policy = policies[0].name if policies else None
    route = RouteSettings(channels=list(channels), **({"policy": policy} if policy else {}))
    return Routing((route,), {place.channel: (place,) for place in places}, policies=policies)


class House(Desk):
    """A desk whose configuration is changed, with the troubles of the program itself."""

    def __post_init__(self) -> None:
        """Begin with Slack alone, which may escalate to a telephone."""
        super().__post_init__()
        self.ways["new"] = Way("new")
        self.configure(routes("slack", places=(ROOM, MAIL, PHONE), policies=(POLICY,)))

    def configure(self, routing: Routing) -> None:
        """Start again under other channels and routes."""
        self.speaker = Speaker(self.rules, routing)
        self.system = SystemIncidents(self.speaker)
        self.sender = Sender(
            self.database,
            {name: way for name, way in self.ways.items() if name in routing.channels},
            clock=lambda: self.now,
            owner="another",
            timing=self.timing,
            routing=routing,
            executor=Inline(),
            system=self.system,
        )

    def heard(self, name: str) -> list[str]:
        return [message.page.reason.value for message in self.ways[name].sent]

    def troubles(self) -> list[str]:
        """What is wrong with the program itself."""
        with self.database.read() as tx:
            return [one.topic for one in incidents.live(tx, SYSTEM)]


@pytest.fixture
def house() -> Iterator[House]:
    with Database.open("sqlite://") as opened:
        yield House(opened)


def test_a_page_that_waits_in_a_channel_that_is_gone_goes_where_the_routes_lead_now(house: House) -> None:
    house.ways["slack"].plan = [NO_WAY, NO_WAY]
    house.open()
    house.send()
    house.configure(routes("new", places=(NEW, MAIL)))
    house.wait(minutes=1).send()
    assert house.heard("new") == ["opened"]  # nobody took it for a minute
    house.wait(minutes=2).send()
    assert house.states("slack") == [("opened", "dead")]
    assert house.heard("new") == ["opened"]
    assert house.troubles() == []  # that it is gone is what somebody wanted


def test_the_end_is_not_sent_to_where_nobody_can_be_reached_any_more(house: House) -> None:
    house.open()
    house.send()
    house.configure(routes("mail", places=(MAIL,)))
    house.change(state=IncidentState.RESOLVED, resolved_at=house.now)
    house.say(Change.RESOLVED)
    house.wait(minutes=1).send()
    assert house.states("slack") == [("opened", "sent")]
    assert house.troubles() == []


def test_the_trouble_with_a_channel_ends_when_the_channel_is_taken_out(house: House) -> None:
    house.ways["slack"].plan = [REVOKED]
    house.open()
    house.send()
    assert house.troubles() == ["channel:slack"]
    house.configure(routes("mail", places=(MAIL,)))
    with house.database.write() as tx:
        house.system.forget(tx, ILL, house.speaker.routing.channels, house.now)
    assert house.troubles() == []


def test_a_step_whose_channels_are_all_gone_tells_whom_the_routes_name_now(house: House) -> None:
    house.open()
    house.send()
    house.configure(routes("new", places=(NEW,)))
    house.wait(minutes=11)
    with house.database.write() as tx:
        Ladder(house.speaker).climb(tx, house.now)
    house.send()
    assert house.heard("phone") == []
    assert house.heard("new") == ["opened"]


def test_a_way_that_took_it_is_enough_while_the_routes_lead_there_too(house: House) -> None:
    house.configure(routes("slack", "mail", places=(ROOM, MAIL)))
    house.ways["slack"].plan = [NO_WAY, NO_WAY]
    house.open()
    house.send()
    house.configure(routes("mail", places=(MAIL,)))
    house.wait(minutes=1).send()
    assert house.heard("mail") == ["opened"]


def test_a_process_that_does_not_know_a_channel_yet_leaves_its_messages_to_one_that_does(house: House) -> None:
    old = house.sender
    house.configure(routes("new", places=(NEW,)))
    house.open()
    old.run_once()
    assert house.states("new") == [("opened", "pending")]
    house.wait(seconds=30).send()
    assert house.states("new") == [("opened", "sent")]


def test_a_channel_in_which_somebody_still_sends_is_not_given_up(house: House) -> None:
    old = house.sender
    house.ways["slack"].plan = [NO_WAY] * 4
    house.open()
    old.run_once()
    house.configure(routes("new", places=(NEW,)))
    for _ in range(6):
        house.wait(minutes=1).send()
        old.run_once()
    assert house.states("slack") == [("opened", "sent")]
