"""Crowds: what waits to be counted is counted in time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.detectors.contract import Tick
from monitor.detectors.crowd import Crowd
from monitor.judge import Judge
from storage.records import Signal
from tests.monitor.scenes import BRAND, START, chatter, ticks, usual_days

HOUR = timedelta(hours=1)
OTHERS = [f"Other {number}" for number in range(20)]


def history() -> list[Tick]:
    """Usual days with a crowd, a day later a larger one, and between them an hour that was not read."""
    begin = START - 48 * HOUR
    first = chatter(40, begin + 13 * HOUR, begin + 14 * HOUR, negative=0.8)
    second = chatter(120, begin + 40 * HOUR, begin + 41 * HOUR, negative=0.8)
    unread = {begin + 20 * HOUR + number * timedelta(minutes=5) for number in range(12)}
    return [
        Tick(tick.at, tick.mentions, tick.samples, {"plaza": 0.0} if tick.at in unread else {})
        for tick in ticks([*usual_days(4, 60), *first, *second])
    ]


def found(past: list[Tick]) -> Iterator[Signal]:
    """The crowds of a history."""
    judge = Judge([BRAND, *OTHERS])
    return (one for tick in past for one in judge.step(tick) if one.detector in ("burst", "backlash"))


def test_a_crowd_is_told_of_as_if_every_tick_had_been_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    past = history()
    waiting = list(found(past))
    monkeypatch.setattr(Crowd, "_could_ring", lambda *_: True)
    assert waiting == list(found(past))
    assert max(one.surprise for one in waiting) >= 1.0


def test_what_was_counted_lately_is_known_after_a_restart_and_is_not_changed_by_a_look_ahead() -> None:
    past = history()
    straight, stopped = Judge([BRAND, *OTHERS]), Judge([BRAND, *OTHERS])
    for number, tick in enumerate(past):
        if number % 40 == 20:
            state = stopped.dump()
            stopped = Judge([BRAND, *OTHERS])
            stopped.load(state)
        if number % 40 == 30:
            stopped.copy().step(tick)
        assert stopped.step(tick) == straight.step(tick)
        assert not tick.mentions or _lately(stopped) == _lately(straight)
    assert stopped.dump() == straight.dump()


def _lately(judge: Judge) -> dict[int, int]:
    """What the detector of crowds has counted in the longest window."""
    crowd = next(one for one in judge._detectors if isinstance(one, Crowd))
    return {row: count for row, count in crowd._lately.sums.items() if count} if crowd._lately else {}
