"""`tocsin fire-drill` and `tocsin check --live --wait`: real pages, until a person takes them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.care import Action, Care
from monitor.cli import settings
from storage import incidents
from storage import posts as post_store
from storage.database import Database
from storage.records import SYSTEM, Incident, IncidentState
from tests.monitor.cli import letterbox
from tests.monitor.cli.conftest import Run
from tests.servers.slack import TOKEN, slack_server
from tests.servers.slack_people import APP_TOKEN
from tests.storage.examples import NOON

ONE, BOTH = 'channels = ["bells"]', 'channels = ["bells", "slack"]'
Person = Callable[[Database], None]


class Clock:
    """Time that passes while the program waits, and a person who does something meanwhile."""

    def __init__(self, person: Person, database: Path) -> None:
        self.now = NOON
        self.person = person
        self.database = database
        self.waits = 0

    def pause(self, seconds: float) -> None:
        """Wait."""
        self.now += timedelta(seconds=seconds)
        self.waits += 1
        if self.waits == 4:
            with Database.open(f"sqlite:///{self.database}") as database:
                self.person(database)


def take_all(database: Database) -> None:
    """Ada takes whatever waits."""
    care = Care.build(settings.read_settings(Path("tocsin.toml")))
    with database.write() as tx:
        for one in incidents.live(tx, SYSTEM):
            care.do(tx, one.id, Action.ACKNOWLEDGE, "Ada", NOON + timedelta(seconds=2))


def take_one(database: Database) -> None:
    """Ada takes the first that waits."""
    care = Care.build(settings.read_settings(Path("tocsin.toml")))
    with database.write() as tx:
        care.do(tx, incidents.live(tx, SYSTEM)[0].id, Action.ACKNOWLEDGE, "Ada", NOON + timedelta(seconds=2))


def sleep(_database: Database) -> None:
    """Nobody does anything."""


@pytest.fixture
def clock(configured: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Person], Clock]:
    """A clock and a person."""

    def with_person(person: Person) -> Clock:
        made = Clock(person, configured.parent / "tocsin.db")
        monkeypatch.setattr(settings, "now", lambda: made.now)
        monkeypatch.setattr(time, "sleep", made.pause)
        return made

    return with_person


def stored(folder: Path) -> Database:
    return Database.open(f"sqlite:///{folder}/tocsin.db")


def test_a_drill_that_somebody_takes_is_a_success(tocsin: Run, clock: Callable[[Person], Clock], folder: Path) -> None:
    clock(take_all)
    result = tocsin("fire-drill", "--within", "5m")
    assert result.exit_code == 0, result.output
    assert "taken  by Ada" in result.output
    assert "there  bells hall has it" in result.output
    opened = [message for message in letterbox.sent if message.page.reason.value == "opened"]
    assert sorted(message.target for message in opened) == ["hall", "tower"]
    assert all(message.page.drill for message in letterbox.sent)
    assert opened[0].page.brand == "Acme"
    with stored(folder) as database, database.read() as tx:
        assert post_store.earliest(tx) is None
        (drill,) = incidents.recent(tx)
    assert (drill.brand, drill.state, drill.acknowledged_by) == (SYSTEM, IncidentState.RESOLVED, "Ada")
    shown = tocsin("incidents", "show", drill.id).output
    assert "\ncritical · resolved · episode 1" in shown, "a drill is about no brand, so that no place is left for one"
    told = tocsin("incidents", "note", drill.id, "It rang.").output
    assert f"Noted on {drill.headline} (" in " ".join(told.split())


def test_a_drill_that_nobody_takes_is_a_failure(tocsin: Run, clock: Callable[[Person], Clock], folder: Path) -> None:
    clock(sleep)
    result = tocsin("fire-drill", "--within", "1m", "--json")
    assert result.exit_code == 1
    said = json.loads(result.output.splitlines()[-1])
    assert said["taken_by"] is None
    assert said["arrived"] == ["bells hall", "bells tower"]
    with stored(folder) as database, database.read() as tx:
        assert incidents.live(tx) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--brand", "Nemo"), 'there is no brand "Nemo"; known: Acme, Bolt'),
        (("--to", "horn"), 'there is no enabled channel "horn"; known: bells'),
        (("--within", "soon"), '"soon" is not a duration'),
    ],
)
def test_a_drill_that_makes_no_sense_is_refused(
    tocsin: Run, configured: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    result = tocsin("fire-drill", *arguments)
    assert result.exit_code == 2
    assert complaint in result.output
    assert letterbox.sent == []


def test_a_drill_is_taken_by_a_button_in_slack(
    tocsin: Run, clock: Callable[[Person], Clock], configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT", TOKEN)
    monkeypatch.setenv("APP", APP_TOKEN)

    def press(database: Database) -> None:
        slack.people.line()
        while not slack.roots():
            threading.Event().wait(0.02)
        slack.press(slack.roots()[0], "Take it")
        while all(one.state is IncidentState.OPEN for one in live(database)):
            threading.Event().wait(0.02)

    with slack_server() as slack:
        options = f'token = {{ env = "BOT" }}\napp_token = {{ env = "APP" }}\nbase_url = "{slack.url}"\n'
        room = f'[[channels]]\ntype = "slack"\nchannels = ["C0ROOM"]\n{options}'
        configured.write_text(configured.read_text().replace("[[routes]]", f"{room}[[routes]]").replace(ONE, BOTH))
        clock(press)
        result = tocsin("fire-drill", "--to", "slack", "--within", "1h")
    assert result.exit_code == 0, result.output
    assert "taken  by slack:Kim Berg" in result.output
    assert "Drill" in str(slack.roots()[0].blocks[0])


def live(database: Database) -> list[Incident]:
    with database.read() as tx:
        return incidents.live(tx)


def test_check_waits_until_a_person_has_taken_the_test_of_each_channel(
    tocsin: Run, clock: Callable[[Person], Clock], configured: Path
) -> None:
    more = '[[channels]]\ntype = "letterbox.channel"\nname = "gong"\nrooms = ["yard"]\n'
    text = configured.read_text().replace("[[routes]]", f"{more}[[routes]]").replace('["bells"]', '["bells", "gong"]')
    configured.write_text(text)
    clock(take_all)
    result = tocsin("check", "--live", "--wait", "5m")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-2:] == [
        "fine  channel bells: a person took it",
        "fine  channel gong: a person took it",
    ]
    assert {message.target for message in letterbox.sent} == {"hall", "tower", "yard"}
    letterbox.sent.clear()
    clock(take_one)
    result = tocsin("check", "--live", "--wait", "1m")
    assert result.exit_code == 1
    assert sorted(line.split(": ")[1] for line in result.output.splitlines()[-2:]) == [
        "a person took it",
        "nobody took it",
    ]
