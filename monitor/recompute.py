"""Why it rang, computed again: the stored signals, against those that stored history gives now.

A judge without a past takes the whole stored history up to the last signal. What it finds must be what was stored, to
the last bit: every number, every fact, every post of the evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from config.settings import Settings
from monitor.assembly import new_fold
from monitor.backtest.course import days, span_of
from storage import incidents as incident_store
from storage.database import Database
from storage.records import Incident, Signal

Key = tuple[str, str, datetime, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A signal that came out otherwise: as stored, as found now (`None`: not at all), and the fields that differ."""

    stored: Signal
    found: Signal | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recomputed:
    """How many stored signals came out the same, and the others."""

    same: int
    differences: tuple[Difference, ...] = ()


def recompute(database: Database, settings: Settings, incidents: Sequence[Incident]) -> Recomputed:
    """Find the signals of the incidents again, from the beginning of what is stored, under `settings`.

    A signal that was stored at an early look, before all posts of its window were in, may differ: people were told
    from what was known at that moment, and a post that came later is part of history now.
    """
    with database.read() as tx:
        stored = [signal for incident in incidents for signal in incident_store.signals(tx, incident.id)]
    found = _found(database, settings, {_key(signal): signal for signal in stored})
    differences = [one for one in (_difference(signal, found.get(_key(signal))) for signal in stored) if one]
    return Recomputed(len(stored) - len(differences), tuple(differences))


def _found(database: Database, settings: Settings, wanted: dict[Key, Signal]) -> dict[Key, Signal]:
    span = span_of(database)
    if span is None or not wanted:
        return {}
    judge = new_fold(settings).judge
    end = max(signal.at for signal in wanted.values())
    ticks = (tick for day in days(database, span[0], end, [one.name for one in settings.sources]) for tick in day)
    signals = (signal for tick in ticks for signal in judge.step(tick))
    return {_key(signal): signal for signal in _ringing(signals) if _key(signal) in wanted}


def _ringing(signals: Iterable[Signal]) -> Iterable[Signal]:
    return (signal for signal in signals if signal.surprise >= 1.0)


def _key(signal: Signal) -> Key:
    return (signal.brand, signal.detector, signal.at, signal.topic, signal.kind)


def _difference(stored: Signal, found: Signal | None) -> Difference | None:
    if found is None:
        return Difference(stored, None, ())
    there, here = _as_stored(stored), _as_stored(found)
    fields = tuple(name for name in Signal.__slots__ if getattr(there, name) != getattr(here, name))
    return Difference(stored, found, fields) if fields else None


def _as_stored(signal: Signal) -> Signal:
    """The signal as JSON keeps it, which knows lists alone; numbers keep every bit."""
    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(signal.facts))
    return replace(signal, facts=facts)
