"""Stored signals, against those that stored history gives when it is judged from its beginning."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec

from config.settings import Settings
from monitor.assembly import new_fold
from monitor.backtest.course import days, span_of
from storage import incidents
from storage.database import Database
from storage.records import Incident, Signal


def signals_again(
    database: Database, settings: Settings, known: list[Incident]
) -> tuple[list[Signal], list[Signal | None]]:
    """The stored signals of incidents, and each as it is found when history is judged from its beginning."""
    with database.read() as tx:
        told = [signal for one in known for signal in incidents.signals(tx, one.id)]
    judge, span = new_fold(settings).judge, span_of(database)
    assert span is not None
    end = max(signal.at for signal in told)
    ticks = (tick for day in days(database, span[0], end, [one.name for one in settings.sources]) for tick in day)
    again = {_key(one): _as_stored(one) for tick in ticks for one in judge.step(tick) if one.surprise >= 1.0}
    return [_as_stored(one) for one in told], [again.get(_key(one)) for one in told]


def _key(signal: Signal) -> tuple[str, str, datetime, str, str]:
    return (signal.brand, signal.detector, signal.at, signal.topic, signal.kind)


def _as_stored(signal: Signal) -> Signal:
    """As JSON keeps it, which knows lists alone; numbers keep every bit."""
    facts: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(signal.facts))
    return replace(signal, facts=facts)
