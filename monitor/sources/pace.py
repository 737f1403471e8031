"""When a source is read next: a pure decision from what it brought lately and what is left of its budget.

As usual a source is read every `every`. Where its posts gather speed, or an incident lives on it, every `fastest`;
where nothing new has come for some turns, every `slowest`. A budget that does not pay for that until midnight is spread
evenly over the rest of the day: turns that come too early are passed over. A source that can count is counted at such
a turn, which is cheap, and read at once when the count moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from config.settings import SHORTEST_INTERVAL, SourceSettings
from storage.records import CollectorRun, RunOutcome

QUIET_TURNS = 6
"""Turns in a row without anything new after which a source is called quiet."""
FASTER = 2.0
"""A turn that brings this many times what was usual, and `STIR` posts more, shows that something gathers speed."""
STIR = 3.0


class Turn(StrEnum):
    """What is done with a source now."""

    READ = "read"
    COUNT = "count"
    """Ask only how many posts wait, and read when they are many."""
    WAIT = "wait"
    """The budget has to last until midnight."""
    SPENT = "spent"
    """The day's budget does not pay for another turn: what is not read now is a gap until it is."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The three intervals of a source."""

    every: timedelta
    fastest: timedelta
    slowest: timedelta

    @classmethod
    def of(cls, source: SourceSettings, *, counts_requests: bool) -> Self:
        """As configured; a source whose requests are limited or paid for backs off by itself."""
        every = source.every
        fastest = source.fastest or max(every / 5, min(SHORTEST_INTERVAL, every))
        return cls(every, fastest, source.slowest or (2 * every if counts_requests else every))


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a source's turn comes.

    `runs` are its last, newest first; `turns_left` is how many more turns the budget pays for until midnight, which is
    `rest` away; `has_incident` says whether a live incident is carried there, `is_owed` whether a spent budget has left
    a span unread.
    """

    now: datetime
    runs: Sequence[CollectorRun] = ()
    turns_left: float = math.inf
    rest: timedelta = timedelta(days=1)
    has_incident: bool = False
    can_count: bool = False
    is_owed: bool = False


def look_again(pace: Pace, situation: Situation) -> timedelta:
    """How long until the source's turn comes again; what the budget pays for is decided then (`turn`)."""
    if situation.has_incident or gathers_speed(situation.runs):
        return pace.fastest
    if is_quiet(situation.runs):
        return pace.slowest
    return pace.every


def affordable(situation: Situation) -> timedelta:
    """The shortest interval that the budget pays for until midnight."""
    if math.isinf(situation.turns_left):
        return timedelta()
    if situation.turns_left < 1:
        return situation.rest
    return situation.rest / situation.turns_left


def turn(pace: Pace, situation: Situation) -> Turn:
    """What to do now that the source's turn has come."""
    if situation.turns_left < 1:
        return Turn.SPENT
    last = next((run for run in situation.runs if run.outcome is not RunOutcome.FAILED), None)
    if last is None or last.outcome is RunOutcome.PARTIAL or situation.is_owed:
        return Turn.READ
    if situation.now - last.started_at >= affordable(situation) - pace.fastest / 2:
        return Turn.READ
    return Turn.COUNT if situation.can_count else Turn.WAIT


def has_moved(count: int, pace: Pace, situation: Situation) -> bool:
    """Whether so many posts wait that they are read at once, whatever the budget's even pace would be."""
    usual = per_minute(situation.runs)
    since = situation.runs[0].started_at if situation.runs else situation.now - pace.every
    minutes = (situation.now - since) / timedelta(minutes=1)
    return count >= FASTER * usual * minutes + STIR


def gathers_speed(runs: Sequence[CollectorRun]) -> bool:
    """Whether the last turn brought clearly more than the turns before it."""
    read = [run for run in runs if run.outcome is not RunOutcome.FAILED]
    if len(read) < 3:
        return False
    minutes = (read[0].started_at - read[1].started_at) / timedelta(minutes=1)
    return read[0].new_posts >= FASTER * per_minute(read[1:]) * minutes + STIR


def is_quiet(runs: Sequence[CollectorRun]) -> bool:
    """Whether nothing new has come for some turns."""
    last = runs[:QUIET_TURNS]
    return len(last) == QUIET_TURNS and all(run.new_posts == 0 and run.outcome is RunOutcome.COMPLETE for run in last)


def per_minute(runs: Sequence[CollectorRun]) -> float:
    """New posts a minute over the runs (newest first); the oldest only marks where they begin."""
    if len(runs) < 2:
        return 0.0
    minutes = (runs[0].started_at - runs[-1].started_at) / timedelta(minutes=1)
    return sum(run.new_posts for run in runs[:-1]) / minutes if minutes > 0 else 0.0
