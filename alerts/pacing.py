"""Keeping to the pace of each channel, and of all together, however many processes send: one token a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from alerts.buckets import Pace
from alerts.channels.contract import ChannelOptions
from config.plugins import options_of
from config.settings import Settings
from storage import buckets
from storage.buckets import EVERYTHING, Bucket, Spares
from storage.database import Transaction
from storage.records import Delivery, Reason, Severity

_CHANNELS = "alerts.channels"
CALM_WINDOW = 600.0
"""Seconds in which the limit on messages about what is not critical holds."""
_URGENT = (Reason.OPENED, Reason.ESCALATED)


@dataclass(frozen=True, slots=True)
class Pacing:
    """The pace of each channel by its name, and of everything that is not critical."""

    paces: Mapping[str, Pace]
    calm: Pace | None = None

    @classmethod
    def build(cls, settings: Settings) -> Self:
        """The paces that the configured channels' platforms ask for."""
        enabled = [channel for channel in settings.channels if channel.enabled]
        wanted = {channel.name: _pace_of(channel.type) for channel in enabled}
        most = settings.alerting.calm_limit
        calm = Pace(every=CALM_WINDOW / most, burst=most) if most else None
        return cls({name: pace for name, pace in wanted.items() if pace is not None}, calm)

    def take(self, tx: Transaction, delivery: Delivery, now: datetime) -> bool:
        """Take a token from each bucket of a delivery, as part of its claim; false where one holds it back."""
        wanted = self._buckets(delivery)
        kept = buckets.locked(tx, list(wanted))
        full = [one.full_at for one in kept]
        paces = list(wanted.values())
        for at, (pace, spares) in zip(full, paces, strict=True):
            if pace.ready_at(at, now) > now and not _is_spared(delivery, spares):
                return False
        taken = [_taken(one, *pair, now) for one, pair in zip(kept, paces, strict=True)]
        buckets.keep(tx, taken)
        return True

    def _buckets(self, delivery: Delivery) -> dict[tuple[str, str], tuple[Pace, Spares]]:
        """Pace of each bucket of a delivery by channel and target."""
        found: dict[tuple[str, str], tuple[Pace, Spares]] = {}
        if (pace := self.paces.get(delivery.channel)) is not None:
            target = EVERYTHING if pace.whole_channel else delivery.target
            found[delivery.channel, target] = pace, Spares.URGENT if pace.spares_urgent else Spares.NOTHING
        if self.calm is not None and delivery.severity is not Severity.CRITICAL and _is_heard(delivery):
            found[EVERYTHING, EVERYTHING] = self.calm, Spares.CRITICAL
        return found


def _pace_of(kind: str) -> Pace | None:
    options = options_of(_CHANNELS, kind)
    return options.pace if issubclass(options, ChannelOptions) else None


def _is_spared(delivery: Delivery, spares: Spares) -> bool:
    is_critical = delivery.severity is Severity.CRITICAL
    return is_critical and (spares is Spares.CRITICAL or (spares is Spares.URGENT and delivery.reason in _URGENT))


def _is_heard(delivery: Delivery) -> bool:
    """Whether it brings people a message, and does not only edit one."""
    return delivery.reason is not Reason.UPDATE or bool(delivery.page.get("changed"))


def _taken(kept: Bucket, pace: Pace, spares: Spares, now: datetime) -> Bucket:
    full_at = pace.taken(kept.full_at, now)
    return replace(kept, full_at=full_at, ready_at=pace.ready_at(full_at, now), spares=spares)
