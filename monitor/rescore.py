"""All of stored history judged again under the configuration, the model and the corrections of today.

In batches, each in a transaction that also keeps how far it has come: whoever is interrupted goes on from there, unless
something that judging rests on has changed since. Doing it twice changes nothing the second time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

import msgspec

from config.settings import Settings
from monitor.rejudging import Rejudging
from monitor.scale.ahead import ReadAhead, read_ahead
from monitor.scale.workers import Alone, Workers
from monitor.understanding import Understanding
from storage import corrections as correction_store
from storage import posts as post_store
from storage import rejudging as store
from storage import state as state_store
from storage.database import Database, Transaction
from storage.records import MentionedPost, Post
from storage.rejudging import Change, Page, Position

CHECKPOINT = "rescore"
BATCH = 500
NOBODY = "no mention"
"""Stands for the label of a post that is not about the brand."""


@dataclass
class Rescored:
    """What judging again came to: posts read, mentions that changed in anything, and how labels moved from one to
    another (`no mention` where a mention came or went); `resumed` tells whether an earlier run was gone on with."""

    posts: int = 0
    changed: int = 0
    moves: Counter[tuple[str, str]] = field(default_factory=Counter)
    resumed: bool = False

    @property
    def labels(self) -> int:
        """How many labels changed, mentions that came or went included."""
        return self.moves.total()

    def add(self, posts: int, changes: Collection[Change]) -> None:
        """Count one batch."""
        self.posts += posts
        self.changed += len(changes)
        for before, after in changes:
            move = (_label(before), _label(after))
            if move[0] != move[1]:
                self.moves[move] += 1


Progress = Callable[[Rescored, float], None]
"""Told what came of it so far, and how much of the span is done, 0…1."""


class _Kept(msgspec.Struct):
    """How far a run had come, as it is kept."""

    asked: str
    created_at: datetime
    id: int
    posts: int
    changed: int
    moves: list[tuple[str, str, int]]


@dataclass(frozen=True, slots=True)
class Rescoring:
    """One run over the posts published in `[since, until)`, toward `brands` or all."""

    database: Database
    settings: Settings
    understanding: Understanding
    since: datetime | None = None
    until: datetime | None = None
    brands: tuple[str, ...] = ()
    tries_only: bool = False
    workers: Workers = field(default_factory=Alone)

    def run(self, progress: Progress, *, from_start: bool = False) -> Rescored:
        """Judge again; `from_start` forgets how far an earlier run had come."""
        understanding = self._understanding()
        rejudging = Rejudging(understanding, stores=not self.tries_only)
        asked = self.asked()
        done, position = (Rescored(), None) if from_start or self.tries_only else self._kept(asked)
        span = self.span()
        for page in read_ahead(self._pages(position), _posts, understanding, self.settings, self.workers):
            self._step(rejudging, asked, done, page)
            if page.position is not None and page.posts:
                progress(done, _share(span, page.position.created_at))
        return done

    def _understanding(self) -> ReadAhead:
        """The one that was given, able to be told what workers found."""
        return ReadAhead.like(self.understanding)

    def _pages(self, position: Position | None) -> Iterator[Page]:
        while True:
            with self.database.read() as tx:
                page = store.page(tx, position, since=self.since, until=self.until, limit=BATCH)
            yield page
            position = page.position
            if position is None:
                return

    def _step(self, rejudging: Rejudging, asked: str, done: Rescored, page: Page) -> None:
        keys = [post.key for post in page.posts]
        if self.tries_only:
            with self.database.read() as tx:
                done.add(len(keys), rejudging.again(tx, keys, self.brands or None))
            return
        with self.database.write() as tx:
            done.add(len(keys), rejudging.again(tx, keys, self.brands or None))
            self._keep(tx, asked, done, page.position)

    def _kept(self, asked: str) -> tuple[Rescored, Position | None]:
        with self.database.read() as tx:
            found = state_store.load(tx, CHECKPOINT)
        if found is None:
            return Rescored(), None
        kept = msgspec.msgpack.decode(found[1], type=_Kept)
        if kept.asked != asked:
            return Rescored(), None
        moves = Counter({(before, after): count for before, after, count in kept.moves})
        return Rescored(kept.posts, kept.changed, moves, resumed=True), Position(kept.created_at, kept.id)

    def _keep(self, tx: Transaction, asked: str, done: Rescored, position: Position | None) -> None:
        if position is None:
            state_store.forget(tx, CHECKPOINT)
            return
        moves = [(before, after, count) for (before, after), count in done.moves.items()]
        kept = _Kept(asked, position.created_at, position.id, done.posts, done.changed, moves)
        state_store.save(tx, CHECKPOINT, position.created_at, msgspec.msgpack.encode(kept))

    def asked(self) -> str:
        """What was asked, and everything that the answer rests on, as a digest."""
        with self.database.read() as tx:
            said = correction_store.count(tx)
        judged_by = self.settings.model_dump_json(include={"brands", "understanding", "kinds"})
        parts = (judged_by, self.understanding.signature, self.since, self.until, sorted(self.brands), said)
        return blake2b(repr(parts).encode(), digest_size=16).hexdigest()

    def span(self) -> tuple[datetime, datetime] | None:
        """The first and the last moment of what is asked for; `None` when nothing is stored."""
        with self.database.read() as tx:
            first, last = post_store.earliest(tx), post_store.latest(tx)
        if first is None or last is None:
            return None
        return max(first, self.since or first), min(last, self.until or last)


def _posts(page: Page) -> list[Post]:
    return page.posts


def _share(span: tuple[datetime, datetime] | None, at: datetime) -> float:
    if span is None or span[1] <= span[0]:
        return 0.0
    return min(max((at - span[0]) / (span[1] - span[0]), 0.0), 1.0)


def _label(item: MentionedPost | None) -> str:
    return NOBODY if item is None else item.score.label.value
