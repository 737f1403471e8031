"""Keeping stored posts as their sources have them: what was deleted is removed, what was edited is judged anew.

Each source that can tell (`Rechecking`) has its posts looked up in rounds, one batch a step, so that reading on is
never kept waiting. A round begins when the last one is older than `recheck_every`; how far it has come is kept with
what it did, so a restart goes on in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from alerts.routing import Routing
from collectors.contract import Collector, CollectorError, Recheck, Rechecking
from monitor.pipeline import Batch, Pipeline, always_allowed
from monitor.sources.budget import Budget, Cost, tariff_of
from monitor.sources.removal import take_back
from monitor.sources.surprises import surprises_told
from storage import rechecks, spending
from storage.database import Database, Transaction
from storage.rechecks import Round
from storage.records import Post, Spent


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did: posts asked about, those gone and those changed; whether the round is over."""

    asked: int = 0
    gone: int = 0
    changed: int = 0
    is_over: bool = False
    is_waiting: bool = False
    """Whether the source's answer is still on its way."""


@dataclass(frozen=True, slots=True)
class Rechecks:
    """Looks the posts of one source up again."""

    collector: Collector
    every: timedelta
    database: Database
    pipeline: Pipeline
    routing: Routing
    clock: Callable[[], datetime]
    budget: Budget = field(default_factory=Budget)
    guard: Callable[[Transaction], None] = always_allowed
    """Asked inside every transaction that stores something; raises when another process reads the source by now."""

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self.collector.name

    def is_due(self) -> bool:
        """Whether a round is under way, or the next is due."""
        if not isinstance(self.collector, Rechecking):
            return False
        with self.database.read() as tx:
            last = rechecks.load(tx, self.name)
        return last is None or last.ended_at is None or self.clock() - last.begun_at >= self.every

    def step(self) -> Step:
        """Ask about the next posts of the round, beginning one where none is under way.

        Raises `CollectorError` where the source cannot be asked; the same posts are asked about next time.
        """
        source = self.collector
        if not isinstance(source, Rechecking):
            return Step(is_over=True)
        if not self._may_ask():
            raise CollectorError("the budget of the day is spent; it goes on tomorrow")
        now = self.clock()
        with self.database.read() as tx:
            last = rechecks.load(tx, self.name)
            under_way = last if last and last.ended_at is None else Round(now)
            limit, mentions_only = source.recheck_at_once, source.rechecks_mentions_only
            found = (
                []
                if under_way.answer
                else rechecks.following(tx, self.name, under_way.after, limit, mentions_only=mentions_only)
            )
        if not found and not under_way.answer:
            return self._end(under_way, now)
        with surprises_told(self.name):
            answer = source.recheck([post for _, post in found], under_way.answer)
        return self._apply(under_way, found, answer, now)

    def _may_ask(self) -> bool:
        day = self.clock().astimezone(UTC).date()
        with self.database.read() as tx:
            spent = spending.on(tx, self.name, day)
        return self.budget.turns_left(spent, Cost(requests=1), for_incident=True) >= 1

    def _apply(self, under_way: Round, found: Sequence[tuple[int, Post]], answer: Recheck, now: datetime) -> Step:
        known = {post.external_id: post for _, post in found}
        edited = [post for post in answer.posts if _differs(post, known.get(post.external_id))]
        if edited:
            self.pipeline.ingest(Batch(posts=edited, guard=self.guard))
        asked = max((number for number, _ in found), default=under_way.after)
        done = replace(
            under_way,
            after=asked,
            asked=under_way.asked + len(found),
            gone=under_way.gone + len(answer.gone),
            changed=under_way.changed + len(edited),
            answer=answer.state,
        )
        with self._write() as tx:
            take_back(tx, self.routing, self.name, answer.gone, now)
            rechecks.save(tx, self.name, done)
            price = tariff_of(self.collector).price(requests=answer.requests, posts=len(answer.posts))
            spending.add(tx, Spent(self.name, now.astimezone(UTC).date(), answer.requests, len(answer.posts), price))
        return Step(len(found), len(answer.gone), len(edited), is_waiting=bool(answer.state))

    def _end(self, under_way: Round, now: datetime) -> Step:
        with self._write() as tx:
            rechecks.save(tx, self.name, replace(under_way, ended_at=now))
        return Step(is_over=True)

    @contextmanager
    def _write(self) -> Iterator[Transaction]:
        with self.database.write() as tx:
            self.guard(tx)
            yield tx


def _differs(now: Post, before: Post | None) -> bool:
    return before is not None and (now.title, now.text) != (before.title, before.text)


def whole_round(one: Rechecks, *, most_steps: int = 10_000) -> tuple[Round | None, str]:
    """Take steps until the round is over or the source cannot go on; the round, and what stopped it early."""
    for _ in range(most_steps):
        try:
            step = one.step()
        except CollectorError as error:
            return _round(one), str(error)
        if step.is_waiting:
            return _round(one), "its answer is on its way and is taken by the running program, or by this command later"
        if step.is_over:
            return _round(one), ""
    return _round(one), "there is more, which is looked up next time"


def _round(one: Rechecks) -> Round | None:
    with one.database.read() as tx:
        return rechecks.load(tx, one.name)
