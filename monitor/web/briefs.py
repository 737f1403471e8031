"""The pages of incidents, each made once for everybody who looks at it within a few seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from alerts.page import Page
from monitor.care import Brief
from monitor.remembered import minded
from storage.database import Database
from storage.records import Incident

KEPT_FOR = timedelta(seconds=10)
MOST = 64
AFTERMATH = timedelta(minutes=30)
"""An incident that is over is shown with so much of what came after it."""


class Briefs:
    """Makes pages and keeps them for a moment. Safe to share between threads."""

    def __init__(self, database: Database, brief: Brief) -> None:
        self._database = database
        self._brief = brief
        self._kept: OrderedDict[tuple[str, int], tuple[datetime, Page]] = OrderedDict()
        self._lock = threading.Lock()
        minded(self)

    def let_go(self) -> None:
        """Keep no page."""
        with self._lock:
            self._kept.clear()

    def page(self, incident: Incident, now: datetime) -> Page:
        """The page of an incident as it is now, or was when it ended."""
        key = (incident.id, incident.version)
        with self._lock:
            made_at, page = self._kept.get(key, (None, None))
        if page is not None and made_at is not None and abs(now - made_at) < KEPT_FOR:
            return page
        at = now if incident.resolved_at is None else min(now, incident.resolved_at + AFTERMATH)
        with self._database.read() as tx:
            page = self._brief(tx, incident, at)
        with self._lock:
            self._kept[key] = (now, page)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return page
