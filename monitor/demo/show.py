"""What `tocsin demo` does: the made story through the real pipeline, and every message as a file to look at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from importlib.resources import as_file, files
from pathlib import Path

from alerts.channels.contract import Message
from alerts.page import Page
from alerts.policy import Rules
from alerts.render import mail, plain, preview
from alerts.render.curve import picture
from alerts.routing import Routing
from config.load import load
from monitor.demo.courier import MAIL, ROOM, Courier
from monitor.demo.story import Story, tell
from monitor.replay import Replay, replay
from storage.database import Database
from storage.records import Alert

DATABASE = "tocsin.db"
CONFIGURATION = "tocsin.toml"
STAFF = Address("PR on duty", addr_spec=MAIL.target)
TOCSIN = Address("Tocsin", addr_spec="tocsin@norrvik.example")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo made: the story, what was told of it, what went out, and the files."""

    story: Story
    result: Replay
    sent: tuple[Message, ...]
    folder: Path
    files: tuple[Path, ...]

    @property
    def first_page(self) -> Alert | None:
        """The first message about the voicemail that would have interrupted somebody."""
        told = (alert for alert in self.result.alerts if alert.severity.rank > 0)
        return next((alert for alert in told if alert.at > self.story.published_at), None)


def show(folder: Path, on_alert: Callable[[Alert], None] | None = None) -> Shown:
    """Run the story into `folder`, which keeps the database, the configuration and the messages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
        (folder / name).unlink(missing_ok=True)
    with as_file(files("monitor.demo") / CONFIGURATION) as configuration:
        shutil.copyfile(configuration, folder / CONFIGURATION)
    settings = load(folder / CONFIGURATION, complete=False)
    story = tell()
    with Database.open(settings.database.resolved_url()) as database:
        courier = Courier(Rules.build(settings), Routing((), {place.channel: (place,) for place in (ROOM, MAIL)}))
        result = replay([*story.posts, *story.samples], settings, database=database, on_alert=on_alert, speaker=courier)
        with database.write() as tx:
            courier.deliver(tx, result.last_at or story.apology_at)
    return Shown(story, result, tuple(courier.sent), folder, tuple(_write(folder, courier.sent)))


def _write(folder: Path, sent: Sequence[Message]) -> list[Path]:
    """Each incident as a Slack thread and as mails, with the newest picture of its curve."""
    written: list[Path] = []
    incidents: dict[str, dict[str, list[Page]]] = {}
    for message in sent:
        places = incidents.setdefault(message.page.incident_id, {ROOM.target: [], MAIL.target: []})
        places[message.target].append(message.page)
    for number, places in enumerate(incidents.values(), start=1):
        written.append(_text(folder / f"{number}-slack.html", preview.page_preview(places[ROOM.target], ROOM.target)))
        pages = places[MAIL.target]
        root = f"<{pages[0].incident_id}@norrvik.example>"
        for step, page in enumerate(pages, start=1):
            name = f"{number}-mail-{step}-{page.reason.value}"
            letter = mail.full(page, mail.Envelope(TOCSIN, STAFF, page.at, f"<{name}@norrvik.example>", root))
            (folder / f"{name}.eml").write_bytes(bytes(letter))
            written += [folder / f"{name}.eml", _text(folder / f"{name}.html", preview.mail_preview(page))]
            written.append(_text(folder / f"{name}.txt", plain.plain(page)))
        if drawn := picture(pages[-1]):
            (folder / f"{number}-curve.png").write_bytes(drawn)
            written.append(folder / f"{number}-curve.png")
    return written


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
