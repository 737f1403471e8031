"""What every page and every route works with."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from fastapi import Request
from jinja2 import Environment

from config.settings import Settings
from monitor.care import Care
from monitor.caseworker import Caseworker
from monitor.web.briefs import Briefs
from monitor.web.others import Others
from monitor.web.templating import environment
from monitor.web.throttle import Throttle
from monitor.web.trials import Trials
from monitor.web.watch import Watch
from storage.database import Database


@dataclass(frozen=True, slots=True)
class Desk:
    """The configuration, the database, the clock, and what is made of them once.

    `config` is the file that the settings came from, where there is one. `stopping` is set when the server is about to
    stop, so that streams end. `watch` knows whether anything changed, `trials` try other thresholds, `others` judge
    incidents at other sensitivities, `briefs` are the pages of incidents made lately; `logins` holds back who guesses
    passwords, `requests` who asks too often.
    """

    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    care: Care
    caseworker: Caseworker
    templates: Environment
    watch: Watch
    trials: Trials
    others: Others
    briefs: Briefs
    config: Path | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    logins: Throttle = field(default_factory=lambda: Throttle(5, timedelta(minutes=3)))
    requests: Throttle = field(default_factory=lambda: Throttle(300, timedelta(seconds=0.1)))

    @classmethod
    def build(
        cls, settings: Settings, database: Database, clock: Callable[[], datetime], config: Path | None = None
    ) -> Self:
        """A desk under one configuration."""
        care = Care.build(settings)
        return cls(
            settings=settings,
            database=database,
            clock=clock,
            care=care,
            caseworker=Caseworker(care),
            templates=environment(settings.general.timezone),
            watch=Watch(database),
            trials=Trials(database),
            others=Others(database, settings, clock),
            briefs=Briefs(database, care.brief),
            config=config,
        )


def desk_of(request: Request) -> Desk:
    """The desk, as a dependency of a route."""
    desk: Desk = request.app.state.desk
    return desk
