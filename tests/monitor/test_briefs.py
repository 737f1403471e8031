"""Briefs by schedule: made when their time has come, once, whatever happens to the program meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts.outbox import Sender
from alerts.page import Page
from alerts.render.mail import Envelope, full
from alerts.render.plain import plain
from alerts.render.slack import root
from alerts.render.story import tell
from alerts.speak import Speaker
from alerts.system import SystemIncidents
from config.settings import Settings
from monitor.briefs import Briefs, file_name
from monitor.report.period import Period
from storage import incidents
from storage.database import Database
from storage.ingest import Intake, write
from storage.records import SYSTEM
from tests.alerts.desk import Inline
from tests.monitor.cli import letterbox
from tests.storage.examples import mentioned, post

BEGUN = datetime(2026, 3, 30, 12, tzinfo=UTC)
"""A Monday whose brief would have been made already; the clocks went forward the day before."""
BRIEF: dict[str, Any] = {"every": "week", "brands": ["Acme"], "channels": ["bells"], "timezone": "Europe/Stockholm"}
SETTINGS: dict[str, Any] = {
    "general": {"public_url": "https://tocsin.example"},
    "brands": [{"name": "Acme"}, {"name": "Bolt & Sons"}],
    "channels": [{"type": "letterbox.channel", "name": "bells", "rooms": ["hall"]}],
    "routes": [{"channels": ["bells"]}],
}


class Installation:
    """A program on a clock of its own, which can be started again with another configuration."""

    def __init__(self, database: Database, *briefs: dict[str, Any]) -> None:
        self.database, self.now = database, BEGUN
        self.start(*briefs)

    def start(self, *briefs: dict[str, Any]) -> None:
        self.settings = Settings.model_validate({**SETTINGS, "briefs": list(briefs)})
        system = SystemIncidents.build(self.settings, Speaker.build(self.settings))
        self.briefs = Briefs(self.settings, self.database, system, lambda: self.now)
        self.briefs.run()

    def at(self, day: int, hour: int, minute: int = 0) -> None:
        """A look at the clock: a day of April 2026, in UTC."""
        self.now = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour, minutes=minute)
        self.briefs.run()

    def told(self) -> list[str]:
        """The headlines of the messages that were sent so far."""
        sender = Sender.build(self.settings, self.database, clock=lambda: self.now, owner="one")
        sender._executor = Inline()
        sender.run_once()
        return [message.page.headline for message in letterbox.sent]


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    for name, module in letterbox.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    letterbox.sent.clear()
    with Database.open("sqlite://") as opened:
        with opened.write() as tx:
            write(tx, Intake(mentions=[mentioned(post("1", created_at=datetime(2026, 4, 2, tzinfo=UTC)))]))
        yield opened


def test_a_brief_comes_at_its_hour_on_the_readers_clock_once(database: Database) -> None:
    program = Installation(database, BRIEF)
    program.at(6, 5, 59)  # 07:59 in Stockholm, on summer time since the Sunday of the week before
    assert program.told() == []
    for minute in range(3):
        program.at(6, 6, minute)
    assert program.told() == ["The week of 30 March to 5 April 2026"]


def test_one_that_is_new_waits_for_its_next_time(database: Database) -> None:
    program = Installation(database)
    program.start(BRIEF)
    program.at(2, 12)
    assert program.told() == []
    program.start({**BRIEF, "weekday": "thursday"})  # which is today, and its hour is over
    assert program.told() == []
    program.at(9, 7)
    assert program.told() == ["The week of 2 to 8 April 2026"]


def test_one_that_was_missed_is_made_at_the_next_start_and_of_several_the_newest(database: Database) -> None:
    program = Installation(database, BRIEF)
    program.now += timedelta(days=18)
    program.start(BRIEF)
    program.start(BRIEF)
    assert program.told() == ["The week of 6 to 12 April 2026"]


def test_it_is_written_whole_for_every_brand_and_in_every_form(database: Database, tmp_path: Path) -> None:
    monthly = {"every": "month", "folder": str(tmp_path / "briefs"), "forms": ["html"]}
    program = Installation(database, monthly)
    program.now = datetime(2026, 5, 1, 8, tzinfo=UTC)
    program.briefs.run()
    made = sorted(path.name for path in (tmp_path / "briefs").iterdir())
    assert made == ["acme-month-2026-04-01.html", "bolt-sons-month-2026-04-01.html"]
    assert "1 mention" in (tmp_path / "briefs" / made[0]).read_text(encoding="utf-8")
    assert program.told() == []


def test_a_folder_that_cannot_be_written_is_told_and_holds_no_message_back(database: Database, tmp_path: Path) -> None:
    (tmp_path / "briefs").write_text("not a folder")
    program = Installation(database, {**BRIEF, "folder": str(tmp_path / "briefs"), "forms": ["html"]})
    program.at(6, 7)
    program.at(6, 7, 1)
    headlines = program.told()
    assert "The week of 30 March to 5 April 2026" in headlines
    assert sum(one.startswith("The brief of Acme could not be written") for one in headlines) == 1
    (tmp_path / "briefs").unlink()
    program.at(6, 8)
    with database.read() as tx:
        assert incidents.live(tx, SYSTEM) == []
    assert [path.name for path in (tmp_path / "briefs").iterdir()] == ["acme-week-2026-03-30.html"]


def test_a_message_is_what_people_read_on_a_telephone(database: Database) -> None:
    program = Installation(database, BRIEF)
    program.at(6, 7)
    program.told()
    page: Page = letterbox.sent[0].page
    story = tell(page)
    assert (story.badge, story.brand, story.opens) == ("Brief", "Acme", "Open the brief")
    assert story.url == "https://tocsin.example/briefs/week/2026-04-06/Acme?zone=Europe%2FStockholm"
    assert dict(story.facts)["Mentions"] == "1 mention; nothing is known of the week before to compare it with."
    assert story.actions == (("Write all of it", "tocsin brief Acme --week --at 2026-04-06"),)
    text = plain(page)
    assert "BRIEF · Acme" in text
    assert "Mood: 100% negative." in text
    assert "Why it rang" not in text
    assert "*Mentions:*" in str(root(page))


def test_a_mail_of_it_leads_to_the_brief(database: Database) -> None:
    from email.headerregistry import Address

    program = Installation(database, BRIEF)
    program.at(6, 7)
    program.told()
    envelope = Envelope(Address("", "tocsin", "a.example"), Address("", "kim", "a.example"), BEGUN, "<1@a.example>")
    mail = full(letterbox.sent[0].page, envelope)
    assert mail["Subject"] == "Brief · Acme: The week of 30 March to 5 April 2026"
    assert "Open the brief" in mail.as_string()


def test_names_of_files_are_plain() -> None:
    week = Period.up_to("week", BEGUN.date(), "UTC")
    assert file_name("../Über & Co", week, "pdf") == "über-co-week-2026-03-23.pdf"
    assert file_name("/", week, "pdf") == "brand-week-2026-03-23.pdf"
