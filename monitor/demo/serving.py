"""The web page over the story that the demo told: its clock goes on from where the story ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from config.load import load
from config.settings import Settings
from monitor.demo.show import CONFIGURATION
from monitor.web.desk import Desk
from storage import posts
from storage.database import Database

AFTER_THE_LAST_POST = timedelta(minutes=1)


def story_desk(folder: Path, database: Database, settings: Settings | None = None) -> Desk:
    """A desk over the folder of a demo."""
    chosen = settings or load(folder / CONFIGURATION, complete=False)
    with database.read() as tx:
        ended_at = posts.latest(tx)
    if ended_at is None:
        raise ValueError(f"{folder} holds no story; tell it first")
    return Desk.build(chosen, database, going_on(ended_at + AFTER_THE_LAST_POST), folder / CONFIGURATION)


def going_on(since: datetime) -> Callable[[], datetime]:
    """A clock that shows `since` now."""
    began = monotonic()
    return lambda: since + timedelta(seconds=monotonic() - began)
