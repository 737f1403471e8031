"""The fold over event time: the judge's state, and the incidents as they stood at one tick.

Both travel together. A fold that has taken every settled tick is the truth; a copy of it that also takes the last,
incomplete ticks is the provisional look from which people are told early. Nothing here reads a clock or a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Self, TypeVar

import msgspec

from monitor.detectors.contract import TICK, Tick
from monitor.incidents import CorrelationSettings, Transition, correlate, is_known
from monitor.judge import Judge
from storage.records import BIN_SECONDS, EngagementSample, Incident, MentionedPost

_Item = TypeVar("_Item")


class _Checkpoint(msgspec.Struct):
    at: datetime
    judge: bytes
    known: list[Incident]


@dataclass
class Fold:
    """The judge and the incidents known, both as of the tick `at` (`None` before the first)."""

    judge: Judge
    settings: CorrelationSettings = field(default_factory=CorrelationSettings)
    known: dict[str, Incident] = field(default_factory=dict)
    at: datetime | None = None

    @property
    def brands(self) -> tuple[str, ...]:
        """Names of the brands that are judged."""
        return self.judge.brands

    def step(self, tick: Tick) -> list[Transition]:
        """Take one tick; returns what changed, one transition per incident."""
        signals = self.judge.step(tick)
        self.at = tick.at
        if not signals and not self.known:
            return []
        transitions = correlate(list(self.known.values()), signals, tick.at, self.settings, tick.coverage)
        known = self.known | {transition.incident.id: transition.incident for transition in transitions}
        self.known = {name: incident for name, incident in known.items() if is_known(incident, tick.at, self.settings)}
        return transitions

    def adopt(self, stored: Iterable[Incident]) -> None:
        """Take over what people did: names of incidents that were told early, acknowledgements, and closings.

        `stored` are incidents as the database has them. Detection owns what an incident is about and how bad it is;
        people own whether it is taken or closed.
        """
        by_fingerprint = {incident.fingerprint: incident for incident in self.known.values()}
        for told in stored:
            mine = self.known.get(told.id) or by_fingerprint.get(told.fingerprint)
            if mine is None or told.episode < mine.episode:
                continue
            if not mine.state.is_live and not told.state.is_live:
                continue
            self.known.pop(mine.id, None)
            self.known[told.id] = _as_people_left_it(mine, told)

    def copy(self) -> Self:
        """An independent fold with the same state."""
        return replace(self, judge=self.judge.copy(), known=dict(self.known))

    def dump(self) -> bytes:
        """The whole state, for a restart that nobody can tell from none. Raises `ValueError` before the first tick."""
        if self.at is None:
            raise ValueError("nothing has been judged yet, so there is no state to keep")
        return msgspec.msgpack.encode(_Checkpoint(self.at, self.judge.dump(), list(self.known.values())))

    def load(self, blob: bytes) -> None:
        """Take up a state that `dump` gave."""
        checkpoint = msgspec.msgpack.decode(blob, type=_Checkpoint)
        self.judge.load(checkpoint.judge)
        self.at = checkpoint.at
        self.known = {incident.id: incident for incident in checkpoint.known}


def _as_people_left_it(mine: Incident, told: Incident) -> Incident:
    if told.state is mine.state and told.id == mine.id:
        return mine
    if told.episode == mine.episode and mine.state.is_live:
        return replace(
            mine,
            id=told.id,
            state=told.state,
            resolved_at=told.resolved_at,
            acknowledged_at=told.acknowledged_at,
            acknowledged_by=told.acknowledged_by,
        )
    return replace(mine, id=told.id)


def floor_tick(moment: datetime) -> datetime:
    """The last tick boundary at or before `moment`."""
    seconds = int(moment.timestamp()) // BIN_SECONDS * BIN_SECONDS
    return datetime.fromtimestamp(seconds, UTC)


def ticks(
    start: datetime,
    end: datetime,
    mentions: Sequence[MentionedPost],
    samples: Sequence[EngagementSample],
    coverage: Mapping[datetime, Mapping[str, float]] | None = None,
) -> Iterator[Tick]:
    """The ticks of `[start, end)`, with each post and sample in the one where it belongs.

    `start` is a tick boundary; the last tick may end after `end`, when it is a provisional one. `coverage` maps the
    beginning of a tick to what was read in it.
    """
    mentioned = by_tick(mentions, attrgetter("post.judged_at"))
    sampled = by_tick(samples, attrgetter("at"))
    at = start
    while at < end:
        yield Tick(
            at=at + TICK,
            mentions=_by_brand(mentioned.pop(at, ())),
            samples=sampled.pop(at, ()),
            coverage=coverage.get(at, {}) if coverage else {},
        )
        at += TICK


def by_tick(items: Iterable[_Item], moment: Callable[[_Item], datetime]) -> dict[datetime, list[_Item]]:
    """The items of each tick, by its beginning; they come in order of time, many to a tick."""
    found: dict[datetime, list[_Item]] = {}
    since = until = datetime.min.replace(tzinfo=UTC)
    for item in items:
        at = moment(item)
        if not since <= at < until:
            since = floor_tick(at)
            until, of_tick = since + TICK, found.setdefault(since, [])
        of_tick.append(item)
    return found


def _by_brand(items: Iterable[MentionedPost]) -> dict[str, list[MentionedPost]]:
    found: dict[str, list[MentionedPost]] = {}
    for item in items:
        found.setdefault(item.mention.brand, []).append(item)
    return found
