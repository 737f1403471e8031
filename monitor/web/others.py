"""What other sensitivities would have made of an incident: asked for on its page, judged in the background.

It takes seconds to minutes, and nobody who looks at a page waits so long: one incident at a time is judged in a thread
of its own, and what was found is kept for a while.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.settings import Settings
from monitor.counterfactual import Alternative, counterfactual
from monitor.remembered import minded
from monitor.web.behind import Job, Watch, begin
from storage.database import Database
from storage.records import Incident

KEPT_FOR = timedelta(minutes=10)
"""What is younger is shown again; an incident that goes on, and posts that come late, change the answer."""
MOST_KEPT = 16
"""So many are kept, those that wait for their turn included; the one asked for first gives way."""

_Key = tuple[str, int]


@dataclass
class Judging(Job):
    """One incident judged again: `found` is set at its end."""

    incident: Incident
    asked_at: datetime
    found: Sequence[Alternative] | None = None


class Others:
    """Judges incidents again, one after another, and keeps what was found. Safe to share between threads."""

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[_Key, Judging] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        minded(self)

    def let_go(self) -> None:
        """Keep nothing of what was found."""
        with self._lock:
            self._kept.clear()

    def of(self, incident: Incident, version: int | None = None) -> Judging:
        """How it stands with an incident; begins where nothing lately is kept.

        `version` is the version of the incident that somebody waits for: it is shown although the incident went on.
        """
        now = self._clock()
        with self._lock:
            kept = self._kept.get((incident.id, incident.version if version is None else version))
            if kept is not None and (version is not None or not kept.is_over.is_set() or _is_fresh(kept, now)):
                return kept
            begun = self._kept[incident.id, incident.version] = Judging(incident, now)
            self._kept.move_to_end((incident.id, incident.version))
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)[1].is_called_off.set()

        def judge(watch: Watch) -> None:
            begun.found = counterfactual(self._database, self._settings, incident, watch)

        begin(begun, "others", self._turn, judge, "Many others were asked for since; ask again.")
        return begun


def _is_fresh(judging: Judging, now: datetime) -> bool:
    return not judging.failed and now - judging.asked_at < KEPT_FOR
