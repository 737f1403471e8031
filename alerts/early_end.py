"""Ending a silence before its time: what it held goes on, and is looked at again before it is sent.

Whatever a silence holds waits for its end, by a due time that is stored. When people end it early those times are
brought forward: to now, or to when whoever reads there wants to read. Whether it is still true is found out at the
attempt, as always (alerts/freshness.py), which also finds another silence that holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from alerts.digests import Digest, read_at
from alerts.quiet import QuietHours
from alerts.restraint import said_of
from config.settings import Settings
from storage import escalations, held, incidents, silences
from storage.database import Transaction
from storage.records import Silence


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """Ends silences for people who read in `quiet` hours and `digests` as configured."""

    quiet: QuietHours | None = None
    digests: Sequence[Digest] = ()

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """Under one configuration."""
        zone = settings.general.timezone
        return cls(QuietHours.build(settings), tuple(Digest.build(one, zone) for one in settings.digests))

    def end(self, tx: Transaction, rule: Silence, now: datetime) -> int:
        """End the silence, if it would last longer; the number of messages that go on for it."""
        if not silences.end(tx, rule.id, now):
            return 0
        found = held.held(tx, rule.ends_at, said_of(rule))
        for name in sorted({item.incident_id for item in found}):  # as everybody does who changes what waits
            incidents.lock(tx, name)
        for item in found:
            held.bring_forward(tx, item, read_at(item, now, self.quiet, self.digests))
        escalations.bring_forward(tx, rule.ends_at, now, begun_with=[(item.incident_id, item.seq) for item in found])
        return len(found)
